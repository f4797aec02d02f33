"""One attempt to bring messages to one target: a webhook, Slack, or an e-mail address.

A webhook gets JSON (:mod:`~tidegate.service.envelope`), signed anew at each attempt. Slack, and
what understands the same JSON (Mattermost, Rocket.Chat), gets text. E-mail goes by the operator's
own mail server. Whatever goes wrong is an :class:`Outcome`, never an error.
"""

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tidegate.service import wording
from tidegate.service.addresses import Allowance
from tidegate.service.envelope import Envelope, Message
from tidegate.service.fetch import Caps, Fetcher
from tidegate.service.fetch_error import FetchError
from tidegate.service.outward import Outward, Security
from tidegate.service.signing import HEADER, SigningKey, sign
from tidegate.store.clock import SECOND
from tidegate.store.webhooks import Kind

CAPS = Caps(connect=5.0, read=10.0, total=20.0)
"""What one attempt may cost: a receiver notes the message, and does its work afterwards."""

LONGEST_REST = 86400.0
"""Seconds that a receiver may ask to be left alone, at most."""

_BUSY = frozenset({408, 425, 429})
_GONE = 410
_SMTP_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}

logger = logging.getLogger(__name__)


class Target(NamedTuple):
    """Where messages go.

    Attributes:
        kind: How.
        address: A URL, or an e-mail address.
        keys: That sign, one or two; only of a webhook.
        public: Whether it has to be a public address: what an item brings along is named by
            whoever may upload, and the networks inside are opened for an admin's webhooks.
    """

    kind: Kind
    address: str
    keys: tuple[SigningKey, ...] = ()
    public: bool = False


class Outcome(NamedTuple):
    """How an attempt went.

    Attributes:
        error: What went wrong, in words that the operator may read, or ``None``: it arrived.
        status: The HTTP status, or ``None`` where there was none.
        alone: Whether the target as a whole is better left alone for a while.
        final: Whether trying again is of no use.
        rest: Seconds for which it asked to be left alone.
    """

    error: str | None = None
    status: int | None = None
    alone: bool = False
    final: bool = False
    rest: float = 0.0


class Courier:
    """Brings messages to targets; safe to share between threads.

    Args:
        outward: What the operator allows.
        url: How browsers reach the service, for links.
        clock: Microseconds since 1970.
        notice: Gives the link for the uploader that goes with a message to a webhook, or
            ``None``; by default none does. What goes to Slack or by e-mail is read by the
            operator's own people, and has none.
        fetcher: Posts; by default to where the operator allows.
        tls: Whom to trust among mail servers; by default the system's authorities.
    """

    def __init__(
        self,
        outward: Outward,
        url: str,
        clock: Callable[[], int],
        *,
        notice: Callable[[Message], str | None] = lambda _: None,
        fetcher: Fetcher | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._outward = outward
        self._url = url
        self._clock = clock
        self._notice = notice
        self._fetcher = fetcher or Fetcher(outward.allowance(), CAPS)
        self._public = fetcher or Fetcher(Allowance(), CAPS)
        self._tls = tls or ssl.create_default_context()

    def bring(self, target: Target, messages: Sequence[Message]) -> Outcome:
        """Try once to bring messages to a target."""
        try:
            if target.kind == "webhook":
                body = msgspec.json.encode(Envelope(messages=tuple(map(self._linked, messages))))
                signature = sign(body, target.keys, self._clock() // SECOND)
                return self._post(target, body, {HEADER: signature})
            if target.kind == "slack":
                text = wording.slack(messages, self._url)
                told = {"text": text, "unfurl_links": False, "unfurl_media": False}
                return self._post(target, msgspec.json.encode(told), {})
            return self._mail(target.address, messages)
        except Exception as error:
            # Our own mistake, perhaps about one message: the others go on.
            logger.exception("a message cannot be sent")
            return Outcome(f"internal error: {type(error).__name__}")

    def _linked(self, message: Message) -> Message:
        link, notice = wording.link(message, self._url), self._notice(message)
        return replace(message, link=link, notice=notice)

    def _post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Outcome:
        fetcher = self._public if target.public else self._fetcher
        try:
            content = {"Content-Type": "application/json; charset=utf-8"}
            answer = fetcher.post(target.address, body, content | dict(headers))
        except FetchError as error:
            logger.info("a webhook cannot be called: %s %s", error, error.detail)
            return Outcome(str(error), alone=True)
        status = answer.status
        if 200 <= status < 300:
            return Outcome(status=status)
        said = f"the receiver answered with status {status}"
        alone = status in _BUSY or status >= 500
        rest = self._rest(answer.retry_after) if alone else 0.0
        return Outcome(said, status, alone=alone, final=status == _GONE, rest=rest)

    def _rest(self, header: str | None) -> float:
        """Return the seconds of ``Retry-After``, a number or a date (RFC 9110, 10.2.3)."""
        if header is None:
            return 0.0
        if header.isascii() and header.isdigit():
            return min(float(header[:9]), LONGEST_REST)
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        left = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - self._clock() / SECOND
        return min(max(left, 0.0), LONGEST_REST)

    def _mail(self, address: str, messages: Sequence[Message]) -> Outcome:
        outward = self._outward
        if outward.smtp is None or outward.smtp_from is None:
            return Outcome("no mail server is set: TIDEGATE_SMTP", alone=True)
        mail = EmailMessage(policy=SMTP)
        mail["From"] = outward.smtp_from
        mail["To"] = address
        mail["Subject"] = wording.subject(messages)
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._clock() / SECOND, UTC))
        # The same for each attempt, so that a mailbox can drop what comes twice.
        mail["Message-ID"] = f"<{messages[0].id}@{outward.smtp_from.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered.
        mail.set_content(wording.email(messages, self._url))
        try:
            with self._server(outward.smtp, outward.smtp_security) as server:
                if outward.smtp_user is not None and outward.smtp_password is not None:
                    server.login(outward.smtp_user, outward.smtp_password.text())
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, _ = next(iter(error.recipients.values()))
            return Outcome(f"the mail server refuses the address, with code {code}")
        except smtplib.SMTPResponseException as error:
            said = f"the mail server answered with code {error.smtp_code}"
            return Outcome(said, alone=True)
        except (smtplib.SMTPException, OSError) as error:
            logger.info("no e-mail can be sent: %r", error)
            return Outcome(f"the mail server cannot be used: {type(error).__name__}", alone=True)
        return Outcome()

    def _server(self, written: str, security: Security) -> smtplib.SMTP:
        host, _, port_text = written.partition(":")
        port = int(port_text or _SMTP_PORTS[security])
        own = socket.gethostname()
        if security == "tls":
            return smtplib.SMTP_SSL(host, port, own, timeout=CAPS.read, context=self._tls)
        server = smtplib.SMTP(host, port, own, timeout=CAPS.read)
        if security == "starttls":
            try:
                server.starttls(context=self._tls)
            except BaseException:
                server.close()
                raise
        return server
