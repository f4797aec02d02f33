"""What the operator lets the service send out, and by which mail server: settings.

Webhooks and callbacks go to public addresses by https, unless more is allowed here. A receiver of
one's own is often inside, and then it is named: ``TIDEGATE_WEBHOOK_NETWORKS=10.20.0.0/16``.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tidegate.service.addresses import Allowance, Network, read_networks
from tidegate.service.secret import Secret
from tidegate.service.settings import SettingError

Security = Literal["starttls", "tls", "none"]

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


@dataclass(frozen=True, kw_only=True)
class Outward:
    """What may be sent, and how.

    Attributes:
        networks: Networks inside that webhooks may be in.
        ports: Ports that they may listen at.
        http: Whether plain http will do.
        smtp: The mail server, ``HOST`` or ``HOST:PORT``, or ``None``: no e-mail is sent.
        smtp_security: ``starttls``, ``tls`` from the start, or ``none``.
        smtp_user: Who logs in there, or ``None`` where nobody does.
        smtp_password: By which password.
        smtp_from: The address that e-mail comes from.
    """

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})
    http: bool = False
    smtp: str | None = None
    smtp_security: Security = "starttls"
    smtp_user: str | None = None
    smtp_password: Secret | None = field(default=None, repr=False)
    smtp_from: str | None = None

    def allowance(self) -> Allowance:
        """Return where webhooks and callbacks may go."""
        return Allowance(
            schemes=frozenset({"https", "http"} if self.http else {"https"}),
            ports=self.ports,
            networks=self.networks,
            # Receivers inside often have no other.
            short_names=bool(self.networks),
        )


def read(environ: Mapping[str, str] = os.environ) -> Outward:
    """Return the settings.

    Raises:
        SettingError: One makes no sense; it is named, and not repeated.
    """
    found: dict[str, Any] = {}
    for name, (variable, parse) in VARIABLES.items():
        if text := environ.get(variable):
            try:
                found[name] = parse(text)
            except ValueError as error:
                raise SettingError(f"{variable}: {error}") from None
    outward = Outward(**found)
    if outward.smtp is not None and outward.smtp_from is None:
        raise SettingError("TIDEGATE_SMTP_FROM: has to say what address e-mail comes from")
    if (outward.smtp_user is None) != (outward.smtp_password is None):
        raise SettingError("TIDEGATE_SMTP_USER and TIDEGATE_SMTP_PASSWORD: one is of no use alone")
    if outward.smtp_user is not None and outward.smtp_security == "none":
        raise SettingError("TIDEGATE_SMTP_SECURITY: a password is not sent without TLS")
    return outward


def is_address(text: str) -> bool:
    """Return whether a text is one e-mail address, in its plain form."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return read_networks(part.strip() for part in text.split(","))
    except ValueError:
        raise ValueError("is a list of networks, as in 10.20.0.0/16,10.30.0.0/16") from None


def _ports(text: str) -> frozenset[int]:
    if not re.fullmatch(r"[0-9]{1,5}(,[0-9]{1,5})*", text):
        raise ValueError("is a list of ports, as in 443,8443")
    ports = frozenset(map(int, text.split(",")))
    if not ports <= frozenset(range(1, 65536)):
        raise ValueError("is a list of ports, each from 1 to 65535")
    return ports


def _yes(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("is 1 or 0")
    return text == "1"


def _server(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", text):
        raise ValueError("is HOST or HOST:PORT, as in mail.example:587")
    return text


def _security(text: str) -> str:
    if text not in get_args(Security):
        raise ValueError(f"is one of {', '.join(get_args(Security))}")
    return text


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError("is no address, as in tidegate@platform.example")
    return text


VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "networks": ("TIDEGATE_WEBHOOK_NETWORKS", _networks),
    "ports": ("TIDEGATE_WEBHOOK_PORTS", _ports),
    "http": ("TIDEGATE_WEBHOOK_HTTP", _yes),
    "smtp": ("TIDEGATE_SMTP", _server),
    "smtp_security": ("TIDEGATE_SMTP_SECURITY", _security),
    "smtp_user": ("TIDEGATE_SMTP_USER", str),
    "smtp_password": ("TIDEGATE_SMTP_PASSWORD", Secret),
    "smtp_from": ("TIDEGATE_SMTP_FROM", _address),
}
"""The variable of each setting, and how its text is read."""
