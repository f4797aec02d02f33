"""Mutated real files: always an outcome, never an exception, never a dead parent."""

from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz import table
from tests.fuzz.outcome import Outcome
from tests.fuzz.run import run, violations
from tidegate.media import video
from tidegate.media.child import _DECODERS
from tidegate.media.sniff import FILMS

FILES = 500


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run(range(FILES), seed=1)


def test_no_file_does_what_it_must_not(outcomes: list[Outcome]) -> None:
    assert violations(outcomes) == []


def test_every_file_has_an_outcome(outcomes: list[Outcome]) -> None:
    assert [outcome.number for outcome in outcomes] == list(range(FILES))
    assert all(outcome.frames or outcome.causes for outcome in outcomes)


def test_every_decoder_gets_its_share_and_judges_some(outcomes: list[Outcome]) -> None:
    files = Counter(outcome.format for outcome in outcomes)
    assert files.keys() == _DECODERS.keys()
    assert max(files.values()) - min(files.values()) <= 1
    reached = Counter(x.format for x in outcomes if x.sniffed == x.format)
    assert all(reached[format] > 0.8 * count for format, count in files.items()), reached
    assert {outcome.format for outcome in outcomes if outcome.frames} == _DECODERS.keys()


def test_the_formats_that_hold_video_are_those_that_are_decoded_as_video() -> None:
    assert {name for name, decode in _DECODERS.items() if decode is video.decode} == FILMS


def test_the_table_counts_what_was_run(outcomes: list[Outcome]) -> None:
    (total,) = (line for line in table.lines(outcomes) if line.startswith("all "))
    judged = sum(outcome.frames > 0 for outcome in outcomes)
    crashed = sum("crashed" in outcome.causes for outcome in outcomes)
    assert total.split()[1:4] == [f"{FILES}", f"{judged}", f"{crashed}"]


def test_a_file_can_be_made_again_alone(outcomes: list[Outcome], tmp_path: Path) -> None:
    number = 2 * len(_DECODERS) + 5
    (alone,) = run([number], seed=1, keep=tmp_path, keep_all=True)
    (before,) = (outcome for outcome in outcomes if outcome.number == number)
    assert (alone.sha256, alone.steps) == (before.sha256, before.steps)
    assert (alone.frames, alone.details) == (before.frames, before.details)
    kept = sorted(path.suffix for path in tmp_path.iterdir())
    assert len(kept) == 2
    assert ".json" in kept
