"""Labelled media through detectors that answer by rule: no model is needed."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.clips import clip, photo
from tests.detectors.examples import boxes, manifest, stored
from tidegate.detectors import parse
from tidegate.detectors.catalogue import open_model
from tidegate.media import Sampling
from tidegate.pipeline.evaluate import evaluate
from tidegate.pipeline.labels import read_labels

EXPLICIT = "sexual.explicit"


class Red:
    """A detector that scores how red the brightest of its pictures is."""

    categories = (EXPLICIT,)

    def __init__(self, name="red", fails_from=2.0):
        self.id = name
        self.manifest = SimpleNamespace(version="1.0")
        self._fails_from = fails_from
        self.seen = 0

    def prepare(self, rgb):
        return np.float32(rgb[..., 0].mean() / 255)

    def scores(self, tensors):
        self.seen += len(tensors)
        values = np.array(tensors, dtype=np.float64)[:, None]
        if values.max() >= self._fails_from:
            raise RuntimeError("no")
        return values


@pytest.fixture
def folder(tmp_path):
    """Four pictures of known redness."""
    media = tmp_path / "media"
    (media / "sub").mkdir(parents=True)
    for name, red in (("a", 250), ("b", 140), ("sub/c", 130), ("d", 5)):
        Image.new("RGB", (64, 48), (red, 20, 20)).save(media / f"{name}.png")
    return media


@pytest.fixture
def held(tmp_path, folder):
    def held(lines, *detectors, **options):
        file = tmp_path / "labels.csv"
        file.write_text(f"path,{EXPLICIT},violence.gore,slice:place\n{lines}")
        return evaluate(
            read_labels(file), folder, detectors or (Red(),), {EXPLICIT: (0.5,)}, **options
        )

    return held


LINES = "a.png,1,,in\nb.png,1,,in\nsub/c.png,0,,out\nd.png,0,,out\n"


def rates(made, place=0):
    return made.categories[0].opinions[place].operating[0].rates


def test_scores_meet_their_labels(held):
    done = []
    made = held(LINES, tell=done.append)
    assert done == [1, 2, 3, 4]
    found = rates(made)
    assert (found.tp, found.fn, found.fp, found.tn) == (2, 0, 1, 1)
    (alarm,) = made.categories[0].opinions[0].false_alarms
    assert (alarm.path, alarm.score) == ("sub/c.png", round(130 / 255, 4))
    assert made.detectors == {"red": "1.0"}
    assert made.unjudged == ()


def test_several_at_once_answer_the_same(held):
    assert held(LINES, jobs=3) == held(LINES)


def test_what_could_not_be_judged_is_unknown(held, folder):
    shutil.copy(folder / "a.png", folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "words.txt").write_text("no picture")
    Image.new("RGB", (2, 2), (255, 0, 0)).save(folder / "tiny.png")
    (folder / "link.png").symlink_to(folder / "a.png")
    (folder / "way").symlink_to(folder / "sub")
    lost = ["cut.png", "words.txt", "tiny.png", "link.png", "way/c.png", "none.png"]
    made = held(LINES + "".join(f"{name},0,,in\n" for name in lost))
    assert [item.path for item in made.unjudged] == lost
    assert all(item.unknowns for item in made.unjudged)
    counts = made.categories[0].opinions[0].counts
    assert (counts.negative, counts.unknown_negative) == (2, 6)
    assert rates(made).fpr.judged.n == 2
    assert (rates(made).fpr.worst.hits, rates(made).fpr.worst.n) == (7, 8)


def test_a_detector_that_fails_costs_its_own_answer_alone(held):
    made = held(LINES, Red(), Red("weak", fails_from=0.9))
    red, weak, either, both = made.categories[0].opinions
    assert red.counts.unknown == 0
    assert [one.counts.unknown_positive for one in (weak, either, both)] == [1, 1, 1]
    (item,) = made.unjudged
    assert item.path == "a.png"
    assert [unknown.detector for unknown in item.unknowns] == ["weak"]


def test_a_video_counts_once_by_its_highest_frame(held, folder):
    shutil.copy(clip("bikes.mp4"), folder / "film.mp4")
    detector = Red()
    made = held("film.mp4,1,,in\n", detector, sampling=Sampling(gap=2.0))
    assert detector.seen > 4
    (opinion,) = made.categories[0].opinions
    assert (opinion.counts.positive, opinion.counts.unknown) == (1, 0)
    one = Red()
    two = held("film.mp4,1,,in\n", one, sampling=Sampling(gap=0.5))
    assert one.seen > detector.seen
    assert two.categories[0].opinions[0].points[0].threshold >= opinion.points[0].threshold


def test_what_is_labelled_or_answered_for_alone_is_said(held):
    made = held("a.png,,1,in\n")
    assert made.categories == ()
    assert made.uncovered == ("violence.gore",)
    assert made.unlabelled == (EXPLICIT,)


def test_an_item_without_a_label_is_left_out_and_not_negative(held):
    made = held("a.png,1,,in\nb.png,,0,in\nd.png,0,,in\n")
    (result,) = made.categories
    assert result.unlabelled == 1
    assert result.opinions[0].counts.negative == 1


def test_ordinary_photographs_are_read(held, folder):
    shutil.copy(photo("coffee.png"), folder / "coffee.png")
    made = held("coffee.png,0,,in\n")
    assert made.categories[0].opinions[0].counts.negative == 1


def test_a_model_that_says_where_counts_by_its_best_box(tmp_path, folder):
    rows = [[0.0, 0.0, 8.0, 8.0, 0.3], [8.0, 0.0, 16.0, 8.0, 0.6]]
    text = manifest(
        task="detect",
        output__boxes={"format": "xyxy"},
        input__fit="contain",
        labels={"gun": EXPLICIT},
    )
    file, weights = stored(tmp_path, boxes(rows), text)
    detector = open_model(parse(file.read_text(), file.name), weights)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,{EXPLICIT}\na.png,0\n")
    made = evaluate(read_labels(labels), folder, [detector], {EXPLICIT: (0.5,)})
    (alarm,) = made.categories[0].opinions[0].false_alarms
    assert alarm.score == 0.6
