"""What HMA's clients send and read: hashes, banks, contents and errors in its shapes.

Source: github.com/facebook/ThreatExchange, hasher-matcher-actioner, version 1.1.7.
"""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, cast

import msgspec
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from tidegate.matching import Entry
from tidegate.service.fetch_error import FetchError
from tidegate.service.forms import short
from tidegate.service.problems import Problem
from tidegate.service.replica import Near
from tidegate.store import banks

Signal = Literal["pdq", "video_md5"]

Content = Literal["photo", "video"]

SIGNALS: tuple[Signal, ...] = ("pdq", "video_md5")

CONTENTS: dict[str, Signal] = {"photo": "pdq", "video": "video_md5"}
"""The signal of each type of content."""

UNHASHABLE = "unhashable"

NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")

LONGEST_NOTE = 255

LARGEST_METADATA = 1500

LATEST = 5 * 365 * 86400
"""Seconds from now beyond which nothing is disabled."""

ENABLED, DISABLED = 1, 0
"""What ``disable_until_ts`` is where it is no time."""


class Refused(Exception):  # noqa: N818 - as HMA's `abort`
    """An error in HMA's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HmaRoute(APIRoute):
    """A route whose own errors have HMA's shape: ``{"message": …}``.

    Who may not ask, asks too often or leaves a parameter out hears so as everywhere here.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except Refused as error:
                return message(error.status, str(error))
            except FetchError as error:
                status = 413 if error.cause == "size" else 400
                text = "Content too large" if status == 413 else f"Failed to fetch URL: {error}"
                return message(status, text)
            except Problem:
                raise
            except HTTPException as error:
                return message(error.status_code, str(error.detail))

        return handle


class Metadata(BaseModel, extra="forbid"):
    """What a client says of a content."""

    content_id: str | None = None
    content_uri: str | None = None
    about: dict[str, Any] | None = Field(default=None, alias="json")


class About(NamedTuple):
    """What a client says of a content."""

    note: str
    metadata: str


def check_types(types: str | None, signal: Signal) -> None:
    """Check which signals are asked for; a content has one."""
    if types is None:
        return
    asked = [name.strip() for name in types.split(",") if name.strip()]
    for name in asked:
        if name != signal:
            raise Refused(400, f"signal type '{name[:80]}' doesn't exist or is disabled")
    if not asked:
        raise Refused(400, "empty signal type selection")


def kind_of(name: str) -> Content:
    """Return a type of content by its name."""
    if name not in CONTENTS:
        raise Refused(400, f"no such content_type: '{name[:80]}'")
    return cast(Content, name)


def signal_of(name: str) -> Signal:
    """Return a signal by its name."""
    if name not in SIGNALS:
        raise Refused(400, f"No such SignalType '{name[:80]}'")
    return name


def hash_of(value: str, signal: Signal) -> str | None:
    """Return a hash as it is looked up, or ``None`` for what says that there is none.

    Raises:
        ValueError: It is no such hash.
    """
    digits = value.strip().lower()
    if signal == "pdq":
        if digits == UNHASHABLE:
            return None
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError("invalid PDQ hash")
    elif not re.fullmatch("[0-9a-f]{32}", digits):
        raise ValueError(f"{value[:80]!r} is not a valid MD5 hash")
    return digits


def names_of(written: str | None) -> frozenset[str] | None:
    """Return the names of banks that a query lists, or ``None`` for all."""
    return frozenset(written.split(",")) if written else None


def shown_match(near: Near, signal_type: str) -> dict[str, Any]:
    """Return a match as HMA tells it."""
    distance = str(near.distance) if signal_type == "pdq" else "-"
    return {"bank_content_id": int(near.entry.id), "distance": distance}


def shown_bank(bank: banks.Bank) -> dict[str, Any]:
    """Return a bank as HMA tells it."""
    return {"name": bank.name, "matching_enabled_ratio": bank.rule.enabled_ratio}


