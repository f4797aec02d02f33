import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tidegate.evidence import Match, Span, Transform
from tidegate.hashing import dihedral, pdq
from tidegate.matching import Bank, BankError, Entry, Frame, Matcher

Picture = NDArray[np.uint8]
Photo = Callable[[str], Picture]

KNOWN = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")
UNRELATED = ("camera.png", "coins.png", "moon.png", "retina.jpg", "hubble_deep_field.jpg")
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def image_entry(picture: Picture, id: str = "1", **fields: Any) -> Entry:
    found = pdq(picture)
    return Entry(**{"id": id, "pdq": (Frame(found.hex, 0.0, found.quality),), **fields})


def video_entry(
    frames: Sequence[tuple[float, Picture]], duration: float, id: str = "1", **fields: Any
) -> Entry:
    hashes = [(second, pdq(picture)) for second, picture in frames]
    return Entry(
        id=id,
        kind="video",
        pdq=tuple(Frame(found.hex, second, found.quality) for second, found in hashes),
        duration=duration,
        **fields,
    )


def matcher_of(*entries: Entry, **fields: Any) -> Matcher:
    return Matcher([Bank(**{"name": "bank", "entries": entries, **fields})], now=NOW)


def matched(matcher: Matcher, picture: Picture) -> tuple[Match, ...]:
    session = matcher.session()
    session.add(0.0, *dihedral(picture))
    return session.finish("image", 0.0)


def played(
    matcher: Matcher, frames: Sequence[tuple[float, Picture]], duration: float
) -> tuple[Match, ...]:
    session = matcher.session()
    for second, picture in frames:
        session.add(second, *dihedral(picture))
    return session.finish("video", duration)


def reencoded(picture: Picture, quality: int = 40) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(picture: Picture, scale: float = 0.5) -> Picture:
    height, width = picture.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def greyed(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))


def watermarked(picture: Picture) -> Picture:
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text((10, image.height - 30), "© example.org", "white", font_size=20)
    return np.asarray(image)


@pytest.fixture(scope="module")
def known(photo: Photo) -> Matcher:
    return matcher_of(
        *(image_entry(photo(name), id=name, note=f"a photo: {name}") for name in KNOWN),
        name="photos",
        category="ncii.known_material",
        role="review",
    )


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("change", [reencoded, resized, greyed, watermarked])
def test_copies_are_found(
    known: Matcher, photo: Photo, name: str, change: Callable[[Picture], Picture]
) -> None:
    (match,) = matched(known, change(photo(name)))
    assert match.distance <= 31
    assert match == Match(
        bank="photos",
        entry=name,
        category="ncii.known_material",
        role="review",
        kind="pdq",
        distance=match.distance,
        note=f"a photo: {name}",
    )


@pytest.mark.parametrize(
    ("transform", "turn"),
    [
        ("rotate90", lambda p: np.rot90(p, -1)),
        ("rotate180", lambda p: np.rot90(p, 2)),
        ("rotate270", lambda p: np.rot90(p, 1)),
        ("flip_vertical", np.flipud),
        ("flip_horizontal", np.fliplr),
        ("transpose", lambda p: np.swapaxes(p, 0, 1)),
        ("transverse", lambda p: np.swapaxes(np.rot90(p, 2), 0, 1)),
    ],
)
@pytest.mark.parametrize("name", KNOWN)
def test_turned_copies_are_found_and_say_how_to_turn_them_back(
    known: Matcher,
    photo: Photo,
    name: str,
    transform: Transform,
    turn: Callable[[Picture], Picture],
) -> None:
    (match,) = matched(known, reencoded(np.ascontiguousarray(turn(photo(name)))))
    assert (match.entry, match.transform) == (name, transform)
    assert match.distance <= 10


@pytest.mark.parametrize("name", UNRELATED)
def test_unrelated_pictures_meet_nothing(known: Matcher, photo: Photo, name: str) -> None:
    assert matched(known, photo(name)) == ()


def test_an_exact_match_stands_for_the_entry(photo: Photo) -> None:
    picture = photo("coffee.png")
    matcher = matcher_of(
        image_entry(picture, "both", sha256=("0a" * 32,), md5=("0b" * 16,)),
        image_entry(picture, "md5", md5=("0b" * 16,)),
        image_entry(picture, "pdq"),
    )
    session = matcher.session()
    session.exact("0a" * 32, "0b" * 16)
    session.add(0.0, *dihedral(picture))
    matches = session.finish("image", 0.0)
    assert [(m.entry, m.kind, m.distance) for m in matches] == [
        ("both", "sha256", 0),
        ("md5", "md5", 0),
        ("pdq", "pdq", 0),
    ]


