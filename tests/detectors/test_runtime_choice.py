"""What runs a model is what the operator asked for, or an error; and it tells nobody."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.detectors.examples import boxes, brightness, manifest, stored
from tidegate.detectors import Classifier, Locator, ManifestError, engines, models, parse
from tidegate.detectors.convert import onnxfile
from tidegate.detectors.engines import version
from tidegate.detectors.golden import TOLERANCE, deviation
from tidegate.detectors.runtime import CPU_BATCH, Runtime, UnavailableError, chosen
from tidegate.pipeline.versions import versions

OPENVINO = Runtime(library="openvino")


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in ("TIDEGATE_RUNTIME", "TIDEGATE_DEVICE", "TIDEGATE_BATCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def files(tmp_path):
    text = manifest({"gun": "violence.weapon"}, ["gun", "cat"], input__scale=1 / 255)
    file, weights = stored(tmp_path, brightness([[1, 0, 0], [0, 1, 0]]), text)
    return parse(file.read_text(), file.name), weights


def test_unsaid_it_is_onnx_runtime_on_the_processor():
    assert chosen() == Runtime(library="onnxruntime", device="cpu", batch=None)
    assert chosen().at_once == os.cpu_count()
    assert chosen().most(8) == CPU_BATCH
    assert chosen().most(1) == 1


def test_a_gpu_gets_one_full_batch_at_a_time():
    for gpu in (Runtime(device="cuda"), Runtime(library="openvino", device="gpu")):
        assert (gpu.at_once, gpu.most(8)) == (1, 8)
    assert Runtime(device="cuda", batch=4).most(8) == 4
    assert Runtime(batch=64).most(8) == 8, "no more than the manifest allows"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("RUNTIME", "tensorflow", "a runtime is onnxruntime or openvino, not 'tensorflow'"),
        ("DEVICE", "azure", "a device of onnxruntime is cpu, cuda, migraphx or coreml"),
        ("DEVICE", "CUDA", "not 'CUDA'"),
        ("BATCH", "0", "from 1 to 64"),
        ("BATCH", "65", "from 1 to 64"),
        ("BATCH", "many", "from 1 to 64"),
        ("BATCH", "٣", "from 1 to 64"),
    ],
)
def test_a_setting_that_means_nothing_is_an_error(monkeypatch, files, name, value, reason):
    monkeypatch.setenv(f"TIDEGATE_{name}", value)
    with pytest.raises(UnavailableError, match=reason) as error:
        Classifier(*files)
    assert f"TIDEGATE_{name}: " in str(error.value)
    assert str(error.value).count("TIDEGATE_") == 1
    assert isinstance(error.value, ManifestError)


def test_a_device_that_this_build_has_not_is_an_error(files):
    with pytest.raises(UnavailableError, match="no CUDAExecutionProvider"):
        Classifier(*files, Runtime(device="cuda"))


def test_a_library_that_is_not_installed_is_an_error(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UnavailableError, match=r"pip install 'tidegate\[openvino\]'"):
        Classifier(*files, OPENVINO)


def pretending(monkeypatch, gpu):
    """Have ONNX Runtime say that it has CUDA, and ``gpu`` make the sessions on it."""
    real = engines.module("onnxruntime")

    def session(weights, options, *, providers, enable_fallback):
        assert enable_fallback == 0
        if providers[0][0] == "CPUExecutionProvider":
            return real.InferenceSession(weights, options, providers=providers)
        return gpu()

    fake = SimpleNamespace(
        get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
        SessionOptions=real.SessionOptions,
        InferenceSession=session,
    )
    monkeypatch.setattr(engines, "module", lambda library: fake)


def test_a_gpu_that_does_not_start_is_an_error_and_no_processor_takes_its_place(files, monkeypatch):
    """ONNX Runtime itself goes on without the device, and warns at most."""
    quiet = SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])
    pretending(monkeypatch, lambda: quiet)
    with pytest.raises(UnavailableError, match="'cuda' is not here"):
        Classifier(*files, Runtime(device="cuda"))


def test_a_gpu_that_fails_is_an_error_that_does_not_quote_it(files, monkeypatch):
    def fails():
        raise RuntimeError("qzxwoman: no kernel image")

    pretending(monkeypatch, fails)
    with pytest.raises(UnavailableError, match="'cuda' does not take the model") as error:
        Classifier(*files, Runtime(device="cuda"))
    assert "qzx" not in str(error.value)


def test_evidence_names_what_ran_the_models(files):
    ours = versions([Classifier(*files, Runtime())])
    assert ours["runtime:onnxruntime:cpu"] == version("onnxruntime")
    assert not any("runtime" in name for name in versions([]))


class TestOpenVINO:
    @pytest.fixture(autouse=True)
    def here(self):
        pytest.importorskip("openvino")

    def test_golden_vectors(self):
        (opennsfw,) = (model for model in models() if model.manifest.id == "opennsfw")
        detector = Classifier(opennsfw.manifest, opennsfw.weights, OPENVINO)
        assert opennsfw.manifest.golden
        assert deviation(detector) <= TOLERANCE
        told = versions([detector])
        assert told["runtime:openvino:cpu"] == version("openvino")
        assert set(version("openvino")) <= set("0123456789.")

    def test_it_calculates_in_float32(self, files):
        graph = Classifier(*files, OPENVINO)._session._graph._compiled
        assert graph.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
        # As many threads as runs at once: one each.
        streams = graph.get_property("NUM_STREAMS")
        assert graph.get_property("INFERENCE_NUM_THREADS") == streams <= OPENVINO.at_once

    def test_places_are_the_same(self, tmp_path):
        rows = [[0.0, 4.0, 8.0, 12.0, 0.9], [8.0, 4.0, 16.0, 12.0, 0.6]]
        spec = {"format": "xyxy", "name": "b"}
        text = manifest({"gun": "violence.weapon"}, ["gun"], task="detect", output__boxes=spec)
        file, weights = stored(tmp_path, boxes(rows, apart=True), text)
        parsed = parse(file.read_text(), file.name)
        pictures = [np.full((40, 40, 3), 9, np.uint8)] * 3
        ours, theirs = (
            made.locate([made.prepare(p) for p in pictures], [p.shape[:2] for p in pictures])
            for made in (Locator(parsed, weights, r) for r in (Runtime(), OPENVINO))
        )
        assert [one.seen for one in ours] == [one.seen for one in theirs]
        assert len(ours[0].seen) == 2

    def test_weights_in_another_file_are_not_read(self, tmp_path, monkeypatch):
        """OpenVINO would: even a graph that it is given as bytes has files, those where it runs."""
        raw = np.array([[1, 0, 0]], np.float32).T.tobytes()
        place = onnxfile._text(1, "location") + onnxfile._text(2, "weights.bin")
        outside = onnxfile._bytes(13, place) + onnxfile._int(14, 1)
        graph = onnxfile.Graph("outside")
        x = graph.input("x", (None, 16, 16, 3))
        mean = graph.node("ReduceMean", x, axes=[1, 2], keepdims=0)
        w = graph.constant("w", np.array([[1, 0, 0]], np.float32).T)
        inside = graph._constants[-1]
        graph._constants[-1] = inside.replace(onnxfile._bytes(9, raw), outside)
        assert graph._constants[-1] != inside
        graph.output(graph.node("MatMul", mean, w), "y", (None, 1))
        tmp_path.joinpath("weights.bin").write_bytes(raw)
        monkeypatch.chdir(tmp_path)
        file, weights = stored(tmp_path, graph.encode(), manifest())
        with pytest.raises(ManifestError, match="no model that loads"):
            Classifier(parse(file.read_text(), file.name), weights, OPENVINO)

    def test_a_device_that_is_not_here_is_an_error(self, files):
        import openvino

        if any(name.startswith("GPU") for name in openvino.Core().available_devices):
            pytest.skip("there is one")
        with pytest.raises(UnavailableError, match="OpenVINO sees no GPU"):
            Classifier(*files, Runtime(library="openvino", device="gpu"))


ALONE = """
import sys
calls = []
sys.addaudithook(lambda event, _: calls.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from tidegate.detectors import Classifier, engines, parse
from tidegate.detectors.runtime import Runtime
file, weights, *libraries = sys.argv[1:]
for library in libraries:
    manifest = parse(Path(file).read_text(), "m.yaml")
    detector = Classifier(manifest, Path(weights), Runtime(library=library))
    detector.scores([detector.prepare(__import__("numpy").zeros((9, 9, 3), "uint8"))])
print(*calls, *(name for name in sys.modules if name.startswith("openvino_telemetry")))
"""


def test_nobody_is_told_that_a_model_runs(tmp_path):
    """Both runtimes report to their makers by default, and mark the machine in the home folder.

    The one leaves an id and a database of events in the cache when it is imported, the other
    a folder of its own. Whoever has switched them off sees neither.
    """
    try:
        import openvino  # noqa: F401

        libraries = ["onnxruntime", "openvino"]
    except ImportError:
        libraries = ["onnxruntime"]
    file, weights = stored(tmp_path, brightness([[0.001, 0, 0]]), manifest())
    home = tmp_path / "home"
    home.mkdir()
    # Nothing of the environment: there CI and others are reasons not to report.
    found = subprocess.run(
        [sys.executable, "-c", ALONE, file, weights, *libraries],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (found.returncode, found.stdout.strip()) == (0, ""), found.stderr
    assert list(Path(home).rglob("*")) == []
