"""The second look adds to the first, and never takes from it."""

import msgspec
import pytest

from demo import media
from tests.clips import encode
from tidegate.matching import Bank, Matcher, add_entries
from tidegate.media import Budget, Reader, open_source
from tidegate.pipeline import SAMPLING, Found, enrol
from tidegate.pipeline.known import hold

SIZE = (320, 180)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known")
    bikes = list(media.frames("bikes.mp4", SIZE))[:100]
    pan = list(media.panned("rocket.jpg", 4.0, SIZE))
    between = list(media.panned("retina.jpg", 4.0, SIZE))
    for name, frames in (("1", bikes), ("2", pan), ("film", [*bikes, *between, *pan, *between])):
        encode(folder / f"{name}.mp4", frames, gop=25, options={"preset": "veryfast"})
    return folder


@pytest.fixture(scope="module")
def matcher(folder):
    with Reader(sampling=SAMPLING) as reader:
        entries = [
            enrol(
                Found(folder / f"{name}.mp4", True), reader, name, category=None, note="", added=""
            ).entry
            for name in "12"
        ]
    return Matcher([add_entries(Bank(name="known"), entries)])


def held(folder, matcher, budget):
    again = []
    with Reader(budget) as reader, open_source(folder / "film.mp4") as source:
        made = hold(source, reader, matcher, lambda look: again.append(look.again))
    return made, sum(again)


def test_a_second_look_that_breaks_off_loses_no_match(folder, matcher):
    whole, frames = held(folder, matcher, Budget())
    assert {match.entry for match in whole.matches} == {"1", "2"}
    assert whole.unknowns == ()
    assert whole.dense
    seen = whole.info.frames_seen
    assert seen < 2 * frames
    short, _ = held(folder, matcher, msgspec.structs.replace(Budget(), frames=seen + 5))
    assert {match.entry for match in short.matches} == {"1", "2"}
    assert [unknown.cause for unknown in short.unknowns] == ["too_many_frames"]
    assert not short.dense
