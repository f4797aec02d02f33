"""Inserting what may be there already."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(
    connection: Connection, table: Table, values: dict[str, Any], *, key: Sequence[str]
) -> bool:
    """Insert a row, unless there is one with the same values in the columns of a unique key.

    On Postgres this waits for whoever is inserting the same key, and sees what came of it.

    Returns:
        Whether it was inserted.
    """
    query = _statement(connection.dialect.name, table, tuple(key))
    return connection.execute(query, values).first() is not None


@cache
def _statement(dialect: str, table: Table, key: tuple[str, ...]) -> Executable:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing(index_elements=key).returning(table.c[key[0]])
