"""A model's input, activation, calibration and boxes, on models that are made here."""

import math

import numpy as np
import pytest
from PIL import Image

from tests.detectors.examples import SIDE, boxes, brightness, manifest, stored
from tidegate.detectors import ManifestError, Scores, parse
from tidegate.detectors.catalogue import open_model
from tidegate.detectors.convert import onnxfile
from tidegate.detectors.locator import Seen
from tidegate.detectors.preprocess import square, tensor
from tidegate.evidence import Box

WEAPON, ALCOHOL = "violence.weapon", "regulated.alcohol"


@pytest.fixture
def loaded(tmp_path):
    def loaded(model, *labels, **changes):
        file, weights = stored(tmp_path, model, manifest(*labels, **changes))
        return open_model(parse(file.read_text(), file.name), weights)

    return loaded


def spec(**changes):
    return parse(manifest(**{f"input__{k}": v for k, v in changes.items()}), "m.yaml").input


def plain(red, green=0, blue=0, size=(40, 20)):
    return np.asarray(Image.new("RGB", size, (red, green, blue)))


def scores(detector, *pictures):
    return detector.scores([detector.prepare(p) for p in pictures])


def test_colour_scale_mean_and_std_are_applied_in_their_order():
    given = spec(colour="bgr", scale=1 / 255, mean=[0.1, 0.2, 0.3], std=[0.5, 1.0, 2.0])
    found = tensor(plain(255, 51, 0), given)
    assert (found.shape, found.dtype) == ((SIDE, SIDE, 3), np.float32)
    expected = [(0.0 - 0.1) / 0.5, (0.2 - 0.2) / 1.0, (1.0 - 0.3) / 2.0]
    np.testing.assert_allclose(found[3, 5], expected, atol=1e-6)


def test_layout_and_dtype():
    assert tensor(plain(7), spec(layout="nchw", dtype="float16")).dtype == np.float16
    found = tensor(plain(7, 8, 9), spec(layout="nchw", dtype="uint8"))
    assert (found.shape, found.dtype) == ((3, SIDE, SIDE), np.uint8)
    assert found[:, 0, 0].tolist() == [7, 8, 9]


