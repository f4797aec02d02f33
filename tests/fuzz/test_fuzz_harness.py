"""The harness itself: what it makes, and that it notices what must not be."""

import random
from pathlib import Path

import msgspec
import pytest

from tests.fuzz import seeds
from tests.fuzz.mutate import mutant
from tests.fuzz.outcome import Outcome
from tests.fuzz.run import GROWTH, run, violations
from tests.fuzz.seeds import Seed
from tests.fuzz.structure import STRUCTURES, Part
from tests.fuzz.structure.part import lists
from tidegate.media import Reader, Sampling, open_source

COMPANY = "company"
"""Name of the seeds with a second video, which is not judged."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "seeds"


@pytest.fixture(scope="module")
def sound(folder: Path) -> dict[str, list[Seed]]:
    return seeds.made(folder)


def test_every_seed_is_judged_whole(sound: dict[str, list[Seed]], folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        f"{seed.format}.{seed.name}" for own in sound.values() for seed in own
    }
    with Reader(sampling=Sampling(gap=0)) as reader:
        for path in sorted(folder.iterdir()):
            format, name = path.name.split(".")
            with open_source(path) as source, reader.read(source) as reading:
                frames = sum(1 for _ in reading)
            assert source.format == format, path.name
            assert frames >= 1, path.name
            assert name == COMPANY or reading.unknowns == [], path.name


def test_taken_apart_and_put_together_a_seed_is_judged_the_same(
    sound: dict[str, list[Seed]], tmp_path: Path
) -> None:
    with Reader(sampling=Sampling(gap=0)) as reader:
        for seed in (seed for own in sound.values() for seed in own):
            structure = STRUCTURES[seed.format]
            again = structure.join(structure.parse(seed.data))
            if seed.format != "matroska":  # Its sizes are written in another width.
                assert again == seed.data, seed.name
                continue
            path = tmp_path / seed.name
            path.write_bytes(again)
            with open_source(path) as source, reader.read(source) as reading:
                assert sum(1 for _ in reading) >= 10, seed.name
            assert seed.name == COMPANY or reading.unknowns == [], seed.name


def test_every_format_has_parts_and_those_with_nesting_have_it(
    sound: dict[str, list[Seed]],
) -> None:
    for format, own in sound.items():
        parts = STRUCTURES[format].parse(own[0].data)
        assert sum(map(len, lists(parts))) >= 3, format
    nested = {"gif", "tiff", "mp4", "avif", "heic", "matroska", "avi"}
    for format in nested:
        assert len(list(lists(STRUCTURES[format].parse(sound[format][0].data)))) >= 2, format


def test_a_changed_png_has_sound_checksums(sound: dict[str, list[Seed]], tmp_path: Path) -> None:
    """A text that was changed inside its chunk is no damage."""
    png = STRUCTURES["png"]
    parts = png.parse(sound["png"][0].data)
    parts.insert(1, Part(b"tEXt", bytearray(b"Comment\0what nobody reads")))
    path = tmp_path / "changed"
    path.write_bytes(png.join(parts))
    with Reader() as reader, open_source(path) as source, reader.read(source) as reading:
        assert sum(1 for _ in reading) == 1
    assert reading.unknowns == []


def test_a_number_makes_the_same_file_each_time_and_another_one_another(
    sound: dict[str, list[Seed]],
) -> None:
    random.seed(4)
    made = [mutant(sound, 1, number) for number in range(60)]
    random.seed(5)
    assert made == [mutant(sound, 1, number) for number in range(60)]
    assert made != [mutant(sound, 2, number) for number in range(60)]
    assert len({file.data for file in made}) == 60


def test_the_seeds_are_the_same_each_time_they_are_made(
    sound: dict[str, list[Seed]], tmp_path: Path
) -> None:
    assert seeds.made(tmp_path / "again") == sound


def test_the_death_of_a_parent_is_counted_and_the_run_goes_on() -> None:
    outcomes = run([7, 8], seconds=0.0)  # No budget has no time: the parent cannot start.
    assert [outcome.number for outcome in outcomes] == [7, 8]
    assert violations(outcomes) == [f"{n}: the parent died with status 1" for n in (7, 8)]


def test_a_parent_that_grows_is_noticed() -> None:
    memory = 50 << 20
    flat = Outcome(number=0, format="png", seed="rgb", frames=1, parent=1, memory=memory)
    held = [flat] * 900
    grown = msgspec.structs.replace(flat, memory=memory + GROWTH + 1)
    assert violations([*held, *[flat] * 100]) == []
    (wrong,) = violations([*held, *[grown] * 100])
    assert wrong.startswith("parent 1 grew")
