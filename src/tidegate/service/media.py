"""``/v1/items/{item}/media``: what an item looks like, encoded anew, by links that end soon.

The bytes as they were uploaded are never served. A picture is decoded in a confined process and
written as a JPEG of ours; of a video it is a frame. What is quarantined, or not decided yet, or
the same as something quarantined, is not shown at all.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
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
    problem_responses,
)
from tidegate.service.secret import Secret
from tidegate.service.shape import Shape
from tidegate.service.state import Service, service
from tidegate.store import clock, items
from tidegate.store import media as in_store
from tidegate.store.clock import SECOND
from tidegate.store.items import Item

router = APIRouter(tags=["media"])

SIDES: dict[Variant, int] = {"thumbnail": 240, "preview": 1024}
"""Pixels of the longer side."""

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
    _shown(at, item)
    now = at.clock()
    made: dict[Variant, str] = {
        variant: media_link(_key(at), item, variant, who.actor, now / SECOND) for variant in SIDES
    }
    ends = (now // SECOND + LIFETIME) * SECOND
    return MediaLinks(**made, expires_at=clock.text(ends))


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
    shown = await run_in_threadpool(_shown, at, item)
    jpeg = await at.showing.run(_jpeg, at, shown, SIDES[variant], second)
    return Response(jpeg, headers=media_headers("image/jpeg"))


def _jpeg(at: Service, item: Item, side: int, second: float) -> bytes:
    try:
        with at.sources.open(item) as source:
            return at.pictures.jpeg(source, side, second)
    except MediaError as error:
        raise NotFound(f"no picture can be made of this: {error.detail}") from None


def _shown(at: Service, item: str) -> Item:
    """Return an item, if it may be shown.

    Raises:
        NotFound: There is none.
        Gone: Its media was deleted.
        Conflict: Nobody knows yet whether it may be.
        Forbidden: It must not be.
    """
    with at.store.read() as connection:
        found = items.get(connection, item)
        if found is None:
            raise NotFound
        if found.state == "deleted":
            raise Gone("the media of this item was deleted")
        if found.action is None:
            raise Conflict("what is not decided is not shown")
        same = found.sha256 is not None and in_store.quarantined(connection, found.sha256)
        if same or found.action == "quarantine":
            raise Forbidden("what is quarantined is not shown")
    return found


def _key(at: Service) -> Secret:
    return at.secret.derive(PURPOSE)
