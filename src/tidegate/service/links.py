"""Links to media that end soon and are good for one viewer; and how media is answered.

A link is ``/v1/media/<item>/<variant>?expires=…&signature=…``. The signature is an HMAC-SHA256
over item, variant, expiry and viewer. The viewer is not in the link: the server takes it from
the session that asks, so a link that leaks opens nothing for anybody else.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from tidegate.service.secret import Secret

LIFETIME = 120
"""Seconds that a link lives."""

Variant = Literal["thumbnail", "preview", "veil"]
"""All are encoded anew from pixels; there is no link to the bytes as they were uploaded. A veil is
no more than blotches of grey."""

MediaType = Literal["image/jpeg", "image/png", "image/webp", "video/mp4"]
"""What is served; each is written by us."""

LinkCause = Literal["expired", "wrong"]

_ENDINGS: dict[MediaType, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
}
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_LAST = 2**53


class LinkError(Exception):
    """A link that opens nothing.

    Attributes:
        cause: Why. To strangers both look the same.
    """

    def __init__(self, cause: LinkCause) -> None:
        super().__init__("the link is not valid, or not any more")
        self.cause = cause


def media_link(key: Secret, item: str, variant: Variant, viewer: str, now: float) -> str:
    """Return a path and query that open one variant of one item to one viewer.

    Args:
        key: The server's, derived for this purpose.
        item: The item's id.
        variant: Which rendering.
        viewer: Id of the user, or of the API key, that asks.
        now: In seconds since 1970.
    """
    expires = int(now) + LIFETIME
    signature = _sign(key, item, variant, expires, viewer)
    where = f"/v1/media/{quote(item, safe='')}/{variant}"
    return f"{where}?expires={expires}&signature={signature}"


def check_link(
    keys: Sequence[Secret],
    item: str,
    variant: str,
    viewer: str,
    expires: int,
    signature: str,
    now: float,
) -> None:
    """Check what a link says against who asks.

    Args:
        keys: The key in use, and the one before it until its last links have ended.
        item: From the path.
        variant: From the path.
        viewer: From the session or the API key that asks, never from the link.
        expires: From the query, in seconds since 1970.
        signature: From the query.
        now: In seconds since 1970.

    Raises:
        LinkError: Not signed by us for this, or too late.
    """
    if not _SIGNATURE.fullmatch(signature) or not 0 <= expires <= _LAST:
        raise LinkError("wrong")
    if not any(
        hmac.compare_digest(_sign(key, item, variant, expires, viewer), signature) for key in keys
    ):
        raise LinkError("wrong")
    # The upper bound holds even against a link that was signed by a clock that ran ahead.
    if not now < expires <= now + 2 * LIFETIME:
        raise LinkError("expired")


def media_headers(media_type: MediaType) -> dict[str, str]:
    """Return the headers under which media is served, whatever it is.

    No cache keeps it, no browser takes it for a page, no other site embeds it, nothing in it
    runs or loads. It is shown rather than saved: nobody wants it among their downloads. The
    file's name is ours, for the uploader's may be anything.

    Sources: RFC 9111 (no-store), CSP Level 3 (sandbox), the Fetch standard (nosniff, CORP),
    RFC 6266; OWASP "HTTP Security Response Headers Cheat Sheet".
    """
    return {
        "Content-Type": media_type,
        "Content-Disposition": f'inline; filename="media.{_ENDINGS[media_type]}"',
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, noimageindex",
    }


def _sign(key: Secret, item: str, variant: str, expires: int, viewer: str) -> str:
    # JSON keeps the fields apart, whatever is in them.
    message = json.dumps([item, variant, expires, viewer]).encode()
    return hmac.digest(key.reveal(), message, hashlib.sha256).hex()
