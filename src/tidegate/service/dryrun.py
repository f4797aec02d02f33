"""What an entry would have met: held against the hashes that are recorded of the last days.

Nothing is decoded again. What is compared are the whole frames as they were, neither turned nor
in parts, and a single frame is enough, whatever the bank asks of videos: so what is told is near
to what the entry will do, and not the same.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tidegate.evidence import Action
from tidegate.matching import Entry, Frame
from tidegate.store.engine import Store
from tidegate.store.tables import contents, decisions, items

MOST_ITEMS = 200_000
"""Items that are looked at, the newest."""

MOST_TOLD = 200
"""Items that are listed."""

PIECE = 500
"""Contents that are read at a time."""


class Hit(NamedTuple):
    """An item that the entry would have met.

    Attributes:
        item: Its id.
        action: What is decided of it now, or ``None``.
        distance: Least bits between a frame of it and the entry; 0 for a digest.
        second: When that frame is shown, or ``None`` for a digest.
    """

    item: str
    action: Action | None
    distance: int
    second: float | None


class Told(NamedTuple):
    """What came of it.

    Attributes:
        looked: Items whose hashes were looked at.
        unknown: Items of which no hashes are recorded: nobody knows whether it met them.
        whole: Whether these were all items of the time.
        met: How many it would have met.
        hits: The nearest of these.
    """

    looked: int
    unknown: int
    whole: bool
    met: int
    hits: tuple[Hit, ...]


class _FrameHash(msgspec.Struct):
    pdq: str
    second: float
    quality: int


class _Evidence(msgspec.Struct):
    """As much of evidence as is needed."""

    sha256: str | None = None
    md5: str | None = None
    frames: tuple[_FrameHash, ...] = ()


class _Item(NamedTuple):
    id: str
    action: Action | None
    sha256: str | None
    decision: str | None


def dry_run(store: Store, entry: Entry, *, since: int, distance: int) -> Told:
    """Tell which items an entry would have met.

    Args:
        store: The database.
        entry: The entry.
        since: Items that were accepted at this time or later, in microseconds.
        distance: Bits up to which a PDQ counts as met.
    """
    query = _rows([frame.pdq for frame in entry.pdq if frame.usable])
    hits: list[Hit] = []
    looked = unknown = 0
    for batch in _items(store, since):
        known = _evidence(store, batch)
        for item in batch:
            evidence = known.get(item.id)
            if evidence is None:
                unknown += 1
                continue
            looked += 1
            if (found := _meet(entry, query, evidence, distance)) is not None:
                hits.append(Hit(item.id, item.action, *found))
    hits.sort(key=lambda hit: hit.distance)
    whole = looked + unknown < MOST_ITEMS
    return Told(looked, unknown, whole, len(hits), tuple(hits[:MOST_TOLD]))


def _items(store: Store, since: int) -> Iterator[list[_Item]]:
    """Yield items, newest first, some at a time."""
    columns = items.c.id, items.c.action, items.c.sha256, items.c.decision, items.c.created_at
    query = sa.select(*columns).where(items.c.created_at >= since)
    query = query.order_by(items.c.created_at.desc(), items.c.id.desc()).limit(PIECE)
    after: tuple[int, str] | None = None
    for _ in range(MOST_ITEMS // PIECE):
        page = query
        if after is not None:
            page = page.where(sa.tuple_(items.c.created_at, items.c.id) < sa.tuple_(*after))
        with store.read() as connection:
            rows = connection.execute(page).all()
        if not rows:
            return
        after = rows[-1].created_at, rows[-1].id
        yield [_Item(row.id, row.action, row.sha256, row.decision) for row in rows]


def _evidence(store: Store, batch: Sequence[_Item]) -> dict[str, _Evidence]:
    """Return what is recorded of some items, by item."""
    by_content: dict[str, _Evidence] = {}
    by_decision: dict[str, _Evidence] = {}
    wanted = {item.sha256 for item in batch if item.sha256 is not None}
    made = {item.decision for item in batch if item.decision is not None}
    of_contents = sa.select(contents.c.sha256, contents.c.evidence).where(
        contents.c.sha256.in_(wanted)
    )
    of_decisions = sa.select(decisions.c.id, decisions.c.evidence).where(
        decisions.c.id.in_(made), decisions.c.evidence.is_not(None)
    )
    with store.read() as connection:
        for sha256, text in connection.execute(of_contents):
            _keep(by_content, sha256, _DECODER.decode(text))
        for decision, text in connection.execute(of_decisions):
            _keep(by_decision, decision, _DECODER.decode(text))
    found = {}
    for item in batch:
        evidence = by_content.get(item.sha256 or "") or by_decision.get(item.decision or "")
        if evidence is not None and evidence.sha256 is not None:
            found[item.id] = evidence
    return found


_DECODER = msgspec.json.Decoder(_Evidence)


def _keep(known: dict[str, _Evidence], key: str, evidence: _Evidence) -> None:
    """Keep of several looks at the same content the one that saw most frames."""
    if key not in known or len(evidence.frames) > len(known[key].frames):
        known[key] = evidence


def _meet(
    entry: Entry, query: NDArray[np.uint64], evidence: _Evidence, distance: int
) -> tuple[int, float | None] | None:
    """Return the least distance and its second, or ``None`` where nothing met."""
    if evidence.sha256 in entry.sha256 or evidence.md5 in entry.md5:
        return 0, None
    usable = [f for f in evidence.frames if Frame(f.pdq, f.second, f.quality).usable]
    if not usable or not len(query):
        return None
    frames = _rows([frame.pdq for frame in usable])
    best: tuple[int, float | None] | None = None
    for row in query:
        bits = np.bitwise_count(frames ^ row).sum(axis=1)
        place = int(bits.argmin())
        if bits[place] <= distance and (best is None or bits[place] < best[0]):
            best = int(bits[place]), usable[place].second
    return best


def _rows(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """Return PDQs as (n, 4) uint64."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(-1, 4)
