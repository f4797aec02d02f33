"""The work of the index on arrays of hashes: by the native library, or else by NumPy.

Both ways give the same results. A hash is 32 bytes; its bit ``i`` is bit ``i % 8``, from
the lowest, of byte ``i // 8``, and so bit ``i % 64`` of little-endian word ``i // 64``.
"""

import ctypes
import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.plan import Plan, Reach
from tidegate.native import library

HASH_BYTES = 32

BITS = 256

_WORDS = 4
_BLOCK = 1 << 17
"""Distances that NumPy computes at a time: few enough to stay in cache, 1 MiB a step."""

_ROWS = 1 << 14
"""Hashes that are unpacked into bits at a time, 4 MiB."""

QUERIES = 256
"""Queries that are searched for at a time."""

_ROOM = 1024
"""Hits that there is room for at first."""

Met = NDArray[np.uint32]
"""(n, 3): number of the query, row of the hash, distance in bits; in no order."""


class DamagedTableError(ValueError):
    """A table of a multi-index names what is not there."""


class _MultiIndex(ctypes.Structure):
    """The ``struct multi_index`` of hamming.c."""

    _fields_ = (
        ("hashes", ctypes.c_void_p),
        ("tables", ctypes.c_void_p),
        ("masks", ctypes.c_void_p),
        ("radius", ctypes.c_void_p),
        ("probes", ctypes.c_void_p),
        ("count", ctypes.c_uint32),
        ("chunks", ctypes.c_uint32),
        ("bits", ctypes.c_uint32),
    )


