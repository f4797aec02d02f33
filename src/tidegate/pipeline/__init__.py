"""The pipeline that ties media, hashing, matching, detectors and policy together."""

import logging

from tidegate.pipeline.compare import Compared, compare
from tidegate.pipeline.enrol import SAMPLING, Enrolled, enrol
from tidegate.pipeline.find import Found, find, printable
from tidegate.pipeline.fingerprint import Fingerprint, fingerprint
from tidegate.pipeline.load import load_policy, read_bank
from tidegate.pipeline.readers import spare_threads
from tidegate.pipeline.scanner import Scanned, Scanner, gather, scan

# A library speaks where the application wants to hear it; the evidence says what went wrong.
logging.getLogger("tidegate").addHandler(logging.NullHandler())

__all__ = [
    "SAMPLING",
    "Compared",
    "Enrolled",
    "Fingerprint",
    "Found",
    "Scanned",
    "Scanner",
    "compare",
    "enrol",
    "find",
    "fingerprint",
    "gather",
    "load_policy",
    "printable",
    "read_bank",
    "scan",
    "spare_threads",
]