def test_an_exact_match_of_a_video_is_all_of_it() -> None:
    matcher = matcher_of(Entry(id="1", kind="video", sha256=("0a" * 32,), duration=9.0))
    session = matcher.session()
    session.exact("0a" * 32, None)
    (match,) = session.finish("video", 9.5)
    assert match.span == Span(start=0.0, end=9.5)
    assert match.entry_span == Span(start=0.0, end=9.0)
    assert matcher.session().finish("video", 9.5) == ()


def test_each_bank_has_its_own_distance(photo: Photo) -> None:
    picture = photo("rocket.jpg")
    copy = watermarked(picture)
    distance = matched(matcher_of(image_entry(picture)), copy)[0].distance
    assert distance > 0
    entries = (image_entry(picture),)
    banks = [
        Bank(name="strict", max_distance=distance - 1, entries=entries),
        Bank(name="wide", max_distance=distance, entries=entries),
    ]
    assert [m.bank for m in matched(Matcher(banks), copy)] == ["wide"]
    assert [m.bank for m in matched(Matcher(banks, distance), copy)] == ["strict", "wide"]
    assert matched(Matcher(banks, 0), copy) == ()


def test_only_active_entries_match(photo: Photo) -> None:
    picture = photo("coffee.png")
    matcher = matcher_of(
        image_entry(picture, "withdrawn", state="withdrawn", md5=("0b" * 16,)),
        image_entry(picture, "disabled", state="disabled"),
        image_entry(picture, "later", state="disabled", disabled_until="2025-06-02T00:00:00Z"),
        image_entry(picture, "again", state="disabled", disabled_until="2025-05-01T00:00:00Z"),
    )
    session = matcher.session()
    session.exact(None, "0b" * 16)
    session.add(0.0, *dihedral(picture))
    assert [m.entry for m in session.finish("image", 0.0)] == ["again"]


def test_hashes_of_low_quality_never_vote(photo: Photo) -> None:
    picture = photo("coffee.png")
    hashes, _ = dihedral(picture)
    flat = Entry(id="flat", pdq=(Frame(pdq(picture).hex, 0.0, 49),))
    assert matched(matcher_of(flat), picture) == ()
    session = matcher_of(image_entry(picture)).session()
    assert not session.add(0.0, hashes, 49)
    assert session.finish("image", 0.0) == ()


def test_a_picture_in_a_video_is_found_in_pieces(photo: Photo) -> None:
    other, picture = photo("chelsea.png"), photo("coffee.png")
    frames = [
        (float(t), np.fliplr(picture) if t >= 15 else picture if 5 <= t < 10 else other)
        for t in range(20)
    ]
    first, second = played(matcher_of(image_entry(picture)), frames, 20.0)
    assert (first.span, first.peak, first.transform) == (Span(start=4.5, end=9.5), 5.0, "none")
    assert (second.span, second.transform) == (Span(start=14.5, end=20.0), "flip_horizontal")
    assert first.query_share == second.query_share == 0.525
    assert first.entry_span is None
    assert first.entry_share == 1.0


def panned(picture: Picture, seconds: Sequence[float], speed: float = 12.0) -> list[Picture]:
    """Frames of a camera that moves over a picture."""
    return [
        np.ascontiguousarray(picture[20:220, int(t * speed) : int(t * speed) + 240])
        for t in seconds
    ]


def test_a_piece_of_a_video_is_found_with_its_spans(photo: Photo) -> None:
    whole = np.arange(0, 26, 0.125)
    clip = list(zip(whole.tolist(), panned(photo("coffee.png"), whole.tolist()), strict=True))
    matcher = matcher_of(video_entry(clip, 26.0))
    # Ten seconds from 7.3 s on, mirrored and re-encoded, after twelve seconds of another.
    shown = [
        *panned(photo("astronaut.png"), np.arange(12.0).tolist()),
        *(
            reencoded(np.ascontiguousarray(np.fliplr(frame)))
            for frame in panned(photo("coffee.png"), (7.3 + np.arange(10.0)).tolist())
        ),
        *panned(photo("rocket.jpg"), np.arange(8.0).tolist()),
    ]
    (match,) = played(matcher, list(zip(map(float, range(30)), shown, strict=True)), 30.0)
    assert match.transform == "flip_horizontal"
    assert match.span is not None
    assert match.entry_span is not None
    assert match.span.start == pytest.approx(12.0, abs=1.0)
    assert match.span.end == pytest.approx(22.0, abs=1.0)
    assert match.entry_span.start == pytest.approx(7.3, abs=1.0)
    assert match.entry_span.end == pytest.approx(17.3, abs=1.0)
    assert match.query_share == pytest.approx(10 / 30, abs=0.04)
    assert match.entry_share == pytest.approx(10 / 26, abs=0.05)


