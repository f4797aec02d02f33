"""What runs the models: a library and a device, chosen by the operator.

Three settings of the environment: ``TIDEGATE_RUNTIME``, ``TIDEGATE_DEVICE`` and
``TIDEGATE_BATCH``. What is asked for and is not here is an error, and never something else in
its place. docs/runtime.md says what was measured, and what was never tried.
"""

import os
from typing import Literal, get_args

import msgspec

from tidegate.detectors.manifest import ManifestError
from tidegate.evidence import Value

Library = Literal["onnxruntime", "openvino"]
Device = Literal["cpu", "cuda", "migraphx", "coreml", "gpu"]

DEVICES: dict[Library, tuple[Device, ...]] = {
    "onnxruntime": ("cpu", "cuda", "migraphx", "coreml"),
    "openvino": ("cpu", "gpu"),
}
"""The devices of each library, ``cpu`` first: of ONNX Runtime those that calculate in float32
on this machine, of OpenVINO ``gpu``, Intel's. Azure's provider, which ONNX Runtime has as well,
sends pictures away; it is not among them."""

MOST = 64
"""Most pictures in one run that a manifest may allow."""

CPU_BATCH = 2
"""Pictures in one run on a processor. More are not faster there, only larger."""


class UnavailableError(ManifestError):
    """A runtime or device that is not here, or that there is not. The message says how to mend it.

    It is a kind of :class:`ManifestError`: no model can be used as the operator wants it.
    """


class Runtime(Value, frozen=True, kw_only=True):
    """A library, a device, and how much it is given at once.

    Attributes:
        library: What runs the graph.
        device: Where; one of :data:`DEVICES`.
        batch: Most pictures in one run, 1 to 64, as far as the model's manifest allows it. By
            default :data:`CPU_BATCH` on a processor, and what the manifest allows elsewhere.

    Raises:
        UnavailableError: There is no such library, device or batch.
    """

    library: Library = "onnxruntime"
    device: Device = "cpu"
    batch: int | None = None

    def __post_init__(self) -> None:
        if self.library not in DEVICES:
            raise UnavailableError(f"a runtime is {_or(get_args(Library))}, not {self.library!r}")
        if self.device not in DEVICES[self.library]:
            choice = _or(DEVICES[self.library])
            raise UnavailableError(f"a device of {self.library} is {choice}, not {self.device!r}")
        if self.batch is not None and not 1 <= self.batch <= MOST:
            raise UnavailableError(f"a batch is a number of pictures from 1 to {MOST}")

    @property
    def at_once(self) -> int:
        """Runs at once: one for each processor, each on a thread alone; elsewhere one."""
        return (os.cpu_count() or 1) if self.device == "cpu" else 1

    def most(self, allowed: int) -> int:
        """Return the most pictures in one run of a model that allows so many."""
        return min(allowed, self.batch or (CPU_BATCH if self.device == "cpu" else MOST))


def chosen() -> Runtime:
    """Return what the environment asks for; ONNX Runtime on the processor unsaid.

    Raises:
        UnavailableError: It asks for what there is not.
    """
    found = Runtime()
    for name, field in _SETTINGS.items():
        if value := os.environ.get(name):
            given = _number(value) if field == "batch" else value
            try:
                found = Runtime(**{**msgspec.structs.asdict(found), field: given})
            except UnavailableError as error:
                raise UnavailableError(f"{name}: {error}") from None
    return found


_SETTINGS = {
    "TIDEGATE_RUNTIME": "library",
    "TIDEGATE_DEVICE": "device",
    "TIDEGATE_BATCH": "batch",
}


def _number(text: str) -> int:
    """Return a number of pictures; one that there cannot be where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def _or(choice: tuple[str, ...]) -> str:
    return f"{', '.join(choice[:-1])} or {choice[-1]}"
