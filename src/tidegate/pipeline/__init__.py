"""The pipeline that ties media, hashing, matching, detectors and policy together."""

from tidegate.pipeline.enrol import SAMPLING, Enrolled, enrol
from tidegate.pipeline.find import Found, find, printable
from tidegate.pipeline.fingerprint import Fingerprint, fingerprint
from tidegate.pipeline.load import load_policy, read_bank
from tidegate.pipeline.scanner import Scanned, Scanner, gather, scan

__all__ = [
    "SAMPLING",
    "Enrolled",
    "Fingerprint",
    "Found",
    "Scanned",
    "Scanner",
    "enrol",
    "find",
    "fingerprint",
    "gather",
    "load_policy",
    "printable",
    "read_bank",
    "scan",
]
