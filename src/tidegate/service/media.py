"""``/v1/items/{item}/media``: what an item looks like, encoded anew, by links that end soon.

The bytes as they were uploaded are never served. A picture is decoded in a confined process and
written as a JPEG of ours; of a video it is a frame. What is quarantined or not decided yet, and
what a bank of known illegal material holds, is not shown at all
(:mod:`~tidegate.service.showing`). Who has seen as much today as they wanted to is shown veils.
"""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from tidegate.media import MediaError
from tidegate.service.auth import Principal, needs
from tidegate.service.links import (
    LIFETIME,
    LinkError,
    Variant,
    check_link,
    media_headers,
    media_link,
)
from tidegate.service.problems import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Problem,
    problem_responses,
)
from tidegate.service.secret import Secret
from tidegate.service.shape import Shape
from tidegate.service.showing import Cause, hidden
from tidegate.service.state import Service, service
from tidegate.store import clock, items, preferences
from tidegate.store.clock import SECOND
from tidegate.store.items import Item

router = APIRouter(tags=["media"])

SIDES: dict[Variant, int] = {"thumbnail": 240, "preview": 1024}
"""Pixels of the longer side. A veil is as small as it happens to be."""

PURPOSE = "media links"
"""What the key of the links is derived for."""

At = Annotated[Service, Depends(service)]
Sees = Annotated[Principal, needs("media.read")]
Id = Annotated[
    str,
    Path(
        description="Id of the item.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]


class Links(NamedTuple):
    """Where somebody sees an item.

    Attributes:
        thumbnail: A small picture.
        preview: A large picture.
        capped: Whether both are veils, for they have seen enough today.
    """

    thumbnail: str
    preview: str
    capped: bool


class MediaLinks(Shape):
    """Where to see an item, for whoever asked and nobody else."""

    thumbnail: str = Field(
        description=f"A JPEG of {SIDES['thumbnail']} pixels at most.",
        examples=["/v1/media/0199c0de-0000-7000-8000-000000000001/thumbnail?expires=…&signature=…"],
    )
    preview: str = Field(
        description=f"A JPEG of {SIDES['preview']} pixels at most. Of a video, `&at=12.5` is the "
        "frame at that second.",
        examples=["/v1/media/0199c0de-0000-7000-8000-000000000001/preview?expires=…&signature=…"],
    )
    expires_at: str = Field(
        description="When the links end.", examples=["2026-11-23T08:32:00.000000+00:00"]
    )


@router.get(
    "/v1/items/{item}/media",
    summary="Get links to see an item",
    responses=problem_responses(NotFound, Forbidden, Conflict, Gone),
)
def links(item: Id, at: At, who: Sees) -> MediaLinks:
    """They end in two minutes and open nothing for anybody else."""
    with at.store.read() as connection:
        _shown(connection, item)
        made = links_for(connection, at, who, item)
    ends = (at.clock() // SECOND + LIFETIME) * SECOND
    return MediaLinks(thumbnail=made.thumbnail, preview=made.preview, expires_at=clock.text(ends))


@router.get(
    "/v1/media/{item}/{variant}",
    summary="See an item",
    response_class=Response,
    responses={
        200: {"description": "A picture.", "content": {"image/jpeg": {}}},
        **problem_responses(NotFound, Forbidden, Conflict, Gone, Invalid),
    },
)
async def picture(
    item: Id,
    variant: Annotated[Variant, Path(description="Which size.", examples=["thumbnail"])],
    expires: Annotated[int, Query(description="From the link.", examples=[1_790_000_000])],
    signature: Annotated[
        str, Query(max_length=64, description="From the link.", examples=["ab" * 32])
    ],
    at: At,
    who: Sees,
    second: Annotated[
        float, Query(alias="at", ge=0, le=86_400, description="Of a video: when.", examples=[12.5])
    ] = 0.0,
) -> Response:
    """By a link from the item's media, and by no other way."""
    now = at.clock() / SECOND
    try:
        check_link([_key(at)], item, variant, who.actor, expires, signature, now)
    except LinkError as error:
        raise Forbidden(str(error)) from None
    shown = await run_in_threadpool(_seen, at, who, item, variant)
    jpeg = await at.showing.run(_jpeg, at, shown, variant, second)
    return Response(jpeg, headers=media_headers("image/jpeg"))


def links_for(connection: Connection, at: Service, who: Principal, item: str) -> Links:
    """Return links to an item that may be shown.

    Args:
        connection: To read by.
        at: The service.
        who: Who is to see it.
        item: Its id.
    """
    now = at.clock()
    capped = _capped(connection, who, now)

    def link(variant: Variant) -> str:
        return media_link(_key(at), item, "veil" if capped else variant, who.actor, now / SECOND)

    return Links(link("thumbnail"), link("preview"), capped)


def _jpeg(at: Service, item: Item, variant: Variant, second: float) -> bytes:
    try:
        with at.sources.open(item) as source:
            if variant == "veil":
                return at.pictures.veil(source, second)
            return at.pictures.jpeg(source, SIDES[variant], second)
    except MediaError as error:
        raise NotFound(f"no picture can be made of this: {error.detail}") from None


def _seen(at: Service, who: Principal, item: str, variant: Variant) -> Item:
    """Return an item, if somebody may see it so."""
    with at.store.read() as connection:
        if variant != "veil" and _capped(connection, who, at.clock()):
            raise Forbidden("you have seen as much today as you wanted to at most")
        return _shown(connection, item)


def _capped(connection: Connection, who: Principal, now: int) -> bool:
    return who.kind == "user" and preferences.capped(connection, who.id, now=now)


def _shown(connection: Connection, item: str) -> Item:
    """Return an item, if it may be shown.

    Raises:
        NotFound: There is none.
        Gone: Its media was deleted.
        Conflict: Nobody knows yet whether it may be.
        Forbidden: It must not be.
    """
    found = items.get(connection, item)
    if found is None:
        raise NotFound
    if (why := hidden(connection, found)) is not None:
        raise _REFUSED[why.cause](why.text)
    return found


_REFUSED: dict[Cause, type[Problem]] = {
    "deleted": Gone,
    "undecided": Conflict,
    "quarantined": Forbidden,
    "known": Forbidden,
}


def _key(at: Service) -> Secret:
    return at.secret.derive(PURPOSE)