def ratio_of(ratio: float | None, enabled: bool | None, before: float) -> float:
    """Return a ratio as HMA has it: the flag counts where no ratio is given."""
    flag = None if enabled is None else float(enabled)
    chosen = next(value for value in (ratio, flag, before) if value is not None)
    if not 0.0 <= chosen <= 1.0:
        raise Refused(400, "enabled_ratio is 0 to 1")
    return chosen


def state_of(given: Any, now: int) -> tuple[banks.State, str | None]:
    """Return the state that HMA's ``disable_until_ts`` stands for."""
    try:
        until = int(given)
    except (TypeError, ValueError, OverflowError):
        raise Refused(400, f"Invalid int: '{str(given)[:80]}'") from None
    if until < 0:
        raise Refused(400, "disable_until_ts must be a non-negative integer")
    if until > now + LATEST:
        raise Refused(400, "disable_until_ts must be less than 5 years in the future")
    if until == DISABLED:
        return "disabled", None
    if until == ENABLED or until <= now:
        return "active", None
    return "disabled", datetime.fromtimestamp(until, UTC).isoformat()


def shown_standing(row: banks.Entry) -> dict[str, Any]:
    """Return how a content stands, as HMA tells it."""
    if row.state == "active":
        until = ENABLED
    elif row.disabled_until is None:
        until = DISABLED
    else:
        until = int(datetime.fromisoformat(row.disabled_until).timestamp())
    return {"id": int(row.id), "disable_until_ts": until}


def signals_of(entry: Entry) -> dict[str, str]:
    """Return the signals of an entry: a file of a photo was never told its MD5."""
    told: dict[str, str] = {}
    if entry.kind == "image" and entry.pdq:
        told["pdq"] = entry.pdq[0].pdq
    if entry.md5 and (entry.kind == "video" or not entry.sha256):
        told["video_md5"] = entry.md5[0]
    return told


def about_of(given: dict[str, Any]) -> About:
    """Return what the JSON or the form of a request says of a content."""
    metadata = given.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = msgspec.json.decode(metadata)
        except (msgspec.DecodeError, RecursionError):
            raise Refused(400, "metadata form field must be valid JSON") from None
    if metadata is None:
        return About(note_of(given.get("note")), "")
    if not isinstance(metadata, dict):
        raise Refused(400, "metadata should be a json object")
    metadata.pop("collab", None)
    try:
        Metadata.model_validate(metadata)
    except ValueError:
        known = "content_id, content_uri, json"
        raise Refused(400, f"Invalid metadata: it has {known} and nothing else") from None
    kept = {name: value for name, value in metadata.items() if value is not None}
    text = msgspec.json.encode(kept).decode() if kept else ""
    if len(text) > LARGEST_METADATA:
        raise Refused(400, f"Invalid metadata: more than {LARGEST_METADATA} characters")
    return About(note_of(given.get("note")), text)


def metadata_of(entry: Entry) -> dict[str, Any]:
    """Return what a client of HMA said of an entry: it is kept as where it comes from."""
    try:
        found = msgspec.json.decode(entry.provenance, type=dict[str, Any])
        Metadata.model_validate(found)
    except (msgspec.DecodeError, ValueError):
        return {}
    return found


def note_of(given: Any) -> str:
    """Return a note, empty where there is none."""
    if not given:
        return ""
    if not isinstance(given, str):
        raise Refused(400, "note should be a string")
    if len(given) > LONGEST_NOTE:
        raise Refused(400, f"note must be at most {LONGEST_NOTE} characters")
    return given


async def object_of(request: Request, *, empty: bool = False) -> dict[str, Any]:
    """Return the JSON object that a body is."""
    body = await short(request)
    if not body and empty:
        return {}
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(400, "Failed to decode JSON object") from None
    if not isinstance(found, dict):
        raise Refused(400, "Request input was not a dict")
    return found


def message(status: int, text: str) -> JSONResponse:
    """Answer an error as HMA does."""
    return JSONResponse({"message": text}, status)