def hashes_of(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the hashes contiguous and where the native library can read them as words.

    Raises:
        ValueError: They are no (n, 32) uint8.
    """
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != HASH_BYTES:
        raise ValueError(f"hashes are (n, 32) uint8, not {array.shape} {array.dtype}")
    array = np.ascontiguousarray(array)
    return array if array.ctypes.data % 8 == 0 else copy_of(array)


def copy_of(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy in which no hash lies across two cache lines."""
    copy = room_for(len(hashes))
    copy[:] = hashes
    return copy


def room_for(count: int) -> NDArray[np.uint8]:
    """Return (count, 32) uint8, not filled, in which no hash lies across two cache lines."""
    memory = np.empty(count * HASH_BYTES + 64, np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + count * HASH_BYTES].reshape(count, HASH_BYTES)


def permute(hashes: NDArray[np.uint8], order: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the bits of each hash into another order.

    Args:
        hashes: (n, 32) uint8.
        order: (256,) uint8: bit ``i`` of a result is bit ``order[i]`` of the hash.
    """
    permuted = room_for(len(hashes))
    native = _native()
    if native is None:
        for start in range(0, len(hashes), _ROWS):
            bits = np.unpackbits(hashes[start : start + _ROWS], axis=1, bitorder="little")
            permuted[start : start + _ROWS] = np.packbits(bits[:, order], 1, "little")
        return permuted
    hashes, order = np.ascontiguousarray(hashes), np.ascontiguousarray(order)
    native.tg_permute(hashes.ctypes.data, len(hashes), order.ctypes.data, permuted.ctypes.data)
    return permuted


def chunk_table(hashes: NDArray[np.uint8], plan: Plan, chunk: int) -> NDArray[np.uint32]:
    """Order the rows by the value of a chunk.

    Args:
        hashes: (n, 32) uint8, permuted.
        plan: How hashes are divided.
        chunk: Number of the chunk.

    Returns:
        (2^bits + 1 + n,): where the rows of each value begin, then the rows. The rows of
        value ``v`` lie between start ``v`` and start ``v + 1``, ascending.
    """
    values, first = 1 << plan.bits, chunk * plan.bits
    table = np.empty(values + 1 + len(hashes), "<u4")
    native = _native()
    if native is not None:
        hashes = hashes_of(hashes)
        native.tg_chunk_table(hashes.ctypes.data, len(hashes), first, plan.bits, table.ctypes.data)
        return table
    words = np.ascontiguousarray(hashes).view("<u8")
    word, shift = divmod(first, 64)
    value = words[:, word] >> np.uint64(shift)
    if shift + plan.bits > 64:
        value |= words[:, word + 1] << np.uint64(64 - shift)
    value &= np.uint64(values - 1)
    table[0] = 0
    np.cumsum(np.bincount(value.astype(np.int64), minlength=values), out=table[1 : values + 1])
    table[values + 1 :] = np.argsort(value, kind="stable")
    return table


def scan(hashes: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> Met:
    """Compare all hashes with all queries.

    Args:
        hashes: (n, 32) uint8.
        queries: (q, 32) uint8, with their bits in the same order.
        radius: Bits, 0 to 256.
    """
    native = _native()
    if native is None:
        return _scan(hashes, queries, radius)
    hashes, queries = hashes_of(hashes), hashes_of(queries)
    room = _ROOM
    while True:
        met = np.empty((room, 3), np.uint32)
        found = native.tg_scan(
            hashes.ctypes.data,
            len(hashes),
            queries.ctypes.data,
            len(queries),
            radius,
            met.ctypes.data,
            room,
        )
        if found <= room:
            return met[:found]
        room = found


class Tables:
    """Hashes and the tables of their chunks, as the native library takes them."""

    def __init__(
        self, hashes: NDArray[np.uint8], plan: Plan, tables: tuple[NDArray[np.uint32], ...]
    ) -> None:
        """Take the arrays as they are.

        Args:
            hashes: (n, 32) uint8, permuted, contiguous.
            plan: How they are divided.
            tables: Of each chunk, see :func:`chunk_table`.
        """
        self.hashes = hashes_of(hashes)
        self.plan = plan
        self._tables = tables
        # Asked for once: an address takes NumPy longer than a small search takes.
        self._addresses = (ctypes.c_void_p * len(tables))(*(t.ctypes.data for t in tables))
        self._hashes_address = self.hashes.ctypes.data
        self._reached: dict[int, tuple[Reach, _MultiIndex]] = {}

    def reached(self, radius: int, reach: Reach) -> _MultiIndex:
        """Return what the native library reads; it is valid as long as this is."""
        if radius not in self._reached:
            index = _MultiIndex(
                self._hashes_address,
                ctypes.addressof(self._addresses),
                reach.masks.ctypes.data,
                reach.radii.ctypes.data,
                reach.probes.ctypes.data,
                len(self.hashes),
                self.plan.chunks,
                self.plan.bits,
            )
            self._reached[radius] = reach, index
        return self._reached[radius][1]


class _Room(threading.local):
    """Memory that each thread keeps for its searches, with addresses that are asked for once."""

    def __init__(self) -> None:
        self.queries = room_for(QUERIES)
        self.queries_address = self.queries.ctypes.data
        self.crowded = bytearray(QUERIES)
        self.crowded_address = ctypes.addressof(ctypes.c_char.from_buffer(self.crowded))
        self.met: Met = np.empty((_ROOM, 3), np.uint32)
        self.met_address = self.met.ctypes.data
        self.buckets = np.empty((0, 2), np.uint64)
        self.buckets_address = 0

    def reserve(self, buckets: int) -> None:
        if len(self.buckets) < buckets:
            self.buckets = np.empty((buckets, 2), np.uint64)
            self.buckets_address = self.buckets.ctypes.data


_ROOMS = _Room()


def probe(
    tables: Tables,
    queries: NDArray[np.uint8],
    order: NDArray[np.uint8],
    radius: int,
    reach: Reach,
) -> Met:
    """Compare the queries with the hashes near them, which the tables name.

    Without the native library all hashes are compared.

    Args:
        tables: The hashes and their tables.
        queries: (q, 32) uint8, contiguous, at most :data:`QUERIES`.
        order: (256,) uint8, contiguous; see :func:`permute`.
        radius: Bits, 0 to 256.
        reach: How far around the queries each chunk is searched for that radius.

    Raises:
        DamagedTableError: The tables are not those of the hashes.
    """
    native = _native()
    if native is None:
        return _scan(tables.hashes, permute(queries, order), radius)
    asked, mine = len(queries), _ROOMS
    mine.reserve(reach.total)
    native.tg_permute(queries.ctypes.data, asked, order.ctypes.data, mine.queries_address)
    index = ctypes.byref(tables.reached(radius, reach))
    met, room, address = mine.met, _ROOM, mine.met_address
    while True:
        found = native.tg_probe(
            index,
            mine.queries_address,
            asked,
            radius,
            mine.buckets_address,
            mine.crowded_address,
            address,
            room,
        )
        if found < 0:
            raise DamagedTableError("a table of its index names hashes that are not there")
        if found <= room:
            break
        met = np.empty((found, 3), np.uint32)
        room, address = found, met.ctypes.data
    met = met[:found].copy()
    if mine.crowded.find(1, 0, asked) >= 0:
        left = np.flatnonzero(np.frombuffer(mine.crowded, np.uint8, asked))
        scanned = scan(tables.hashes, mine.queries[left], radius)
        scanned[:, 0] = left[scanned[:, 0]]
        met = np.concatenate((met, scanned))
    return met


def _scan(hashes: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> Met:
    asked = _quarters(queries)
    found = [np.zeros((3, 0), np.uint32)]
    step = max(1, _BLOCK // max(1, len(queries)))
    for start in range(0, len(hashes), step):
        block = _quarters(hashes[start : start + step])
        # Half of the bits rule out nearly all: few pairs need the other half.
        half = np.bitwise_count(asked[0, :, np.newaxis] ^ block[0])
        half += np.bitwise_count(asked[1, :, np.newaxis] ^ block[1])
        query, row = np.nonzero(half <= radius)
        if len(query):
            distance = np.zeros(len(query), np.uint32)
            for word in range(_WORDS):
                distance += np.bitwise_count(asked[word, query] ^ block[word, row])
            hit = distance <= radius
            found.append(np.stack((query[hit], row[hit] + start, distance[hit])).astype(np.uint32))
    return np.concatenate(found, axis=1).T


def _quarters(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return (4, n): each quarter of the hashes lies together in memory."""
    return np.ascontiguousarray(np.ascontiguousarray(hashes).view(np.uint64).T)


def _native() -> ctypes.CDLL | None:
    found = library()
    return None if found is None else _declared(found)


@cache
def _declared(native: ctypes.CDLL) -> ctypes.CDLL:
    pointer, number, many = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int64
    native.tg_scan.argtypes = (pointer, number, pointer, number, number, pointer, many)
    native.tg_scan.restype = many
    native.tg_probe.argtypes = (
        *(pointer, pointer, number, number),
        *(pointer, pointer, pointer, many),
    )
    native.tg_probe.restype = many
    native.tg_chunk_table.argtypes = (pointer, number, number, number, pointer)
    native.tg_chunk_table.restype = None
    native.tg_permute.argtypes = (pointer, ctypes.c_uint64, pointer, pointer)
    native.tg_permute.restype = None
    return native
