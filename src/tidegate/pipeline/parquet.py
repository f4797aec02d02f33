"""Records in Parquet: columns for people's own questions, the rest as JSON. Needs ``pyarrow``.

Each part of a record that is a value of its own is a column with its JSON.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from tidegate.evidence import Decision, Evidence, Facts
from tidegate.pipeline.record import LONGEST, SCHEMA, Record, RecordError, Review, checked

MAGIC = b"PAR1"
"""What every such file begins with."""

ROWS = 16_384
"""Records of a row group."""

_BATCH = 1024
_COLUMNS = ("at", "path", "facts", "evidence", "decision", "review")
_JSON = _COLUMNS[2:]
_VERSION = b"tidegate_record"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "facts": msgspec.json.Decoder(Facts),
    "evidence": msgspec.json.Decoder(Evidence),
    "decision": msgspec.json.Decoder(Decision),
    "review": msgspec.json.Decoder(Review),
}


def _arrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise RecordError(
            "records in Parquet need pyarrow: pip install 'tidegate[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet


def pack(records: Iterable[Record], path: str | os.PathLike[str]) -> int:
    """Write records to a Parquet file, which is there only once it is whole.

    Args:
        records: The records.
        path: The file; what was there is replaced.

    Returns:
        How many they were.

    Raises:
        RecordError: pyarrow is not installed.
        OSError: The file cannot be written.
    """
    arrow, pq = _arrow()
    text, word = arrow.string(), arrow.dictionary(arrow.int32(), arrow.string())
    schema = arrow.schema(
        [
            ("at", arrow.timestamp("us", tz="UTC")),
            ("path", text),
            ("action", word),
            ("policy", word),
            *((name, text) for name in _JSON),
        ],
        metadata={_VERSION: str(SCHEMA).encode()},
    )
    temporary = Path(f"{os.fspath(path)}.partial")
    count = 0
    try:
        with pq.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=["action", "policy"]
        ) as writer:
            rows: list[dict[str, object]] = []
            for record in records:
                rows.append(_row(record))
                count += 1
                if len(rows) == ROWS:
                    writer.write_table(arrow.Table.from_pylist(rows, schema))
                    rows.clear()
            if rows:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _row(record: Record) -> dict[str, object]:
    parts = {name: getattr(record, name) for name in _JSON}
    return {
        "at": record.at,
        "path": record.path,
        "action": record.decision.action,
        "policy": record.decision.policy,
        **{
            name: None if part is None else msgspec.json.encode(part).decode()
            for name, part in parts.items()
        },
    }


def groups(path: Path) -> int:
    """Return how many row groups a file has.

    Raises:
        RecordError: It is damaged, holds no records or those of another version, or pyarrow is
            not installed.
    """
    arrow, pq = _arrow()
    try:
        with pq.ParquetFile(path) as file:
            schema, count = file.schema_arrow, file.metadata.num_row_groups
    except (arrow.ArrowException, OSError) as error:
        raise RecordError(f"{path}: is damaged: {_line(error)}") from None
    if lacking := [name for name in _COLUMNS if name not in schema.names]:
        raise RecordError(f"{path}: holds no records: there is no column {lacking[0]!r}")
    version = (schema.metadata or {}).get(_VERSION, b"none").decode(errors="replace")
    if version != str(SCHEMA):
        raise RecordError(
            f"{path}: is of schema {version}, and this version of Tidegate reads {SCHEMA}"
        )
    assert isinstance(count, int)
    return count


def read(
    path: str, group: int, wanted: Collection[int] | None = None
) -> Iterator[tuple[int, Record | RecordError]]:
    """Yield the records of a row group, each with the number of its row in the file, from 0.

    Args:
        path: The file.
        group: Number of the row group, from 0.
        wanted: Numbers of the rows to read; by default all.
    """
    arrow, pq = _arrow()
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(group + 1)]
        row, end = sum(sizes[:-1]), sum(sizes)
        try:
            for batch in file.iter_batches(_BATCH, row_groups=[group], columns=list(_COLUMNS)):
                for values in zip(*_plain(arrow, batch), strict=True):
                    if wanted is None or row in wanted:
                        yield row, _record(*values)
                    row += 1
        except (arrow.ArrowException, OSError) as error:
            told = f"row group {group} is damaged from row {row + 1} on: {_line(error)}"
            yield row, RecordError(told, records=max(1, end - row))


def _plain(arrow: ModuleType, batch: Any) -> list[list[Any]]:
    """Return the columns of a batch as lists: numbers, text, and JSON as bytes."""
    at = batch.column("at").cast(arrow.timestamp("us", tz="UTC")).cast(arrow.int64())
    json = (batch.column(name).cast(arrow.binary()) for name in _JSON)
    return [column.to_pylist() for column in (at, batch.column("path"), *json)]


def _record(at: int | None, path: str | None, *parts: bytes | None) -> Record | RecordError:
    if sum(len(part or b"") for part in parts) > LONGEST:
        return RecordError(f"is longer than {LONGEST:,} bytes")
    if at is None or path is None:
        return RecordError("is no record: it has no time or no path")
    values: dict[str, Any] = {}
    for name, part in zip(_JSON, parts, strict=True):
        if part is None and name != "review":
            return RecordError(f"is no record: it has no {name}")
        try:
            values[name] = None if part is None else _DECODERS[name].decode(part)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return RecordError(f"is no record: {name}: {error}")
    try:
        return checked(Record(at=_EPOCH + timedelta(microseconds=at), path=path, **values))
    except RecordError as error:
        return error
    except OverflowError:
        return RecordError("is no record: its time is out of range")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