def halves():
    """Return a picture twice as wide as high, black but for its white middle half."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 10:30] = 255
    return picture


@pytest.mark.parametrize(
    ("fit", "row"),
    [
        ("stretch", [0] * 4 + [255] * 8 + [0] * 4),
        ("cover", [255] * 16),
        ("contain", [0] * 4 + [255] * 8 + [0] * 4),
    ],
)
def test_fit(fit, row):
    found = square(halves(), spec(fit=fit, filter="nearest", fill=9))
    assert found[SIDE // 2, :, 0].tolist() == row
    assert found[0, 0, 0] == (9 if fit == "contain" else row[0])


def test_the_centre_is_cut_out():
    found = square(halves(), spec(resize=32, crop=16, filter="nearest"))
    assert (found == 255).all()


def test_labels_of_one_category_add_up_and_have_weights(loaded):
    model = brightness([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    labels = {"gun": WEAPON, "rifle": {"category": WEAPON, "weight": 0.5}}
    both = loaded(model, labels, ["gun", "rifle", "cat"], input__scale=1 / 255)
    np.testing.assert_allclose(scores(both, plain(51, 102, 255)), [[0.4]], atol=1e-6)
    highest = loaded(
        model, labels, ["gun", "rifle", "cat"], input__scale=1 / 255, output__combine="max"
    )
    np.testing.assert_allclose(scores(highest, plain(51, 204, 255)), [[0.4]], atol=1e-6)


LOGITS = brightness([[4, 0, 0], [0, 4, 0]])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"output__activation": "softmax"}, sigmoid(2.0)),
        ({"output__activation": "sigmoid", "output__combine": "max"}, sigmoid(4.0)),
        (
            {
                "output__activation": "softmax",
                "calibration": {"method": "temperature", "temperature": 2.0, "data": "x"},
            },
            sigmoid(1.0),
        ),
        (
            {
                "output__activation": "softmax",
                "calibration": {"method": "platt", "lines": {WEAPON: [0.5, -1.0]}, "data": "x"},
            },
            sigmoid(0.0),
        ),
        (
            {
                "output__activation": "softmax",
                "calibration": {
                    "method": "isotonic",
                    "tables": {WEAPON: [[0.0, 0.0], [0.5, 0.1], [1.0, 0.1]]},
                    "data": "x",
                },
            },
            0.1,
        ),
    ],
)
def test_activation_and_calibration(loaded, changes, expected):
    detector = loaded(LOGITS, {"gun": WEAPON}, ["gun", "cat"], input__scale=1 / 255, **changes)
    np.testing.assert_allclose(scores(detector, plain(255, 128)), [[expected]], atol=4e-3)


def test_probabilities_have_a_temperature_too(loaded):
    detector = loaded(
        brightness([[1, 0, 0], [0, 1, 0]]),
        {"gun": WEAPON},
        ["gun", "cat"],
        input__scale=1 / 255,
        calibration={"method": "temperature", "temperature": 2.0, "data": "x"},
    )
    # sqrt(0.8) : sqrt(0.2) is 2 : 1.
    np.testing.assert_allclose(scores(detector, plain(204, 51)), [[2 / 3]], atol=1e-5)


def test_logits_that_are_taken_for_probabilities_are_an_error(loaded):
    detector = loaded(LOGITS, {"gun": WEAPON}, ["gun", "cat"])
    with pytest.raises(ArithmeticError, match="no probability"):
        scores(detector, plain(255))


def test_many_pictures_are_asked_in_batches(loaded):
    detector = loaded(
        brightness([[1, 0, 0], [0, 1, 0]]),
        {"gun": WEAPON},
        ["gun", "cat"],
        input__scale=1 / 255,
        batch=2,
    )
    found = scores(detector, *(plain(51 * i) for i in range(6)))
    np.testing.assert_allclose(found[:, 0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], atol=1e-6)


ROWS = [
    [0.0, 4.0, 8.0, 12.0, 0.9, 0.0],  # left half of the picture's middle: gun
    [0.5, 4.0, 8.0, 12.0, 0.8, 0.0],  # nearly the same: suppressed
    [8.0, 4.0, 16.0, 12.0, 0.6, 0.7],  # the right half: gun, and more so beer
    [2.0, 2.0, 2.0, 9.0, 0.95, 0.0],  # has no width
    [0.0, 0.0, 4.0, 4.0, 0.1, 0.0],  # below the floor
]
GUN_AND_BEER = {"gun": WEAPON, "beer": ALCOHOL}


def detecting(loaded, table=ROWS, apart=False, **changes):
    given = {"format": "xyxy", **changes}
    return loaded(
        boxes(table, apart=apart),
        GUN_AND_BEER,
        ["gun", "beer"],
        task="detect",
        output__boxes=given,
        input__fit="contain",
    )


LEFT = Box(left=0.0, top=0.0, right=0.5, bottom=1.0)
RIGHT = Box(left=0.5, top=0.0, right=1.0, bottom=1.0)


@pytest.mark.parametrize("apart", [False, True])
def test_boxes_are_those_of_the_picture_and_overlaps_are_one(loaded, apart):
    detector = detecting(loaded, apart=apart, **({"name": "b"} if apart else {}))
    wide = plain(9, size=(40, 20))  # Its tensor has a border above and below.
    (found,) = detector.locate([detector.prepare(wide)], [wide.shape[:2]])
    assert [(s.category, round(s.score, 3), s.box) for s in found.seen] == [
        (WEAPON, 0.9, LEFT),
        (ALCOHOL, 0.7, RIGHT),
        (WEAPON, 0.6, RIGHT),
    ]
    np.testing.assert_allclose(scores(detector, wide), [[0.95, 0.7]], atol=1e-6)


@pytest.mark.parametrize(
    ("format_", "unit", "row"),
    [
        ("yxyx", "pixels", [4.0, 0.0, 12.0, 8.0]),
        ("cxcywh", "pixels", [4.0, 8.0, 8.0, 8.0]),
        ("xyxy", "fractions", [0.0, 0.25, 0.5, 0.75]),
    ],
)
def test_box_formats(loaded, format_, unit, row):
    detector = detecting(loaded, [[*row, 0.9, 0.0]], format=format_, unit=unit)
    wide = plain(9, size=(40, 20))
    (found,) = detector.locate([detector.prepare(wide)], [wide.shape[:2]])
    assert [s.box for s in found.seen] == [LEFT]


def test_boxes_may_be_the_last_axis(loaded):
    detector = detecting(loaded, np.array(ROWS).T.tolist(), rows=False)
    wide = plain(9, size=(40, 20))
    (found,) = detector.locate([detector.prepare(wide)], [wide.shape[:2]])
    assert [s.box for s in found.seen] == [LEFT, RIGHT, RIGHT]


def test_boxes_reach_the_signals(loaded):
    detector = detecting(loaded)
    wide = plain(9, size=(40, 20))
    still = Scores(detector)
    (answer,) = still.ask([detector.prepare(wide)], [wide.shape[:2]])
    still.add(0.0, *answer)
    signals, _ = still.finish("image", 0.0)
    assert [(s.category, s.score, s.box) for s in signals] == [
        (WEAPON, 0.9, LEFT),
        (WEAPON, 0.6, RIGHT),
        (WEAPON, 0.95, None),  # A box without an area: it was seen, and nobody knows where.
        (ALCOHOL, 0.7, RIGHT),
    ]
    moving = Scores(detector)
    moving.add(0.0, *answer)
    signals, tracks = moving.finish("video", 1.0)
    assert [(s.category, s.peak, s.box) for s in signals] == [
        (WEAPON, 0.0, LEFT),
        (ALCOHOL, 0.0, RIGHT),
    ]
    assert len(tracks) == 2


def test_what_has_no_place_is_not_lost(loaded):
    scores = Scores(detecting(loaded))
    seen = (Seen(WEAPON, 0.3, LEFT),)
    scores.add(0.0, np.array([0.95, 0.0]), seen)
    signals, _ = scores.finish("image", 0.0)
    assert [(s.score, s.box) for s in signals if s.category == WEAPON] == [
        (0.3, LEFT),
        (0.95, None),
    ]


def test_no_box_at_all_is_an_answer_of_zero(loaded):
    detector = detecting(loaded, [[0.0, 0.0, 9.0, 9.0, 0.0, 0.0]])
    still = Scores(detector)
    (answer,) = still.ask([detector.prepare(plain(9))], [(20, 40)])
    still.add(0.0, *answer)
    signals, _ = still.finish("image", 0.0)
    assert [(s.category, s.score, s.box) for s in signals] == [
        (WEAPON, 0.0, None),
        (ALCOHOL, 0.0, None),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"input__name": "z"}, "not one input"),
        ({"input__resize": 32, "input__crop": 32}, "the input is"),
        ({"input__layout": "nchw"}, "the input is"),
        ({"input__dtype": "uint8"}, "the input is"),
        ({"output__name": "z"}, "no output"),
        ({"output__labels": ["gun", "cat"]}, "the output is"),
    ],
)
def test_a_graph_that_is_not_the_manifests_is_refused(loaded, changes, reason):
    with pytest.raises(ManifestError, match=reason) as error:
        loaded(brightness([[1, 0, 0]]), **changes)
    assert str(error.value).startswith("example: ")


def test_an_error_does_not_tell_the_graphs_own_names_of_its_sides(loaded):
    graph = onnxfile.Graph("named")
    x = graph.input("x", (None, SIDE, SIDE, 4))
    graph.output(graph.node("ReduceMean", x, axes=[1, 2], keepdims=0), "y", (None, 4))
    with pytest.raises(ManifestError, match="the input is") as error:
        loaded(graph.encode().replace(b"batch", b"woman"))
    assert "woman" not in str(error.value)
    assert "?" in str(error.value)


def test_what_is_no_model_is_refused(loaded):
    with pytest.raises(ManifestError, match="no model that loads"):
        loaded(b"not a model at all")


def test_weights_in_another_file_are_not_read(loaded, tmp_path, monkeypatch):
    """The digest of the manifest is to cover all there is."""
    model = brightness([[1, 0, 0]])
    raw = np.array([[1, 0, 0]], np.float32).T.tobytes()
    inside = onnxfile._bytes(9, raw)
    location = onnxfile._text(1, "location") + onnxfile._text(2, "weights.bin")
    outside = onnxfile._bytes(13, location) + onnxfile._int(14, 1)
    assert len(inside) == 14
    assert model.count(inside) == 1
    graph = onnxfile.Graph("outside")
    x = graph.input("x", (None, SIDE, SIDE, 3))
    mean = graph.node("ReduceMean", x, axes=[1, 2], keepdims=0)
    w = graph.constant("w", np.array([[1, 0, 0]], np.float32).T)
    graph._constants[-1] = graph._constants[-1].replace(inside, outside)
    graph.output(graph.node("MatMul", mean, w), "y", (None, 1))
    tmp_path.joinpath("weights.bin").write_bytes(raw)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError, match="no model that loads"):
        loaded(graph.encode())
