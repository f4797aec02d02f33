"""Known content: banks, the lists they come from, and how items are held against them."""

from tidegate.matching.bank import (
    Bank,
    BankError,
    Entry,
    Frame,
    add_entries,
    merge,
    next_id,
)
from tidegate.matching.bankfile import import_file, load_bank, save_bank
from tidegate.matching.matcher import Matcher
from tidegate.matching.session import Session

__all__ = [
    "Bank",
    "BankError",
    "Entry",
    "Frame",
    "Matcher",
    "Session",
    "add_entries",
    "import_file",
    "load_bank",
    "merge",
    "next_id",
    "save_bank",
]
