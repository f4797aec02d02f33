"""Reading the operator's own files: policies and banks."""

import os
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

import msgspec

from tidegate import taxonomy
from tidegate.evidence import Item, Report
from tidegate.matching import Bank, BankError, BankFolder, load_bank
from tidegate.policy import Policy, PolicyError, parse
from tidegate.policy.cases import Cases, ItemPlace, parse_cases

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
        return path.read_text(encoding="utf-8")
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
    path = cases_beside(Path(file)) if path is None else path
    cases = parse_cases(_text(path), str(path), policy)
    places = {case.place for case in cases.cases if case.place is not None}
    return cases, {place: _item(path, place) for place in places}


def cases_beside(policy: Path) -> Path:
    """Return where the cases of a policy are: ``my.cases.yaml`` beside ``my.yaml``."""
    return policy.with_name(f"{policy.stem}{_CASES}{policy.suffix}")


def _item(cases: Path, place: ItemPlace) -> Item:
    file = cases.parent / place.file
    try:
        items = [i for i in read_items(file.read_bytes()) if place.path in (None, i.path)]
    except OSError as error:
        raise PolicyError(str(file), None, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PolicyError(str(file), None, str(error)) from None
    if len(items) != 1:
        which = "" if place.path is None else f" with the path {place.path!r}"
        raise PolicyError(str(file), None, f"has {len(items)} items{which}: a case is of one")
    return items[0]


def read_items(data: bytes) -> list[Item]:
    """Return the items of what ``tidegate scan --json`` or ``--jsonl`` wrote.

    Raises:
        ValueError: It is something else, or names a category that is not in the taxonomy.
    """
    items = _decode(data)
    for item in items:
        evidence = item.evidence
        named = {m.category for m in evidence.matches} | {s.category for s in evidence.signals}
        if foreign := sorted(named - taxonomy.CATEGORIES.keys()):
            raise ValueError(f"{foreign[0]!r} is no category of ours")
    return items


def _decode(data: bytes) -> list[Item]:
    try:
        return list(msgspec.json.decode(data, type=Report).items)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        lines = data.splitlines() if data.lstrip()[:1] == b"{" and b"\n{" in data else [data]
        return [msgspec.json.decode(line, type=Item) for line in lines if line.strip()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"is no item and no report: {error}") from None


def read_bank(path: str | os.PathLike[str]) -> Bank | BankFolder:
    """Read a bank or a hash list, or open a bank's folder.

    Raises:
        BankError: The file cannot be read, or is not what it should be.
    """
    try:
        return BankFolder(path) if Path(path).is_dir() else load_bank(path)
    except OSError as error:
        raise BankError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None
