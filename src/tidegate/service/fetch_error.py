"""The one error of fetching what somebody names by URL."""

from typing import Literal

FetchCause = Literal[
    "url",  # not a URL that is understood in one way only
    "scheme",  # not one of the schemes that are allowed
    "port",  # not one of the ports that are allowed
    "host",  # does not lead to an address that is allowed, or nowhere
    "busy",  # too many names are being looked up
    "unreachable",  # no connection
    "tls",  # a certificate that does not fit, or no TLS
    "slow",  # one of the time caps
    "broken",  # not HTTP, or less than was announced
    "status",  # an answer other than 200
    "redirect",  # too many, or to where none may go
    "encoding",  # a compressed body, that was not asked for
    "size",  # more than the cap
]


class FetchError(Exception):
    """Something could not be fetched, or must not be.

    The message may be shown to whoever named the URL: it holds no address of ours, no part
    of the URL, and the same words for a name that leads nowhere and one that leads inside.

    Attributes:
        cause: Why.
        status: The HTTP status, where there was an answer.
        again: Whether trying later may help.
        detail: More, for the operator's log alone. It may hold internal addresses.
    """

    def __init__(
        self,
        cause: FetchCause,
        message: str,
        *,
        status: int | None = None,
        again: bool = False,
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.status = status
        self.again = again
        self.detail = detail
