import json
import os

import numpy as np
import pytest

from tidegate import native
from tidegate.detectors import ManifestError, Survey, survey
from tidegate.detectors.catalogue import Broken
from tidegate.detectors.runtime import UnavailableError
from tidegate.media.trial import Refusals
from tidegate.pipeline import doctor


@pytest.fixture(scope="module")
def findings():
    """What is found where nothing is amiss, by name."""
    return {finding.name: finding for finding in doctor.examine()}


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


def test_the_confinement_is_tried(findings):
    for topic in doctor.MEANING:
        assert findings[f"confinement: {topic}"].state == "ok"
        assert findings[f"confinement: {topic}"].detail.endswith("(tried)")


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


def test_models_are_told_with_licence_and_digest(findings):
    told = findings["detector opennsfw"].detail
    assert "weights BSD-2-Clause" in told
    assert "sha256 864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa" in told


def test_a_model_that_scores_otherwise_is_broken(monkeypatch):
    def off(detector):
        raise ManifestError("a golden vector's score is off")

    monkeypatch.setattr(doctor, "verify", off)
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
    gone = [m._replace(weights=None, get="pip install it") for m in survey().models]
    monkeypatch.setattr(doctor, "survey", lambda: Survey(tuple(gone), ()))
    findings = {f.name: f for f in doctor.examine()}
    assert findings["detector opennsfw"].state == "missing"
    assert findings["detector opennsfw"].remedy == "pip install it"
    assert "sexual.explicit" in findings["coverage"].detail


def test_an_added_model_whose_weights_went_is_broken(monkeypatch):
    (model,) = [m for m in survey().models if m.manifest.id == "efficientnet-lite0"]
    gone = model._replace(origin="added", weights=None)
    monkeypatch.setattr(doctor, "survey", lambda: Survey((gone,), ()))
    findings = {f.name: f for f in doctor.examine()}
    assert findings["detector efficientnet-lite0"].state == "broken"
    assert "models remove efficientnet-lite0" in findings["detector efficientnet-lite0"].remedy


def test_a_broken_model_is_told_beside_the_others(monkeypatch):
    refused = Broken("mine", "label 'age' is refused", "tidegate models remove mine")
    homeless = Broken("", "there is no such folder", "make it")
    found = survey()._replace(broken=(refused, homeless))
    monkeypatch.setattr(doctor, "survey", lambda: found)
    findings = {f.name: f for f in doctor.examine()}
    assert findings["detector mine"].state == findings["model home"].state == "broken"
    assert findings["detector mine"].remedy == "tidegate models remove mine"
    assert findings["detector opennsfw"].state == "ok"


def test_what_no_detector_covers_is_said(findings):
    uncovered = findings["coverage"].detail.split(";")[0]
    assert uncovered.startswith("not covered by any detector")
    assert "violence.gore" in uncovered
    assert "sexual.explicit" not in uncovered


def test_the_known_hash_is_that_of_the_reference():
    oracle = pytest.importorskip("pdqhash", reason="the oracle needs a C++ compiler to install")
    bits, _ = oracle.compute(doctor._picture())
    assert np.packbits(bits).tobytes().hex() == doctor.KNOWN_HASH


def test_a_runtime_that_is_not_there_is_told_once_and_how_to_mend_it(monkeypatch):
    monkeypatch.setenv("TIDEGATE_DEVICE", "abacus")
    found = list(doctor.examine())
    assert [f.name for f in found if "abacus" in f.detail] == ["runtime"]
    (runtime,) = [f for f in found if f.name == "runtime"]
    assert runtime.state == "broken"
    assert "unset TIDEGATE_RUNTIME, TIDEGATE_DEVICE" in runtime.remedy


def test_a_runtime_that_cannot_start_is_blamed_and_no_detector(monkeypatch):
    def gone(detector):
        raise UnavailableError("'cuda' is not here: onnxruntime cannot start it")

    monkeypatch.setattr(doctor, "verify", gone)
    found = {f.name: f for f in doctor.examine()}
    assert found["runtime"].state == "broken"
    assert found["runtime"].detail.startswith("'cuda' is not here")
    assert not [name for name in found if name.startswith("detector")]
    assert not [f for f in found.values() if "reinstall" in f.remedy and f.state == "broken"]
