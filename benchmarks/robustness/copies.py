"""The copies that people make of a picture: each a name and a few lines of Pillow.

Screens are drawn, not captured: bars, lines of text and dots where an app has its own.
Each copy is saved once more as JPEG at quality 85, as a site would, unless the copy is
about that. What is random about a copy is drawn from a generator seeded with the
photograph's name.
"""

import io
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Picture = Image.Image
Make = Callable[[Picture, Random], Picture]

SAVED = 85
"""JPEG quality that a copy is saved with."""

WORDS = (
    "when you said five more minutes and it is already tomorrow nobody told the weather about "
    "this look what we found behind the old station last week so good I had to share it again"
)


class Copy(NamedTuple):
    """One way to copy a picture.

    Attributes:
        group: The section of the table.
        name: The line of the table.
        make: Does it.
    """

    group: str
    name: str
    make: Make


def all_copies() -> Iterator[Copy]:
    """Yield every way, in the order of the page."""
    for quality in (90, 50, 20, 10):
        yield Copy("Saved again", f"JPEG, quality {quality}", encoded("JPEG", quality))
    yield Copy("Saved again", "WebP, quality 50", encoded("WEBP", 50))
    yield Copy(
        "Saved again", "JPEG 50, then WebP 50", then(encoded("JPEG", 50), encoded("WEBP", 50))
    )

    yield Copy("Resized", "to 50 %", lambda p, _: scaled(p, 0.5, 0.5))
    yield Copy("Resized", "to 25 %", lambda p, _: scaled(p, 0.25, 0.25))
    yield Copy(
        "Resized", "to 256 pixels wide", lambda p, _: scaled(p, 256 / p.width, 256 / p.width)
    )
    yield Copy("Resized", "25 % wider", lambda p, _: scaled(p, 1.25, 1.0))

    yield Copy("Tones", "grey", lambda p, _: ImageOps.grayscale(p))
    for factor in (0.6, 1.4):
        yield Copy("Tones", f"brightness × {factor}", enhanced(ImageEnhance.Brightness, factor))
    for factor in (0.5, 1.5):
        yield Copy("Tones", f"contrast × {factor}", enhanced(ImageEnhance.Contrast, factor))
    for exponent in (0.5, 2.0):
        yield Copy("Tones", f"gamma {exponent}", gamma(exponent))

    yield Copy("Blur and noise", "blurred by 1 % of the width", blurred(0.01))
    yield Copy("Blur and noise", "noise, deviation 20 of 255", noisy(20))

    yield Copy("Turned", "mirrored", lambda p, _: ImageOps.mirror(p))
    for degrees in (90, 180, 270):
        yield Copy("Turned", f"by {degrees}°", rotated(degrees))
    for degrees in (1, 2, 5, 10):
        yield Copy("Turned", f"by {degrees}°, corners black", rotated(degrees))

    for percent in (2, 5, 10, 20, 30):
        yield Copy("Cropped: share of each side lost", f"{percent} %, centred", crop(percent, 0.5))
    for percent in (2, 5, 10, 20, 30):
        yield Copy(
            "Cropped: share of each side lost", f"{percent} %, anywhere", crop(percent, None)
        )
    for percent in (10, 20):
        yield Copy(
            "Cropped: share of each side lost", f"{percent} %, a corner kept", crop(percent, 0)
        )

    for fill in ("black", "white"):
        for percent in (5, 10, 20):
            yield Copy(
                "Border: share of each side, all round",
                f"{percent} %, {fill}",
                border(percent, fill),
            )
    yield Copy("Border: share of each side, all round", "10 %, blue", border(10, "#1428a0"))
    for percent in (5, 10, 20):
        yield Copy(
            "Border: share of each side, all round", f"{percent} %, blurred", border(percent, None)
        )

    yield Copy("Bars", "square, black", bars(1.0, "black"))
    yield Copy("Bars", "9 : 16, black", bars(9 / 16, "black"))
    yield Copy("Bars", "9 : 16, blurred", bars(9 / 16, None))
    yield Copy("Bars", "21 : 9, white", bars(21 / 9, "white"))

    yield Copy("Text and logos", "caption bar above", caption)
    yield Copy("Text and logos", "meme text on the picture", meme)
    yield Copy("Text and logos", "watermark line across", watermark)
    yield Copy("Text and logos", "logo in a corner, 10 % wide", logo(0.10))
    yield Copy("Text and logos", "logo in a corner, 35 % wide", logo(0.35))

    yield Copy("Screenshots (drawn)", "phone, dark viewer", phone_viewer)
    yield Copy("Screenshots (drawn)", "phone, light app with text", phone_app("white", "black"))
    yield Copy("Screenshots (drawn)", "phone, dark app with text", phone_app("#101418", "#e0e0e0"))
    yield Copy("Screenshots (drawn)", "desktop window", desktop)

    yield Copy(
        "Several at once", "phone, light app, mirrored", then(mirror, phone_app("white", "black"))
    )
    yield Copy(
        "Several at once",
        "black border 10 %, JPEG 20",
        then(border(10, "black"), encoded("JPEG", 20)),
    )
    yield Copy("Several at once", "white border 10 %, mirrored", then(mirror, border(10, "white")))
    yield Copy(
        "Several at once",
        "centred crop 20 %, square, black",
        then(crop(20, 0.5), bars(1.0, "black")),
    )
    yield Copy(
        "Several at once", "caption bar, to 50 %, JPEG 20", then(caption, half, encoded("JPEG", 20))
    )


