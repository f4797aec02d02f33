import json
import os

import numpy as np
import pytest

from tidegate import native
from tidegate.detectors import ManifestError
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


def test_a_wrong_hash_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "KNOWN_HASH", "00" * 32)
    states = {f.name: f.state for f in doctor.examine()}
    assert states["PDQ"] == states["decoding process"] == "broken"


def test_a_missing_model_is_broken(monkeypatch):
    def missing():
        raise ManifestError("the package is not installed")

    monkeypatch.setattr(doctor, "builtin", missing)
    assert {f.name: f.state for f in doctor.examine()}["detectors"] == "broken"


def test_the_known_hash_is_that_of_the_reference():
    oracle = pytest.importorskip("pdqhash", reason="the oracle needs a C++ compiler to install")
    bits, _ = oracle.compute(doctor._picture())
    assert np.packbits(bits).tobytes().hex() == doctor.KNOWN_HASH
