"""``tidegate models bench``, run within this process. Its figures are the machine's."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.detectors.examples import boxes, brightness, manifest, stored
from tidegate.cli import bench
from tidegate.cli.app import run
from tidegate.detectors import engines, speed

QUICK = ("--seconds", "0.01")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_MODELS", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("RUNTIME", "DEVICE", "BATCH"):
        monkeypatch.delenv(f"TIDEGATE_{name}", raising=False)
    monkeypatch.setattr(bench, "HEIGHT", 24)
    monkeypatch.setattr(bench, "WIDTH", 32)
    return tmp_path / "home"


@pytest.fixture
def told(capsys):
    """Run a command; return its status, its output and its complaints."""

    def told(*arguments):
        capsys.readouterr()
        status = run(["models", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return told


def put(home, model, text):
    """Put a model where ``models add`` would."""
    folder = home / "example"
    folder.mkdir(parents=True)
    stored(folder, model, text)


@pytest.fixture
def example(home):
    text = manifest({"gun": "violence.weapon"}, ["gun", "qzxfemale"], batch=4, input__scale=1 / 255)
    put(home, brightness([[1, 0, 0], [0, 1, 0]]), text)


def test_each_size_of_a_batch_is_measured_as_far_as_the_manifest_allows(told, example):
    status, out, _ = told("bench", "example", "--json", *QUICK)
    assert status == 0
    found = json.loads(out)
    assert found["runtime"] == {
        "library": "onnxruntime", "version": engines.version("onnxruntime"), "device": "cpu",
    }  # fmt: skip
    assert found["pictures"] == {"origin": "noise", "sizes": [[32, 24]] * 8}
    (model,) = found["models"]
    assert (model["id"], model["version"]) == ("example", "1")
    assert [one["batch"] for one in model["infer"]] == [1, 2, 4]
    for one in (model["prepare"], *model["infer"]):
        assert one["rounds"] == speed.ROUNDS
        assert one["pictures"] >= one["batch"]
        for rate in (one["elapsed"], one["core"]):
            assert 0 < rate["low"] <= rate["median"] <= rate["high"]
    memory = [one["memory"] for one in model["infer"]]
    if memory[0] is not None:
        assert memory == sorted(memory)


def test_what_is_asked_is_one_run_of_the_size_that_is_told(told, example, monkeypatch):
    sizes = []
    real = engines.on_onnxruntime

    class Watched:
        def __init__(self, *given):
            self._graph = real(*given)

        def __getattr__(self, name):
            return getattr(self._graph, name)

        def run(self, outputs, given):
            sizes.extend(map(len, given.values()))
            return self._graph.run(outputs, given)

    monkeypatch.setattr("tidegate.detectors.session.on_onnxruntime", Watched)
    assert told("bench", "example", "--batch", 3, *QUICK)[0] == 0
    assert set(sizes) == {3}


def test_a_table_is_shown(told, example):
    status, out, err = told("bench", "--batch", 1, *QUICK)
    assert (status, err) == (0, "")
    for word in (
        "example",
        "opennsfw",
        "prepare",
        "infer",
        "images/s per core",
        "on cpu",
        "5 rounds",
    ):
        assert word in out
    assert "qzx" not in out


def test_no_name_is_broken_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rate = speed.Rate(median=1234.0, low=1111.0, high=1300.0)
    one = speed.Speed(batch=8, pictures=8, rounds=5, elapsed=rate, core=rate, memory=1 << 30)
    bench._show(
        {
            "machine": {"processors": 2, "architecture": "x86_64"},
            "runtime": {"library": "onnxruntime", "version": "1", "device": "cpu"},
            "pictures": {"origin": "noise", "sizes": [[1024, 768]]},
            "models": [{"id": "efficientnet-lite0", "prepare": one, "infer": [one]}],
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert "efficientnet-lite0" in [line.strip() for line in lines]
    assert any("1111–1300" in line and "1024 MiB" in line for line in lines)


def test_a_model_that_sees_places_is_measured_too(told, home):
    text = manifest(
        {"gun": "violence.weapon"}, ["gun"], task="detect", output__boxes={"format": "xyxy"}
    )
    put(home, boxes([[0.0, 4.0, 8.0, 12.0, 0.9]]), text)
    assert told("bench", "example", *QUICK)[0] == 0


def test_a_folder_of_ones_own(told, example, tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    media.joinpath("notes.txt").write_text("no media")
    media.joinpath("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    random = np.random.default_rng(1)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.integers(0, 256, (60, 80, 3), np.uint8)).save(media / name)
    status, out, _ = told("bench", "example", "--media", media, "--json", *QUICK)
    assert status == 0
    assert json.loads(out)["pictures"] == {"origin": "media", "sizes": [[80, 60], [80, 60]]}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nothing",), "nothing: no such model"),
        (("example", "--batch", 5), "example takes 4 pictures at most"),
        (("example", "--media", "nowhere"), "is no folder"),
        (("example", "--media", "."), "no picture that can be read"),
    ],
)
def test_wrong_usage(told, example, tmp_path, monkeypatch, arguments, reason):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    status, out, err = told("bench", *arguments)
    assert (status, out) == (64, "")
    assert reason in err


def test_a_runtime_that_is_not_here_is_an_error(told, example, monkeypatch):
    monkeypatch.setenv("TIDEGATE_DEVICE", "cuda")
    status, out, err = told("bench", "example", *QUICK)
    assert (status, out) == (70, "")
    assert "CUDAExecutionProvider" in err
    assert err.count("\n") == 1


def test_a_model_that_does_not_run_is_an_error_that_does_not_quote_it(told, example, monkeypatch):
    def fails(*_):
        raise RuntimeError("qzxwoman")

    monkeypatch.setattr("tidegate.cli.bench.measure", fails)
    assert told("bench", "example") == (70, "", "tidegate: example: does not run: RuntimeError\n")


def test_ctrl_c_writes_nothing(told, example, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tidegate.cli.bench.measure", stopped)
    assert told("bench", "example", "--json")[:2] == (130, "")


def test_pictures_show_nothing_and_are_the_same_each_time():
    one, other = speed.made(2, 30, 40)
    assert (one.shape, one.dtype) == ((30, 40, 3), np.uint8)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, speed.made(1, 30, 40)[0])
