"""Banks in files, as the commands that change them read and write them."""

from pathlib import Path

from tidegate.matching import Bank, BankError, load_bank, save_bank
from tidegate.matching.bankfile import is_native


def own(file: Path) -> Bank:
    """Read a bank that is to be changed.

    Raises:
        BankError: It is none of ours, or not what it should be. A list that others keep is
            never rewritten as a bank.
    """
    try:
        if file.stat().st_size and not is_native(file):
            raise BankError(
                f"{file} is a hash list, and no bank that can be changed: "
                "'tidegate bank create' makes one, and 'import' takes the list in"
            )
        return load_bank(file)
    except OSError as error:
        raise BankError(f"{file}: cannot be read: {error.strerror}") from None


def save(bank: Bank, file: Path) -> None:
    """Write a bank.

    Raises:
        OSError: It cannot be written; names the file.
    """
    try:
        save_bank(bank, file)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(file)) from None
