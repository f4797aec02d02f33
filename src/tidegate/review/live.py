"""``/console/events``: what changes while somebody looks, as Server-Sent Events (WHATWG HTML, 9.2).

One poller serves all who listen in a process, and runs only while somebody does. It asks the
database once for all of them; each is told what is new to them. Nothing is queued: whoever reads
slowly is told the latest, and skips what was in between.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Collection
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.responses import StreamingResponse

from tidegate.review.frame import HERE, At, listens
from tidegate.service.apart import Apart
from tidegate.service.auth import Principal
from tidegate.service.cases import visible
from tidegate.service.problems import Unavailable
from tidegate.service.state import Service
from tidegate.store import caselists, queues, sessions
from tidegate.store.error import MissingError, StoreError

logger = logging.getLogger(__name__)

router = APIRouter()

TICK = 0.1
"""Seconds after which it is seen that the process is to end."""

POLL = 2.0
"""Seconds between two looks at the database, at least."""

SHARE = 20
"""A look is followed by a pause of so many times its length: it takes a twentieth of one thread."""

BEAT = 15.0
"""Seconds without news after which something is sent all the same: what stands between a browser
and us ends connections that are silent."""

LONGEST = 900.0
"""Seconds of one stream. The browser asks for another, and who may see what is looked at anew."""

MOST = 200
"""Who listens in one process."""

MOST_OF_ONE = 6
"""Streams of one person; the oldest ends for another."""

MOST_QUEUES = 100
MOST_CASES = 20

_RETRY = b"retry: 2000\n\n"
_BEAT = b":\n\n"


class Seen(NamedTuple):
    """What one look at the database has found.

    Attributes:
        news: What there is to be told of each queue and case, by event and name.
        ended: Digests of the sessions that are not good any more, of those who listened then.
    """

    news: dict[tuple[str, str], bytes]
    ended: frozenset[str]


class Listener:
    """One stream.

    Attributes:
        who: Who listens.
        wanted: Queues and cases that they look at, as event and name.

    Args:
        who: Who listens.
        wanted: The same.
    """

    def __init__(self, who: Principal, wanted: Collection[tuple[str, str]]) -> None:
        self.who = who
        self.wanted = frozenset(wanted)
        self._woken = asyncio.Event()
        self._last: dict[tuple[str, str], bytes] = {}
        self._due: dict[tuple[str, str], bytes] = {}
        self._farewell: bytes | None = None

    def tell(self, seen: Seen) -> None:
        """Have the stream tell what is new in it."""
        for key in self.wanted & seen.news.keys():
            if self._last.get(key) != seen.news[key]:
                self._last[key] = self._due[key] = seen.news[key]
                self._woken.set()

    def end(self, event: str | None = None) -> None:
        """Have the stream end, with a last event or without."""
        self._farewell = b"" if event is None else _event(event, {})
        self._woken.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what is sent, until the end."""
        yield _RETRY
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            try:
                await asyncio.wait_for(self._woken.wait(), BEAT)
            except TimeoutError:
                yield _BEAT
                continue
            self._woken.clear()
            due, self._due = self._due, {}
            yield b"".join(due.values()) + (self._farewell or b"")
            if self._farewell is not None:
                return


class Live:
    """Everybody who listens in this process.

    Args:
        service: The service.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._apart = Apart(1)
        self._listeners: list[Listener] = []
        self._poller: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._listeners)

    async def allowed(
        self, who: Principal, wanted_queues: Collection[str], wanted_cases: Collection[str]
    ) -> set[tuple[str, str]]:
        """Return what somebody may listen to, of what they want to."""
        return await self._apart.run(self._allowed, who, wanted_queues, wanted_cases)

    async def listen(self, listener: Listener) -> AsyncIterator[bytes]:
        """Yield what one stream sends."""
        own = [one for one in self._listeners if one.who.id == listener.who.id]
        for one in own[: max(0, len(own) + 1 - MOST_OF_ONE)]:
            one.end("enough")
        self._listeners.append(listener)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="live")
        try:
            async for sent in listener.stream():
                yield sent
        finally:
            self._listeners.remove(listener)

    async def _poll(self) -> None:
        looking: asyncio.Task[Seen] | None = None
        pause, since = 0.0, time.monotonic()
        try:
            # Not before its last look is over: nobody else would hear what became of that.
            while (self._listeners or looking) and not self._service.ending.is_set():
                await asyncio.sleep(TICK)
                if looking is None:
                    if time.monotonic() - since >= pause:
                        since = time.monotonic()
                        looking = asyncio.create_task(self._apart.run(self._look))
                elif looking.done():
                    took = time.monotonic() - since
                    pause, since = max(POLL, SHARE * took), time.monotonic()
                    self._tell(looking)
                    looking = None
        finally:
            self._poller = None
            for listener in self._listeners:
                listener.end()

    def _tell(self, looked: asyncio.Task[Seen]) -> None:
        try:
            seen = looked.result()
        except StoreError as error:  # It is looked again; meanwhile nobody is told anything.
            logger.warning("the console's live updates: %s", error)
            return
        for listener in self._listeners:
            if listener.who.session in seen.ended:
                listener.end("over")
            else:
                listener.tell(seen)

    def _allowed(
        self, who: Principal, wanted_queues: Collection[str], wanted_cases: Collection[str]
    ) -> set[tuple[str, str]]:
        now = self._service.clock()
        with self._service.store.read() as connection:
            mine = set(queues.visible(connection, who.id, who.role))
            seen = [case for case in wanted_cases if _sees(connection, case, who, now)]
        found = {("queue", queue) for queue in wanted_queues if queue in mine}
        return found | {("case", case) for case in seen}

    def _look(self) -> Seen:
        """Return all that anybody wants to know, by three queries however many they are."""
        listeners = list(self._listeners)
        wanted = set(itertools.chain.from_iterable(one.wanted for one in listeners))
        names = {kind: sorted(n for k, n in wanted if k == kind) for kind in ("queue", "case")}
        digests = frozenset(one.who.session for one in listeners if one.who.session is not None)
        service = self._service
        now = service.clock()
        news: dict[tuple[str, str], bytes] = {}
        with service.store.read() as connection:
            good = sessions.good(connection, digests, now=now)
            for depth in caselists.depths(connection, names["queue"], now=now):
                told = {name: getattr(depth, name) for name in ("open", "claimed", "overdue")}
                news["queue", depth.queue] = _event("queue", {"queue": depth.queue, **told})
            for standing in caselists.standing(connection, names["case"]):
                news["case", standing.case] = _event("case", standing._asdict())
        return Seen(news, digests - good)


@router.get(f"{HERE}/events")
async def events(
    request: Request,
    at: At,
    who: Annotated[Principal, listens("review")],
    queue: Annotated[list[str], Query(max_length=MOST_QUEUES)] = [],  # noqa: B006
    case: Annotated[list[str], Query(max_length=MOST_CASES)] = [],  # noqa: B006
) -> Response:
    """Tell how much waits in some queues, and which versions some cases have, as it changes."""
    live: Live = request.app.state.live
    if len(live) >= MOST or at.ending.is_set():
        raise Unavailable("enough people listen already")
    wanted = await live.allowed(who, queue, case)
    # What stands between keeps nothing back until there is more of it.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = live.listen(Listener(who, wanted))
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _sees(connection: Connection, case: str, who: Principal, now: int) -> bool:
    try:
        visible(connection, case, who, now)
    except MissingError:
        return False
    return True


def _event(name: str, data: dict[str, Any]) -> bytes:
    # JSON has no line ends of its own, so that it is one line of the stream.
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
