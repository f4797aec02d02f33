"""Records: what was decided when, and on what evidence. One JSON line each.

A record is all that it takes to decide again, without the media.
"""

import fcntl
import os
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tidegate import taxonomy
from tidegate.closing import Closing
from tidegate.evidence import Action, Decision, Evidence, Facts, Item, Value, foreign_category

SCHEMA = 1
"""The version of the records that are written and read."""

LONGEST = 64 * 1024**2
"""Bytes of a record; a day of video, judged each second, takes less."""

_BEGINNING = f'{{"schema":{SCHEMA},"at":'.encode()


class RecordError(ValueError):
    """A record or a file of records that must not be used. The message says why.

    Attributes:
        records: How many records are lost with it.
    """

    def __init__(self, message: str, *, records: int = 1) -> None:
        super().__init__(message)
        self.records = records


class Review(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a person found.

    Attributes:
        truth: Whether the item truly shows a category, for each that was looked at.
        action: What the person decided in the end, or ``None``.
    """

    truth: Mapping[str, bool] = msgspec.field(default_factory=dict)
    action: Action | None = None


class Record(Value, frozen=True, kw_only=True):
    """One decision.

    Attributes:
        schema: Version of this JSON.
        at: When it was made, with its time zone; written in UTC.
        path: Path of the item, or the platform's own name of it.
        facts: What the platform said of it.
        evidence: What was known of it.
        decision: What was decided, without the rules that did not fire.
        review: What a person found later, or ``None`` where nobody has looked.
    """

    schema: Literal[1] = 1
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    path: str
    facts: Facts = Facts()
    evidence: Evidence
    decision: Decision
    review: Review | None = None


def record_of(item: Item, at: datetime) -> Record:
    """Return what is to be kept of an item that was judged at a time, in UTC."""
    return Record(
        at=at,
        path=item.path,
        facts=item.facts,
        evidence=item.evidence,
        decision=kept(item.decision),
    )


def kept(decision: Decision) -> Decision:
    """Return a decision without the rules that did not fire, which are most of its bytes.

    The evidence and the policy give them again.
    """
    return msgspec.structs.replace(decision, near=(), rest=())


class _Versioned(msgspec.Struct):
    schema: Any = None
    elapsed: Any = None
    items: Any = None


_RECORDS = msgspec.json.Decoder(Record)
_VERSIONS = msgspec.json.Decoder(_Versioned)


def read_record(line: bytes) -> Record:
    """Return the record that a line holds.

    Raises:
        RecordError: It holds none, or one of another version. The message does not name the file.
    """
    if len(line) > LONGEST:
        raise RecordError(f"is longer than {LONGEST:,} bytes")
    try:
        record = _RECORDS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(_wrong(line, error)) from None
    return checked(record)


def checked(record: Record) -> Record:
    """Return a record that names no category but those of the taxonomy.

    Raises:
        RecordError: It names another.
    """
    foreign = foreign_category(record.evidence)
    if foreign is None:
        reasons = (*record.decision.reasons, *record.decision.shadow)
        told = [reason.category for reason in reasons if reason.category is not None]
        told += record.review.truth if record.review is not None else ()
        foreign = next((name for name in told if name not in taxonomy.CATEGORIES), None)
    if foreign is not None:
        raise RecordError(f"is no record: {foreign[:80]!r} is no category of ours")
    return record


def _wrong(line: bytes, error: Exception) -> str:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _VERSIONS.decode(line)
        if told.elapsed is not None or told.items is not None:
            return "is what 'scan --json' or '--jsonl' writes: records come of 'scan --record'"
        found = told.schema
        if found != SCHEMA:
            shown = found if isinstance(found, int) else "none"
            return f"is of schema {shown}, and this version of Tidegate reads {SCHEMA}"
    if "truncated" in str(error):
        return "is cut short: its writer was stopped"
    return f"is no record: {error}"


class Recorder(Closing):
    """Appends records to a file. Each is written whole, whoever else appends to the file.

    A writer that is killed in the middle leaves half a line. The next one ends that line, so that
    nothing is written behind it, and leaves it for :mod:`tidegate.pipeline.records` to tell of.
    What was written survives the end of the process, and from :meth:`close` on that of the power.

    Args:
        path: The file; made where there is none, for its owner's eyes only.

    Attributes:
        mended: Whether the last line was cut short when the file was opened.

    Raises:
        RecordError: The path is no file, or the file holds something else.
        OSError: It cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        name = os.fspath(path)
        if Path(path).suffix == ".parquet":
            raise RecordError(f"{name}: records are appended to *.jsonl, not to Parquet")
        # Without O_NONBLOCK a named pipe would wait for its reader.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        # The lock on the file keeps processes apart, this one threads.
        self._adding = threading.Lock()
        self._descriptor = os.open(path, flags, 0o600)
        self.mended = False
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise RecordError(f"{name}: is no file")
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._begin(name)
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _begin(self, name: str) -> None:
        size = os.fstat(self._descriptor).st_size
        if not size:
            return
        first = os.pread(self._descriptor, len(_BEGINNING), 0).partition(b"\n")[0]
        if not _BEGINNING.startswith(first):
            raise RecordError(f"{name}: holds something else than records")
        self.mended = self._is_cut_short(size)

    def _is_cut_short(self, size: int) -> bool:
        return size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def add(self, record: Record) -> None:
        """Append a record.

        Raises:
            RecordError: It is longer than :data:`LONGEST`.
            OSError: It cannot be written; then nothing of it is.
        """
        line = msgspec.json.encode(record) + b"\n"
        if len(line) > LONGEST:
            raise RecordError(f"{record.path}: its record is longer than {LONGEST:,} bytes")
        with self._adding:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                self._write(line)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write(self, line: bytes) -> None:
        before = os.fstat(self._descriptor).st_size
        rest = memoryview(b"\n" + line if self._is_cut_short(before) else line)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BaseException:
            os.ftruncate(self._descriptor, before)
            raise

    def close(self) -> None:
        """Have the system write what it holds back, and close the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
