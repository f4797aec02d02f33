"""The store that a command works on, without a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidegate.store.engine import Store

Data = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Folder of media and the database. [TIDEGATE_DATA, else tidegate-data]",
    ),
]

Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The database, where it is not in the folder. A password is better told by the "
        "environment, where nobody else sees it. [DATABASE_URL]",
    ),
]


@contextmanager
def opened(data: str | None, database: str | None, *, new: bool = False) -> "Iterator[Store]":
    """Open the store that options and environment name.

    Args:
        data: The data folder, or ``None`` where the option is not given.
        database: The URL, or ``None`` where the option is not given.
        new: Whether it may be empty, and is not looked at.

    Raises:
        typer.BadParameter: A setting makes no sense, or there is no such folder.
        StoreError: The database cannot be used, or is of another version.
    """
    # Other commands start faster without.
    from tidegate.service.settings import SettingError, read
    from tidegate.store import schema
    from tidegate.store.engine import Store

    try:
        settings = read(data=data, database=database)
    except SettingError as error:
        raise typer.BadParameter(str(error)) from None
    if not new and not settings.data.is_dir():
        raise typer.BadParameter(f"--data: there is no folder {settings.data}")
    with Store(settings.database, settings.data, connections=2) as store:
        if not new:
            schema.check(store)
        yield store
