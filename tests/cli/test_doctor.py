import json
import os

import numpy as np
import pytest

from tidegate import native
from tidegate.detectors import ManifestError, models
from tidegate.media.trial import Refusals
from tidegate.pipeline import doctor


def test_a_whole_installation(run):
    done = run("doctor")
    assert done.returncode == 0
    assert "decoding process" in done.stdout.decode()
    assert native.describe() in " ".join(done.stdout.decode().split())
    assert "broken" not in done.stdout.decode()


def test_the_slow_path_is_said(run):
    done = run("doctor", "--json", env={**os.environ, "TIDEGATE_NATIVE": "0"})
    findings = {f["name"]: f for f in json.loads(done.stdout)}
    assert done.returncode == 0
    assert findings["PDQ"]["state"] == "slow"
    assert "NumPy" in findings["PDQ"]["detail"]
    assert findings["H.264"]["state"] == "ok"


def test_the_confinement_is_tried(run):
    findings = {f["name"]: f for f in json.loads(run("doctor", "--json").stdout)}
    for topic in doctor.MEANING:
        assert findings[f"confinement: {topic}"]["state"] == "ok"
        assert findings[f"confinement: {topic}"]["detail"].endswith("(tried)")


def test_a_safety_part_that_is_off_is_a_failure(run):
    done = run("doctor", "--json", env={**os.environ, "TIDEGATE_CONFINEMENT": "off"})
    findings = {f["name"]: f for f in json.loads(done.stdout)}
    assert done.returncode == 70
    for topic in doctor.MEANING:
        assert findings[f"confinement: {topic}"]["state"] == "off"
        assert findings[f"confinement: {topic}"]["remedy"] == "unset TIDEGATE_CONFINEMENT"
    assert "broken" not in {f["state"] for f in findings.values()}


def test_what_the_kernel_lets_through_is_off(monkeypatch):
    tried = Refusals(dict.fromkeys(doctor.MEANING, True) | {"network": False}, "")
    monkeypatch.setattr(doctor, "refusals", lambda: tried)
    states = {f.name: f.state for f in doctor.examine()}
    assert states["confinement: network"] == "off"
    assert states["confinement: files"] == "ok"


def test_models_are_told_with_licence_and_digest(run):
    findings = {f["name"]: f for f in json.loads(run("doctor", "--json").stdout)}
    told = findings["detector opennsfw"]["detail"]
    assert "weights BSD-2-Clause" in told
    assert "sha256 864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa" in told


def test_a_model_that_scores_otherwise_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "deviation", lambda detector: 0.5)
    states = {f.name: f.state for f in doctor.examine()}
    assert states["detector opennsfw"] == "broken"


def test_a_confinement_that_means_nothing_is_said_at_once(run):
    done = run("doctor", env={**os.environ, "TIDEGATE_CONFINEMENT": "maybe"})
    assert done.returncode == 64
    assert done.stderr.decode().count("\n") == 1
    assert "preferred, required or off" in done.stderr.decode()


def test_a_wrong_hash_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "KNOWN_HASH", "00" * 32)
    states = {f.name: f.state for f in doctor.examine()}
    assert states["PDQ"] == states["decoding process"] == "broken"


def test_a_missing_model_is_said_with_how_to_get_it(monkeypatch):
    real = models()
    gone = [m._replace(weights=None, get="pip install it") for m in real]
    monkeypatch.setattr(doctor, "models", lambda: gone)
    findings = {f.name: f for f in doctor.examine()}
    assert findings["detector opennsfw"].state == "missing"
    assert findings["detector opennsfw"].remedy == "pip install it"
    assert "sexual.explicit" in findings["coverage"].detail


def test_a_manifest_that_must_not_be_used_is_broken(monkeypatch):
    def refused():
        raise ManifestError("label 'age' is refused")

    monkeypatch.setattr(doctor, "models", refused)
    assert {f.name: f.state for f in doctor.examine()}["detectors"] == "broken"


def test_what_no_detector_covers_is_said(run):
    findings = {f["name"]: f for f in json.loads(run("doctor", "--json").stdout)}
    uncovered = findings["coverage"]["detail"].split(";")[0]
    assert "violence.gore" in uncovered
    assert "sexual.explicit" not in uncovered


def test_the_known_hash_is_that_of_the_reference():
    oracle = pytest.importorskip("pdqhash", reason="the oracle needs a C++ compiler to install")
    bits, _ = oracle.compute(doctor._picture())
    assert np.packbits(bits).tobytes().hex() == doctor.KNOWN_HASH
