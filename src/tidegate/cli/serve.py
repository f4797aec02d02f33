"""``tidegate serve``: the whole service."""

from typing import Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say

EPILOG = (
    "Everything else is told by the environment: DATABASE_URL, TIDEGATE_PUBLIC_URL and others; "
    "docs/service.md lists them. Exit status: [bold]0[/] ended by a signal, [bold]64[/] a setting "
    "makes no sense, [bold]70[/] the database cannot be used, or a part of the service failed."
)


def serve(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of media, banks and the database. [TIDEGATE_DATA, else tidegate-data]",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT", help="Where to listen. [TIDEGATE_LISTEN, else 127.0.0.1:8787]"
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help="Processes that judge. [TIDEGATE_WORKERS, else 1]"),
    ] = None,
    no_workers: Annotated[
        bool, typer.Option("--no-workers", help="Judge nothing here: `tidegate worker` does.")
    ] = False,
) -> int:
    """Serve the API, and judge what is sent to it. The first start prints a link for an admin."""
    # Only this command needs a web server: the others start faster without.
    from tidegate.review.app import build
    from tidegate.service import logs
    from tidegate.service import serve as service
    from tidegate.service.settings import SettingError, read
    from tidegate.store.error import StoreError

    if no_workers and workers is not None:
        raise typer.BadParameter("--workers and --no-workers exclude one another")
    try:
        settings = read(data=data, listen=listen, workers="0" if no_workers else workers)
        logs.start()
        return exits.OK if service.serve(settings, say, build) else exits.FAILED
    except SettingError as error:
        raise typer.BadParameter(str(error)) from None
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
