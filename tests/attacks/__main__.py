"""Writes the attack set: ``python -m tests.attacks FOLDER``."""

import sys
from pathlib import Path

from tests.attacks import ATTACKS


def main(arguments: list[str]) -> int:
    """Write every attack into a new folder, and a line on each to standard output."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.attacks FOLDER\n")
        return 64
    folder = Path(arguments[0])
    folder.mkdir(parents=True)
    for attack in ATTACKS:
        attack.put(folder)
        sys.stdout.write(f"{attack.name:28} {attack.about}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
