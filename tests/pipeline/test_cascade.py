"""A detector of which no answer could change what is done is not asked, and that is said."""

import functools
import hashlib

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.clips import encode, photo, picture
from tests.pipeline.asked import Asked, judged, policy
from tidegate.evidence import Facts
from tidegate.matching import Bank, Entry, add_entries
from tidegate.media import Reader, Sampling
from tidegate.pipeline import Found, Scanner, enrol
from tidegate.policy import Program

EXPLICIT, WEAPON, DRAWN = "sexual.explicit", "violence.weapon", "sexual.drawn"
REVIEW = "{sexual.explicit: {label: 0.5, review: 0.8}}"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture, a copy of it, an animation and a video."""
    folder = tmp_path_factory.mktemp("files")
    shown = picture("coffee.png", (256, 192))
    shown.save(folder / "still.png")
    shown.save(folder / "copy.jpg", quality=80)
    other = picture("chelsea.png", (256, 192))
    shown.save(folder / "moving.gif", save_all=True, append_images=[other], duration=500)
    frames = [np.asarray(shown)] * 10 + [np.asarray(other)] * 10
    encode(folder / "film.mp4", frames, rate=10, gop=5, options={"preset": "veryfast"})
    return folder


def exactly(path, role="block"):
    entry = Entry(id="1", sha256=(hashlib.sha256(path.read_bytes()).hexdigest(),))
    return Bank(name=f"{role}-list", role=role, category="known.other", entries=(entry,))


@functools.cache
def nearly(path, role="block"):
    with Reader(sampling=Sampling(gap=0.1)) as reader:
        entry = enrol(Found(path, True), reader, "1", category=None, note="", added="").entry
    unlike = msgspec.structs.replace(entry, sha256=(), md5=())
    return add_entries(Bank(name=f"{role}-bank", role=role, category="known.other"), [unlike])


@pytest.fixture(scope="module")
def scan():
    with Reader() as reader:
        yield functools.partial(judged, reader)


@pytest.mark.parametrize("name", ["still.png", "moving.gif", "film.mp4"])
@pytest.mark.parametrize(("role", "action"), [("block", "remove"), ("allow", "allow")])
def test_what_the_bytes_settle_is_shown_to_no_model(scan, files, tmp_path, name, role, action):
    model = Asked(tmp_path, "one", EXPLICIT)
    item = scan(files / name, policy(REVIEW), [exactly(files / name, role)], [model])
    assert (item.decision.action, model.pictures) == (action, 0)
    (skipped,) = item.evidence.skipped
    assert (skipped.detector, skipped.version, skipped.categories) == ("one", "1", (EXPLICIT,))
    assert "banks." in skipped.because
    assert item.evidence.covered == item.evidence.signals == item.evidence.tracks == ()
    assert item.evidence.frames != ()
    assert item.decision.missing == ()
    asked = scan(files / name, policy(REVIEW), [exactly(files / name, role)], [model], ask_all=True)
    assert (asked.decision.action, asked.evidence.skipped) == (action, ())
    assert asked.evidence.covered == (EXPLICIT,)
    assert model.pictures > 0


def test_no_colour_is_made_of_a_video_that_its_bytes_settle(scan, files, tmp_path, monkeypatch):
    asked = []
    real = Reader.read
    monkeypatch.setattr(
        Reader,
        "read",
        lambda self, *given, colour=True, **more: (
            asked.append(colour) or real(self, *given, colour=colour, **more)
        ),
    )
    model = Asked(tmp_path, "one", EXPLICIT)
    model.score = 0.0
    film = files / "film.mp4"
    scan(film, policy(REVIEW), [exactly(film)], [model])
    scan(film, policy(REVIEW), [exactly(film)], [model], ask_all=True)
    scan(film, policy(REVIEW), [], [model])
    assert asked == [False, True, True]


def test_a_near_copy_of_known_content_is_shown_to_no_model(scan, files, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    bank = nearly(files / "still.png")
    item = scan(files / "copy.jpg", policy(REVIEW), [bank], [model])
    assert item.evidence.matches[0].kind == "pdq"
    assert (item.decision.action, model.pictures) == ("remove", 0)
    assert [s.detector for s in item.evidence.skipped] == ["one"]


@pytest.mark.parametrize("name", ["moving.gif", "film.mp4"])
def test_what_a_bank_holds_of_a_film_is_known_at_its_end(scan, files, tmp_path, name):
    """Who reviews it wants to know what else is in it, and where."""
    model = Asked(tmp_path, "one", EXPLICIT)
    item = scan(files / name, policy(REVIEW), [nearly(files / "still.png")], [model])
    assert item.decision.action == "remove"
    assert item.evidence.skipped == ()
    assert len(item.evidence.tracks[0].seconds) == model.pictures > 0


def test_what_may_yet_do_more_than_a_match_is_asked(scan, files, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    rules = policy("{sexual.explicit: {quarantine: 0.9}}")
    item = scan(files / "still.png", rules, [exactly(files / "still.png")], [model])
    assert model.pictures == 1
    assert item.evidence.skipped == ()
    assert item.evidence.covered == (EXPLICIT,)


def test_the_cheaper_model_may_settle_it_for_the_other(scan, files, tmp_path):
    dear = Asked(tmp_path, "dear", EXPLICIT, size=9)
    cheap = Asked(tmp_path, "cheap", EXPLICIT, size=2)
    cheap.score = 0.95
    item = scan(files / "still.png", policy(REVIEW), [], [dear, cheap])
    assert (cheap.pictures, dear.pictures) == (1, 0)
    (skipped,) = item.evidence.skipped
    assert skipped.detector == "dear"
    assert skipped.because == (
        "thresholds.sexual.explicit.review asks for review, and no score could change that"
    )
    assert item.evidence.covered == (EXPLICIT,)  # The cheap one answers for it.
    cheap.score = 0.6
    item = scan(files / "still.png", policy(REVIEW), [], [dear, cheap])
    assert (cheap.pictures, dear.pictures) == (2, 1)
    assert [s.detector for s in item.evidence.signals] == ["cheap", "dear"]


def test_what_no_rule_is_about_is_not_asked(scan, files, tmp_path):
    model = Asked(tmp_path, "one", WEAPON)
    for name in ("still.png", "moving.gif", "film.mp4"):
        item = scan(files / name, policy(REVIEW), [], [model])
        (skipped,) = item.evidence.skipped
        assert skipped.because == "nothing in policy test/1 hangs on what it answers for"
        assert WEAPON not in item.evidence.covered
    assert model.pictures == 0


@pytest.mark.parametrize("name", ["still.png", "film.mp4"])
def test_a_row_for_this_kind_or_this_surface_is_enough(scan, files, tmp_path, name):
    kind = "video" if name == "film.mp4" else "image"
    rows = (
        f"{{{WEAPON}: [{{where: {{kind: {kind}}}, review: 0.9}}], "
        f"{EXPLICIT}: [{{where: {{surface: avatar}}, review: 0.9}}]}}"
    )
    rules = policy(rows)
    one, two = Asked(tmp_path, "one", WEAPON), Asked(tmp_path, "two", EXPLICIT)
    item = scan(files / name, rules, [], [one, two])
    assert [s.detector for s in item.evidence.skipped] == ["two"]
    item = scan(files / name, rules, [], [one, two], facts=Facts(surface="avatar"))
    assert item.evidence.skipped == ()
    assert min(one.pictures, two.pictures) > 0


def test_one_that_fails_settles_nothing_for_the_other(scan, files, tmp_path):
    def fails(tensors):
        raise RuntimeError("out of memory")

    bad = Asked(tmp_path, "bad", EXPLICIT, size=1)
    good = Asked(tmp_path, "good", EXPLICIT, size=2)
    bad.scores = fails
    item = scan(files / "still.png", policy(REVIEW), [], [bad, good])
    assert [s.detector for s in item.evidence.signals] == ["good"]
    assert item.evidence.skipped == ()
    assert [u.detector for u in item.evidence.unknowns] == ["bad"]


def test_what_nobody_could_see_was_not_skipped(scan, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    Image.new("RGB", (9, 300)).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(photo("rocket.jpg").read_bytes()[:300])
    for name in ("a.png", "b.jpg"):
        item = scan(tmp_path / name, policy(REVIEW), [exactly(tmp_path / name)], [model])
        assert item.evidence.unknowns
        assert item.evidence.skipped == ()


def test_another_policy_takes_what_was_not_asked_as_unknown(scan, files, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    item = scan(files / "still.png", policy(REVIEW), [exactly(files / "still.png")], [model])
    stricter = Program(policy("{sexual.explicit: {quarantine: 0.9}}"))
    (unknown,) = stricter.decide(item.evidence).missing
    assert (unknown.cause, unknown.detector) == ("not_asked", "one")


@pytest.mark.parametrize("name", ["still.png", "film.mp4"])
def test_what_a_rule_would_miss_is_asked(scan, files, tmp_path, name):
    """Its score can do less than the match does; not to know it does more."""
    model = Asked(tmp_path, "one", EXPLICIT)
    model.score = 0.0
    guard = "when: 'sexual.explicit > 0.4', then: {action: hold}"
    rules = policy(REVIEW, f"[{{id: g, {guard}, unknown: quarantine}}]")
    item = scan(files / name, rules, [exactly(files / name)], [model])
    assert (item.decision.action, item.evidence.skipped) == ("remove", ())
    assert model.pictures > 0


POLICIES = {
    "review": policy(REVIEW),
    "agree": policy(
        "{sexual.explicit: {label: 0.3, review: 0.8, hold: {score: 0.5, detectors: 2}}, "
        "sexual.drawn: {remove: 0.9}, violence.weapon: {review: 0.2, quarantine: 0.7}}"
    ),
    "lacking": policy(
        "{sexual.explicit: {label: 0.5, review: 0.8}}",
        "[{id: one, when: 'sexual.explicit > 0.4 || sexual.drawn < 0.5', "
        "then: {action: review}, unknown: hold}, "
        "{id: two, when: 'violence.weapon < 0.3', then: {action: label}}]",
    ),
    "both": policy(
        "{sexual.explicit: {review: 0.8}}",
        "[{id: both, when: 'sexual.explicit > 0.4 && violence.weapon > 0.4', "
        "then: {action: hold}}]",
    ),
}
scores = st.sampled_from([0.0, 0.25, 0.45, 0.55, 0.75, 0.85, 0.95])


@pytest.fixture(scope="module")
def set_up(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models = [
        Asked(folder, "a", EXPLICIT, size=3),
        Asked(folder, "b", EXPLICIT, DRAWN, size=2),
        Asked(folder, "c", WEAPON, size=1, weak=True),
    ]
    banks = {
        (kind, role): made(files / name, role)
        for role in ("block", "review", "allow")
        for kind, made, name in (
            ("exact still", exactly, "still.png"),
            ("exact film", exactly, "film.mp4"),
            ("near", nearly, "copy.jpg"),
        )
    }
    for (kind, role), bank in banks.items():
        banks[kind, role] = msgspec.structs.replace(bank, name=f"{kind}-{role}".replace(" ", "-"))
    return models, banks


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rules=st.sampled_from(sorted(POLICIES)),
    held=st.sets(
        st.tuples(
            st.sampled_from(["exact still", "exact film", "near"]),
            st.sampled_from(["block", "review", "allow"]),
        ),
        max_size=2,
    ),
    answers=st.tuples(scores, scores, scores),
    name=st.sampled_from(["still.png", "still.png", "film.mp4"]),
)
def test_what_is_done_is_the_same_with_and_without(scan, files, set_up, rules, held, answers, name):
    models, banks = set_up
    for model, score in zip(models, answers, strict=True):
        model.score = score
    known = [banks[one] for one in sorted(held)]
    short = scan(files / name, POLICIES[rules], known, models)
    whole = scan(files / name, POLICIES[rules], known, models, ask_all=True)
    assert short.decision.action == whole.decision.action
    assert short.decision.judged == whole.decision.judged
    assert short.decision.effects == whole.decision.effects
    assert "not_asked" not in {unknown.cause for unknown in short.decision.missing}
    asked = {signal.detector for signal in short.evidence.signals}
    assert asked.isdisjoint(s.detector for s in short.evidence.skipped)
    assert asked | {s.detector for s in short.evidence.skipped} == {"a", "b", "c"}


def test_a_scanner_has_facts_for_all_and_for_one(files, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    rules = policy(f"{{{EXPLICIT}: [{{where: {{surface: avatar}}, review: 0.2}}]}}")
    avatar, none = Facts(surface="avatar"), Facts()
    with Scanner(rules, detectors=[model], jobs=1, facts=avatar) as scanner:
        item = scanner.scan(files / "still.png")
        other = scanner.scan(files / "still.png", none)
        (third,) = scanner.scan_many([files / "still.png"])
    assert [i.facts for i in (item, other, third)] == [avatar, none, avatar]
    assert [i.decision.action for i in (item, other, third)] == ["review", "allow", "review"]
    assert [len(i.evidence.skipped) for i in (item, other, third)] == [0, 1, 0]
    with Scanner(rules, detectors=[model], jobs=1, cascade=False) as scanner:
        assert scanner.scan(files / "still.png").evidence.skipped == ()
