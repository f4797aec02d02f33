"""Examines an installation: what is in use, and whether it works."""

import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import tidegate
from tidegate import hashing, taxonomy
from tidegate.detectors import Classifier, ManifestError, Model, coverage, survey
from tidegate.detectors.engines import version
from tidegate.detectors.golden import verify
from tidegate.detectors.runtime import UnavailableError, chosen
from tidegate.evidence import Value
from tidegate.matching.index import MultiIndex
from tidegate.matching.plan import Plan
from tidegate.media import Reader, open_source
from tidegate.media.abilities import abilities
from tidegate.media.settings import confinement
from tidegate.media.trial import refusals
from tidegate.media.wire import GarbledError
from tidegate.media.worker import UnconfinedError

State = Literal["ok", "slow", "missing", "off", "broken"]

KNOWN_HASH = "bad556ad2db14a2a974a6655deb5a92d0648ec8a13d2ee35c1e94e13dc7699c0"
"""The PDQ of :func:`_picture`."""


RADIUS = 31


class Finding(Value, frozen=True, kw_only=True):
    """One thing that was examined.

    Attributes:
        name: What.
        state: ``slow`` works but could be faster; with ``missing`` some media will be
            *unknown*; with ``off`` it works, but a part of what keeps it safe does not;
            with ``broken`` Tidegate does not do its work.
        detail: In words.
        remedy: How to get what is not there; empty where nothing is amiss.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


COMPILE = "install a C compiler, then: pip install --force-reinstall --no-deps tidegate"
REINSTALL = "pip install --force-reinstall tidegate"
ALLOW = (
    "a Linux of 3.17 or newer on x86-64 or arm64 whose container runtime lets a process "
    "confine itself further (Docker and Podman do)"
)

MEANING = {
    "files": "opens, lists, makes or removes no file",
    "network": "opens no socket",
    "processes": "starts, ends, traces or reads no other process",
    "code": "makes no memory executable",
    "memory": "takes no more memory than its budget",
    "limits": "cannot raise its limits",
}
"""What it says of a decoder that a topic of the probe was refused."""


def examine() -> Iterator[Finding]:
    """Examine the installation this runs in, one thing at a time."""
    yield Finding(
        name="Tidegate",
        state="ok",
        detail=f"{tidegate.__version__}, taxonomy {taxonomy.VERSION}, Python "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors",
    )
    yield _kernel()
    yield _search()
    yield _decoding()
    yield from _confinement()
    for ability in abilities():
        if ability.decoder:
            yield Finding(name=ability.name, state="ok", detail=ability.decoder)
        else:
            detail = "no decoder in this installation: such files will be unknown"
            yield Finding(name=ability.name, state="missing", detail=detail, remedy=REINSTALL)
    yield from _detectors()


def _kernel() -> Finding:
    found = hashing.pdq(_picture()).hex
    path = hashing.path_in_use()
    if found != KNOWN_HASH:
        detail = f"{path}: gives {found}"
        return Finding(name="PDQ", state="broken", detail=detail, remedy=REINSTALL)
    if path.startswith("native"):
        return Finding(name="PDQ", state="ok", detail=path)
    return Finding(name="PDQ", state="slow", detail=path, remedy=COMPILE)


def _search() -> Finding:
    """Search hashes by the index, and by counting bits in Python."""
    random = np.random.default_rng(1)
    hashes = random.integers(0, 256, (4096, 32), np.uint8)
    queries = hashes[:8] ^ np.uint8(1)
    queries[:, 24:] = hashes[:8, 24:]
    expected = {
        (query, row)
        for query in range(len(queries))
        for row in range(len(hashes))
        if hashing.hamming(queries[query].tobytes(), hashes[row].tobytes()) <= RADIUS
    }
    found = MultiIndex.of(hashes, Plan(16, 16)).search(queries, RADIUS)
    if set(zip(found.query.tolist(), found.row.tolist(), strict=True)) != expected:
        detail = "does not find what is there"
        return Finding(name="index", state="broken", detail=detail, remedy=REINSTALL)
    return Finding(name="index", state="ok", detail="finds what is there, and no more")


def _decoding() -> Finding:
    """Send a picture through the decoding process."""
    with tempfile.TemporaryDirectory() as folder, Reader() as reader:
        path = Path(folder, "picture.png")
        Image.fromarray(_picture()).save(path)
        with open_source(path, reader.budget) as source:
            reading = reader.read(source)
            hashes = [hashing.pdq(frame.picture).hex for frame in reading]
    if hashes != [KNOWN_HASH]:
        detail = "; ".join(u.detail for u in reading.unknowns) or "gives another picture"
        return Finding(name="decoding process", state="broken", detail=detail, remedy=REINSTALL)
    return Finding(name="decoding process", state="ok", detail="a picture went through it whole")


def _confinement() -> Iterator[Finding]:
    """Have a decoder try what it must not be able to do."""
    try:
        refused, lacking = refusals()
    except (EOFError, OSError, GarbledError, UnconfinedError) as error:
        detail = str(error) or "no decoder starts"
        yield Finding(name="confinement", state="off", detail=detail, remedy=ALLOW)
        return
    if lacking and all(refused.values()):
        yield Finding(name="confinement", state="off", detail=lacking, remedy=ALLOW)
    switched = confinement() == "off"
    remedy = "unset TIDEGATE_CONFINEMENT" if switched else ALLOW
    for topic, meaning in MEANING.items():
        name = f"confinement: {topic}"
        if refused.get(topic):
            yield Finding(name=name, state="ok", detail=f"a decoder {meaning} (tried)")
        else:
            why = lacking or "it was not refused"
            yield Finding(name=name, state="off", detail=f"not active: {why}", remedy=remedy)


def _detectors() -> Iterator[Finding]:
    try:
        runtime = _runtime()
        known, broken = survey()
        tried = [_detector(model) for model in known]
    except UnavailableError as error:  # No detector is to blame for it.
        remedy = "do as it says, or unset TIDEGATE_RUNTIME, TIDEGATE_DEVICE and TIDEGATE_BATCH"
        yield Finding(name="runtime", state="broken", detail=str(error), remedy=remedy)
        return
    yield runtime
    yield from (finding for finding, _ in tried)
    for one in broken:
        name = f"detector {one.id}" if one.id else "model home"
        detail = f"{one.reason}: nothing is judged until it is mended"
        yield Finding(name=name, state="broken", detail=detail, remedy=one.remedy)
    yield _coverage([detector for _, detector in tried if detector])


def _runtime() -> Finding:
    """Return what runs the models.

    Raises:
        UnavailableError: It is not here.
    """
    asked = chosen()
    on_it = f"{asked.library} {version(asked.library)} on {asked.device}"
    return Finding(name="runtime", state="ok", detail=on_it)


def _detector(model: Model) -> tuple[Finding, Classifier | None]:
    """Return what a model is good for, and the detector where it works.

    Raises:
        UnavailableError: What should run it cannot.
    """
    manifest = model.manifest
    name = f"detector {manifest.id}"
    if not model.expected:
        detail = f"not installed; it is for {', '.join(manifest.categories)}"
        return Finding(name=name, state="missing", detail=detail, remedy=model.get), None
    try:
        detector = model.load()
        verify(detector)
    except UnavailableError:
        raise
    except ManifestError as error:
        return Finding(name=name, state="broken", detail=str(error), remedy=model.again), None
    detail = (
        f"{manifest.version}, for {', '.join(manifest.categories)}; weights "
        f"{manifest.licence.weights}, code {manifest.licence.code}, "
        f"sha256 {manifest.file.sha256}"
    )
    return Finding(name=name, state="ok", detail=detail), detector


def _coverage(detectors: Sequence[Classifier]) -> Finding:
    found = coverage(detectors)
    detail = (
        f"not covered by any detector, so never found but by a bank: "
        f"{', '.join(found.not_covered) or 'none'}; asserted by banks alone: "
        f"{', '.join(found.bank_only)}"
    )
    return Finding(name="coverage", state="ok", detail=detail)


def _picture() -> NDArray[np.uint8]:
    """Return a picture with much to see: (240, 320, 3) RGB."""
    y, x = np.mgrid[:240, :320]
    return np.stack((x * y // 97 % 256, (x * x // 61 + y) % 256, y * y // 53 % 256), axis=2).astype(
        np.uint8
    )