def saved(picture: Picture) -> Picture:
    """Return the picture as it comes back from JPEG."""
    return encoded("JPEG", SAVED)(picture, Random(0))  # noqa: S311


def then(*makes: Make) -> Make:
    """Do one after the other."""

    def make(picture: Picture, random: Random) -> Picture:
        for step in makes:
            picture = step(picture, random)
        return picture

    return make


def encoded(kind: str, quality: int) -> Make:
    """Save and load again."""

    def make(picture: Picture, _: Random) -> Picture:
        file = io.BytesIO()
        picture.save(file, kind, quality=quality)
        return Image.open(file).convert("RGB")

    return make


def scaled(picture: Picture, across: float, down: float) -> Picture:
    """Resize by two factors."""
    size = (max(1, round(picture.width * across)), max(1, round(picture.height * down)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def half(picture: Picture, _: Random) -> Picture:
    """Resize to a half."""
    return scaled(picture, 0.5, 0.5)


def mirror(picture: Picture, _: Random) -> Picture:
    """Mirror left to right."""
    return ImageOps.mirror(picture)


def enhanced(kind: Callable[[Picture], ImageEnhance._Enhance], factor: float) -> Make:
    """Change brightness or contrast."""
    return lambda picture, _: kind(picture).enhance(factor)


def gamma(exponent: float) -> Make:
    """Bend the tones."""
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return lambda picture, _: picture.point(table * 3)


def blurred(share: float) -> Make:
    """Blur by a share of the width."""
    return lambda picture, _: picture.filter(ImageFilter.GaussianBlur(share * picture.width))


def noisy(deviation: float) -> Make:
    """Add Gaussian noise to each value."""

    def make(picture: Picture, random: Random) -> Picture:
        pixels = np.asarray(picture)
        noise = np.random.default_rng(random.getrandbits(32)).normal(0, deviation, pixels.shape)
        return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))

    return make


def rotated(degrees: float) -> Make:
    """Turn counter-clockwise; what comes into the picture is black."""
    exact = degrees % 90 == 0
    return lambda picture, _: picture.rotate(
        degrees, resample=Image.Resampling.BICUBIC, expand=exact
    )


def crop(percent: float, place: float | None) -> Make:
    """Cut off a share of each side: 0 keeps the top left, 0.5 the middle, None lets chance say."""

    def make(picture: Picture, random: Random) -> Picture:
        wide, high = (max(1, round(side * (1 - percent / 100))) for side in picture.size)
        left = round((picture.width - wide) * (random.random() if place is None else place))
        top = round((picture.height - high) * (random.random() if place is None else place))
        return picture.crop((left, top, left + wide, top + high))

    return make


def canvas(picture: Picture, size: tuple[int, int], fill: str | None) -> Picture:
    """Return an even ground, or without a colour the picture enlarged and blurred."""
    if fill is not None:
        return Image.new("RGB", size, fill)
    ground = ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
    return ground.filter(ImageFilter.GaussianBlur(max(size) / 30))


def framed(picture: Picture, size: tuple[int, int], fill: str | None) -> Picture:
    """Lay the picture on the middle of a ground."""
    ground = canvas(picture, size, fill)
    ground.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return ground


def border(percent: float, fill: str | None) -> Make:
    """Add a share of the width left and right and of the height above and below."""

    def make(picture: Picture, _: Random) -> Picture:
        share = percent / 100
        wide, high = (side + 2 * round(side * share) for side in picture.size)
        return framed(picture, (wide, high), fill)

    return make


def bars(ratio: float, fill: str | None) -> Make:
    """Add bars until the picture has this width : height."""

    def make(picture: Picture, _: Random) -> Picture:
        width, height = picture.size
        size = (max(width, round(height * ratio)), max(height, round(width / ratio)))
        return framed(picture, size, fill)

    return make


def sentence(random: Random, least: int, most: int) -> str:
    """Return a few words."""
    return " ".join(random.choices(WORDS.split(), k=random.randint(least, most)))


def write(
    picture: Picture,
    box: tuple[int, int, int, int],
    text: str,
    size: float,
    colour: str,
    edge: int = 0,
) -> None:
    """Write text on the middle of a box, in lines that fit its width."""
    font = ImageFont.load_default(max(8, size))
    draw = ImageDraw.Draw(picture)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) > 0.94 * (box[2] - box[0]) and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    draw.multiline_text(
        middle,
        "\n".join(lines),
        colour,
        font,
        "mm",
        align="center",
        stroke_width=edge,
        stroke_fill="black",
    )


