"""Exit statuses."""

OK = 0
"""Nothing above ``label``."""

ACT = 1
"""Something to act on."""

UNJUDGED = 2
"""Some items could not be judged. Wins over :data:`ACT`: the answer is not complete."""

USAGE = 64
"""Wrong usage (EX_USAGE of sysexits.h)."""

FAILED = 70
"""The installation is not whole, or a file cannot be written (EX_SOFTWARE of sysexits.h)."""

INTERRUPTED = 130
"""Stopped by Ctrl-C; what was done so far is written."""
