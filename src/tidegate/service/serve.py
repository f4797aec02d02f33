"""The whole service: the API, the sender, and beside them the processes that judge.

It ends by SIGTERM or SIGINT: no new connection is taken, requests under way are answered, what
is being judged is ended or given back. A second signal ends it at once. Whatever is killed
instead loses nothing either: all that was promised is in the database.
"""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from tidegate.service.settings import Listen, SettingError, Settings
from tidegate.service.start import Runner, runners, started
from tidegate.service.state import Service
from tidegate.service.tokens import new_first_link
from tidegate.store import users
from tidegate.store.clock import SECOND

GRACE = 20
"""Seconds that requests under way have at the end."""

CONNECTIONS = 512
"""Connections that are answered at a time; others are told to come back later."""

BACKLOG = 1024
"""Connections that wait to be taken."""

logger = logging.getLogger(__name__)


def serve(
    settings: Settings, tell: Callable[[str], None], build: Callable[[Service], FastAPI]
) -> bool:
    """Serve until a signal says to stop.

    Args:
        settings: What the service is told.
        tell: Is told where it listens, and the link of the first start: for the terminal, and
            for no log.
        build: Makes the application of a service: with the console, or the API alone.

    Returns:
        Whether it ended because it was told to; else something that runs beside the API failed,
        and the log says what.

    Raises:
        SettingError: It cannot listen there, or the server's key cannot be read.
        StoreError: The database cannot be used, or a newer version made it.
        BankError: The banks cannot be brought here.
        OSError: The data folder cannot be written.
    """
    with bound(settings.listen) as listening, started(settings) as service:
        at = Listen(settings.listen.host, listening.getsockname()[1])
        server = _Server(build(service), service, runners(service))
        tell(f"Tidegate listens on {at.url}")
        if link := _first_link(service, settings.public_url or at.url):
            tell(f"Make the first admin, once and within an hour: {link}")
        return server.serve_until_told(listening)


class _Server(uvicorn.Server):
    """The API, and what runs beside it."""

    def __init__(self, app: FastAPI, service: Service, beside: Mapping[str, Runner]) -> None:
        proxies = list(service.settings.proxies)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=GRACE,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
            )
        )
        self._beside = beside
        self._stop = service.ending
        self._failed = False
        self._told = False

    def serve_until_told(self, listening: socket.socket) -> bool:
        """Serve; return whether all went well until a signal came."""
        with self._signals():
            threads = [
                threading.Thread(target=self._keep, args=one, name=f"tidegate-{one[0]}")
                for one in self._beside.items()
            ]
            for thread in threads:
                thread.start()
            try:
                self.run(sockets=[listening])
            finally:
                self._stop.set()
                for thread in threads:
                    thread.join()
        return not self._failed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: everything begins to end at the same time; by a second one, at once."""
        if self._told:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._told = True
        self._stop.set()
        self.should_exit = True

    def _keep(self, name: str, run: Runner) -> None:
        try:
            run(self._stop)
        except Exception:
            # An API that takes items nobody judges is worse than none: what watches over the
            # process starts it anew.
            logger.exception("%s failed: the service ends", name)
            self._failed = True
            self._stop.set()
            self.should_exit = True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take signals before and after uvicorn does, which does while it serves."""
        both = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(one, self.handle_exit) for one in both]
        try:
            yield
        finally:
            for one, handler in zip(both, before, strict=True):
                signal.signal(one, handler)


def _first_link(service: Service, base: str) -> str | None:
    """Return the link by which the first admin is made, where there is none yet."""
    with service.store.read() as connection:
        if users.has_admin(connection):
            return None
    service.first = new_first_link(base, service.clock() / SECOND)
    return service.first.url.text()


@contextmanager
def bound(listen: Listen) -> Iterator[socket.socket]:
    """Yield a socket that listens: whether it can is known before anything else is done.

    Raises:
        SettingError: It cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol, or asyncio does not see that it is TCP and leaves Nagle's algorithm
        # on: each answer would wait 40 ms for the client's delayed acknowledgement.
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot(listen, error) from None
    with listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError as error:
            raise _cannot(listen, error) from None
        yield listening


def _cannot(listen: Listen, error: OSError) -> SettingError:
    reason = error.strerror or "it cannot be"
    return SettingError(f"cannot listen on {listen.host}:{listen.port}: {reason}")