def test_a_picture_that_is_a_frame_of_a_video_names_the_moment(photo: Photo) -> None:
    frames = [(float(t), photo("coffee.png") if t == 3 else photo("moon.png")) for t in range(8)]
    matcher = matcher_of(video_entry(frames, 8.0))
    (match,) = matched(matcher, resized(photo("coffee.png")))
    assert match.span is None
    assert match.entry_span == Span(start=2.5, end=3.5)
    assert match.entry_share == 0.125


def test_add_tells_where_a_peak_may_be(photo: Photo) -> None:
    picture, other = photo("coffee.png"), photo("moon.png")
    far, near = dihedral(watermarked(picture)), dihedral(picture)
    session = matcher_of(image_entry(picture)).session()
    shown = [far, near, far, near, dihedral(other), far, far]
    seconds = [0.0, 1.0, 2.0, 3.0, 4.0, 20.0, 21.0]
    told = [session.add(t, *frame) for t, frame in zip(seconds, shown, strict=True)]
    assert told == [True, True, False, False, False, True, False]


def test_matches_come_nearest_first(photo: Photo) -> None:
    picture = photo("coffee.png")
    copy = watermarked(picture)
    entries = (image_entry(picture, "original"), image_entry(copy, "b"), image_entry(copy, "a"))
    banks = [Bank(name=name, entries=entries) for name in ("second", "first")]
    found = [(m.bank, m.entry) for m in matched(Matcher(banks), copy)]
    assert found == [
        ("first", "a"),
        ("first", "b"),
        ("second", "a"),
        ("second", "b"),
        ("first", "original"),
        ("second", "original"),
    ]


def test_a_matcher_names_its_banks_and_their_categories(photo: Photo) -> None:
    entry = image_entry(photo("coffee.png"), category="violence.gore")
    matcher = Matcher([Bank(name="b", entries=(entry,)), Bank(name="a")])
    assert matcher.names == ("b", "a")
    assert matcher.categories == ("known.other", "violence.gore")
    assert matched(matcher, photo("coffee.png"))[0].category == "violence.gore"


def test_a_matcher_without_banks_finds_nothing(photo: Photo) -> None:
    assert matched(Matcher([]), photo("coffee.png")) == ()


def test_wrong_use_is_refused(photo: Photo) -> None:
    with pytest.raises(BankError, match="one name"):
        Matcher([Bank(name="a"), Bank(name="a")])
    with pytest.raises(BankError, match="radius"):
        Matcher([], 65)
    session = Matcher([]).session()
    hashes, quality = dihedral(photo("coffee.png"))
    with pytest.raises(ValueError, match="hashes are"):
        session.add(0.0, hashes[:1], quality)
    session.add(1.0, hashes, quality)
    with pytest.raises(ValueError, match="follows"):
        session.add(0.5, hashes, quality)


def test_known_good_content_hides_nothing() -> None:
    bits = np.random.default_rng(0).integers(0, 2, 256, np.uint8)

    def near(seed: int, distance: int) -> tuple[Frame, ...]:
        turned = bits.copy()
        turned[np.random.default_rng(seed).permutation(256)[:distance]] ^= 1
        return (Frame(np.packbits(turned).tobytes().hex()),)

    good = tuple(Entry(id=str(n), pdq=near(n, 4)) for n in range(600))
    banks = [
        Bank(name="good", role="allow", entries=good),
        Bank(name="bad", entries=(Entry(id="1", pdq=near(0, 6)),)),
    ]
    session = Matcher(banks, now=NOW).session()
    session.add(0.0, np.tile(np.packbits(bits), (8, 1)), 100)
    assert {match.bank for match in session.finish("image", 0.0)} == {"good", "bad"}
