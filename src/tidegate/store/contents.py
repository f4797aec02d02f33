"""What is known of contents: one analysis for the same bytes under the same pipeline."""

from collections.abc import Collection

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Evidence, Value
from tidegate.store.tables import contents, decisions
from tidegate.store.upsert import insert_new


class Key(Value, frozen=True, kw_only=True):
    """Which analysis.

    Attributes:
        sha256: Digest of the bytes, 64 hexadecimal digits.
        pipeline: Digest of all that evidence depends on besides: versions of Tidegate,
            decoders and models, revisions of banks, settings.
    """

    sha256: str
    pipeline: str


def put(connection: Connection, key: Key, evidence: Evidence, *, now: int) -> bool:
    """Keep the evidence of a content, unless there is some; the first one stays.

    Only evidence that another analysis would come to again belongs here: not what a
    deadline or a crash left unknown.

    Returns:
        Whether it was kept.
    """
    values = {
        "sha256": key.sha256,
        "pipeline": key.pipeline,
        "evidence": msgspec.json.encode(evidence).decode(),
        "created_at": now,
    }
    return insert_new(connection, contents, values, key=["sha256", "pipeline"])


def some(connection: Connection, sha256: str, pipelines: Collection[str]) -> dict[str, Evidence]:
    """Return what is known of a content under any of some pipelines, by pipeline."""
    asked = {"of": sha256, "any": [*pipelines]}
    found = connection.execute(_SOME, asked)
    return {row.pipeline: msgspec.json.decode(row.evidence, type=Evidence) for row in found}


def get(connection: Connection, key: Key) -> Evidence | None:
    """Return the evidence of a content, or ``None`` where it was not analysed so."""
    asked = {"of": key.sha256, "by": key.pipeline}
    found = connection.execute(_KEPT, asked).scalar()
    return None if found is None else msgspec.json.decode(found, type=Evidence)


# Made once: workers ask for each item.
_KEPT = sa.select(contents.c.evidence).where(
    contents.c.sha256 == sa.bindparam("of"), contents.c.pipeline == sa.bindparam("by")
)
_SOME = sa.select(contents.c.pipeline, contents.c.evidence).where(
    contents.c.sha256 == sa.bindparam("of"),
    contents.c.pipeline.in_(sa.bindparam("any", expanding=True)),
)


def purge(connection: Connection, before: int) -> int:
    """Forget evidence from before a time that no decision rests on; return how many."""
    needed = sa.exists().where(
        decisions.c.sha256 == contents.c.sha256, decisions.c.pipeline == contents.c.pipeline
    )
    query = sa.delete(contents).where(contents.c.created_at < before, ~needed)
    return connection.execute(query).rowcount
