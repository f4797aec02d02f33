"""Who asks, and whether they may: what every route depends on.

>>> @router.get("/v1/things")
... def things(who: Annotated[Principal, needs("items.read")]) -> ...: ...

A machine shows an API key, ``Authorization: Bearer tg_…``. Clients of HMA know no keys, only an
address: below ``/hma`` a key is also taken as the password of ``https://any:tg_…@host/hma``, that
is, of HTTP Basic. A browser shows the cookie of a session, and with any method that may change
something the session's CSRF token as ``X-CSRF-Token``, which no other site can read (OWASP's
synchronizer token). A key that is shown counts alone: no cookie helps where it is not good.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency

from tidegate.service.problems import Forbidden, TooMany, Unauthenticated
from tidegate.service.roles import ROLES, Role, Scope
from tidegate.service.secret import Secret
from tidegate.service.state import Service, service
from tidegate.service.tokens import digest, is_session, key_prefix, matches
from tidegate.store import keys, sessions
from tidegate.store.clock import MINUTE

CSRF_HEADER = "X-CSRF-Token"

BASIC_BELOW = "/hma/"
"""The routes where a key may come by HTTP Basic. A browser sends Basic by itself, wherever it
has been told once; nobody works below this by a browser."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        kind: A person's session or an API key.
        id: Of the user or the key.
        name: Of the user or the key.
        role: Their role.
        scopes: What they may do.
        session: The session's digest, where there is one.
        csrf: The session's CSRF token, where there is one.
        line: Of a key, the first of those that were exchanged for one another up to this one.
    """

    kind: Literal["user", "key"]
    id: str
    name: str
    role: Role
    scopes: frozenset[Scope]
    session: str | None = None
    csrf: str | None = None
    line: str | None = None

    @property
    def actor(self) -> str:
        """How the audit chain calls them."""
        return f"{self.kind}:{self.id}"

    @property
    def claims(self) -> str:
        """Whose idempotency keys theirs are: those of a key that was exchanged go on."""
        return f"{self.kind}:{self.line or self.id}"


class Needs:
    """A dependency that lets through who has some scopes, and tells who it is.

    Attributes:
        scopes: All of these are needed; none: it is enough to be somebody.
    """

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    def __call__(self, request: Request, at: Annotated[Service, Depends(service)]) -> Principal:
        """Return who asks.

        Raises:
            Unauthenticated: No good key and no good session.
            Forbidden: They lack a scope, or the CSRF token.
            TooMany: They ask too often.
        """
        return self.admit(request, at, identify(request, at))

    def admit(self, request: Request, at: Service, who: Principal) -> Principal:
        """Return who asks, if they may.

        Raises:
            Forbidden: They lack a scope.
            TooMany: They ask too often.
        """
        request.state.actor = who.actor
        if missing := [scope for scope in self.scopes if scope not in who.scopes]:
            raise Forbidden(f"this needs the scope {missing[0]}")
        if wait := at.limits.requests.take(who.actor):
            raise TooMany(wait)
        return who


def needs(*scopes: Scope) -> Dependency:
    """Return the dependency that every route has, one way or another; see :class:`Needs`."""
    return cast(Dependency, Depends(Needs(*scopes)))


def cookie_name(at: Service) -> str:
    """Return the name of the session's cookie.

    ``__Host-`` has browsers refuse one that a neighbouring domain or plain http has set.
    """
    return "__Host-tidegate" if at.settings.secure else "tidegate"


def identify(
    request: Request, at: Service, *, csrf: str | None = None, used: bool = True
) -> Principal:
    """Return who asks, and note that they were seen.

    Args:
        request: What they ask.
        at: The service.
        csrf: The CSRF token that came with it; by default that of the header.
        used: Whether it keeps a session from ending for want of use. What a page asks by itself
            does not.

    Raises:
        Unauthenticated: No good key and no good session.
        Forbidden: A session that wants to change something without its CSRF token.
    """
    if "authorization" in request.headers:
        return _by_key(_presented(request), at)
    csrf = request.headers.get(CSRF_HEADER, "") if csrf is None else csrf
    return _by_session(request, at, csrf, used)


def _presented(request: Request) -> Secret:
    kind, _, rest = request.headers["authorization"].partition(" ")
    if kind.lower() == "bearer":
        return Secret(rest.strip())
    if kind.lower() == "basic" and request.url.path.startswith(BASIC_BELOW):
        try:
            pair = base64.b64decode(rest.strip(), validate=True)
        except binascii.Error:
            raise Unauthenticated from None
        return Secret(pair.partition(b":")[2])
    raise Unauthenticated


def _by_key(presented: Secret, at: Service) -> Principal:
    prefix = key_prefix(presented)
    if prefix is None:
        raise Unauthenticated
    now = at.clock()
    with at.store.read() as connection:
        found = keys.by_prefix(connection, prefix)
    if found is None or not matches(presented, found[1]) or not found[0].valid(now):
        raise Unauthenticated
    key, _ = found
    if key.used_at is None or key.used_at < now - MINUTE:
        with at.store.write() as connection:
            keys.used(connection, key.id, now)
    role = cast(Role, key.role)
    # What a scope of its own was, the role may have lost in a newer version.
    scopes = frozenset(scope for scope in ROLES[role] if scope in key.scopes)
    return Principal(kind="key", id=key.id, name=key.name, role=role, scopes=scopes, line=key.line)


def _by_session(request: Request, at: Service, csrf: str, used: bool) -> Principal:
    cookie = Secret(request.cookies.get(cookie_name(at), ""))
    if not is_session(cookie):
        raise Unauthenticated
    now = at.clock()
    with at.store.read() as connection:
        found = sessions.find(connection, digest(cookie), now=now)
    if found is None:
        raise Unauthenticated
    if request.method not in _SAFE and not hmac.compare_digest(csrf.encode(), found.csrf.encode()):
        raise Forbidden(f"a session changes nothing without its {CSRF_HEADER}")
    if used and found.seen_at < now - MINUTE:
        with at.store.write() as connection:
            sessions.seen(connection, found.digest, now)
    role = cast(Role, found.role)
    return Principal(
        kind="user",
        id=found.user,
        name=found.name,
        role=role,
        scopes=ROLES[role],
        session=found.digest,
        csrf=found.csrf,
    )
