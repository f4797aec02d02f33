"""The rule of a bank on how much of a video has to be met; pieces of films as matches."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.matching.films import Cut, Film, copied, stored
from tidegate.evidence import Match
from tidegate.matching import (
    Bank,
    BankError,
    Entry,
    Frame,
    Matcher,
    VideoRule,
    load_bank,
    save_bank,
)

shares = st.floats(0.0, 1.0)


@given(query=shares, entry=shares, least_query=shares, least_entry=shares)
def test_either_is_enough_or_both_are_needed(
    query: float, entry: float, least_query: float, least_entry: float
) -> None:
    bounds = {"min_query_share": least_query, "min_entry_share": least_entry}
    both = VideoRule(**bounds, need="both").admits(query, entry)
    either = VideoRule(**bounds, need="either").admits(query, entry)
    assert both == (query >= least_query and entry >= least_entry)
    if least_query > 0 and least_entry > 0:
        assert either == (query >= least_query or entry >= least_entry)
    else:
        # A bound that asks nothing does not make the other one void.
        assert either == both


def test_by_default_everything_is_listed() -> None:
    assert VideoRule().admits(0.0, 0.0)


@pytest.mark.parametrize(
    "rule",
    [
        VideoRule(min_query_share=1.1),
        VideoRule(min_entry_share=-0.1),
        VideoRule(min_entry_share=float("nan")),
        VideoRule(need="none"),  # type: ignore[arg-type]
    ],
)
def test_a_bank_refuses_a_rule_that_means_nothing(rule: VideoRule) -> None:
    with pytest.raises(BankError):
        Bank(name="a", video_rule=rule)


def test_a_rule_is_kept_with_its_bank_and_older_files_have_none(tmp_path: Path) -> None:
    path = tmp_path / "a.bank"
    rule = VideoRule(min_query_share=0.2, min_entry_share=0.5, need="both")
    save_bank(Bank(name="a", video_rule=rule), path)
    assert load_bank(path).video_rule == rule
    save_bank(Bank(name="a"), path)
    assert b"video_rule" not in path.read_bytes()
    assert load_bank(path).video_rule == VideoRule()
    path.write_text(
        '{"tidegate_bank":1,"name":"a","category":"known.other","role":"block","max_distance":31,'
        '"video_rule":{"min_query_share":2}}\n'
    )
    with pytest.raises(BankError, match="share"):
        load_bank(path)


def entry_of(film: Film) -> Entry:
    timeline, hashes = stored(film)
    packed = np.packbits(hashes, axis=1)
    frames = tuple(
        Frame(row.tobytes().hex(), second, 100)
        for row, second in zip(packed, timeline.seconds.tolist(), strict=True)
    )
    return Entry(id="film", kind="video", pdq=frames, duration=film.duration)


def played(
    bank: Bank,
    seconds: NDArray[np.float64],
    hashes: NDArray[np.bool_],
    turned: NDArray[np.int64] | int = 0,
) -> tuple[Match, ...]:
    """Hold a query against a bank; its hashes are those of one transform, the rest noise."""
    session = Matcher([bank]).session()
    rng = np.random.default_rng(0)
    places = np.broadcast_to(turned, len(seconds))
    for second, row, place in zip(
        seconds.tolist(), np.packbits(hashes, axis=1), places, strict=True
    ):
        turns = rng.integers(0, 256, (8, 32), dtype=np.uint8)
        turns[place] = row
        session.add(second, turns, 100)
    return session.finish("video", float(seconds[-1]) + 0.5)


@pytest.mark.parametrize(
    ("rule", "listed"),
    [
        (VideoRule(), True),
        (VideoRule(min_query_share=0.4), False),
        (VideoRule(min_entry_share=0.4), True),
        (VideoRule(min_entry_share=0.6), False),
        (VideoRule(min_query_share=0.4, min_entry_share=0.4), True),
        (VideoRule(min_query_share=0.4, min_entry_share=0.4, need="both"), False),
        (VideoRule(min_query_share=0.1, min_entry_share=0.4, need="both"), True),
    ],
)
def test_the_rule_looks_at_the_shares_of_all_pieces(rule: VideoRule, listed: bool) -> None:
    film = Film(4, 40.0)
    # Two pieces of ten seconds: half of the entry, and a quarter of the query.
    query, hashes, _ = copied(film, [Cut(25.0, 22.0, 10.0), Cut(25.0, 3.0, 10.0)], 0.5, after=10.0)
    found = played(
        Bank(name="b", video_rule=rule, entries=(entry_of(film),)), query.seconds, hashes
    )
    assert len(found) == (2 if listed else 0)
    for match in found:
        assert match.query_share == pytest.approx(0.25, abs=0.03)
        assert match.entry_share == pytest.approx(0.5, abs=0.03)


def test_a_match_tells_its_speed() -> None:
    film = Film(5, 60.0)
    query, hashes, _ = copied(film, [Cut(5.0, 10.0, 20.0, 1.5)], 0.5)
    (match,) = played(Bank(name="b", entries=(entry_of(film),)), query.seconds, hashes)
    assert match.speed == pytest.approx(1.5, abs=0.03)
    assert match.entry_share == pytest.approx(0.5, abs=0.03)
    assert msgspec.json.decode(msgspec.json.encode(match), type=Match) == match


def test_pieces_may_be_turned_differently() -> None:
    film = Film(6, 40.0)
    query, hashes, truth = copied(film, [Cut(5.0, 22.0, 10.0), Cut(5.0, 3.0, 12.0)], 0.5)
    turned = np.where(query.seconds < 17.5, 5, 0)
    found = played(Bank(name="b", entries=(entry_of(film),)), query.seconds, hashes, turned)
    assert {m.transform: round(m.span.start) for m in found if m.span} == {
        "flip_horizontal": round(truth[0].start),
        "none": round(truth[1].start),
    }
    assert found[0].entry_share == pytest.approx(22 / 40, abs=0.03)


def test_a_hundred_pieces_are_listed_and_the_shares_are_of_all() -> None:
    film = Film(7, 360.0)
    order = np.random.default_rng(5).permutation(120)
    cuts = [Cut(0.0, 3.0 * place, 3.0) for place in order.tolist()]
    query, hashes, _ = copied(film, cuts, 0.5, after=1.0)
    found = played(Bank(name="b", entries=(entry_of(film),)), query.seconds, hashes)
    assert len(found) == 100
    assert found[0].query_share >= 0.97
    assert found[0].entry_share >= 0.93
