"""``tidegate users``: who may log in, and a new password for who has lost theirs.

For whoever may write to the database: that is more than any role of the service has.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say
from tidegate.cli.stores import Data, Database, opened

# What needs the database is imported where it is needed: other commands start faster without.
if TYPE_CHECKING:
    from tidegate.service.secret import Secret
    from tidegate.store.users import User

app = typer.Typer(
    help="Show who may log in to the service, and set a password that was lost.",
    no_args_is_help=True,
)

_PAGE = 200

_STATUS = (
    "Exit status: [bold]0[/] done, [bold]64[/] wrong usage, [bold]70[/] the database cannot be "
    "used, or there is no such user."
)


@app.command("list", epilog=_STATUS)
def list_users(data: Data = None, database: Database = None) -> int:
    """Show everybody who may log in or could once: name, role, since when."""
    from tidegate.store import users
    from tidegate.store.error import StoreError

    try:
        with opened(data, database) as store, store.read() as connection:
            after = None
            while page := users.page(connection, after=after, limit=_PAGE):
                for user in page:
                    say(_told(user))
                after = page[-1].id
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    return exits.OK


@app.command(epilog=_STATUS)
def reset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What they log in with.")],
    data: Data = None,
    database: Database = None,
) -> int:
    """Set the password of a user, and end all their sessions. The service may run meanwhile.

    At a terminal the new password is asked for twice and not shown; else it is the first line of
    standard input. The audit chain says who did it: cli:, and the name of the account here.
    """
    from tidegate.service.passwords import PasswordError, Passwords
    from tidegate.store import clock, users
    from tidegate.store.error import MissingError, StoreError

    try:
        with opened(data, database) as store:
            with store.read() as connection:
                found = users.by_name(connection, name)
            if found is None:
                raise MissingError(f"there is no user {name:.100}: see tidegate users list")
            password = Passwords().hash(_new_password())
            with store.write() as connection:
                user = users.set_password(
                    connection,
                    found[0].id,
                    password,
                    actor=f"cli:{_account()}",
                    reason="tidegate users reset",
                    now=clock.now(),
                )
    except PasswordError as error:
        raise typer.BadParameter(str(error)) from None
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    say(f"{user.name} ({user.role}) has a new password, and no session any more")
    return exits.OK


def _new_password() -> "Secret":
    from tidegate.service.secret import Secret

    if sys.stdin.isatty():
        return Secret(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    return Secret(sys.stdin.buffer.readline(1 << 13).rstrip(b"\r\n"))


def _account() -> str:
    """Return whose account of this machine it is."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # In containers nobody may be called anything.
        return str(os.getuid())


def _told(user: "User") -> str:
    from tidegate.store import clock

    told = f"{user.name}  {user.role}  since {clock.text(user.created_at)[:10]}"
    if user.disabled_at is not None:
        told += f", disabled {clock.text(user.disabled_at)[:10]}"
    return told
