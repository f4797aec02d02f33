"""The log of the service: one line of JSON for each event, on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO


class JsonLines(logging.Formatter):
    """Writes a record as one line: when, how grave, where from, what, and its particulars.

    Of an error there are its type, its message and the places in the code, not the values there.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at,
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def start(stream: TextIO | None = None) -> None:
    """Have everything logged as lines of JSON: of ours from info on, of others from warning on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    ours = logging.getLogger("tidegate")
    ours.setLevel(logging.INFO)
    # The command line's own way of telling warnings, for people: here there is one way.
    logging.getLogger("tidegate.media").handlers.clear()
