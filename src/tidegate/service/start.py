"""How every process of the service starts: ``tidegate serve`` and ``tidegate worker`` alike.

Nothing is judged before the database is up to date, a policy is in force and the banks are here.
Any number of processes may start at once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidegate.pipeline.load import read_policy
from tidegate.policy import parse
from tidegate.service.crew import Crew
from tidegate.service.depths import Depths
from tidegate.service.sender import Sender
from tidegate.service.settings import Settings
from tidegate.service.state import Service
from tidegate.service.undo import Undoing
from tidegate.store import policies, schema
from tidegate.store.engine import Store
from tidegate.store.error import StateError

CONNECTIONS = 16
"""Connections to the database."""

Runner = Callable[[threading.Event], None]
"""Works until it is told to stop."""


@contextmanager
def started(settings: Settings) -> Iterator[Service]:
    """Yield a service with all that it needs, and close it.

    The first process migrates the database and puts the policy in force that comes with Tidegate.

    Raises:
        SettingError: The server's key cannot be read.
        StoreError: The database cannot be used, or a newer version made it.
        BankError: The banks cannot be brought here.
        OSError: The data folder cannot be written.
    """
    with Store(settings.database, settings.data, connections=CONNECTIONS) as store:
        schema.upgrade(store)
        with Service(settings, store) as service:
            _put_in_force(service)
            service.replica.follow()
            service.replica.start()
            yield service


def runners(service: Service) -> dict[str, Runner]:
    """Return what works in the background of a process, by name; each wants a thread."""
    found: dict[str, Runner] = {
        "sender": Sender(service).run,
        "undo": Undoing(service.store, service.clock).run,
        "depths": Depths(service.store, service.clock).run,
    }
    if service.settings.workers:
        found["workers"] = Crew(service).run
    return found


def _put_in_force(service: Service) -> None:
    name, text = read_policy(None)
    new = policies.New(policy=parse(text, name).id, source=text)
    try:
        with service.store.write() as connection:
            policies.begin(connection, new, now=service.clock())
    except StateError:  # Of processes that start at once, another one has done it.
        with service.store.read() as connection:
            policies.active(connection)
