"""JSON Schemas of what Tidegate writes and reads, made from the types themselves.

``report-v1.json``
    what ``tidegate scan --json`` writes;
``item-v1.json``
    each line of ``tidegate scan --jsonl``;
``policy-v1.json``
    a policy file, for editors;
``model-v1.json``
    a model's manifest.

``python -m tidegate.schemas`` writes them anew.
"""

import inspect
import json
from typing import Any

import msgspec

from tidegate.detectors.manifest import Manifest
from tidegate.evidence import Item, Report
from tidegate.policy import Policy

SCHEMAS: dict[str, type] = {
    "report-v1.json": Report,
    "item-v1.json": Item,
    "policy-v1.json": Policy,
    "model-v1.json": Manifest,
}
"""The type that each file describes."""


def text(name: str) -> str:
    """Return one schema as the file has it."""
    (reference,), definitions = msgspec.json.schema_components(
        [SCHEMAS[name]], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Tidegate {name.removesuffix('.json')}",
        **reference,
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
