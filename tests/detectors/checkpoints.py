"""Checkpoints of PyTorch: a real one, and some made here instruction by instruction."""

import base64
import pickle
import struct
import zlib

import numpy as np

from tidegate.detectors.convert import torchfile

# Written by torch.save of PyTorch 1.13, in the format before 1.6: a permuted kernel, a
# view of a storage and the whole of it, and a count.
TINY = zlib.decompress(
    base64.b64decode(
        "eNq9kjtv01AUx/1KQ90WwjvlGcrLYYhKyYNOtBLqcnm0YfGCXMe+ig2Ob47vcSqQImVqCxMjA0PHjoyMfB"
        "RWPgISA8d2oKISK5Z/1/a59/7/55zrifbejH5+2vhRe3W4udiYaE+/6zSOQbHsiqIow0Sg8ETkjHgiQxGDSg"
        "vsBZqJQsSIOzz2QzcGbd82KYhvhtyR4VsuQR+DYdklCspAJAglptk6fYUxwgwzbCPTEHEfysxIU/L0yCbiHp"
        "KLNJ8nPk+4/zj00ASl3gXVsudohyfiUWOHh/0AQfNQJF7QcFIMI2k6Ce+lYeQ7yGMpEme0YoJuWXY5S4FWun"
        "0ORrHF3IiEiy+KoAkle5bWtDr3W6vNzsoyzOSJesOUcqs+QzixxRSLGUxlGtMRZi16M9g8MxDMd0GW3RzCfB"
        "cW8qKGLlV7MiDrwAgK6faD1sPOarvdhFNBIVnZYhVSM3bhdCa8C2cKobMI57pwPu/bTiAiDhf+oXRxqlSl5L"
        "K8mLEHi1lSTN2DS4XaZYQrXbhqV2lnLJJBI04HTs9FL+DSwcT1XnMfrhUG0848oSP505jrR41pNVttqJGnSp"
        "43yLNeLzyWEG524VY6htv5amfA0fVddOFOPn/XpqAC1hjq+VH8/pHuMVVK2aODf5n9bH+fgHrMWDtWvM4bWU"
        "1H1+QRDWt0ExPigPhKfCOUdUWpEDVimVgjNoltYkhMiH3iA/GROCAOic/El3V16lCePv+X7y/O8dwK"
    )
)

HEAD = b"".join(
    pickle.dumps(value, 2)
    for value in (torchfile.MAGIC, torchfile.VERSION, {"little_endian": True})
)


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def mapping(*pairs: tuple[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in pairs) + b"u"


def storage(key="0", count=6, kind="FloatStorage", view=b"N") -> bytes:
    name = f"ctorch\n{kind}\n".encode()
    return b"(" + text("storage") + name + text(key) + text("cpu") + integer(count) + view + b"tQ"


def tensor(stored=None, offset=0, shape=(2, 3), strides=(3, 1), gradient=b"\x89") -> bytes:
    sides, steps = (b"(" + b"".join(map(integer, n)) + b"t" for n in (shape, strides))
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = (storage() if stored is None else stored) + integer(offset) + sides + steps
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + gradient + hooks + b"tR"


def checkpoint(program: bytes, keys=("0",), elements: bytes | None = None) -> bytes:
    """A checkpoint whose dictionary of tensors is what the program makes."""
    if elements is None:
        elements = struct.pack("<q6f", 6, *range(6))
    return HEAD + b"\x80\x02" + program + b"." + pickle.dumps(list(keys), 2) + elements


def written(tensors: dict[str, np.ndarray]) -> bytes:
    """A checkpoint of these tensors, all as float32."""
    entries, elements = [], []
    for name, values in tensors.items():
        steps = tuple(step // 4 for step in np.empty(values.shape, np.float32).strides)
        stored = storage(key=name, count=values.size)
        entries.append((name, tensor(stored, shape=values.shape, strides=steps)))
        elements.append(struct.pack("<q", values.size) + values.astype("<f4").tobytes())
    return checkpoint(mapping(*entries), keys=tensors, elements=b"".join(elements))
