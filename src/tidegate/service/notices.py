"""Links that show an uploader one decision: what was decided of their content, and why.

A link is ``/appeal?notice=<decision>.<until>.<signature>``. The signature is an HMAC-SHA256 over
the decision and the time until which it can be appealed against. Whoever has the link is taken
for the uploader: it opens the notice and its appeal, and nothing else. It stands in the query,
which the log leaves out, and no page that it opens tells another site where it came from.

It ends by itself, :data:`KEPT` after the last moment of an appeal; and it is no good for an
appeal any more once another decision is in force.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from tidegate.service.envelope import Message
from tidegate.service.secret import Secret
from tidegate.service.statements import restricts, unsaid
from tidegate.store import clock
from tidegate.store.clock import DAY, SECOND

if TYPE_CHECKING:
    from tidegate.service.state import Service

PATH = "/appeal"
"""Where the page is."""

PURPOSE = "notices"
"""What the key of the links is derived for."""

KEPT = 60 * DAY
"""Microseconds that a notice can still be read after the last moment of an appeal, so that the
outcome is found where the appeal was made."""

LONGEST = 200
"""Characters of a token at most."""

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TOKEN = re.compile(rf"({_ID})\.([1-9][0-9]{{0,11}})\.([\w-]{{43}})")

Cause = Literal["expired", "wrong"]


class NoticeError(Exception):
    """A link that opens nothing.

    Attributes:
        cause: Why.
    """

    def __init__(self, cause: Cause) -> None:
        super().__init__("the link is not valid, or not any more")
        self.cause = cause


class Notice(NamedTuple):
    """What a link opens.

    Attributes:
        decision: Id of the decision.
        until: Until when it can be appealed against, in microseconds since 1970.
    """

    decision: str
    until: int


def token(key: Secret, decision: str, until: int) -> str:
    """Return what a link has for its notice.

    Args:
        key: The server's, derived for this purpose.
        decision: Id of the decision.
        until: Until when it can be appealed against; kept to the second.
    """
    seconds = until // SECOND
    return f"{decision}.{seconds}.{_sign(key, decision, seconds)}"


def read(key: Secret, given: str, now: int) -> Notice:
    """Return what a token opens.

    Args:
        key: The server's, derived for this purpose.
        given: From the query.
        now: The present.

    Raises:
        NoticeError: Not signed by us, or too late.
    """
    found = _TOKEN.fullmatch(given, 0, LONGEST) if given.isascii() else None
    if found is None:
        raise NoticeError("wrong")
    decision, seconds, signature = found.groups()
    if not hmac.compare_digest(_sign(key, decision, int(seconds)), signature):
        raise NoticeError("wrong")
    until = int(seconds) * SECOND
    if now >= until + KEPT:
        raise NoticeError("expired")
    return Notice(decision, until)


def key_of(at: "Service") -> Secret:
    """Return the key that signs links."""
    return at.secret.derive(PURPOSE)


def until(at: "Service", informed: int) -> int:
    """Return until when somebody who is told of a decision at some time can appeal against it."""
    return informed + at.settings.notice_days * DAY


def url(at: "Service", decision: str, until: int) -> str:
    """Return a link to the notice of a decision."""
    return f"{at.settings.base_url}{PATH}?notice={token(key_of(at), decision, until)}"


def of_messages(at: "Service") -> Callable[[Message], str | None]:
    """Return what gives the link that goes with a message, or ``None`` where none does.

    There is one where the operator has said how browsers reach the service, and where something
    is kept from others, and may be told in full. What may not is for the platform to ask for.
    """

    def link(message: Message) -> str | None:
        if at.settings.public_url is None or message.decision is None:
            return None
        informed = clock.parse(message.at)
        if message.appeal is not None:
            return url(at, message.appeal.decision, until(at, informed))
        decision = message.decision
        categories = [reason.category for reason in decision.reasons]
        if message.event not in ("item.decided", "item.reversed"):
            return None
        if not restricts(decision.action) or unsaid(decision.action, categories):
            return None
        return url(at, decision.id, until(at, informed))

    return link


def _sign(key: Secret, decision: str, seconds: int) -> str:
    message = json.dumps([decision, seconds]).encode()
    digest = hmac.digest(key.reveal(), message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
