"""Known content: banks, the lists they come from, and how items are held against them."""

from tidegate.matching.bank import (
    Bank,
    BankError,
    Entry,
    Frame,
    add_entries,
    merge,
    next_id,
    set_state,
)
from tidegate.matching.bankcheck import Stats, stats, verify
from tidegate.matching.bankfile import import_file, load_bank, save_bank
from tidegate.matching.bankfolder import BankFolder, is_folder
from tidegate.matching.matcher import Matcher
from tidegate.matching.rule import VideoRule
from tidegate.matching.session import Session, rank

__all__ = [
    "Bank",
    "BankError",
    "BankFolder",
    "Entry",
    "Frame",
    "Matcher",
    "Session",
    "Stats",
    "VideoRule",
    "add_entries",
    "import_file",
    "is_folder",
    "load_bank",
    "merge",
    "next_id",
    "rank",
    "save_bank",
    "set_state",
    "stats",
    "verify",
]
