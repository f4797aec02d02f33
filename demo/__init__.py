"""The demo: real photos and clips that packages ship, and copies made of them."""
