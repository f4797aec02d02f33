import subprocess
import sys
from pathlib import Path

import pytest

TIDEGATE = Path(sys.executable).with_name("tidegate")


@pytest.fixture
def run(tmp_path):
    """Run the installed command as a user would, in an empty folder."""

    def run(*arguments, **options):
        return subprocess.run(
            [TIDEGATE, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
            **options,
        )

    return run
