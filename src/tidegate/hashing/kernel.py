"""PDQ by the native library: what it is handed, and what it hands back."""

import ctypes
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.hashing.downscale import SIDE, Operator, both
from tidegate.hashing.frequencies import BITS, POSITIONS, cosines


class Axis(ctypes.Structure):
    """``struct axis`` of ``pdq.c``: the addresses of an operator's arrays."""

    _fields_ = [(name, ctypes.c_void_p) for name in Operator._fields]


def pdq(
    library: ctypes.CDLL, picture: NDArray[np.uint8], mirrorings: int, black: float, span: float
) -> tuple[NDArray[np.uint8], int]:
    """Hash a picture.

    Args:
        library: The native library.
        picture: (height, width, 3) RGB or (height, width) grey, not empty.
        mirrorings: 1 for the picture as it is, 2 for all eight positions.
        black: The value that is 0.0.
        span: How many steps later is 255.0.

    Returns:
        (1, 32) or (8, 32) hashes, and the quality, 0 to 100.
    """
    height, width = picture.shape[:2]
    if picture.strides[1:] != picture[0:1].copy().strides[1:]:
        picture = np.ascontiguousarray(picture)  # The lines may lie apart, their bytes not.
    size = width * (picture.shape[2] if picture.ndim == 3 else 1)
    down, across = both(height), both(width, colours=picture.ndim == 3)
    sums = np.empty(size, np.int32)
    samples = np.empty((mirrorings, mirrorings, SIDE, SIDE))
    hashes = np.empty((1 if mirrorings == 1 else len(POSITIONS), BITS // 8), np.uint8)
    quality: int = _function(library)(
        picture.ctypes.data,
        picture.strides[0],
        size,
        _axes(down),
        _axes(across),
        mirrorings,
        black,
        span,
        cosines().ctypes.data,
        _positions().ctypes.data,
        sums.ctypes.data,
        samples.ctypes.data,
        hashes.ctypes.data,
    )
    return hashes, quality


def _axes(operators: tuple[Operator, Operator]) -> Any:
    """Return what C sees of two operators, which have to stay alive meanwhile."""
    return (Axis * 2)(*(Axis(*(array.ctypes.data for array in o)) for o in operators))


@cache
def _positions() -> NDArray[np.uint8]:
    return np.array(POSITIONS, np.uint8)


@lru_cache(maxsize=1)
def _function(library: ctypes.CDLL) -> Any:
    function = library.tg_pdq
    function.restype = ctypes.c_int32
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.POINTER(Axis),
        ctypes.POINTER(Axis),
        ctypes.c_int32,
        ctypes.c_double,
        ctypes.c_double,
        *[ctypes.c_void_p] * 5,
    ]
    return function
