"""A report made by hand, as realistic as the values allow, with real pictures."""

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from tidegate.evidence import (
    ACTIONS,
    Action,
    Bound,
    Decision,
    Evidence,
    FrameHash,
    Item,
    Match,
    MediaInfo,
    Reason,
    Report,
    Signal,
    Span,
    Track,
    Unknown,
)
from tidegate.report import Picture, thumbnail

DATA = Path(skimage.__file__).parent / "data"
EXPLICIT = "sexual.explicit"
VERSIONS = {"tidegate": "0.1.0", "taxonomy": "1", "hashing": "pdq/1", "opennsfw": "opennsfw/1.0"}
VERSIONS |= {"banks": "press-photos@7f3a19c2"}


def read(name: str) -> NDArray[np.uint8]:
    with Image.open(DATA / name) as image:
        return np.asarray(image.convert("RGB"))


def evidence(seed: int = 0, **fields: object) -> Evidence:
    common: dict[str, object] = {
        "sha256": f"{seed + 11:064x}",
        "md5": f"{seed + 11:032x}",
        "size": 184_322 + 9_001 * seed,
        "banks": ("press-photos", "withdrawn-ads"),
        "covered": (EXPLICIT,),
        "versions": VERSIONS,
    }
    return Evidence(**(common | fields))  # type: ignore[arg-type]


def still(width: int = 600, height: int = 400, fmt: str = "jpeg", *notes: str) -> MediaInfo:
    return MediaInfo(
        kind="image",
        format=fmt,
        width=width,
        height=height,
        frames_seen=1,
        frames_judged=1,
        notes=notes,
    )


def hashed(*seconds: float, quality: int = 100) -> tuple[FrameHash, ...]:
    return tuple(FrameHash(second=s, pdq="f8a1" * 16, quality=quality) for s in seconds)


def decision(
    action: Action, *reasons: Reason, near: tuple[Reason, ...] = (), judged: bool = True
) -> Decision:
    return Decision(
        action=action,
        judged=judged,
        reasons=reasons,
        near=near,
        rest=(),
        policy="default/1",
        policy_sha256="9c1e07" + "ab" * 29,
    )


def make_report(*items: Item, **fields: object) -> Report:
    return Report(
        schema=1,
        tidegate="0.1.0",
        taxonomy=1,
        items=items,
        summary={a: sum(i.decision.action == a for i in items) for a in ACTIONS},
        unjudged=sum(not i.decision.judged for i in items),
        **fields,  # type: ignore[arg-type]
    )


def make_video() -> Item:
    seconds = tuple(round(0.9 * i, 3) for i in range(31))
    scores = tuple(
        round(min(0.99, 0.04 + 0.9 * math.exp(-(((s - 8.1) / 2.4) ** 2)) + 0.03 * (i % 3)), 3)
        for i, s in enumerate(seconds)
    )
    peak = max(range(31), key=scores.__getitem__)
    match = Match(
        bank="press-photos",
        entry="12",
        category="known.other",
        role="block",
        kind="pdq",
        distance=9,
        span=Span(start=14.4, end=24.3),
        peak=18.0,
        entry_span=Span(start=0.0, end=10.0),
        query_share=0.367,
        entry_share=0.83,
        note="Agency clip, licence withdrawn",
    )
    return Item(
        path="uploads/2024-05/clips/launch-compilation.mp4",
        evidence=evidence(
            1,
            size=6_412_733,
            media=MediaInfo(
                kind="video",
                format="mp4",
                codec="h264",
                width=1280,
                height=720,
                duration=27.0,
                frames_seen=810,
                frames_judged=31,
            ),
            frames=hashed(*seconds),
            tracks=(Track(category=EXPLICIT, detector="opennsfw", seconds=seconds, scores=scores),),
            matches=(match,),
            signals=(
                Signal(
                    category=EXPLICIT,
                    score=scores[peak],
                    detector="opennsfw",
                    version="1.0",
                    span=Span(start=6.3, end=9.9),
                    peak=seconds[peak],
                ),
            ),
            unknowns=(
                Unknown(
                    stage="media",
                    cause="truncated",
                    detail="the file ends at 00:25 of 00:27; what decodes was judged",
                    span=Span(start=25.2, end=27.0),
                ),
            ),
        ),
        decision=decision(
            "remove",
            Reason(
                rule="banks.press-photos.remove",
                action="remove",
                ground="match",
                index=0,
                category="known.other",
                bounds=(
                    Bound(of="distance", observed=9, threshold=31, holds=True),
                    Bound(of="entry_share", observed=0.83, threshold=0.5, holds=True),
                ),
                text="known.other: 9 bits from entry 12 of bank press-photos, 00:14–00:24, "
                "83 % of the entry",
            ),
            Reason(
                rule="thresholds.sexual.explicit.hold",
                action="hold",
                ground="signal",
                index=0,
                category=EXPLICIT,
                bounds=(Bound(of="score", observed=scores[peak], threshold=0.8, holds=True),),
                text=f"sexual.explicit: score {scores[peak]:.2f} at 00:08, hold from 0.80",
            ),
            near=(
                Reason(
                    rule="thresholds.sexual.explicit.remove",
                    action="remove",
                    ground="signal",
                    index=0,
                    category=EXPLICIT,
                    bounds=(Bound(of="score", observed=scores[peak], threshold=0.99, holds=False),),
                    text="sexual.explicit: a score of 0.99 would remove",
                ),
            ),
        ),
        elapsed=1.94,
    )


