"""What a model says beyond its manifest's allowlist does not leave the detector."""

import inspect
import io
import logging
from contextlib import contextmanager
from unittest import mock

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from demo import media
from tests.detectors.examples import SIDE, manifest, stored
from tidegate import detectors, taxonomy
from tidegate.detectors import Classifier, Locator, ManifestError, Scores, classifier, parse
from tidegate.detectors.convert.onnxfile import Graph
from tidegate.evidence import Evidence
from tidegate.pipeline import Scanner

TELLTALE = 0.8765
BLANK = np.zeros((32, 32, 3), np.uint8)


class Session:
    """Answers with given rows, whatever it is asked."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    def run(self, names, batch):
        self.asked.append(names)
        return [
            answer if answer.ndim < 1 or len(answer) != 1 else answer.repeat(len(batch), axis=0)
            for answer in self.answers
        ]


def answering(loaded, session):
    made = Locator if loaded.task == "detect" else Classifier
    with mock.patch.object(classifier, "Session", return_value=session):
        return made(loaded, weights=object())


@contextmanager
def logged():
    """Collect all that is logged, at every level, with tracebacks."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger("tidegate")
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root.addHandler(handler)
    try:
        yield stream
    finally:
        root.removeHandler(handler)


def parsed(text):
    """Return a manifest, or ``None`` with the reason why it is refused."""
    try:
        return parse(text, "m.yaml"), ""
    except ManifestError as error:
        return None, str(error)


# A prefix makes sure that a label is found only where it was told, and never by chance.
labels = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).map("qzx".__add__)
categories = st.sampled_from([*taxonomy.CATEGORIES, "ethnicity.any", "female", ""])


@settings(max_examples=60, deadline=None)
@given(
    outputs=st.lists(labels, min_size=2, max_size=8, unique=True),
    targets=st.lists(categories, min_size=1, max_size=4),
    frames=st.integers(1, 4),
)
def test_nothing_outside_the_allowlist_reaches_evidence(outputs, targets, frames):
    mapped = dict(zip(outputs, targets, strict=False))
    dropped = outputs[len(mapped) :]
    loaded, told = parsed(manifest(mapped, outputs, output__combine="max"))
    assert not any(f"'{label}'" in told for label in dropped)
    if loaded is None:
        return
    row = [0.1 if label in mapped else TELLTALE for label in outputs]
    detector = answering(loaded, Session(np.array([row], np.float32)))
    scores = Scores(detector)
    found = scores.ask([detector.prepare(BLANK)] * frames, [BLANK.shape[:2]] * frames)
    for second, answer in enumerate(found):
        scores.add(float(second), *answer)
    signals, tracks = scores.finish("video", float(frames))
    told = msgspec.json.encode(Evidence(signals=tuple(signals), tracks=tuple(tracks))).decode()
    assert {s.category for s in signals} == set(mapped.values()) <= set(taxonomy.detectable())
    assert {t.category for t in tracks} <= set(taxonomy.detectable())
    assert str(TELLTALE) not in told
    assert not any(label in told for label in outputs)


@pytest.fixture(scope="module")
def scanner():
    with Scanner(detectors=(), jobs=1) as scanner:
        yield scanner


answers = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8]),
    arrays.array_shapes(min_dims=0, max_dims=4, max_side=7),
) | arrays.arrays(np.float32, st.tuples(st.just(1), st.integers(1, 4)))


@settings(max_examples=40, deadline=None)
@given(answer=answers, task=st.sampled_from(["classify", "detect"]))
def test_whatever_a_model_answers_only_categories_are_told(scanner, answer, task):
    outputs = ["qzxgun", "qzxfemale", "qzxuyghur"]
    boxes = {"output__boxes": {"format": "xyxy"}} if task == "detect" else {}
    loaded = parse(manifest({"qzxgun": "violence.weapon"}, outputs, task=task, **boxes), "m.yaml")
    scanner.detectors = (answering(loaded, Session(answer)),)
    with logged() as log:
        item = scanner.scan(media.source("rocket.jpg"))
    told = msgspec.json.encode(item).decode() + log.getvalue()
    assert "qzx" not in told
    evidence = item.evidence
    assert {s.category for s in evidence.signals} <= {"violence.weapon"}
    assert all(0.0 <= s.score <= 1.0 for s in evidence.signals)
    # No answer is never taken for a low score.
    assert bool(evidence.signals) is not bool(evidence.unknowns)
    for unknown in evidence.unknowns:
        assert (unknown.cause, unknown.categories) == ("detector_failed", ("violence.weapon",))