def caption(picture: Picture, random: Random) -> Picture:
    """Put a white bar with two or three lines of black text above."""
    bar = round(0.22 * picture.height)
    page = Image.new("RGB", (picture.width, picture.height + bar), "white")
    page.paste(picture, (0, bar))
    write(page, (0, 0, picture.width, bar), sentence(random, 8, 14), bar / 4.5, "black")
    return page


def meme(picture: Picture, random: Random) -> Picture:
    """Write white capitals with a black edge on the top and the bottom of the picture."""
    page = picture.copy()
    size = picture.height / 11
    edge = max(1, round(size / 12))
    line = round(1.3 * size)
    for top in (0, picture.height - line):
        words = sentence(random, 3, 4).upper()
        write(page, (0, top, picture.width, top + line), words, size, "white", edge)
    return page


def watermark(picture: Picture, _: Random) -> Picture:
    """Write a half-transparent line across the middle."""
    layer = Image.new("RGB", picture.size, "black")
    write(layer, (0, 0, *picture.size), "example agency 2026", picture.width / 11, "white")
    mask = ImageOps.grayscale(layer).point([value // 2 for value in range(256)])
    page = picture.copy()
    page.paste("white", (0, 0), mask)
    return page


def logo(share: float) -> Make:
    """Put a round badge of a share of the width into the bottom right corner."""

    def make(picture: Picture, _: Random) -> Picture:
        side = max(6, round(share * picture.width))
        gap = round(0.02 * picture.width)
        box = (picture.width - gap - side, picture.height - gap - side)
        page = picture.copy()
        draw = ImageDraw.Draw(page)
        draw.ellipse((*box, box[0] + side, box[1] + side), "#d02030", "white", max(1, side // 12))
        write(page, (*box, box[0] + side, box[1] + side), "TV", side / 2.5, "white")
        return page

    return make


PHONE = (540, 1170)


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """Resize to fit a box."""
    return ImageOps.contain(picture, (width, height), Image.Resampling.LANCZOS)


def status_bar(page: Picture, colour: str) -> None:
    """Draw a phone's clock, signal and battery."""
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(20)
    draw.text((28, 14), "12:41", colour, font)
    for number in range(4):
        draw.rectangle((400 + 9 * number, 30 - 4 * number, 405 + 9 * number, 34), colour)
    draw.rounded_rectangle((460, 17, 500, 34), 4, outline=colour, width=2)
    draw.rectangle((464, 21, 488, 30), colour)


def phone_viewer(picture: Picture, _: Random) -> Picture:
    """Show the picture alone on a black phone screen."""
    shown = fitted(picture, PHONE[0], 900)
    page = framed(shown, PHONE, "black")
    status_bar(page, "white")
    ImageDraw.Draw(page).rounded_rectangle((190, 1150, 350, 1156), 3, "white")
    return page


def phone_app(ground: str, ink: str) -> Make:
    """Show the picture in a feed: a name above; icons, a caption and a bar of buttons below."""

    def make(picture: Picture, random: Random) -> Picture:
        shown = fitted(picture, PHONE[0], 675)
        page = Image.new("RGB", PHONE, ground)
        draw = ImageDraw.Draw(page)
        status_bar(page, ink)
        top = 150
        draw.ellipse((20, 82, 70, 132), "#6080c0")
        draw.text((84, 92), sentence(random, 2, 3), ink, ImageFont.load_default(22))
        page.paste(shown, ((PHONE[0] - shown.width) // 2, top))
        below = top + shown.height + 18
        for number in range(3):
            draw.ellipse(
                (24 + 62 * number, below, 60 + 62 * number, below + 36), outline=ink, width=3
            )
        for line in range(3):
            words = sentence(random, 4, 7)
            draw.text((24, below + 56 + 34 * line), words, ink, ImageFont.load_default(21))
        draw.line((0, 1090, PHONE[0], 1090), "#888888", 1)
        for number in range(5):
            draw.rectangle((44 + 104 * number, 1108, 76 + 104 * number, 1140), outline=ink, width=3)
        return page

    return make


def desktop(picture: Picture, random: Random) -> Picture:
    """Show the picture in a browser's page, beside a column of text."""
    shown = fitted(picture, 800, 560)
    page = Image.new("RGB", (1366, 768), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 1366, 70), "#dee1e6")
    draw.rounded_rectangle((150, 36, 1100, 62), 13, "white")
    draw.text((170, 40), "example.org / pictures", "#404040", ImageFont.load_default(16))
    for number, colour in enumerate(("#e06050", "#e0b040", "#50b050")):
        draw.ellipse((14 + 24 * number, 10, 28 + 24 * number, 24), colour)
    page.paste(shown, (60, 120))
    for line in range(14):
        words = sentence(random, 4, 6)
        draw.text((930, 124 + 36 * line), words, "#202020", ImageFont.load_default(19))
    draw.rectangle((0, 728, 1366, 768), "#20242c")
    return page
