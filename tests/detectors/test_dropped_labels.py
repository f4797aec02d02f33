"""What a model says beyond its manifest's allowlist does not leave the detector."""

from unittest import mock

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.test_manifest import manifest
from tidegate import taxonomy
from tidegate.detectors import Classifier, Scores, classifier, parse, red_line
from tidegate.evidence import Evidence

TELLTALE = 0.8765


class Session:
    """Answers with a telltale score for every label that is not mapped."""

    def __init__(self, labels, mapped):
        self.row = [0.1 if label in mapped else TELLTALE for label in labels]

    def run(self, names, feed):
        (batch,) = feed.values()
        return [np.array([self.row] * len(batch), dtype=np.float32)]


def answering(loaded, session):
    with mock.patch.object(classifier, "_open", return_value=session):
        return Classifier(loaded, weights=object())


labels = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    outputs=st.lists(labels, min_size=2, max_size=8, unique=True),
    categories=st.lists(st.sampled_from(taxonomy.detectable()), min_size=1, max_size=4),
    frames=st.integers(1, 4),
)
def test_nothing_outside_the_allowlist_reaches_evidence(outputs, categories, frames):
    mapped = {
        label: category
        for label, category in zip(outputs, categories, strict=False)
        if red_line.check(label) is None
    }
    if not mapped:
        return
    loaded = parse(manifest(mapped, outputs), "m.yaml")
    detector = answering(loaded, Session(outputs, mapped))
    scores = Scores(detector)
    picture = np.zeros((32, 32, 3), np.uint8)
    for second, row in enumerate(detector.scores([detector.prepare(picture)] * frames)):
        scores.add(float(second), row)
    signals, tracks = scores.finish("video", float(frames))
    told = msgspec.json.encode(Evidence(signals=tuple(signals), tracks=tuple(tracks))).decode()
    assert {s.category for s in signals} == set(mapped.values())
    assert str(TELLTALE) not in told
    # No label of the model's own, mapped or not, is written anywhere.
    evidence = msgspec.json.decode(told)
    assert {s["detector"] for s in evidence["signals"]} == {"example"}
    assert {s["category"] for s in evidence["signals"]} <= set(taxonomy.CATEGORIES)
    assert {t["category"] for t in evidence["tracks"]} <= set(taxonomy.CATEGORIES)


def test_a_label_about_people_is_dropped_and_its_column_is_not_read():
    outputs = ["uyghur", "gun", "FACE_FEMALE"]
    loaded = parse(manifest({"gun": "violence.weapon"}, outputs), "m.yaml")
    detector = answering(loaded, Session(outputs, {"gun"}))
    (row,) = detector.scores([detector.prepare(np.zeros((32, 32, 3), np.uint8))])
    assert detector.categories == ("violence.weapon",)
    np.testing.assert_allclose(row, [0.1], atol=1e-6)
