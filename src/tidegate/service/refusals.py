"""Logins that were refused, as the audit chain tells of them: a row a minute, not one each.

Strangers with many addresses would fill the chain for ever. The first refusal of a user to a
network is a row at once; those that follow are counted, and told by the first login of anybody,
good or not, after the minute is over.
"""

import logging
import threading
from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate.store import audit
from tidegate.store.clock import MINUTE
from tidegate.store.engine import Store

MOST = 60
"""Users and networks that have rows of their own within a minute; others share one."""

NOBODY = "nobody"
"""Who is refused where there is no user of the name: made-up names have no rows of their own."""

OTHERS = (NOBODY, "others")

logger = logging.getLogger(__name__)


@dataclass
class _Minute:
    """Refusals of one user to one network that no row tells of yet, and when one may."""

    until: int
    count: int = 0


class Refusals:
    """Counts refused logins, in the memory of one process. Safe to share between threads."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, str], _Minute] = {}
        self._lock = threading.Lock()

    def note(self, connection: Connection, user: str | None, network: str, *, now: int) -> None:
        """Count a refusal, and append to the chain what is to be told by now.

        Args:
            connection: Of a transaction.
            user: Id of the user whose name was given, or ``None`` where there is none.
            network: Where it came from.
            now: The present.
        """
        key = (user or NOBODY, network)
        with self._lock:
            told = self._due(now)
            if key not in self._minutes and len(self._minutes) >= MOST:
                key = OTHERS
            if key in self._minutes:
                self._minutes[key].count += 1
            else:
                self._minutes[key] = _Minute(now + MINUTE)
                told[key] = told.get(key, 0) + 1
        _append(connection, told, now)

    def tell(self, connection: Connection, *, now: int) -> None:
        """Append to the chain what is to be told by now."""
        with self._lock:
            told = self._due(now)
        _append(connection, told, now)

    def close(self, store: Store, *, now: int) -> None:
        """Tell all that was counted; where the database is away, the log says so."""
        with self._lock:
            told = {key: one.count for key, one in self._minutes.items() if one.count}
            self._minutes.clear()
        if not told:
            return
        try:
            with store.write() as connection:
                _append(connection, told, now)
        except Exception:
            logger.exception("%d refused logins are not in the audit chain", sum(told.values()))

    def _due(self, now: int) -> dict[tuple[str, str], int]:
        """Return what is to be told; who was refused within the last minute stays remembered."""
        told: dict[tuple[str, str], int] = {}
        for key, one in list(self._minutes.items()):
            if now < one.until:
                continue
            if one.count:
                told[key] = one.count
                self._minutes[key] = _Minute(now + MINUTE)
            else:
                del self._minutes[key]
        return told


def _append(connection: Connection, told: dict[tuple[str, str], int], now: int) -> None:
    for (user, network), count in told.items():
        audit.append(
            connection,
            actor=NOBODY,
            action="login.refuse",
            # Not the user's own rows: nobody has done anything to them.
            subject=f"login:{user}",
            body={"address": network, "count": count},
            now=now,
        )
