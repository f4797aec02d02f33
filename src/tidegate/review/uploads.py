"""Forms with a file in them.

Who sends one is known before a byte of it is read. The form's token is in the form, so it is
checked when that has been read, and before anything is done with the file.
"""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import Depends
from fastapi.params import Depends as Dependency
from starlette.requests import Request

from tidegate.review.frame import At, Visits
from tidegate.service.auth import Principal
from tidegate.service.forms import Form, form
from tidegate.service.problems import Forbidden
from tidegate.service.roles import Scope
from tidegate.service.state import Service

LARGE: tuple[str, ...] = (
    "/console/banks/{bank}/file",
    "/console/banks/{bank}/import",
)
"""Templates of the pages whose forms may be as large as an upload."""


class Sends(Visits):
    """Lets a person send a form whose token :func:`sent` checks."""

    def __call__(self, request: Request, at: At) -> Principal:
        """Return who asks."""
        # As if to look: what changes something is done by `sent` alone.
        return self._person(Request({**request.scope, "method": "GET"}), at, None)


def sends(*scopes: Scope) -> Dependency:
    """Return the dependency of a page that takes a form with a file."""
    return cast(Dependency, Depends(Sends(*scopes)))


@asynccontextmanager
async def sent(request: Request, at: Service, who: Principal) -> AsyncIterator[Form]:
    """Have a form, its file on disk, until the ``with`` ends.

    Raises:
        Forbidden: It has not the session's CSRF token in it.
        HTTPException: It is no form, or has more than one.
    """
    async with form(request, at.hasher) as found:
        token = found.fields.get("csrf", "")
        if who.csrf is None or not hmac.compare_digest(token.encode(), who.csrf.encode()):
            raise Forbidden("the form does not come from this session: load its page again")
        yield found
