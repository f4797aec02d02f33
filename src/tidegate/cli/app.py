"""The commands, gathered, and what every one of them does alike."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import tidegate
from tidegate.cli import (
    audit,
    backup,
    bank,
    compare,
    doctor,
    explain,
    match,
    models,
    policy,
    scan,
    serve,
    users,
    worker,
)
from tidegate.cli import hash as hash_command
from tidegate.cli.exits import FAILED, OK, USAGE
from tidegate.cli.say import complain
from tidegate.detectors import ManifestError
from tidegate.matching import BankError
from tidegate.media import SettingError
from tidegate.policy import PolicyError

app = typer.Typer(
    name="tidegate",
    help="Content moderation for images and video: what breaks the policy, where, how sure, "
    "and what to do.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.command("explain")(explain.explain)
app.command("hash")(hash_command.hash_)
app.command("compare", epilog=compare.EPILOG)(compare.compare_)
app.command("match", epilog=match.EPILOG)(match.match)
app.add_typer(bank.app, name="bank")
app.add_typer(models.app, name="models")
app.add_typer(policy.app, name="policy")
app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command("worker", epilog=worker.EPILOG)(worker.worker)
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.command("backup", epilog=backup.EPILOG)(backup.backup)
app.command("restore", epilog=backup.EPILOG)(backup.restore)
app.command("doctor")(doctor.doctor)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"tidegate {tidegate.__version__}\n")
        raise typer.Exit(OK)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status.

    What the user got wrong is one line on standard error and status 64.
    """
    try:
        status = app(list(arguments), prog_name="tidegate", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message())
    except PolicyError as error:
        complain(str(error), error.excerpt)
        return USAGE
    except (BankError, SettingError) as error:
        return _complain(str(error))
    except ManifestError as error:
        _complain(str(error))
        return FAILED
    except typer.Abort:
        return FAILED
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away, as `head` does: Typer leaves by SystemExit.
        # Nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except MemoryError:
        _complain("out of memory")
        return FAILED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{error.strerror or error}")
        return FAILED
    return status if isinstance(status, int) else OK


def _complain(message: str) -> int:
    if message:
        complain(message)
    return USAGE
