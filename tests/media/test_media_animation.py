"""Animations: every frame is considered, and those that differ are judged."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import photo, picture
from tests.media.media_seen import Seen
from tidegate.media import Budget, Reader


def animation(path: Path, frames: list[Image.Image], **options: object) -> Path:
    options.setdefault("duration", 100)
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)  # type: ignore[arg-type]
    return path


def marked(number: int, image: Image.Image) -> Image.Image:
    """The picture with one pixel changed, so that no encoder merges equal frames."""
    copy = image.copy()
    copy.putpixel((number, 0), (number * 8, 0, 0))
    return copy


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
def test_a_flash_of_one_frame_is_found(reader: Reader, tmp_path: Path, suffix: str) -> None:
    calm = [marked(i, picture(size=(128, 96))) for i in range(20)]
    calm[13] = picture("astronaut.png", (128, 96))
    seen = Seen(reader, animation(tmp_path / f"a.{suffix}", calm))
    assert seen.seconds == [0.0, 1.3, 1.4]
    facts = seen.facts
    assert (facts.kind, facts.frames_seen, facts.frames_judged) == ("animation", 20, 3)
    assert facts.duration == pytest.approx(2.0)
    assert seen.unknowns == []


def test_a_small_thing_in_a_corner_is_found(reader: Reader, tmp_path: Path) -> None:
    frames = [marked(i, picture(size=(128, 96))) for i in range(6)]
    frames[3].paste(picture("astronaut.png", (16, 12)), (100, 80))
    assert 0.3 in Seen(reader, animation(tmp_path / "a.gif", frames)).seconds


def test_slow_drift_adds_up(reader: Reader, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), (i * 2, i * 2, i * 2)) for i in range(60)]
    seen = Seen(reader, animation(tmp_path / "a.png", frames))
    assert 15 <= len(seen.seconds) <= 25


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_one_frame_is_an_image(reader: Reader, tmp_path: Path, suffix: str) -> None:
    facts = Seen(reader, animation(tmp_path / f"a.{suffix}", [picture()])).facts
    assert (facts.kind, facts.duration, facts.frames_seen) == ("image", 0.0, 1)


def test_delay_of_zero_is_a_tenth_of_a_second(reader: Reader, tmp_path: Path) -> None:
    colours = [Image.new("RGB", (16, 16), c) for c in ("red", "lime", "blue")]
    seen = Seen(reader, animation(tmp_path / "a.gif", colours, duration=0))
    assert seen.seconds == [0.0, 0.1, 0.2]
    assert seen.facts.duration == 0.3


def test_pages_are_shown_one_a_second(reader: Reader, tmp_path: Path) -> None:
    pages = [picture(), picture("astronaut.png", (100, 50)), picture("rocket.jpg")]
    seen = Seen(reader, animation(tmp_path / "a.tiff", pages))
    assert seen.seconds == [0.0, 1.0, 2.0]
    assert [rgb.shape for _, _, rgb in seen.frames] == [(240, 320, 3), (50, 100, 3), (240, 320, 3)]
    assert seen.facts.notes == ("pages shown one a second",)
    assert seen.facts.duration == 3.0


def test_transparent_gif_is_on_white(reader: Reader, tmp_path: Path) -> None:
    frames = []
    for colour in ("red", "blue"):
        frame = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
        frame.paste(colour, (0, 0, 10, 20))
        frames.append(frame)
    seen = Seen(reader, animation(tmp_path / "a.gif", frames, disposal=2))
    assert [rgb[5, 15].tolist() for _, _, rgb in seen.frames] == [[255, 255, 255]] * 2
    assert "transparency shown on white" in seen.facts.notes


def test_a_real_gif(reader: Reader) -> None:
    seen = Seen(reader, photo("no_time_for_that_tiny.gif"))
    assert seen.facts.frames_seen == 24
    assert seen.unknowns == []


def test_frame_and_duration_budgets_keep_what_was_seen(tmp_path: Path) -> None:
    colours = [Image.new("RGB", (16, 16), (i * 20, 0, 0)) for i in range(12)]
    path = animation(tmp_path / "a.gif", colours, duration=1000)
    with Reader(Budget(frames=5)) as reader:
        seen = Seen(reader, path)
    assert len(seen.frames) == 5
    assert seen.causes == ["too_many_frames"]
    assert seen.unknowns[0].span is not None
    assert seen.unknowns[0].span.start == 5.0
    with Reader(Budget(duration=3.5)) as reader:
        seen = Seen(reader, path)
    assert seen.seconds == [0.0, 1.0, 2.0, 3.0]
    assert seen.causes == ["too_long"]


def test_truncated_gif_keeps_its_first_frames(reader: Reader, tmp_path: Path) -> None:
    frames = [picture(name, (128, 96)) for name in ("coffee.png", "rocket.jpg", "chelsea.png")]
    path = animation(tmp_path / "a.gif", frames)
    path.write_bytes(path.read_bytes()[:-3000])
    seen = Seen(reader, path)
    assert seen.seconds == [0.0, 0.1]
    assert seen.causes == ["truncated"]
    assert seen.facts.frames_judged == 2


def test_canvas_that_grows_over_the_budget(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif", [Image.new("RGB", (8, 8), c) for c in ("red", "blue")])
    data = bytearray(path.read_bytes())
    second = data.rindex(b",\0\0\0\0")
    data[second + 1 : second + 5] = (60_000).to_bytes(2, "little") * 2
    path.write_bytes(data)
    with Reader(Budget(pixels=1_000_000)) as reader:
        seen = Seen(reader, path)
    assert seen.causes == ["too_many_pixels"]
    assert np.all([rgb.shape == (8, 8, 3) for _, _, rgb in seen.frames])
