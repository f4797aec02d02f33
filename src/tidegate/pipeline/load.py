"""Reading the operator's own files: policies and banks."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidegate.evidence import Item, Report, foreign_category
from tidegate.matching import Bank, BankError, BankFolder, load_bank
from tidegate.pipeline.record import RecordError, read_record
from tidegate.policy import Policy, PolicyError, parse
from tidegate.policy.cases import Cases, ItemPlace, parse_cases
from tidegate.policy.tree import MAX_TEXT

_CASES = ".cases"

DEFAULT = "default"
"""The policy that decides where nobody says which."""


def shipped() -> dict[str, str]:
    """Return the text of each policy that comes with Tidegate, by its name."""
    return {name: text for name, text in _texts().items() if not name.endswith(_CASES)}


def shipped_cases() -> dict[str, str]:
    """Return the text of the cases of each policy that comes with Tidegate, by its name."""
    return {
        name.removesuffix(_CASES): text for name, text in _texts().items() if name.endswith(_CASES)
    }


def _texts() -> dict[str, str]:
    folder = resources.files("tidegate") / "policies"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".yaml"): file.read_text(encoding="utf-8")
        for file in files
        if file.name.endswith(".yaml")
    }


def load_policy(path: str | os.PathLike[str] | None = None) -> Policy:
    """Read a policy.

    Args:
        path: Of the file, or as a string the bare name of a policy that comes with Tidegate:
            ``strict-family``. Where a file of that name is here too, neither is meant: write
            ``./strict-family`` for the file. ``None`` is the default policy.

    Raises:
        PolicyError: The file cannot be read, or the policy does not load.
    """
    name, text = read_policy(path)
    return parse(text, name)


def read_policy(path: str | os.PathLike[str] | None) -> tuple[str, str]:
    """Return the name and the text of a policy; see :func:`load_policy`.

    Raises:
        PolicyError: The file cannot be read, or it cannot be told which one is meant.
    """
    if path is None:
        return f"{DEFAULT}.yaml", shipped()[DEFAULT]
    name = os.fspath(path)
    if isinstance(path, str) and (text := shipped().get(path)) is not None:
        if Path(path).exists():
            raise PolicyError(
                name,
                None,
                "is a policy that comes with Tidegate, and a file here too: "
                f"write ./{name} for the file",
            )
        return f"{name}.yaml", text
    return name, _text(Path(path), name)


def _text(path: Path, name: str | None = None) -> str:
    name = str(path) if name is None else name
    try:
        with path.open("rb") as file:
            # Of what has no end, as much as tells that it is too long.
            data = file.read(4 * MAX_TEXT + 4)
        return data.decode("utf-8")
    except OSError as error:
        raise PolicyError(name, None, f"cannot be read: {error.strerror}{_others(name)}") from None
    except UnicodeDecodeError:
        raise PolicyError(name, None, "is not UTF-8 text") from None


def _others(name: str) -> str:
    """Return what was meant where somebody slipped in the name of a shipped policy."""
    close = get_close_matches(name, shipped(), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def load_cases(
    file: str, policy: Policy, path: Path | None = None
) -> tuple[Cases, dict[ItemPlace, Item]]:
    """Read the cases of a policy, and the items that they name.

    Args:
        file: Where the policy is, as :func:`load_policy` takes it.
        policy: The policy.
        path: Of the cases; ``None`` is beside the policy.

    Raises:
        PolicyError: A file cannot be read, or is not what it should be.
    """
    if path is None and file in shipped():
        return parse_cases(shipped_cases()[file], f"{file}{_CASES}.yaml", policy), {}
    if path is None:
        path = cases_beside(Path(file))
        if not path.exists():
            raise PolicyError(
                str(path),
                None,
                "there are no cases beside the policy: write some there, or name them with "
                f"--cases; 'tidegate policy show {DEFAULT} --cases' prints some to start from",
            )
    cases = parse_cases(_text(path), str(path), policy)
    places = {case.place for case in cases.cases if case.place is not None}
    return cases, {place: _item(path, place) for place in places}


def cases_beside(policy: Path) -> Path:
    """Return where the cases of a policy are: ``my.cases.yaml`` beside ``my.yaml``."""
    return policy.with_name(f"{policy.stem}{_CASES}{policy.suffix}")


def _item(cases: Path, place: ItemPlace) -> Item:
    file = cases.parent / place.file
    try:
        items = [i for i in read_items(file.read_bytes()).items if place.path in (None, i.path)]
    except OSError as error:
        raise PolicyError(str(file), None, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PolicyError(str(file), None, str(error)) from None
    if len(items) != 1:
        which = "" if place.path is None else f" with the path {place.path!r}"
        raise PolicyError(str(file), None, f"has {len(items)} items{which}: a case is of one")
    return items[0]


class Items(NamedTuple):
    """Items that were judged.

    Attributes:
        items: In the order of the file.
        recorded: Whether they come from records, which hold no rules that did not fire.
    """

    items: tuple[Item, ...]
    recorded: bool


def read_items(data: bytes) -> Items:
    """Return the items of what ``tidegate scan --json``, ``--jsonl`` or ``--record`` wrote.

    Raises:
        ValueError: It is something else, or names a category that is not in the taxonomy.
    """
    found = _decode(data)
    for item in found.items:
        if (foreign := foreign_category(item.evidence)) is not None:
            raise ValueError(f"{foreign[:80]!r} is no category of ours")
    return found


def _decode(data: bytes) -> Items:
    with suppress(*_UNDECODABLE):
        return Items(msgspec.json.decode(data, type=Report).items, recorded=False)
    lines = data.splitlines() if data.lstrip()[:1] == b"{" and b"\n{" in data else [data]
    lines = [line for line in lines if line.strip()]
    if lines and _is_record(lines[0]):
        return Items(tuple(_recorded(lines)), recorded=True)
    try:
        return Items(tuple(msgspec.json.decode(line, type=Item) for line in lines), recorded=False)
    except _UNDECODABLE as error:
        raise ValueError(f"is no item, no report and no record: {error}") from None


_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _is_record(line: bytes) -> bool:
    with suppress(*_UNDECODABLE):
        return "at" in msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    return False


def _recorded(lines: Sequence[bytes]) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        try:
            one = read_record(line)
        except RecordError as error:
            raise ValueError(f"record {number} {error}") from None
        yield Item(
            path=one.path,
            evidence=one.evidence,
            decision=one.decision,
            elapsed=0.0,  # It is not kept.
            facts=one.facts,
        )


def read_bank(path: str | os.PathLike[str]) -> Bank | BankFolder:
    """Read a bank or a hash list, or open a bank's folder.

    Raises:
        BankError: The file cannot be read, or is not what it should be.
    """
    try:
        return BankFolder(path) if Path(path).is_dir() else load_bank(path)
    except OSError as error:
        raise BankError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None
