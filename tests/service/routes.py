"""Who may ask what, as a table: a route a line, with its scopes and the roles that have them.

``python -m tests.service.routes`` writes it anew. It is kept so that a review sees what a change
opens, or closes, and to whom; the test that asks each route derives from the routes themselves.
"""

import tempfile
from pathlib import Path

from tidegate.service.app import build
from tidegate.service.openapi import guards
from tidegate.service.roles import ROLES
from tidegate.service.settings import Settings
from tidegate.service.state import Service
from tidegate.store.engine import Store

FILE = Path(__file__).parent / "golden" / "routes.txt"


def table(app):
    """Return the lines, in the order of paths."""
    lines = []
    for (method, path), guard in sorted(guards(app).items(), key=lambda one: (one[0][1], one[0])):
        if guard is None:
            scopes, roles = "open", "anybody"
        else:
            scopes = " ".join(sorted(guard.scopes)) or "-"
            roles = " ".join(role for role in ROLES if set(guard.scopes) <= ROLES[role])
        lines.append(f"{method:6} {path:58} {scopes:22} {roles}")
    return lines


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        with Service(Settings(data=data), Store(None, data)) as service:
            FILE.write_text("\n".join(table(build(service))) + "\n")
