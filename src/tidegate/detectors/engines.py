"""Loading a graph on ONNX Runtime or on OpenVINO. Neither tells anybody that it does.

Both libraries send usage data to their makers unless they are kept from it. They are imported
here and nowhere else in Tidegate, after it has been switched off.
"""

import importlib
import os
import sys
from collections import deque
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.runtime import Device, Library, Runtime, UnavailableError

Array = NDArray[np.generic]

Provider = tuple[str, dict[str, str]]

PROVIDERS: dict[Device, Provider] = {
    "cpu": ("CPUExecutionProvider", {}),
    # Float32 is to be float32; and batches of many sizes come, so none is tuned for at length.
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
    "migraphx": ("MIGraphXExecutionProvider", {}),
    "coreml": (
        "CoreMLExecutionProvider",
        # Apple's neural engine calculates in float16 only.
        {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"},
    ),
}
"""ONNX Runtime's name of each device, with its options."""

PACKAGES: dict[Library, str] = {
    "onnxruntime": "pip install onnxruntime",
    "openvino": "pip install 'tidegate[openvino]'",
}


class Graph(Protocol):
    """A graph that is loaded."""

    def run(self, outputs: list[str], given: dict[str, Array]) -> list[Array]:
        """Return the named outputs."""


def module(library: Library) -> ModuleType:
    """Import a runtime, with what it would send to its makers switched off.

    Raises:
        UnavailableError: It is not installed.
    """
    try:
        return _onnxruntime() if library == "onnxruntime" else _openvino()
    except ImportError:
        raise UnavailableError(f"{library} is not installed: {PACKAGES[library]}") from None


def version(library: Library) -> str:
    """Return the version of a runtime, such as ``1.32.0``."""
    # OpenVINO's has the number of the build behind it.
    return str(module(library).__version__).partition("-")[0]


def on_onnxruntime(weights: bytes, device: Device) -> Any:
    """Load a graph on ONNX Runtime, to run on the thread that calls it alone.

    Returns:
        An ``onnxruntime.InferenceSession``. Weights in files beside the graph are looked for
        nowhere: the digest of the manifest is to cover all there is.

    Raises:
        UnavailableError: The device is not here, or does not take the graph.
        Exception: The runtime's own, of many types: the graph is none. It may quote it at length.
    """
    runtime = module("onnxruntime")
    provider, settings = PROVIDERS[device]
    if provider not in runtime.get_available_providers():
        raise UnavailableError(
            f"this build of onnxruntime has no {provider}, which {device!r} needs: install the "
            "one that has it in place of this one"
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", "/dev/null/nowhere"
    )
    # Where a device fails, ONNX Runtime would do its work on the processor, and only print so.
    graph = runtime.InferenceSession(
        weights, options, providers=[(provider, settings)], enable_fallback=0
    )
    if graph.get_providers()[0] != provider:
        raise UnavailableError(f"{device!r} is not here: onnxruntime cannot start {provider}")
    return graph


def on_openvino(weights: bytes, runtime: Runtime) -> Graph:
    """Load a graph on OpenVINO: in float32, one thread a run.

    It must have been loaded by :func:`on_onnxruntime` before: OpenVINO reads weights in other
    files, even for a graph that it is given as bytes.

    Raises:
        UnavailableError: OpenVINO or the device is not here.
        Exception: The runtime's own.
    """
    openvino = module("openvino")
    core = openvino.Core()
    # There may be several GPUs: GPU.0, GPU.1; "GPU" is the first.
    wanted = runtime.device.upper()
    if wanted not in {name.partition(".")[0] for name in core.available_devices}:
        raise UnavailableError(f"{runtime.device!r} is not here: OpenVINO sees no {wanted}")
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if runtime.device == "cpu":
        # A stream is a run at once. Pinned ones would fight with decoders for their processors.
        streams = {"NUM_STREAMS": runtime.at_once, "INFERENCE_NUM_THREADS": runtime.at_once}
        settings |= {**streams, "ENABLE_CPU_PINNING": False}
    return _Compiled(core.compile_model(core.read_model(weights), wanted, settings))


class _Compiled:
    """A graph on OpenVINO, with a request for each run at once. Safe to share between threads."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: deque[Any] = deque()

    def run(self, outputs: list[str], given: dict[str, Array]) -> list[Array]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        found = request.infer(given)
        answer = [found[name] for name in outputs]
        self._idle.append(request)
        return answer


def _onnxruntime() -> ModuleType:
    # Since 1.29 it reports each session to Microsoft, and keeps an id of this machine in the
    # user's cache. It reads the variable once, when it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    runtime = importlib.import_module("onnxruntime")
    # If somebody imported it before us, this keeps back what would still come.
    runtime.disable_telemetry_events()
    return runtime


def _openvino() -> ModuleType:
    # Importing it sends an event to Google Analytics, through this package. Where there is
    # none OpenVINO has a stub in its place.
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        return importlib.import_module("openvino")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules["openvino_telemetry"]
