"""Fetching what a stranger names by URL, and calling the webhooks that an operator sets.

Every way from a URL to a connection is here, in `addresses` and in `dial`: the URL is read
strictly, its name is looked up once, every address of it is checked, the connection goes to
one of these and the certificate is checked against the name. A redirect starts over. There are
no proxies, no environment, no cookies, no credentials and no decompression: httpcore, that
httpx stands on, is used directly because it has none of them.

Sources: RFC 9110, RFC 9112, OWASP's "Server-Side Request Forgery Prevention Cheat Sheet".
"""

import hashlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple
from urllib.parse import urljoin

import httpcore

from tidegate import __version__
from tidegate.service.addresses import Allowance, Place, check_characters, read_url
from tidegate.service.dial import Deadline, Pinned, Resolver, slow
from tidegate.service.fetch_error import FetchError

USER_AGENT = f"Tidegate/{__version__}"
EXCERPT = 2048
"""Bytes that are kept of what a webhook's target answers."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What one fetch may cost.

    Attributes:
        size: Bytes of the body.
        connect: Seconds for each connection, and for its TLS.
        read: Seconds without a byte.
        total: Seconds for all of it: names, redirects and the body.
        redirects: How many are followed.
    """

    size: int = 100 * 1024 * 1024
    connect: float = 5.0
    read: float = 10.0
    total: float = 60.0
    redirects: int = 3


class Fetched(NamedTuple):
    """What was fetched.

    Attributes:
        size: Bytes.
        sha256: Of these, in hexadecimal.
        url: Where they came from after redirects. It may hold a secret of whoever named it.
        content_type: What the server calls it, or empty. Not to be believed.
    """

    size: int
    sha256: str
    url: str
    content_type: str


class Answer(NamedTuple):
    """What a webhook's target answered.

    Attributes:
        status: HTTP status.
        retry_after: The header, or ``None``.
        excerpt: The first 2048 bytes of the body at most.
    """

    status: int
    retry_after: str | None
    excerpt: bytes


class Fetcher:
    """Fetches and posts; safe to share between threads.

    Args:
        allowance: Where requests may go.
        caps: What each may cost.
        resolver: Looks names up.
        tls: Whom to trust; by default the system's authorities and certifi's.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        allowance: Allowance | None = None,
        caps: Caps | None = None,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowance = allowance or Allowance()
        self._caps = caps or Caps()
        self._resolver = resolver or Resolver()
        self._tls = tls or httpcore.default_ssl_context()
        self._clock = clock

    def get(self, url: str, into: BinaryIO) -> Fetched:
        """Write the body behind a URL into an open file.

        A body without a length that ends with the connection is taken as whole: what is
        missing of it shows when it is decoded.

        Args:
            url: As a stranger wrote it.
            into: Where the bytes go. What is in it after an error is to be thrown away.

        Raises:
            FetchError: It must not be fetched, or could not be.
            OSError: The file could not be written.
        """
        deadline = Deadline(self._caps.total, self._clock)
        place = read_url(url, self._allowance)
        accept = {"Accept": "image/*, video/*;q=0.9, */*;q=0.1"}
        for _ in range(self._caps.redirects + 1):
            with self._ask("GET", place, accept, None, deadline) as response:
                if response.status not in _REDIRECTS:
                    return self._keep(response, place, into)
                place = self._follow(response, place)
        raise FetchError("redirect", f"redirects more than {self._caps.redirects} times")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post to a webhook's target. Redirects are not followed.

        Args:
            url: As the operator set it.
            body: What to send.
            headers: Beside ``Host``, ``User-Agent``, ``Accept-Encoding``, ``Connection`` and
                the length, which are set here.

        Raises:
            FetchError: It must not be called, or there was no answer. Any status is one.
        """
        deadline = Deadline(self._caps.total, self._clock)
        place = read_url(url, self._allowance)
        with self._ask("POST", place, headers, body, deadline) as response:
            excerpt = bytearray()
            for chunk in response.iter_stream():
                excerpt += chunk[: EXCERPT - len(excerpt)]
                if len(excerpt) == EXCERPT:
                    break
            later = _header(response, b"retry-after")
            return Answer(response.status, later or None, bytes(excerpt))

    @contextmanager
    def _ask(
        self,
        method: str,
        place: Place,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: Deadline,
    ) -> Iterator[httpcore.Response]:
        caps = self._caps
        allowance = self._allowance
        addresses = self._resolver.resolve(place.host, allowance, deadline.left(caps.connect))
        url = httpcore.URL(
            scheme=place.scheme, host=str(place.host), port=place.port, target=place.target
        )
        fixed = {
            "Host": place.authority,
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        times = {"connect": caps.connect, "read": caps.read, "write": caps.read}
        with (
            _told(),
            httpcore.HTTPConnection(
                url.origin, ssl_context=self._tls, network_backend=Pinned(addresses, deadline)
            ) as connection,
            connection.stream(
                method,
                url,
                headers=list((dict(headers) | fixed).items()),
                content=body,
                extensions={"timeout": times},
            ) as response,
        ):
            yield response

    def _follow(self, response: httpcore.Response, place: Place) -> Place:
        location = _header(response, b"location")
        if not location:
            raise FetchError("redirect", "redirects to nowhere")
        check_characters(location)
        try:
            url = urljoin(place.url, location)
        except ValueError:
            raise FetchError("redirect", "redirects to what is not a valid URL") from None
        to = read_url(url, self._allowance)
        if place.scheme == "https" and to.scheme != "https":
            raise FetchError("redirect", "redirects from https to http")
        return to

    def _keep(self, response: httpcore.Response, place: Place, into: BinaryIO) -> Fetched:
        if response.status != 200:
            again = response.status in _AGAIN
            message = f"the server answered with status {response.status}"
            raise FetchError("status", message, status=response.status, again=again)
        if _header(response, b"content-encoding").lower() not in ("", "identity"):
            raise FetchError("encoding", "the server compressed the body, unasked")
        most = self._caps.size
        too_large = FetchError("size", f"is larger than {most:,} bytes")
        announced = _header(response, b"content-length")
        # h11 has seen to it that it is a number, and the same one where it is there twice.
        if announced and int(announced) > most:
            raise too_large
        digest, size = hashlib.sha256(), 0
        for chunk in response.iter_stream():
            size += len(chunk)
            if size > most:
                raise too_large
            digest.update(chunk)
            into.write(chunk)
        return Fetched(size, digest.hexdigest(), place.url, _header(response, b"content-type"))


def _header(response: httpcore.Response, name: bytes) -> str:
    """Return a header's values as text, each of them where there are several."""
    values = [value for key, value in response.headers if key.lower() == name]
    return b", ".join(values).decode("utf-8", "replace").strip()


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong in our words: those of others may hold addresses."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise slow(repr(error)) from None
    except httpcore.ConnectError as error:
        if isinstance(error.__cause__, ssl.SSLError):
            message = "offers no TLS that can be trusted"
            raise FetchError("tls", message, detail=repr(error)) from None
        message = "cannot be reached"
        raise FetchError("unreachable", message, again=True, detail=repr(error)) from None
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
        message = "broke off, or does not speak HTTP"
        raise FetchError("broken", message, again=True, detail=repr(error)) from None
