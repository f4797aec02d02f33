"""Items that arrive together are accepted together: one transaction, one wait for the disk."""

import threading
from collections import deque
from collections.abc import Sequence

from tidegate.store import items
from tidegate.store.engine import Store
from tidegate.store.error import StoreError
from tidegate.store.idempotency import Claim
from tidegate.store.items import Accepted

MOST = 32
"""Items of a transaction at most."""


class Accepting:
    """Accepts items, from any thread.

    Whoever comes while a transaction is under way waits for its end. Then the first of those
    accepts what all of them have brought.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._waiting: deque[_Sent] = deque()

    def accept(
        self, item: items.New, *, actor: str, now: int, claim: Claim | None = None
    ) -> Accepted:
        """Accept an item, and return when that is durable; see :func:`tidegate.store.items.accept`.

        Raises:
            InvalidError: A value is too long or out of its range.
            ConflictError: The key was used for another request.
            StoreError: The database cannot be used.
        """
        mine = _Sent(item, actor, now, claim)
        self._waiting.append(mine)
        while mine.result is None:
            with self._turn:
                if mine.result is None:
                    count = min(len(self._waiting), MOST)
                    self._accept([self._waiting.popleft() for _ in range(count)])
        if isinstance(mine.result, BaseException):
            raise mine.result
        return mine.result

    def _accept(self, together: Sequence["_Sent"]) -> None:
        try:
            with self._store.write() as connection:
                made = [
                    items.accept(
                        connection, one.item, actor=one.actor, now=one.now, claim=one.claim
                    )
                    for one in together
                ]
        except BaseException as error:
            # Nothing was kept. One may be at fault: it is told so, and the others are not. Where it
            # is the database, to wait for it once more for each of them helps nobody.
            if len(together) > 1 and isinstance(error, Exception) and type(error) is not StoreError:
                for one in together:
                    self._accept([one])
                return
            for one in together:
                one.result = error
            return
        for one, result in zip(together, made, strict=True):
            one.result = result


class _Sent:
    """An item that was sent, and what became of it."""

    def __init__(self, item: items.New, actor: str, now: int, claim: Claim | None) -> None:
        self.item = item
        self.actor = actor
        self.now = now
        self.claim = claim
        self.result: Accepted | BaseException | None = None
