"""Whether the audit chain is whole: walked apart from requests, a piece at a time.

Each piece is read in a transaction of its own, so that a long chain holds nothing up. What is told
is how far this process has walked since it started: nothing that is kept could be believed, for
whoever changes rows could change that too.
"""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tidegate.closing import Closing
from tidegate.service.secret import Secret
from tidegate.store import audit, checkpoint
from tidegate.store.checkpoint import Checkpoint
from tidegate.store.engine import Store
from tidegate.store.error import StoreError
from tidegate.store.tables import audit_head
from tidegate.store.verify import Head, Problem, piece

logger = logging.getLogger(__name__)

PIECE = 10_000
"""Rows that are walked in one transaction."""

PAUSE = 0.05
"""Seconds between two pieces: others have the processor meanwhile."""

PURPOSE = "audit checkpoints"
"""What the key that signs checkpoints is derived for."""


class Walked(NamedTuple):
    """How far a walk is.

    Attributes:
        seq: Number of the last row that fits; 0 where none was looked at.
        hash: Its digest.
        at: When the walk was there, in microseconds; ``None`` where there was none.
        head: Number of the last row there was then.
        walking: Whether it goes on.
        problem: The first thing that is wrong, or ``None``.
        error: Why the walk has ended before its time, or ``None``.
    """

    seq: int = 0
    hash: str = audit.START
    at: int | None = None
    head: int = 0
    walking: bool = False
    problem: Problem | None = None
    error: str | None = None


class Chain(Closing):
    """Walks the chain of a store when it is asked to. Safe to share between threads.

    Args:
        store: The database.
        secret: The server's key.
        now: What time it is, in microseconds since 1970.
    """

    def __init__(self, store: Store, secret: Secret, now: Callable[[], int]) -> None:
        self._store = store
        self._secret = secret
        self._now = now
        self._walked = Walked()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def state(self) -> Walked:
        """Return how far the walk is."""
        return self._walked

    def begin(self, *, anew: bool = False) -> None:
        """Walk on from where the last walk has ended, or from the first row; once at a time."""
        with self._lock:
            if self._walked.walking or self._stop.is_set():
                return
            before = Walked() if anew or self._walked.problem else self._walked
            self._walked = before._replace(walking=True, error=None)
            self._thread = threading.Thread(target=self._run, name="tidegate-chain", daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait until nothing is walked."""
        if (thread := self._thread) is not None:
            thread.join()

    def checkpoint(self) -> Checkpoint:
        """Sign the last row that was walked, by a key that follows from the server's key.

        Raises:
            StoreError: No row was walked, or the chain is not whole.
        """
        walked = self._walked
        if not walked.seq or walked.problem is not None:
            raise StoreError("only what was verified is signed")
        return checkpoint.sign_row(walked.seq, walked.hash, self._key(), now=self._now())

    def public_key(self) -> bytes:
        """Return the key that checkpoints are verified by, PEM."""
        return checkpoint.public_pem(self._key())

    def key_id(self) -> str:
        """Return the name of that key."""
        return checkpoint.key_id(self._key().public_key())

    def close(self) -> None:
        """Give up what is walked."""
        self._stop.set()
        self.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._step():
                self._stop.wait(PAUSE)
        except StoreError as error:
            logger.error("the audit chain cannot be walked: %s", error)
            self._walked = self._walked._replace(error="the database cannot be read")
        finally:
            self._walked = self._walked._replace(walking=False)

    def _step(self) -> bool:
        """Walk a piece, and return whether there is more."""
        start = Head(seq=self._walked.seq, hash=self._walked.hash)
        with self._store.read() as connection:
            found = piece(connection, start, PIECE)
            head = connection.execute(sa.select(audit_head.c.seq)).scalar() or 0
        self._walked = self._walked._replace(
            seq=found.seq, hash=found.hash, at=self._now(), head=head, problem=found.problem
        )
        return found.problem is None and found.rows == PIECE

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secret.derive(PURPOSE).reveal())
