"""What one process of the service has open: the store, the media, the judge, the banks."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import Request

from tidegate.closing import Closing
from tidegate.service.accepting import Accepting
from tidegate.service.answers import Answers
from tidegate.service.apart import Apart
from tidegate.service.chain import Chain
from tidegate.service.fetch import Caps, Fetcher
from tidegate.service.hasher import Hasher
from tidegate.service.limits import RateLimit
from tidegate.service.meters import Meters
from tidegate.service.passwords import Passwords
from tidegate.service.pictures import AT_ONCE, Pictures
from tidegate.service.refusals import Refusals
from tidegate.service.replica import Replica
from tidegate.service.room import Room
from tidegate.service.secret import Secret
from tidegate.service.settings import Settings
from tidegate.service.sources import Sources
from tidegate.service.tokens import FirstLink
from tidegate.store import clock
from tidegate.store.engine import Store

SLOW = 16
"""Requests at once that fetch, hash or import something."""

NOTICES = 60.0
"""Notices that one network may ask for in a minute; many uploaders may be behind one."""


class Limits:
    """How often things may be done, in this process.

    Attributes:
        requests: By whoever asks: ``principal.actor``.
        login_address: Logins, by the network that they come from.
        login_here: Logins, by that and the name that is given.
        login_name: Logins, by the name alone, wherever they come from.
        login_known: Logins, by user and network, where they have logged in before: strangers
            can use up the others, and lock nobody out of where they belong.
        notices: Notices for uploaders, by the network that they ask from.

    Args:
        settings: How often.
        tick: Seconds that only grow.
    """

    def __init__(self, settings: Settings, *, tick: Callable[[], float] = time.monotonic) -> None:
        rate, logins = settings.requests_per_second, settings.logins_per_minute
        # A bucket that holds less than one of them would never let one through.
        self.requests = RateLimit(rate, max(1.0, 2 * rate), clock=tick)
        # Several people may work behind one address.
        self.login_address = RateLimit(4 * logins / 60, max(1.0, 4 * logins), clock=tick)
        self.login_here = RateLimit(logins / 60, max(1.0, logins), clock=tick)
        # As slow as one network, so that many guess no faster; with room for some at once.
        self.login_name = RateLimit(logins / 60, max(1.0, 4 * logins), clock=tick)
        self.login_known = RateLimit(logins / 60, max(1.0, logins), clock=tick)
        self.notices = RateLimit(NOTICES / 60, NOTICES, clock=tick)


class Service(Closing):
    """One for each process, used by all of its threads; close it.

    Args:
        settings: What it was told.
        store: The open database, up to date. It is closed with the service.
        now: What time it is, in microseconds since 1970; a test says it.
        passwords: Hashes passwords; by default at the cost that passwords are worth.

    Attributes:
        settings: What it was told.
        store: The database.
        limits: Rate limits.
        passwords: Hashes and checks passwords.
        refusals: Counts refused logins for the audit chain.
        secret: The server's key, from which others are derived by purpose.
        meters: What is counted, for Prometheus.
        checks: What has to hold before requests are served, by name: returns what is wrong, in
            words that anybody may read, or ``None``. Whoever loads something adds a check.
        chain: Walks the audit chain when it is asked to.
        first: The link of the first start, or ``None`` where none was given out.
        room: Where media lie.
        sources: Opens the media of items.
        accepting: Accepts items.
        answers: Who waits for items to be judged.
        pictures: Makes small pictures of media.
        showing: Where pictures are made.
        slow: Where what a request brings is fetched, hashed or imported.
        replica: The banks, as far as they have followed the database.
        hasher: Hashes what is sent to be looked up, or to be put into a bank.
        ending: Set when the process is to end: answers that go on and on end then.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        now: Callable[[], int] = clock.now,
        passwords: Passwords | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.limits = Limits(settings)
        self.passwords = passwords or Passwords()
        self.refusals = Refusals()
        self.secret: Secret = settings.server_key()
        self.chain = Chain(store, self.secret, now)
        self.meters = Meters()
        self.checks: dict[str, Callable[[], str | None]] = {}
        self.first: FirstLink | None = None
        self.ending = threading.Event()
        self._now = now
        fetcher = Fetcher(settings.allowance(), Caps(size=settings.upload_bytes))
        self.room = Room(settings.data)
        self.sources = Sources(
            store,
            self.room,
            objects=settings.objects,
            allowance=settings.allowance(),
            most=settings.upload_bytes,
            fetcher=fetcher,
        )
        self.accepting = Accepting(store)
        self.answers = Answers(store)
        self.pictures = Pictures()
        self.showing = Apart(AT_ONCE)
        self.slow = Apart(SLOW)
        self.replica = Replica(store, settings.data / "banks")
        self.checks["banks"] = self.replica.problem
        self.hasher = Hasher(
            settings.data / "hashing",
            fetcher,
            threads=min(4, os.cpu_count() or 1),
        )

    def clock(self) -> int:
        """Return what time it is, in microseconds since 1970."""
        return self._now()

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data

    def close(self) -> None:
        """Close what is open."""
        self.pictures.close()
        self.hasher.close()
        self.answers.close()
        self.chain.close()
        self.replica.close()
        self.refusals.close(self.store, now=self._now())
        self.store.close()


async def service(request: Request) -> Service:
    """Return the service that a request is for; a dependency of routes."""
    found = request.app.state.service
    assert isinstance(found, Service)
    return found
