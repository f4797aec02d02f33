"""What the service is told: by arguments, by the environment, and else what is sensible.

Each setting has one name in the environment; :data:`VARIABLES` lists them. An argument of the
command line wins over it. A value that makes no sense is an error that names the variable and
never repeats what may be a secret.
"""

import contextlib
import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tidegate.service.addresses import Allowance
from tidegate.service.secret import Secret

KEY_FILE = "server.key"
"""The server's key in the data folder, where ``TIDEGATE_SECRET`` gives none."""

_NETWORKS = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class SettingError(ValueError):
    """A setting that makes no sense; the message names its variable."""


class Listen(NamedTuple):
    """Where the service listens.

    Attributes:
        host: A name or an address, an IPv6 address without brackets.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_local(self.host)

    @property
    def url(self) -> str:
        """The URL of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


HERE = Listen("127.0.0.1", 8787)
"""Where it listens unless told otherwise: for this machine alone."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the service is told.

    Attributes:
        data: Folder of media, banks, the server's key, and the database where it is SQLite.
        database: URL of the database, or ``None`` for SQLite in the data folder. It may hold
            a password.
        listen: Where to listen.
        public_url: How browsers reach it, without a slash at the end; ``None``: as it listens.
            Other than on this machine that is by https: cookies are for nothing else.
        workers: Processes that judge items, 0 for none: others do.
        upload_bytes: Largest upload, in bytes.
        body_bytes: Largest body of any other request, in bytes.
        requests_per_second: Of one key or user, in the long run; twice as many at once.
        logins_per_minute: Of one name; four times as many from one address.
        fetch_networks: Networks inside that uploads by URL may be fetched from besides.
        fetch_http: Whether uploads may be fetched by http, not only by https.
        objects: Folder of stored objects that items may name by key, or ``None``.
        lease: Seconds after which the work of a worker that died is given on.
        appeal_days: Days within which an appeal should be answered.
        notice_days: Days for which a decision can be appealed against, from when it is told.
        proxies: Addresses or networks whose ``X-Forwarded-For`` and ``-Proto`` are believed.
        secret: The server's key, or ``None`` for the one in the data folder.
    """

    data: Path
    database: str | None = field(default=None, repr=False)
    listen: Listen = HERE
    public_url: str | None = None
    workers: int = 1
    upload_bytes: int = 100_000_000
    body_bytes: int = 262_144
    requests_per_second: float = 500.0
    logins_per_minute: float = 10.0
    fetch_networks: _NETWORKS = ()
    fetch_http: bool = False
    objects: Path | None = None
    lease: float = 30.0
    appeal_days: int = 7
    notice_days: int = 184
    proxies: tuple[str, ...] = ()
    secret: Secret | None = None

    @property
    def base_url(self) -> str:
        """How browsers reach it."""
        return self.public_url or self.listen.url

    def allowance(self) -> Allowance:
        """Return where uploads may be fetched from."""
        if self.fetch_http:
            return Allowance(
                schemes=frozenset({"https", "http"}),
                ports=frozenset({443, 80}),
                networks=self.fetch_networks,
            )
        return Allowance(networks=self.fetch_networks)

    @property
    def secure(self) -> bool:
        """Whether browsers come by https, so that cookies are for nothing else."""
        return self.base_url.startswith("https:")

    def server_key(self) -> Secret:
        """Return the server's key. The first start makes one, for its owner only.

        Raises:
            SettingError: It cannot be read or made, or is not one.
        """
        if self.secret is not None:
            return self.secret
        path = self.data / KEY_FILE
        try:
            _write_new(path, secrets.token_hex(32))
            return _key(path.read_text("ascii").strip(), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{path}: the server's key cannot be read: {error}") from None


def read(environ: Mapping[str, str] = os.environ, **arguments: Any) -> Settings:
    """Return the settings.

    Args:
        environ: The environment.
        arguments: Values of the command line as text, by the names of :class:`Settings`; an
            argument that is ``None`` was not given.

    Raises:
        SettingError: One makes no sense; it is named.
    """
    found: dict[str, Any] = {}
    for name, (variable, parse) in VARIABLES.items():
        given = arguments.get(name)
        text = given if given is not None else environ.get(variable)
        if text is None or text == "":
            continue
        try:
            found[name] = parse(str(text))
        except ValueError as error:
            shown = f"--{name}" if given is not None else variable
            raise SettingError(f"{shown}: {error}") from None
    settings = Settings(**{"data": Path("tidegate-data"), **found})
    if settings.public_url is None and not settings.listen.local:
        raise SettingError(
            "TIDEGATE_PUBLIC_URL: has to say how browsers reach a service that listens on "
            f"{settings.listen.host}: https://… or http://localhost:{settings.listen.port}"
        )
    return settings


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(text: str) -> Listen:
    wrong = ValueError("is not ADDRESS:PORT, as in 127.0.0.1:8787")
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise wrong
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", bare) or (
        ":" in bare and bare == host
    ):
        raise wrong
    return Listen(bare, int(port))


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("is no address, as in https://tidegate.example")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise ValueError("has nothing behind the host: the service has one to itself")
    if parts.scheme == "http" and not _is_local(parts.hostname):
        raise ValueError("is https, unless it is this machine: passwords go over it")
    return f"{parts.scheme}://{parts.netloc}"


def _count(least: int, most: int) -> "Any":
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"is a whole number from {least:,} to {most:,}")
        return int(text)

    return parse


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 1e6:
        raise ValueError("is a number from 0.1 to 1,000,000")
    return rate


def _yes(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("is 1 or 0")
    return text == "1"


def _networks(text: str) -> _NETWORKS:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("is a list of networks, as in 10.20.0.0/16,10.30.0.0/16") from None


def _proxies(text: str) -> tuple[str, ...]:
    return tuple(str(network) for network in _networks(text))


def _key(text: str, name: str = "the key") -> Secret:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise SettingError(f"{name} is 64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    return Secret(bytes.fromhex(text))


def _write_new(path: Path, text: str) -> None:
    """Write a file whole, unless it is there; of two that try, one wins and both read it."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


VARIABLES: dict[str, tuple[str, Any]] = {
    "data": ("TIDEGATE_DATA", Path),
    "database": ("DATABASE_URL", str),
    "listen": ("TIDEGATE_LISTEN", _listen),
    "public_url": ("TIDEGATE_PUBLIC_URL", _public_url),
    "workers": ("TIDEGATE_WORKERS", _count(0, 256)),
    "upload_bytes": ("TIDEGATE_UPLOAD_BYTES", _count(1, 10**11)),
    "body_bytes": ("TIDEGATE_BODY_BYTES", _count(1024, 10**9)),
    "requests_per_second": ("TIDEGATE_REQUESTS_PER_SECOND", _rate),
    "logins_per_minute": ("TIDEGATE_LOGINS_PER_MINUTE", _rate),
    "fetch_networks": ("TIDEGATE_FETCH_NETWORKS", _networks),
    "fetch_http": ("TIDEGATE_FETCH_HTTP", _yes),
    "objects": ("TIDEGATE_OBJECTS", Path),
    "lease": ("TIDEGATE_LEASE_SECONDS", _rate),
    "appeal_days": ("TIDEGATE_APPEAL_DAYS", _count(1, 365)),
    "notice_days": ("TIDEGATE_NOTICE_DAYS", _count(1, 3650)),
    "proxies": ("TIDEGATE_PROXIES", _proxies),
    "secret": ("TIDEGATE_SECRET", _key),
}
"""The variable of each setting, and how its text is read."""
