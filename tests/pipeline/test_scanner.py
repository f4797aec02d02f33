import json
import os
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image

import tidegate
from demo import media
from tidegate.detectors import installed
from tidegate.evidence import Item
from tidegate.pipeline import Found, Scanner, find


def test_the_front_door():
    item = tidegate.scan(media.source("coffee.png"))
    assert isinstance(item, Item)
    assert (item.decision.action, item.decision.judged) == ("allow", True)
    assert item.evidence.covered == ("sexual.explicit",)
    assert item.evidence.versions["tidegate"] == tidegate.__version__
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


def test_items_come_in_the_order_of_the_paths_whatever_the_jobs(tmp_path):
    names = ["a.png", "b.mp4", "c.jpg", "d.png"]
    sources = ["hubble_deep_field.jpg", "carphone_pristine.mp4", "rocket.jpg", "brick.png"]
    for name, source in zip(names, sources, strict=True):
        shutil.copy(media.source(source), tmp_path / name)
    with Scanner(jobs=3) as scanner:
        items = list(scanner.scan_many([tmp_path]))
    assert [i.path for i in items] == [str(tmp_path / name) for name in names]


def test_a_report_counts(tmp_path):
    shutil.copy(media.source("rocket.jpg"), tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"")
    (tmp_path / "c.txt").write_text("text")
    with Scanner(jobs=1) as scanner:
        report = scanner.report([tmp_path])
    assert report.summary == {"allow": 1, "review": 1}
    assert (report.unjudged, report.skipped) == (1, 1)
    assert report.items[1].evidence.unknowns[0].cause == "empty"


class Broken:
    """A detector whose runtime fails."""

    def __init__(self, real):
        self.manifest, self.prepare = real.manifest, real.prepare
        self.id, self.categories = "broken", real.categories

    def scores(self, tensors):
        raise RuntimeError("out of memory")


def test_a_failing_detector_is_unknown_and_costs_no_other_answer(tmp_path):
    (real,) = installed()
    with Scanner(detectors=[Broken(real), real], jobs=1) as scanner:
        item = scanner.scan(media.source("rocket.jpg"))
    (unknown,) = item.evidence.unknowns
    assert (unknown.stage, unknown.cause) == ("detectors", "detector_failed")
    assert (unknown.detector, unknown.categories) == ("broken", ("sexual.explicit",))
    assert [s.detector for s in item.evidence.signals] == ["opennsfw"]
    assert (item.decision.action, item.decision.judged) == ("review", False)


def test_an_error_of_our_own_costs_only_its_item(tmp_path, monkeypatch):
    from tidegate.pipeline import scanner as module

    real = module.judge

    def judge(source, *arguments, **options):
        if "rocket" in source.path:
            raise ZeroDivisionError("a bug")
        return real(source, *arguments, **options)

    monkeypatch.setattr(module, "judge", judge)
    with Scanner(jobs=1) as scanner:
        paths = [media.source(n) for n in ("rocket.jpg", "coffee.png")]
        bad, good = scanner.scan_many(paths)
    assert bad.evidence.unknowns[0].cause == "crashed"
    assert bad.decision.action == "review"
    assert good.decision.action == "allow"


@pytest.mark.parametrize(("size", "cause"), [((9, 300), "too_small"), ((300, 200), "too_flat")])
def test_too_small_or_too_flat_is_never_clean(tmp_path, size, cause):
    Image.new("RGB", size, (200, 30, 30)).save(tmp_path / "a.png")
    item = tidegate.scan(tmp_path / "a.png")
    assert cause in [u.cause for u in item.evidence.unknowns]
    assert (item.decision.action, item.decision.judged) == ("review", False)


def test_a_single_frame_of_an_animation_is_seen(tmp_path):
    quiet = media.photo("brick.png").resize((256, 256)).convert("RGB")
    flash = media.photo("chelsea.png").resize((256, 256))
    frames = [quiet] * 12 + [flash] + [quiet] * 12
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    flash.save(tmp_path / "flash.png")
    from tidegate.media import Reader
    from tidegate.pipeline import enrol

    with Reader() as reader:
        known = enrol(
            Found(tmp_path / "flash.png", True), reader, "1", category=None, note="", added=""
        )
    bank = tidegate.Bank(name="b", entries=(known.entry,))
    item = tidegate.scan(path, banks=[bank])
    (match,) = item.evidence.matches
    assert match.span.start == pytest.approx(1.2, abs=0.11)
    assert item.decision.action == "remove"


def test_pictures_are_those_of_the_peaks(tmp_path):
    with Scanner(jobs=1, pictures=True) as scanner:
        (scanned,) = scanner.stream([Found(media.source("bikes.mp4"), True)])
    peaks = {s.peak for s in scanned.item.evidence.signals}
    assert {p.second for p in scanned.pictures} == peaks
    for picture in scanned.pictures:
        assert max(picture.width, picture.height) <= 360


def test_names_that_are_not_utf8_survive(tmp_path):
    path = tmp_path / b"caf\xe9.png".decode("utf-8", "surrogateescape")
    Image.fromarray(np.asarray(media.photo("rocket.jpg"))).save(path)
    with Scanner(jobs=1) as scanner:
        (item,) = scanner.scan_many([tmp_path])
    assert item.path.endswith("caf\\xe9.png")
    assert json.loads(msgspec.json.encode(item))["path"] == item.path


def test_a_score_that_is_no_number_is_unknown():
    (real,) = installed()
    broken = Broken(real)
    broken.scores = lambda tensors: np.full((len(tensors), 1), np.nan)
    with Scanner(detectors=[broken], jobs=1) as scanner:
        item = scanner.scan(media.source("rocket.jpg"))
    assert [u.cause for u in item.evidence.unknowns] == ["detector_failed"]
    assert item.decision.judged is False


def test_names_that_cannot_be_files_are_reported(tmp_path):
    shutil.copy(media.source("rocket.jpg"), tmp_path / "ok.jpg")
    with Scanner(jobs=1) as scanner:
        long, missing, good = scanner.scan_many(
            [tmp_path / ("a" * 300), tmp_path / "none*.jpg", tmp_path / "ok.jpg"]
        )
    assert [i.evidence.unknowns[0].cause for i in (long, missing)] == ["unreadable"] * 2
    assert good.decision.action == "allow"


def test_a_folder_that_is_closed_is_reported(tmp_path, monkeypatch):
    (tmp_path / "secret").mkdir()
    shutil.copy(media.source("rocket.jpg"), tmp_path / "ok.jpg")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [(f.path.name, f.named) for f in find([tmp_path])] == [
        ("ok.jpg", False),
        ("secret", True),
    ]


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_budgets_are_finite(value):
    with pytest.raises(ValueError, match="budget"):
        tidegate.Budget(seconds=value)


@pytest.mark.parametrize(
    ("path", "libraries"),
    [
        (media.source("rocket.jpg"), {"simplejpeg", "pillow"}),
        (media.source("bigbuckbunny.mp4"), {"av", "ffmpeg"}),
    ],
)
def test_the_evidence_names_the_libraries_that_decoded(path, libraries):
    with Scanner(detectors=(), jobs=1) as scanner:
        versions = scanner.scan(path).evidence.versions
    assert {name for name in versions if name.startswith("decoder:")} == {
        f"decoder:{library}" for library in libraries
    }
    assert all(versions.values())
