"""Mutated real files: always an outcome, never an exception, never a dead parent."""

import random
from pathlib import Path

import pytest

from tests.clips import film, picture
from tidegate.media import Budget, Reader, open_source

ROUNDS = 6
SUFFIXES = ["jpg", "png", "gif", "webp", "avif", "heic", "bmp", "tiff", "mp4", "mkv", "avi", "ts"]


def seed(folder: Path, suffix: str) -> Path:
    path = folder / f"seed.{suffix}"
    if suffix in ("mp4", "mkv", "avi", "ts"):
        return path if path.exists() else film(path, 20, "mpeg4" if suffix == "avi" else "libx264")
    if suffix in ("gif", "webp"):
        frames = [picture(name, (64, 48)) for name in ("coffee.png", "chelsea.png", "rocket.jpg")]
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    else:
        picture(size=(64, 48)).save(path)
    return path


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Flip bytes, cut, repeat or overwrite a stretch; mostly near the headers."""
    mutated = bytearray(data)
    for _ in range(chance.choice([1, 2, 8, 40])):
        reach = chance.choice([64, 512, len(mutated)])
        at = chance.randrange(min(reach, len(mutated)))
        match chance.randrange(5):
            case 0:
                mutated[at] ^= 1 << chance.randrange(8)
            case 1:
                mutated[at] = chance.choice([0, 0x7F, 0x80, 0xFF])
            case 2:
                mutated[at : at + 4] = chance.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
            case 3:
                length = chance.randrange(1, 64)
                mutated[at:at] = mutated[at : at + length]
            case _:
                del mutated[at : at + chance.randrange(1, 64)]
        mutated = mutated or bytearray(1)
    return bytes(mutated)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_mutated_files_have_an_outcome(made: Path, tmp_path: Path, suffix: str) -> None:
    data = seed(made, suffix).read_bytes()
    with Reader(Budget(pixels=4_000_000, frames=500, seconds=10)) as reader:
        for number in range(ROUNDS):
            path = tmp_path / f"{number}"
            path.write_bytes(mutate(data, random.Random(f"{suffix}{number}")))
            with open_source(path) as source, reader.read(source) as reading:
                count = sum(1 for _ in reading)
            assert count or reading.unknowns, number
            causes = {unknown.cause for unknown in reading.unknowns}
            assert not causes & {"deadline", "crashed"}, (number, reading.unknowns)
            if count:
                assert reading.info is not None
                assert reading.info.frames_judged == count
