"""What the tests of the store put into it."""

from tidegate.evidence import Decision, Evidence, Facts, Match, Reason, Uploader
from tidegate.store import items
from tidegate.store.clock import SECOND

NOW = 1_800_000_000 * SECOND


def new_item(number=1, **fields):
    facts = Facts(surface="avatar", uploader=Uploader(id=f"u{number}"))
    defaults = {
        "source": "upload",
        "reference": f"media/{number}",
        "external_id": f"ext-{number}",
        "facts": facts,
        "sha256": f"{number:064x}",
        "size": 100 + number,
    }
    return items.New(**defaults | fields)


def accept(connection, number=1, *, now=NOW, **fields):
    return items.accept(connection, new_item(number, **fields), actor="key:1", now=now).id


def evidence(number=1, *, entry="e1"):
    match = Match(
        bank="press",
        entry=entry,
        category="known.other",
        role="block",
        kind="pdq",
        distance=3,
        query_share=0.123456789,
    )
    return Evidence(sha256=f"{number:064x}", size=1, matches=(match,), versions={"a": "1"})


def decision(action="remove", *, policy="default/1", overruled_by=None):
    reason = Reason(
        rule="banks.press",
        action=action,
        ground="match",
        index=0,
        category="known.other",
        bounds=(),
        text="it met e1 of press",
        overruled_by=overruled_by,
    )
    return Decision(
        action=action,
        judged=True,
        reasons=(reason,),
        near=(),
        rest=(),
        policy=policy,
        policy_sha256=policy.encode().hex().ljust(64, "0")[:64],
    )
