"""Adding an item to a bank: hashed anew, tried out, and only then met."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from tidegate import taxonomy
from tidegate.review import filled
from tidegate.review.filled import NONE, REFUSED, Faults
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.review.looks import looks
from tidegate.service.auth import Principal
from tidegate.service.bankviews import About
from tidegate.service.enlisting import enlist
from tidegate.service.problems import NotFound
from tidegate.service.state import Service
from tidegate.store import banks, items

router = APIRouter()

PATH = f"{HERE}/items/{{item}}/bank"

NAMES = ("bank", "category", "note", "provenance", "reason")

Writes = Annotated[Principal, visits("banks.write", "media.read")]
Changes = Annotated[Principal, posts("banks.write", "media.read")]
Id = Annotated[str, Path(max_length=36)]


@router.get(PATH)
def adding(request: Request, item: Id, at: At, who: Writes) -> Response:
    """Show the form."""
    return _form(request, at, who, item, filled.values({}, NAMES))


@router.post(PATH)
async def add(request: Request, item: Id, at: At, who: Changes, given: Given) -> Response:
    """Add an entry that matches nothing yet, and lead to what it would meet."""
    wanted = filled.values(given, NAMES)
    try:
        about = filled.filled(About, given, "category", "note", "provenance", "reason")
        # It matches nothing until somebody has seen what it would meet.
        about = about.model_copy(update={"state": "disabled"})
        bank = text(given, "bank")
        added = await at.slow.run(enlist, at, item, bank, about, actor=who.actor)
    except REFUSED as error:
        faults = filled.faults(error)
        return await run_in_threadpool(_form, request, at, who, item, wanted, faults)
    entry = f"{HERE}/banks/{quote(bank, safe='')}/entries/{added.id}"
    if not added.new:
        return go(entry, said=f"{bank} holds this already, as entry {added.id}.")
    told = f"Entry {added.id} is in {bank}, and matches nothing yet. This is what it would meet."
    return go(f"{entry}/dry-run", said=told)


def _form(
    request: Request,
    at: Service,
    who: Principal,
    item: str,
    wanted: dict[str, str],
    faults: Faults = NONE,
) -> Response:
    with at.store.read() as connection:
        found = items.get(connection, item)
        if found is None:
            raise NotFound
        look = looks(connection, at, who, [item])[item]
        known = banks.listed(connection)
    return render(
        request,
        at,
        who,
        "cases/enlist.html",
        status=faults.status,
        item=found,
        look=look,
        banks=[(b.name, f"{b.name}: {taxonomy.get(b.category).title}, {b.role}") for b in known],
        known=[("", "As the bank says"), *((c, taxonomy.get(c).title) for c in _CATEGORIES)],
        wanted=wanted,
        faults=faults,
    )


_CATEGORIES = taxonomy.bankable()
