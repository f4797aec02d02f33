"""The attack set through the pipeline and the command: nothing lost, nothing taken for clean."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

import tidegate
from tests.attacks import ATTACKS, BUDGET
from tests.attacks.films import jpegs, sized
from tests.attacks.matroska import block, cluster, mkv
from tests.attacks.mp4 import movie
from tests.attacks.places import places
from tests.clips import encode, picture
from tidegate.evidence import Item
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, Scanner, enrol, printable

TIDEGATE = Path(sys.executable).with_name("tidegate")

Folder = tuple[Path, dict[str, Path]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with the whole set, and where each attack of it lies."""
    folder = tmp_path_factory.mktemp("attacks")
    return folder, {attack.name: attack.put(folder) for attack in ATTACKS}


BRIEF = msgspec.structs.replace(BUDGET, frames=60, total_pixels=60_000_000)
"""What is enough to see that nothing is lost."""


def check(item: Item) -> None:
    """Check that an item has frames or a reason, and without frames is never let pass."""
    frames = item.evidence.media.frames_judged if item.evidence.media else 0
    unknown = [one for one in item.evidence.unknowns if one.stage == "media"]
    assert frames or unknown, item.path
    assert all(one.detail.isprintable() for one in unknown), item.path
    if not frames:
        assert not item.decision.judged, item.path
        assert item.decision.action != "allow", item.path


def test_each_that_is_named_is_an_item(folder: Folder) -> None:
    _, paths = folder
    asked = [*places, *(attack for attack in ATTACKS if attack.passed_over)]
    # A folder stands for what is in it, and is no item of its own.
    named = list(dict.fromkeys(paths[a.name] for a in asked if not paths[a.name].is_dir()))
    with Scanner(detectors=(), budget=BRIEF, jobs=2) as scanner:
        items = list(scanner.scan_many(named))
    assert [item.path for item in items] == [printable(path) for path in named]
    for item in items:
        check(item)


def test_the_command_judges_the_whole_folder(folder: Folder) -> None:
    place, paths = folder
    limits = [f"--budget={name}={value}" for name, value in msgspec.structs.asdict(BRIEF).items()]
    done = subprocess.run(
        [TIDEGATE, "scan", place, "--json", *limits], capture_output=True, timeout=300
    )
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"internal error" not in done.stdout
    report = msgspec.json.decode(done.stdout)
    items = msgspec.convert(report["items"], list[Item])
    judged = {printable(paths[attack.name]) for attack in ATTACKS if not attack.passed_over}
    assert {item.path for item in items} == judged
    assert len(items) == len(judged)
    passed_over = [paths[attack.name] for attack in ATTACKS if attack.passed_over]
    assert report["skipped"] == sum(not path.is_dir() for path in passed_over)
    for item in items:
        check(item)


# Parts already seen still count


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> tidegate.Bank:
    """A bank of one picture."""
    path = tmp_path_factory.mktemp("bank") / "known.png"
    picture("coffee.png", (320, 240)).save(path)
    with Reader(sampling=SAMPLING) as reader:
        known = enrol(Found(path, True), reader, "1", category=None, note="", added="")
    assert known
    return tidegate.Bank(name="known", entries=(known.entry,))


def endless_movie(path: Path) -> None:
    """Ten seconds of the known picture, then two others by turns for three hours."""
    path.write_bytes(movie(order=[*[0] * 50, *([1, 2] * 25_000)], scale=5))


def endless_clusters(path: Path) -> None:
    """Four seconds of the known picture, then two others by turns for seven minutes."""
    first, *others = jpegs()
    parts = [cluster(block(first, 0), block(first, 500), at=1000 * i) for i in range(4)]
    for second in range(4, 400):
        shown = (block(others[i % 2], 40 * i) for i in range(25))
        parts.append(cluster(*shown, at=1000 * second))
    path.write_bytes(mkv(*parts))


def endless_stream(path: Path) -> None:
    """A transport stream whose time runs back, over and over."""
    path.write_bytes(known_first(path) * 300)


def growing_stream(path: Path) -> None:
    """A transport stream that grows to more pixels than the budget allows."""
    path.write_bytes(known_first(path) + sized("ts", 5200, 4000))


def known_first(path: Path) -> bytes:
    """Two seconds of the known picture and one of another, as a transport stream."""
    shown, other = (np.asarray(picture(name, (192, 144))) for name in ("coffee.png", "chelsea.png"))
    return encode(path.with_suffix(".ts"), [shown] * 50 + [other] * 25, gop=25).read_bytes()


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (endless_movie, "too_long"),
        (endless_movie, "too_many_frames"),
        (endless_stream, "too_many_frames"),
        (endless_clusters, "too_many_frames"),
        (growing_stream, "too_many_pixels"),
    ],
)
def test_what_was_seen_before_a_budget_was_hit_is_matched(
    tmp_path: Path, bank: tidegate.Bank, make: Callable[[Path], None], cause: str
) -> None:
    frames = 200 if cause == "too_many_frames" else 5000
    budget = msgspec.structs.replace(BUDGET, frames=frames, duration=60.0)
    make(tmp_path / "video")
    with Scanner(detectors=(), banks=[bank], budget=budget, jobs=1) as scanner:
        item = scanner.scan(tmp_path / "video")
    (match,) = item.evidence.matches
    assert match.entry == "1"
    assert match.span
    assert match.span.start == 0.0
    assert cause in [unknown.cause for unknown in item.evidence.unknowns]
    assert item.decision.action == "remove"
