"""Films made of hashes: shots in which the picture changes bit by bit, and copies of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.align import Runs, runs
from tidegate.matching.timeline import Timeline

BITS = 256

RADIUS = 31


class Film:
    """A film: every second of it has a hash.

    A shot begins with a random hash of which bit after bit flips. So two moments of a
    shot are as many bits apart as it changes between them, and two shots have nothing in
    common. A film that moves is met for about a second around each moment.
    """

    def __init__(self, seed: int, duration: float, *, still: float = 0.0) -> None:
        """Make a film.

        Args:
            seed: Films of different seeds have nothing in common.
            duration: Seconds.
            still: Share of the shots in which nothing changes.
        """
        self._rng = np.random.default_rng(seed)
        self.duration = duration
        lengths = self._rng.uniform(1.5, 6.0, int(duration))
        self._starts = np.concatenate(([0.0], np.cumsum(lengths)))
        self._pace = self._rng.choice((25.0, 40.0, 60.0), len(lengths))
        self._pace[self._rng.random(len(lengths)) < still] = 0.0
        self._first = self._rng.random((len(lengths), BITS)) < 0.5
        self._turn = self._rng.permuted(np.tile(np.arange(BITS), (len(lengths), 1)), axis=1)

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return (n, 256) bool: the hashes at these seconds."""
        shot = np.searchsorted(self._starts, seconds, "right") - 1
        flips = np.round((seconds - self._starts[shot]) * self._pace[shot]).astype(int)
        often = (flips[:, np.newaxis] - self._turn[shot] + BITS - 1) // BITS
        return self._first[shot] ^ (often % 2 == 1)


class Planted(NamedTuple):
    """A piece of a film in a query."""

    start: float
    end: float
    entry_start: float
    entry_end: float
    speed: float


class Cut(NamedTuple):
    """A piece to plant: some seconds of other material, then from where, how long, how fast."""

    before: float
    entry_start: float
    length: float
    speed: float = 1.0


def kept(lengths: Sequence[float], gaps: Sequence[float]) -> list[Cut]:
    """Return the pieces of a film that stay when seconds between them are cut out."""
    begins = np.concatenate(([0.0], np.cumsum(np.add(lengths, gaps))))
    return [Cut(0.0, float(at), length) for at, length in zip(begins, lengths, strict=False)]


def frozen(
    film: Film, start: float, moving: float, held: float, gap: float, noise: float = 6.0
) -> tuple[Timeline, NDArray[np.bool_]]:
    """Return the frames of a query that shows a film and then holds its last frame."""
    times = np.arange(gap * 0.37, moving + held, gap)
    hashes = film.at(start + np.minimum(times, moving))
    hashes ^= np.random.default_rng(len(times)).random(hashes.shape) < noise / BITS
    return Timeline(times, moving + held), hashes


def stored(film: Film, gap: float = 0.125) -> tuple[Timeline, NDArray[np.bool_]]:
    """Return the frames of an entry and their hashes."""
    times = np.arange(0.0, film.duration, gap)
    return Timeline(times, film.duration), film.at(times)


def copied(
    film: Film, cuts: Sequence[Cut], gap: float, *, after: float = 3.0, noise: float = 6.0
) -> tuple[Timeline, NDArray[np.bool_], list[Planted]]:
    """Return the frames of a query that shows pieces of a film, their hashes, and the truth.

    Args:
        film: The film.
        cuts: Pieces in the order of the query; between them is another film.
        gap: Seconds between the judged frames.
        after: Seconds of other material at the end.
        noise: Bits by which a copy is off, on average.
    """
    truth: list[Planted] = []
    second = 0.0
    for cut in cuts:
        start = second + cut.before
        second = start + cut.length
        stop = cut.entry_start + cut.speed * cut.length
        truth.append(Planted(start, second, cut.entry_start, stop, cut.speed))
    times = np.arange(gap * 0.37, second + after, gap)
    hashes = Film(10**6 + len(times), second + after).at(times)
    for piece in truth:
        shown = (piece.start <= times) & (times < piece.end)
        hashes[shown] = film.at(piece.entry_start + piece.speed * (times[shown] - piece.start))
    hashes ^= np.random.default_rng(len(times)).random(hashes.shape) < noise / BITS
    return Timeline(times, second + after), hashes, truth


def met(query: NDArray[np.bool_], entry: NDArray[np.bool_]) -> Runs:
    """Return the hits of two films, by brute force."""
    signs = np.where(query, 1.0, -1.0) @ np.where(entry, 1.0, -1.0).T
    distance = np.round((BITS - signs) / 2).astype(np.int64)
    frame, row = np.nonzero(distance <= RADIUS)
    return runs(frame, row, distance[frame, row])
