"""JSON Schemas of what Tidegate writes and reads, made from the types themselves.

``report-v1.json``
    what ``tidegate scan --json`` writes;
``item-v1.json``
    each line of ``tidegate scan --jsonl``;
``policy-v1.json``
    a policy file, for editors;
``cases-v1.json``
    the cases of a policy, for editors;
``model-v1.json``
    a model's manifest;
``evaluation-v1.json``
    what ``tidegate models evaluate --json`` writes;
``record-v1.json``
    each line of ``tidegate scan --record``;
``replay-v1.json``
    what ``tidegate policy replay --json`` writes;
``webhook-v1.json``
    the body of a webhook.

``python -m tidegate.schemas`` writes them anew.
"""

import inspect
import json
import re
from typing import Any

import msgspec

from tidegate.detectors.manifest import Manifest
from tidegate.evidence import Item, Report
from tidegate.pipeline.record import Record
from tidegate.policy import Policy
from tidegate.policy.cases import Cases
from tidegate.report.evaluation import Evaluation
from tidegate.report.replay import Replay
from tidegate.service.envelope import Envelope

SCHEMAS: dict[str, type] = {
    "report-v1.json": Report,
    "item-v1.json": Item,
    "policy-v1.json": Policy,
    "cases-v1.json": Cases,
    "model-v1.json": Manifest,
    "evaluation-v1.json": Evaluation,
    "record-v1.json": Record,
    "replay-v1.json": Replay,
    "webhook-v1.json": Envelope,
}
"""The type that each file describes."""


def text(name: str) -> str:
    """Return one schema as the file has it."""
    (reference,), definitions = msgspec.json.schema_components(
        [SCHEMAS[name]], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        _describe(definition)
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Tidegate {name.removesuffix('.json')}",
        **reference,
        "$defs": definitions,
    }
    # ECMAScript, whose regular expressions JSON Schema has, knows no ``\Z``.
    return json.dumps(schema, indent=2, ensure_ascii=False).replace(r"\\Z", "$") + "\n"


_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def _describe(definition: dict[str, Any]) -> None:
    """Give each property what the docstring says of it, so that editors show it there."""
    if "description" not in definition:
        return
    told, _, attributes = inspect.cleandoc(definition["description"]).partition("\nAttributes:\n")
    definition["description"] = told.strip().replace("``", "`")
    for name, said in _ATTRIBUTE.findall(attributes):
        if name in definition.get("properties", {}):
            given = definition["properties"][name]
            # What stands beside a reference counts since draft 2019-09.
            words = [" ".join(said.split()), given.pop("description", "")]
            description = ": ".join(filter(None, words)).replace(".:", ":").replace("``", "`")
            definition["properties"][name] = {"description": description, **given}
