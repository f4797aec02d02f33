"""Names to addresses, once; and connections to those very addresses, within one deadline.

Nothing between the check of an address and the connection to it looks a name up again: a name
that answers differently the second time (DNS rebinding) gains nothing.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

import httpcore

from tidegate.service.addresses import Address, Allowance
from tidegate.service.fetch_error import FetchError

Lookup = Callable[[str], Iterable[str]]
"""A name to its addresses. Raises ``OSError`` where it has none."""

MOST_TRIED = 4
"""Addresses of one name that a connection is tried to, one after the other."""

_PIECE = 16 * 1024


def system_lookup(name: str) -> list[str]:
    """Ask the system's resolver.

    A name with a dot is looked up as it is: the search domains of the machine, and so the
    names of a cluster, are no business of a stranger.
    """
    absolute = f"{name}." if "." in name else name
    found = socket.getaddrinfo(absolute, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Deadline:
    """Seconds that are left of a whole task.

    Args:
        seconds: From now on.
        clock: Seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, or ``most`` where that is less.

        Raises:
            FetchError: None is left.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise slow()
        return left if most is None else min(left, most)


class Resolver:
    """Looks names up in threads of its own: the system's resolver knows no time cap.

    Args:
        lookup: How.
        most: Names at once. A lookup that hangs keeps its place until the system gives up.
    """

    def __init__(self, lookup: Lookup = system_lookup, most: int = 32) -> None:
        self._lookup = lookup
        self._places = threading.BoundedSemaphore(most)

    def resolve(
        self, host: Address | str, allowance: Allowance, seconds: float
    ) -> tuple[Address, ...]:
        """Return the addresses of a host, each of which may be reached.

        Raises:
            FetchError: It has none, one of them must not be reached, or it takes too long.
        """
        if not isinstance(host, str):
            addresses: tuple[Address, ...] = (host,)
        else:
            addresses = self._look_up(host, seconds)
        bad = [str(address) for address in addresses if not allowance.allows(address)]
        if bad:
            raise _nowhere(f"{host} leads to {', '.join(bad)}")
        return addresses

    def _look_up(self, name: str, seconds: float) -> tuple[Address, ...]:
        if not self._places.acquire(blocking=False):
            raise _busy()
        found: list[tuple[Address, ...] | Exception] = []

        def work() -> None:
            try:
                found.append(tuple(ip_address(text) for text in self._lookup(name)))
            except (OSError, ValueError) as error:
                found.append(error)
            finally:
                self._places.release()

        thread = threading.Thread(target=work, name="tidegate-resolve", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # The system has no room for another.
            self._places.release()
            raise _busy() from None
        thread.join(seconds)
        if not found:
            raise slow(f"no answer for {name}")
        answer = found[0]
        if isinstance(answer, Exception):
            raise _nowhere(f"{name}: {answer}", again=True)
        if not answer:
            raise _nowhere(f"{name} has no address")
        return answer


class Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever the name is, until a deadline.

    Args:
        addresses: Tried in order.
        deadline: Of every connecting, reading and writing together.
    """

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._addresses = addresses[:MOST_TRIED]
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; the name is not looked at."""
        failed: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                stream = self._sockets.connect_tcp(
                    str(address),
                    port,
                    self._deadline.left(timeout),
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._deadline)
        raise failed


class _Timed(httpcore.NetworkStream):
    """A stream of which every step has to fit into what is left of the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def slow(detail: str = "") -> FetchError:
    """Return the error of a time cap."""
    return FetchError("slow", "took too long", again=True, detail=detail)


def _busy() -> FetchError:
    return FetchError("busy", "too many names are being looked up", again=True)


def _nowhere(detail: str, *, again: bool = False) -> FetchError:
    # One message for a name that is not there and for one that leads inside.
    message = "does not lead to an address that may be fetched from"
    return FetchError("host", message, again=again, detail=detail)
