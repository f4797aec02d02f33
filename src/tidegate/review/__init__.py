"""The console: pages where people decide what is doubtful, and set the rules."""
