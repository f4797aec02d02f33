from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

import tidegate.store.casetables  # noqa: F401
from tidegate.store import schema
from tidegate.store.error import StoreError
from tidegate.store.tables import metadata


def test_an_empty_database_is_brought_up_to_date(make_database):
    with make_database(empty=True).open() as store:
        assert schema.revision(store) is None
        with pytest.raises(StoreError, match="not up to date: it is at nothing"):
            schema.check(store)
        schema.upgrade(store)
        assert schema.revision(store) == schema.newest()
        schema.check(store)
        schema.upgrade(store)


def test_the_migrations_make_just_the_tables_that_the_code_knows(store, make_database):
    with make_database(empty=True).open() as other:
        with other.write() as connection:
            metadata.create_all(connection)
        made, known = described(store), described(other)
    made.pop("alembic_version")
    assert made == known


def test_workers_that_start_together_bring_it_up_to_date_once(make_database):
    database = make_database(empty=True)

    def start(_):
        with database.open() as store:
            schema.upgrade(store)
            return schema.revision(store)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(start, range(8))) == {schema.newest()}


def test_a_database_of_a_newer_version_is_left_alone(store):
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9000'"))
    for refused in (schema.upgrade, schema.check):
        with pytest.raises(StoreError, match=r"revision 9000.*a newer one made it"):
            refused(store)


def described(store):
    """Return all that a database says of its tables: columns, constraints, indexes."""
    with store.read() as connection:
        if store.dialect == "sqlite":
            rows = connection.exec_driver_sql(
                "SELECT tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index')"
            )
        else:
            rows = connection.exec_driver_sql("""
                SELECT c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
                LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
                UNION ALL
                SELECT c.relname, t.conname || ' ' || pg_get_constraintdef(t.oid)
                FROM pg_class c JOIN pg_constraint t ON t.conrelid = c.oid
                WHERE c.relnamespace = 'public'::regnamespace
                UNION ALL
                SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
            """)
        found = {}
        for table, text in rows:
            # SQLite keeps the text of a table, a line for each of its parts, in any order.
            found.setdefault(table, set()).update(p.strip(" ,\t") for p in str(text).split("\n"))
        return found
