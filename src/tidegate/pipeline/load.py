"""Reading the operator's own files: policies and banks."""

import os
from importlib import resources
from pathlib import Path

from tidegate.matching import Bank, BankError, BankFolder, load_bank
from tidegate.policy import Policy, PolicyError, parse


def load_policy(path: str | os.PathLike[str] | None = None) -> Policy:
    """Read a policy, or the default one.

    Raises:
        PolicyError: The file cannot be read, or the policy does not load.
    """
    if path is None:
        file = resources.files("tidegate") / "policies" / "default.yaml"
        return parse(file.read_text(encoding="utf-8"), "default.yaml")
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(name, None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PolicyError(name, None, "is not UTF-8 text") from None
    return parse(text, name)


def read_bank(path: str | os.PathLike[str]) -> Bank | BankFolder:
    """Read a bank or a hash list, or open a bank's folder.

    Raises:
        BankError: The file cannot be read, or is not what it should be.
    """
    try:
        return BankFolder(path) if Path(path).is_dir() else load_bank(path)
    except OSError as error:
        raise BankError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None