def make_removed() -> Item:
    found = Match(
        bank="withdrawn-ads",
        entry="coffee-2",
        category="known.other",
        role="block",
        kind="pdq",
        distance=4,
        transform="flip_horizontal",
    )
    return Item(
        path="uploads/2024-05/photos/breakfast table.jpg",
        evidence=evidence(
            2,
            media=still(600, 400, "jpeg", "CMYK converted to RGB"),
            frames=hashed(0.0),
            matches=(found,),
        ),
        decision=decision(
            "remove",
            Reason(
                rule="banks.withdrawn-ads.remove",
                action="remove",
                ground="match",
                index=0,
                category="known.other",
                bounds=(Bound(of="distance", observed=4, threshold=31, holds=True),),
                text="known.other: 4 bits from entry coffee-2 of bank withdrawn-ads, mirrored",
            ),
        ),
        elapsed=0.041,
    )


def make_overruled() -> Item:
    signal = Signal(category=EXPLICIT, score=0.71, detector="opennsfw", version="1.0")
    return Item(
        path="uploads/2024-05/photos/IMG_20240511_140233_HDR.jpg",
        evidence=evidence(
            3,
            media=still(451, 300, "jpeg", "EXIF orientation 6 applied"),
            frames=hashed(0.0),
            signals=(signal,),
            matches=(
                Match(
                    bank="own-press",
                    entry="77",
                    category="known.other",
                    role="allow",
                    kind="sha256",
                    distance=0,
                ),
            ),
        ),
        decision=decision(
            "allow",
            Reason(
                rule="thresholds.sexual.explicit.review",
                action="review",
                ground="signal",
                index=0,
                category=EXPLICIT,
                bounds=(Bound(of="score", observed=0.71, threshold=0.5, holds=True),),
                text="sexual.explicit: score 0.71, review from 0.50",
                overruled_by="banks.own-press.allow",
            ),
        ),
        elapsed=0.032,
    )


def make_quarantined() -> Item:
    found = Match(
        bank="hotline",
        entry="a91",
        category="child_safety.known_material",
        role="block",
        kind="md5",
        distance=0,
    )
    return Item(
        path="uploads/2024-05/photos/0093.jpg",
        evidence=evidence(4, media=still(451, 300), frames=hashed(0.0), matches=(found,)),
        decision=decision(
            "quarantine",
            Reason(
                rule="banks.hotline.quarantine",
                action="quarantine",
                ground="match",
                index=0,
                category="child_safety.known_material",
                bounds=(Bound(of="distance", observed=0, threshold=0, holds=True),),
                text="child_safety.known_material: same md5 as entry a91 of bank hotline",
            ),
        ),
        elapsed=0.012,
    )


def make_corrupt() -> Item:
    unknown = Unknown(stage="media", cause="corrupt", detail="no JPEG scan could be decoded")
    return Item(
        path="uploads/2024-05/photos/holiday.jpg",
        evidence=evidence(5, size=3_120, unknowns=(unknown,)),
        decision=decision(
            "review",
            Reason(
                rule="unknown.corrupt.review",
                action="review",
                ground="unknown",
                index=0,
                category=None,
                bounds=(),
                text="Could not be judged, corrupt: no JPEG scan could be decoded",
            ),
            judged=False,
        ),
        elapsed=0.008,
    )


def make_allowed(path: str = "uploads/2024-05/photos/rocket.jpg") -> Item:
    near = Reason(
        rule="thresholds.sexual.explicit.review",
        action="review",
        ground="signal",
        index=0,
        category=EXPLICIT,
        bounds=(Bound(of="score", observed=0.4999, threshold=0.5, holds=False),),
        text="sexual.explicit: score 0.4999, review from 0.50",
    )
    signal = Signal(category=EXPLICIT, score=0.4999, detector="opennsfw", version="1.0")
    return Item(
        path=path,
        evidence=evidence(6, media=still(640, 427), frames=hashed(0.0), signals=(signal,)),
        decision=decision("allow", near=(near,)),
        elapsed=0.028,
    )


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Report]:
    return make_report


@pytest.fixture(scope="session")
def report() -> Report:
    return make_report(
        make_allowed(),
        make_removed(),
        make_corrupt(),
        make_video(),
        make_quarantined(),
        make_overruled(),
        skipped=3,
    )


@pytest.fixture(scope="session")
def hostile() -> Report:
    path = "up/<script>alert(1)< [bold red]x\u202egpj\x1b[31m\udcff.exe"
    item = make_corrupt()
    unknown = Unknown(stage="media", cause="corrupt", detail="<b>\u202e\x1b[2J [bold red]")
    evidence = msgspec.structs.replace(item.evidence, unknowns=(unknown,))
    return make_report(
        make_allowed(path), msgspec.structs.replace(item, path=path, evidence=evidence)
    )


@pytest.fixture
def allowed(report: Report) -> Item:
    return report.items[0]


@pytest.fixture
def video(report: Report) -> Item:
    return report.items[3]


@pytest.fixture
def quarantined(report: Report) -> Item:
    return report.items[4]


@pytest.fixture
def overruled(report: Report) -> Item:
    return report.items[5]


@pytest.fixture(scope="session")
def pictures(report: Report) -> dict[int, list[Picture]]:
    peak = report.items[3].evidence.signals[0].peak
    assert peak is not None
    return {
        0: [thumbnail(read("rocket.jpg"), 0.0)],
        1: [thumbnail(read("coffee.png"), 0.0)],
        3: [thumbnail(read("astronaut.png")[:341], peak), thumbnail(read("rocket.jpg"), 18.0)],
        4: [thumbnail(read("chelsea.png"), 0.0)],
        5: [thumbnail(read("chelsea.png")[:, ::-1].copy(), 0.0)],
    }
