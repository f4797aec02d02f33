"""``tidegate worker``: more hands for a service that is served elsewhere."""

from typing import Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say

EPILOG = (
    "The environment tells the rest, as it tells `tidegate serve`: DATABASE_URL, and a data "
    "folder, TIDEGATE_SECRET and TIDEGATE_OBJECTS that are the same for all. Exit status: "
    "[bold]0[/] ended by a signal, [bold]64[/] a setting makes no sense, [bold]70[/] the database "
    "cannot be used, or a part of it failed."
)


def worker(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the media, shared with the service. [TIDEGATE_DATA, else "
            "tidegate-data]",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help="Processes that judge. [TIDEGATE_WORKERS, else 1]"),
    ] = None,
) -> int:
    """Judge what is sent to a service, and send its alarms, on this machine or another."""
    # Only the service's commands need the service: the others start faster without.
    from tidegate.matching import BankError
    from tidegate.service import background, logs
    from tidegate.service.settings import SettingError, read
    from tidegate.store.error import StoreError

    try:
        settings = read(data=data, workers=workers)
        if not settings.workers:
            raise SettingError("--workers: one process at least")
        logs.start()
        return exits.OK if background.work(settings, say) else exits.FAILED
    except SettingError as error:
        raise typer.BadParameter(str(error)) from None
    except (StoreError, BankError) as error:
        complain(str(error))
        return exits.FAILED
