"""Commands run in the process of the test: as the installed command, but for its start."""

import io
import subprocess
import sys
from unittest import mock

from tidegate.cli.app import run


def call(capture, *arguments, stdin=b""):
    """Run one command; ``capture`` is pytest's ``capfdbinary``."""
    capture.readouterr()
    with mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))):
        status = run([str(argument) for argument in arguments])
    told = capture.readouterr()
    return subprocess.CompletedProcess(arguments, status, told.out, told.err)