def test_what_the_runtime_says_of_a_graph_is_told_to_nobody(scanner, tmp_path):
    graph = Graph("picky")
    x = graph.input("x", (None, SIDE, SIDE, 3))
    mean = graph.node("ReduceMean", x, axes=[1, 2, 3], keepdims=0)
    index = graph.node("Cast", mean, to=7, name="qzxwoman")
    rows = graph.constant("rows", np.array([[0.5]], np.float32))
    graph.output(graph.node("Gather", rows, index, axis=0), "y", (None, 1))
    file, weights = stored(tmp_path, graph.encode(), manifest({"gun": "violence.weapon"}))
    scanner.detectors = (Classifier(parse(file.read_text(), "m.yaml"), weights),)
    with logged() as log:
        item = scanner.scan(media.source("rocket.jpg"))
    (unknown,) = item.evidence.unknowns
    assert unknown.cause == "detector_failed"
    assert item.evidence.signals == ()
    told = msgspec.json.encode(item).decode() + log.getvalue()
    assert "detector example failed" in told
    for word in ("qzx", "Gather", "Traceback", "indices"):
        assert word not in told


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 7.0, -0.5])
def test_a_score_that_cannot_be_is_no_score(bad):
    loaded = parse(manifest({"gun": "violence.weapon"}, ["gun", "cat"]), "m.yaml")
    detector = answering(loaded, Session(np.array([[0.5, bad]], np.float32)))
    with pytest.raises(ArithmeticError):
        detector.scores([detector.prepare(BLANK)])


def test_a_label_about_people_is_dropped_and_its_column_is_not_read():
    outputs = ["uyghur", "gun", "FACE_FEMALE"]
    loaded = parse(manifest({"gun": "violence.weapon"}, outputs), "m.yaml")
    session = Session(np.array([[TELLTALE, 0.1, TELLTALE]], np.float32))
    detector = answering(loaded, session)
    (row,) = detector.scores([detector.prepare(BLANK)])
    assert detector.categories == ("violence.weapon",)
    np.testing.assert_allclose(row, [0.1], atol=1e-6)
    assert session.asked == [["y"]], "no other output of the graph is ever asked for"


def _public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def test_no_interface_takes_words_trains_or_returns_an_embedding():
    """Whoever adds to this surface has to change this test, and to be reviewed for it."""
    assert _public(Classifier) == {"categories", "id", "prepare", "scores"}
    assert _public(Locator) == _public(Classifier) | {"locate"}
    for method in (Classifier.prepare, Classifier.scores, Locator.locate):
        assert set(inspect.signature(method).parameters) <= {"self", "rgb", "tensors", "sizes"}
    public = "Classifier Coverage Locator Manifest ManifestError Model Scores Survey coverage "
    assert set(detectors.__all__) == set((public + "find installed models parse survey").split())
    for name in ("installed", "models", "survey"):
        assert not inspect.signature(getattr(detectors, name)).parameters


def test_scores_have_one_column_for_each_category_and_no_more():
    outputs = ["gun", "rifle", "beer", "a", "b", "c"]
    mapped = {"gun": "violence.weapon", "rifle": "violence.weapon", "beer": "regulated.alcohol"}
    detector = answering(
        parse(manifest(mapped, outputs), "m.yaml"),
        Session(np.full((1, 6), 0.1, np.float32)),
    )
    found = detector.scores([detector.prepare(BLANK)] * 3)
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found[0], [0.2, 0.1], atol=1e-6)
