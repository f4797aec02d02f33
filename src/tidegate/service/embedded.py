"""Values that have a schema of their own already, as parts of the API's answers.

Evidence, decisions and facts are msgspec Structs, the same everywhere in Tidegate. A model of
the API has them as they are, without a copy of their fields in pydantic::

    class Item(Shape):
        decision: DecisionValue | None

In OpenAPI such a field refers to the schema that msgspec gives for the Struct. The value may be
the Struct, or the JSON of it already decoded.
"""

from typing import Annotated, Any

import msgspec
from pydantic import PlainSerializer, WithJsonSchema

from tidegate.evidence import (
    Bound,
    Decision,
    Evidence,
    Facts,
    FrameHash,
    Match,
    MediaInfo,
    Reason,
    Uploader,
)

MARK = "x-tidegate-struct"
"""Stands in a schema that pydantic has made, until :func:`link` has put the reference there."""

_MET = Match(
    bank="press-photos",
    entry="0199c0de-0000-7000-8000-00000000000a",
    category="known.other",
    role="block",
    kind="pdq",
    distance=6,
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    Evidence(
        sha256="0a" * 32,
        md5="0b" * 16,
        size=482_113,
        media=MediaInfo(kind="image", format="jpeg", width=1024, height=768, frames_judged=1),
        frames=(FrameHash(second=0.0, pdq="0c" * 32, quality=100),),
        matches=(_MET,),
        banks=("press-photos",),
        versions={"tidegate": "1"},
    ),
    Decision(
        action="remove",
        judged=True,
        reasons=(
            Reason(
                rule="banks.press-photos",
                action="remove",
                ground="match",
                index=0,
                category="known.other",
                bounds=(Bound(of="distance", observed=6.0, threshold=31.0, holds=True),),
                text="the picture is 6 bits from an entry of press-photos",
            ),
        ),
        near=(),
        rest=(),
        policy="default/1",
        policy_sha256="0d" * 32,
    ),
    Facts(surface="avatar", locale="de-AT", uploader=Uploader(id="a-8231", account_days=3)),
)
"""An example of each Struct that the API shows."""


def _embedded(struct: type[msgspec.Struct]) -> Any:
    schema = {MARK: struct.__name__}
    return Annotated[Any, PlainSerializer(msgspec.to_builtins), WithJsonSchema(schema)]


EvidenceValue = _embedded(Evidence)
DecisionValue = _embedded(Decision)
FactsValue = _embedded(Facts)


def components() -> dict[str, Any]:
    """Return the schemas of all of them and of what they are made of, by name."""
    _, found = msgspec.json.schema_components(
        [type(one) for one in EXAMPLES], ref_template="#/components/schemas/{name}"
    )
    for one in EXAMPLES:
        found[type(one).__name__]["examples"] = [msgspec.to_builtins(one)]
    return found


def link(document: Any) -> None:
    """Put a reference wherever the mark of a Struct stands, in a document of OpenAPI."""
    if isinstance(document, dict):
        if name := document.pop(MARK, None):
            document.clear()
            document["$ref"] = f"#/components/schemas/{name}"
        for part in document.values():
            link(part)
    elif isinstance(document, list):
        for part in document:
            link(part)
