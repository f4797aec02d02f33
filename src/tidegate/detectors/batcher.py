"""Pictures of many items in one run of a model, without waiting for more to come.

Many threads ask one detector. While as many runs are under way as the runtime takes, whoever
comes is gathered; when a run ends, all that have gathered, up to the batch, are the next one.
So an idle machine answers at once, and a busy one in full batches. There is no timer, and no
thread but those that ask: one of them does the run, for the others too.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Answer = list[Array]
"""Each output's row of one picture, of shape (1, ...)."""


class _Call:
    """What one thread asks for, and what has been answered so far."""

    def __init__(self, count: int) -> None:
        self.answers: list[Answer | None] = [None] * count
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.error is not None or all(answer is not None for answer in self.answers)


class _Piece(NamedTuple):
    call: _Call
    place: int
    tensor: Array


class Batcher:
    """Gathers the pictures of many threads. Safe to share between them.

    It holds no picture that no thread is waiting for: its memory is bounded by theirs, and
    that of the runs by ``most`` and ``at_once``.

    Args:
        run: Answers a batch of shape (n, ...) with arrays whose first axis is n.
        most: Most pictures in one run.
        at_once: Most runs at once.
    """

    def __init__(self, run: Callable[[Array], Sequence[Array]], most: int, at_once: int) -> None:
        self._run = run
        self._most = most
        self._at_once = at_once
        self._running = 0
        self._waiting: deque[_Piece] = deque()
        self._turn = threading.Condition()

    def ask(self, tensors: Sequence[Array]) -> list[Answer]:
        """Return the answer of each tensor. The calling thread does runs until it has them all.

        Raises:
            ArithmeticError: The model's answer has not one row a picture.
            Exception: Whatever ``run`` raised for these tensors. Those of another thread cannot
                make a call fail: a run of several calls that fails is done again, call by call.
        """
        call = _Call(len(tensors))
        pieces = [_Piece(call, place, tensor) for place, tensor in enumerate(tensors)]
        try:
            with self._turn:
                self._waiting.extend(pieces)
            while batch := self._next(call):
                self._do(batch)
        finally:
            # It may leave early: by an error of its own, or by Ctrl-C.
            with self._turn:
                self._waiting = deque(p for p in self._waiting if p.call is not call)
        if call.error is not None:
            try:
                raise call.error
            finally:
                call.error = None  # It would hold its own traceback, and that the tensors.
        return [answer for answer in call.answers if answer is not None]

    def _next(self, call: _Call) -> list[_Piece]:
        """Wait for a run to do; return its pictures, or none once the call is done."""
        with self._turn:
            while not call.done:
                if self._waiting and self._running < self._at_once:
                    self._running += 1
                    count = min(self._most, len(self._waiting))
                    return [self._waiting.popleft() for _ in range(count)]
                self._turn.wait()
        return []

    def _do(self, batch: list[_Piece]) -> None:
        try:
            self._answer_all(batch)
        except BaseException:
            # Ctrl-C ends this thread. What it did for others is theirs to do again.
            with self._turn:
                self._waiting.extendleft(p for p in reversed(batch) if not p.call.done)
            raise
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify_all()

    def _answer_all(self, batch: list[_Piece]) -> None:
        error = self._failure(batch)
        if error is None:
            return
        calls = {id(piece.call): piece.call for piece in batch}.values()
        for call in calls:
            own = [piece for piece in batch if piece.call is call]
            failure = error if len(calls) == 1 else self._failure(own)
            # Another run may have failed this call already: that stands.
            call.error = call.error or failure

    def _failure(self, batch: list[_Piece]) -> Exception | None:
        """Answer a batch in one run; return why it cannot be answered."""
        try:
            self._answer(batch)
        except Exception as error:
            # A runtime has errors of its own. They are raised where somebody asked.
            return error
        return None

    def _answer(self, batch: list[_Piece]) -> None:
        found = self._run(np.stack([piece.tensor for piece in batch]))
        for output in found:
            rows = output.shape[:1] if isinstance(output, np.ndarray) else None
            if rows != (len(batch),):
                raise ArithmeticError(f"the model answers {rows} rows for {len(batch)} pictures")
        for row, piece in enumerate(batch):
            piece.call.answers[piece.place] = [output[row : row + 1] for output in found]
