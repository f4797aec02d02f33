"""Models of strangers, tried in a process of their own."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.detectors.examples import SIDE, brightness, manifest, stored
from tidegate.detectors import ManifestError, adding, trial
from tidegate.detectors.convert.onnxfile import Graph

GUN = brightness([[1, 0, 0]])
SCALED = {"input__scale": 1 / 255}


def hungry(elements: int) -> bytes:
    """Return a small file that asks for so many numbers while it runs."""
    graph = Graph("hungry")
    x = graph.input("x", (None, SIDE, SIDE, 3))
    mean = graph.node("ReduceMean", x, axes=[1, 2, 3], keepdims=0)
    one = graph.node("Unsqueeze", mean, graph.constant("axis", np.array([1], np.int64)))
    wide = graph.node("Expand", one, graph.constant("shape", np.array([1, elements], np.int64)))
    graph.output(graph.node("ReduceMean", wide, axes=[1], keepdims=1), "y", (None, 1))
    return graph.encode()


def test_what_is_whole_is_added(tmp_path, model_home):
    adding.add(*stored(tmp_path, GUN, manifest(**SCALED)))
    assert (model_home / "example").is_dir()


@pytest.mark.parametrize(
    ("model", "changes", "reason"),
    [
        (hungry(1 << 38), {}, "example: does not run"),
        (GUN, {"golden": [{"seed": 3, "scores": {"violence.weapon": 0.9}}]}, "score is off by"),
        (b"no model", {}, "example: the weights are no model that loads"),
    ],
    ids=["memory", "answer", "nothing"],
)
def test_what_fails_its_trial_is_told_and_not_added(tmp_path, model_home, model, changes, reason):
    with pytest.raises(ManifestError, match=reason):
        adding.add(*stored(tmp_path, model, manifest(**SCALED, **changes)))
    assert not list(model_home.iterdir())


def test_what_brings_its_process_down_is_told_and_not_added(tmp_path, model_home, monkeypatch):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(trial.sys, "executable", str(crashing))
    with pytest.raises(ManifestError, match="example: brought the process down that tried it"):
        adding.add(*stored(tmp_path, GUN, manifest(**SCALED)))
    assert not list(model_home.iterdir())


def test_what_never_answers_is_told_and_not_added(tmp_path, model_home, monkeypatch):
    file, weights = stored(tmp_path, GUN, manifest(**SCALED))
    weights.unlink()
    os.mkfifo(weights)  # Nobody ever writes to it.
    monkeypatch.setattr(trial, "SECONDS", 1)
    with pytest.raises(ManifestError, match="example: does not answer within 1 second"):
        adding.add(file, weights)
    assert not list(model_home.iterdir())


def test_nothing_is_imported_from_where_the_user_is(tmp_path, monkeypatch):
    files = stored(tmp_path, GUN, manifest(**SCALED))
    (tmp_path / "numpy.py").write_text("raise SystemExit('a trap')")
    monkeypatch.chdir(tmp_path)
    adding.add(Path(files[0].name))
