"""Graph models of TensorFlow.js: what is computed, what is refused, and how one is installed."""

import base64
import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from demo import media
from tidegate.detectors import Classifier, models
from tidegate.detectors.convert import ConversionError, npm, nsfwjs, tfjs
from tidegate.detectors.convert.jsmodule import exported
from tidegate.detectors.convert.onnxfile import Graph
from tidegate.detectors.convert.place import reviewed

SIDE = 9
WRAPPER = "!function(e){module.exports=e()}(function(){return{1:[function(t,e,a){e.exports="
END = "},{}]},{},[1])(1)});"


def attribute(*texts: str) -> dict:
    return {"list": {"s": [base64.b64encode(t.encode()).decode() for t in texts]}}


def text(value: str) -> dict:
    return {"s": base64.b64encode(value.encode()).decode()}


def window(stride: int, *fused: str, padding: str = "SAME") -> dict:
    return {
        "strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}},
        "dilations": {"list": {"i": ["1", "1", "1", "1"]}},
        "padding": text(padding),
        "data_format": text("NHWC"),
        "fused_ops": attribute(*fused),
    }


def toy() -> tuple[dict, bytes, dict[str, np.ndarray]]:
    """A model with each operator, its shard, and its weights as they should be understood."""
    shapes = {
        "k1": (3, 3, 3, 4), "b1": (4,), "k2": (3, 3, 4, 2), "b2": (8,), "k3": (1, 1, 8, 8),
        "b3": (8,), "m": (8, 5), "b4": (5,), "two": (), "one": (),
    }  # fmt: skip
    stored = {"k1": "uint8", "b1": "uint16", "k2": "float16", "k3": "uint8", "m": "uint8"}
    random = np.random.RandomState(3)
    listed, shard, weights = [], b"", {}
    for name, shape in shapes.items():
        entry = {"name": name, "shape": list(shape), "dtype": "float32"}
        kind = stored.get(name)
        if kind is None:
            value = random.uniform(-1, 1, shape).astype("<f4")
            raw = value
        elif kind == "float16":
            raw = random.uniform(-1, 1, shape).astype("<f2")
            value = raw.astype(np.float32)
            entry["quantization"] = {"dtype": kind}
        else:
            top = 255 if kind == "uint8" else 65535
            raw = random.randint(0, top + 1, shape).astype("u1" if kind == "uint8" else "<u2")
            entry["quantization"] = {"dtype": kind, "min": -0.8, "scale": 1.7 / top}
            value = (raw * (1.7 / top) - 0.8).astype(np.float32)
        listed.append(entry)
        shard += raw.tobytes()
        weights[name] = value
    average = window(1, padding="VALID") | {"ksize": {"list": {"i": ["1", "5", "5", "1"]}}}
    nodes = [
        {"name": "k1", "op": "Const"},
        {"name": "x", "op": "Placeholder"},
        {"name": "mul", "op": "Mul", "input": ["two", "x"]},
        {"name": "sub", "op": "Sub", "input": ["mul", "one"]},
        {"name": "c1", "op": "_FusedConv2D", "input": ["sub", "k1", "b1"],
         "attr": window(2, "BiasAdd", "Relu6")},
        {"name": "c2", "op": "FusedDepthwiseConv2dNative", "input": ["c1", "k2", "b2"],
         "attr": window(1, "BiasAdd", "Relu6")},
        {"name": "c3", "op": "_FusedConv2D", "input": ["c2", "k3", "b3"],
         "attr": window(1, "BiasAdd")},
        {"name": "add", "op": "AddV2", "input": ["c2", "c3"]},
        {"name": "pool", "op": "AvgPool", "input": ["add"], "attr": average},
        {"name": "flat", "op": "Squeeze", "input": ["pool"],
         "attr": {"squeeze_dims": {"list": {"i": ["1", "2"]}}}},
        {"name": "dense", "op": "_FusedMatMul", "input": ["flat", "m", "b4"],
         "attr": {"fused_ops": attribute("BiasAdd")}},
        {"name": "soft", "op": "Softmax", "input": ["dense"]},
        {"name": "Identity", "op": "Identity", "input": ["soft"]},
    ]  # fmt: skip
    model = {
        "format": "graph-model",
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["shard"], "weights": listed}],
    }
    return model, shard, weights


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's convolution with SAME padding, written out; kernel (h, w, in, out)."""
    height, width = kernel.shape[:2]
    out = [-(-side // stride) for side in x.shape[:2]]
    needed = [
        max((o - 1) * stride + k - side, 0)
        for o, k, side in zip(out, (height, width), x.shape[:2], strict=True)
    ]
    x = np.pad(x, [(n // 2, n - n // 2) for n in needed] + [(0, 0)])
    y = np.zeros((*out, kernel.shape[3]))
    for i in range(out[0]):
        for j in range(out[1]):
            patch = x[i * stride : i * stride + height, j * stride : j * stride + width]
            y[i, j] = np.einsum("hwc,hwco->o", patch, kernel)
    return y


def evaluated(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """The toy model in NumPy, for one picture."""
    relu6 = lambda v: np.clip(v, 0, 6)  # noqa: E731
    c1 = relu6(convolve(x * w["two"] - w["one"], w["k1"], 2) + w["b1"])
    depthwise = [convolve(c1[:, :, c : c + 1], w["k2"][:, :, c : c + 1], 1) for c in range(4)]
    c2 = relu6(np.concatenate(depthwise, axis=2) + w["b2"])
    both = c2 + convolve(c2, w["k3"], 1) + w["b3"]
    logits = both.mean(axis=(0, 1)) @ w["m"] + w["b4"]
    return np.exp(logits) / np.exp(logits).sum()


def convert(model: dict, shard: bytes) -> bytes:
    return tfjs.convert(json.dumps(model), {"shard": shard}, name="toy", side=SIDE)


def run(onnx: bytes, pictures: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (output,) = session.run(["output"], {"input": pictures.astype(np.float32)})
    return output


def test_a_converted_model_answers_as_its_layers_do():
    model, shard, weights = toy()
    pictures = np.random.RandomState(4).uniform(0, 1, (3, SIDE, SIDE, 3))
    expected = [evaluated(picture, weights) for picture in pictures]
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(run(convert(model, shard), pictures), expected, atol=1e-5)


def test_the_same_model_gives_the_same_bytes():
    model, shard, _ = toy()
    reordered = dict(reversed(model.items()))
    assert convert(model, shard) == convert(reordered, shard)


def broken(change) -> str:
    """The error that a changed toy model gives."""
    model, shard, _ = toy()
    nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
    weights = {weight["name"]: weight for weight in model["weightsManifest"][0]["weights"]}
    shard = change(model, nodes, weights, shard) or shard
    with pytest.raises(ConversionError) as error:
        convert(model, shard)
    return str(error.value)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("format", lambda m, n, w, s: m.update(format="layers-model")),
        ("the shards end within the weight 'one'", lambda m, n, w, s: s[:-1]),
        ("1 bytes too many", lambda m, n, w, s: s + b"."),
        (
            "no shard '../shard'",
            lambda m, n, w, s: m["weightsManifest"][0].update(paths=["../shard"]),
        ),
        ("not finite", lambda m, n, w, s: w["k1"]["quantization"].update(scale=1e300)),
        ("more than", lambda m, n, w, s: w["k1"].update(shape=[1 << 20, 1 << 20])),
        ("shape", lambda m, n, w, s: w["k1"].update(shape=[-1, 3, 3, 4])),
        ("dtype", lambda m, n, w, s: w["k1"].update(dtype="string")),
        ("quantization", lambda m, n, w, s: w["k1"]["quantization"].update(dtype="int4")),
        (
            "a weight of 4 axes in 'b1'",
            lambda m, n, w, s: n["c1"].update(input=["sub", "b1", "b1"]),
        ),
        ("operator Where is not", lambda m, n, w, s: n["add"].update(op="Where")),
        ("nothing before gives 'c3'", lambda m, n, w, s: n["sub"].update(input=["c3", "one"])),
        ("2 inputs, not 3", lambda m, n, w, s: n["c1"].update(input=["sub", "k1"])),
        ("0 inputs, not 3", lambda m, n, w, s: n["dense"].update(input=[])),
        ("fuses Elu", lambda m, n, w, s: n["c1"]["attr"].update(fused_ops=attribute("Elu"))),
        ("is dilated", lambda m, n, w, s: n["c1"]["attr"].update(dilations=window(2)["strides"])),
        (
            "not laid out as NHWC",
            lambda m, n, w, s: n["c1"]["attr"].update(data_format=text("NCHW")),
        ),
        ("padding 'EXPLICIT'", lambda m, n, w, s: n["c1"]["attr"].update(padding=text("EXPLICIT"))),
        ("is not the base64", lambda m, n, w, s: n["c1"]["attr"].update(padding={"s": "?"})),
        (
            "averages over its padding",
            lambda m, n, w, s: n["pool"]["attr"].update(padding=text("SAME")),
        ),
        ("squeezes other axes", lambda m, n, w, s: n["flat"].update(attr={})),
        ("transposes", lambda m, n, w, s: n["dense"]["attr"].update(transpose_b={"b": True})),
        ("not a single number", lambda m, n, w, s: n["mul"].update(input=["b1", "x"])),
        (
            "'input' is empty or taken",
            lambda m, n, w, s: n["mul"].update(op="Placeholder", input=[]),
        ),
        ("no nodes", lambda m, n, w, s: m["modelTopology"].update(node=[])),
    ],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(why, change):
    assert why in broken(change)


def test_deep_nesting_is_refused():
    with pytest.raises(ConversionError, match="toy"):
        tfjs.convert('{"a":' * 100_000, {}, name="toy", side=SIDE)


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(10**9), 10**9) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda value: isinstance(value, str | list | dict))
)  # fmt: skip
def test_data_that_a_script_exports_is_read_back(value):
    script = WRAPPER + json.dumps(value, separators=(",", ":")) + END
    assert json.loads(exported(script.encode(), "m.js")) == value


def test_the_spellings_of_a_minifier_are_read():
    script = WRAPPER + '{a:!0,b:[!1,.5,-.25,1e-9,-3],$c_1:"x:\\"{",d:{}}' + END
    value = {"a": True, "b": [False, 0.5, -0.25, 1e-9, -3], "$c_1": 'x:"{', "d": {}}
    assert json.loads(exported(script.encode(), "m.js")) == value


@pytest.mark.parametrize(
    "data",
    [
        "{a:f()}",
        "[1,2;3]",
        "{a:`x`}",
        '{a:"x"+"y"}',
        "[0x10]",
        "[1",
        '"abc',
        "{a:new Date}",
        "[trueish]",
    ],
)
def test_code_is_no_data(data):
    with pytest.raises(ConversionError, match=r"m\.js: no plain data at character \d+"):
        exported((WRAPPER + data).encode(), "m.js")


@pytest.mark.parametrize("script", [b"", b"exports=f()", b"exports=\xff"])
def test_a_script_without_data_is_refused(script):
    with pytest.raises(ConversionError, match=r"m\.js: "):
        exported(script, "m.js")


def test_a_graph_is_written_with_values_that_exist():
    graph = Graph("toy")
    x = graph.input("input", (None, 2))
    with pytest.raises(ConversionError, match="no value 'y'"):
        graph.node("Add", x, "y")
    with pytest.raises(ConversionError, match="taken"):
        graph.constant("input", np.zeros(2, np.float32))
    with pytest.raises(ConversionError, match="float64"):
        graph.constant("c", np.zeros(2))


def test_every_kind_of_attribute_is_written():
    graph = Graph("toy")
    x = graph.input("input", (None, 2, 3))
    x = graph.node("LeakyRelu", x, alpha=0.5)
    x = graph.node("ReduceSum", x, graph.constant("axes", np.array([-1], np.int64)), keepdims=0)
    x = graph.node("Softmax", x, axis=-1)
    x = graph.node("Unsqueeze", x, graph.constant("last", np.array([2], np.int64)))
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    x = graph.node("DepthToSpace", graph.node("Unsqueeze", x, "last"), blocksize=1, mode="CRD")
    graph.output(x, "output", (None, 1, 1, 2))
    given = np.array([[[1, 2, -8], [3, -1, 1]]])
    summed = np.array([1 + 2 - 4, 3 - 0.5 + 1])
    expected = np.exp(summed) / np.exp(summed).sum()
    np.testing.assert_allclose(run(graph.encode(), given), expected.reshape(1, 1, 1, 2), rtol=1e-6)


def archive(files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(f"{nsfwjs.FOLDER}/{name}")
                member.size, member.type = len(data), kind
                tar.addfile(member, io.BytesIO(data))
        return buffer.getvalue()


def packed_toy() -> dict[str, bytes]:
    model, shard, _ = toy()
    model["weightsManifest"][0]["paths"] = list(nsfwjs.SHARDS)
    parts = (shard[:50], shard[50:])
    files = {nsfwjs.MODEL: json.dumps(model, separators=(",", ":"))}
    for file, part in zip(nsfwjs.SHARDS.values(), parts, strict=True):
        files[file] = json.dumps(base64.b64encode(part).decode())
    return {name: (WRAPPER + data + END).encode() for name, data in files.items()}


def test_the_model_is_read_from_the_package(monkeypatch):
    monkeypatch.setattr(nsfwjs, "SIDE", SIDE)
    model, shard, _ = toy()
    picture = np.random.RandomState(8).uniform(0, 1, (1, SIDE, SIDE, 3))
    found = run(nsfwjs.convert(archive(packed_toy() | {"other.js": b"run()"})), picture)
    np.testing.assert_array_equal(found, run(convert(model, shard), picture))


def test_packages_that_are_not_whole_are_refused():
    files = packed_toy()
    shard = nsfwjs.SHARDS["group1-shard2of2"]
    for data, why in (
        (b"no archive", "cannot be read"),
        (gzip.compress(b"no archive"), "cannot be read"),
        (archive(files)[:-40], "cannot be read"),
        (archive({k: v for k, v in files.items() if k != shard}), f"has no .*{shard}"),
        (archive(files, tarfile.SYMTYPE), "no file of ordinary size"),
        (archive(files | {shard: bytes(nsfwjs.MAX_MEMBER + 1)}), "no file of ordinary size"),
        (archive(files | {shard: (WRAPPER + '"?"' + END).encode()}), shard),
    ):
        with pytest.raises(ConversionError, match=why):
            nsfwjs.convert(data)


def test_another_package_than_the_reviewed_one_is_refused_unread(tmp_path):
    given = tmp_path / "nsfwjs.tgz"
    given.write_bytes(archive(packed_toy()))
    with pytest.raises(ConversionError, match=r"nsfwjs\.tgz has sha256 .* not the file"):
        nsfwjs.install(tmp_path / "home", lambda line: None, given)
    with pytest.raises(ConversionError, match="No such file"):
        nsfwjs.install(tmp_path / "home", lambda line: None, tmp_path / "nothing.tgz")
    assert not (tmp_path / "home").exists()


def test_no_more_of_a_file_is_read_than_it_may_have(tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(1000))
    with pytest.raises(ConversionError, match="more than 10 bytes"):
        reviewed(large, 10, "0" * 64)


@pytest.fixture
def fake_npm(tmp_path, monkeypatch):
    """Puts an npm on the path that is a shell script."""

    def put(script: str) -> Path:
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "npm").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{script}\n')
        (tools / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        folder = tmp_path / "folder"
        folder.mkdir()
        return folder

    return put


def test_npm_fetches_one_version_and_runs_no_scripts(fake_npm, tmp_path):
    folder = fake_npm("echo archive > p-1.0.tgz; echo p-1.0.tgz")
    assert npm.pack("p", "1.0", folder).read_text() == "archive\n"
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0] == "pack"
    assert "--ignore-scripts" in asked
    assert asked[-1] == "p@1.0"


def test_an_npm_without_network_says_why(fake_npm):
    folder = fake_npm("echo 'npm error code ENOTFOUND\nnpm error     at x.js:1' >&2; exit 1")
    with pytest.raises(ConversionError, match=r"npm could not fetch p@1\.0: code ENOTFOUND$"):
        npm.pack("p", "1.0", folder)


def test_an_npm_that_fetches_nothing_has_failed(fake_npm):
    with pytest.raises(ConversionError, match="could not fetch"):
        npm.pack("p", "1.0", fake_npm("exit 0"))


def test_an_npm_that_hangs_is_stopped(fake_npm):
    with pytest.raises(ConversionError, match="did not fetch"):
        npm.pack("p", "1.0", fake_npm("exec sleep 60"), timeout=0.2)


def test_without_npm_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConversionError, match=r"npm pack nsfwjs@.* on another machine"):
        nsfwjs.install(tmp_path / "home", lambda line: None)
    assert not (tmp_path / "home").exists()


def test_the_manifest_keeps_three_labels_of_five():
    (manifest,) = (m.manifest for m in models() if m.manifest.id == "nsfwjs")
    assert manifest.categories == ("sexual.explicit", "sexual.suggestive", "sexual.drawn")
    assert manifest.dropped == ("Drawing", "Neutral")
    assert manifest.file.package is None


# What follows needs the package itself, 25 MB that are not fetched for a test run.
PACKAGE = os.environ.get("TIDEGATE_TEST_NSFWJS", "")

needs_package = pytest.mark.skipif(
    not PACKAGE, reason=f"TIDEGATE_TEST_NSFWJS names no nsfwjs-{nsfwjs.VERSION}.tgz"
)

# nsfwjs 4.4.0 on TensorFlow.js 4.22.0 (Node.js): what NSFWJS.classify gives for pictures of
# 224 x 224 pixels, which it does not resize: Drawing, Hentai, Neutral, Porn, Sexy.
UPSTREAM = {
    "chelsea.png": [0.755363, 0.008039, 0.232690, 0.002906, 0.001002],
    "china.jpg": [0.052260, 0.000167, 0.947536, 0.000003, 0.000034],
    "coffee.png": [0.004429, 0.000029, 0.995301, 0.000231, 0.000010],
    "rocket.jpg": [0.247370, 0.002503, 0.749283, 0.000417, 0.000426],
    "retina.jpg": [0.002271, 0.000645, 0.997078, 0.000003, 0.000004],
    "brick.png": [0.103911, 0.002823, 0.872135, 0.018035, 0.003096],
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    told: list[str] = []
    path = nsfwjs.install(home, told.append, Path(PACKAGE))
    assert [p.name for p in home.rglob("*") if p.is_file()] == ["nsfwjs.onnx"]
    assert told
    return path


@needs_package
def test_scores_are_those_of_the_published_package(installed):
    session = onnxruntime.InferenceSession(installed, providers=["CPUExecutionProvider"])
    for name, expected in UPSTREAM.items():
        small = media.photo(name).resize((224, 224), Image.Resampling.BOX)
        picture = np.asarray(small, dtype=np.float32)[None] / np.float32(255)
        (given,) = session.run(["output"], {"input": picture})
        np.testing.assert_allclose(given[0], expected, atol=1e-4)


@needs_package
def test_an_ordinary_photograph_scores_low(installed):
    (manifest,) = (m.manifest for m in models() if m.manifest.id == "nsfwjs")
    detector = Classifier(manifest, installed)
    tensors = [detector.prepare(np.asarray(media.photo(n))) for n in ("coffee.png", "china.jpg")]
    scores = detector.scores(tensors)
    assert scores.shape == (2, 3)
    assert scores.max() < 0.2
