"""A sender in a process of its own, to be killed: ``python -m tests.service.sending …``.

Arguments: the database's URL, the data folder, the port of the receiver, and what time it is. It
sends what is due and ends when nothing waits.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace

from tidegate.service.outward import Outward
from tidegate.service.secret import Secret
from tidegate.service.sender import Sender
from tidegate.service.targets import Courier
from tidegate.store import waiting
from tidegate.store.engine import Store


def main(url, data, port, now):
    inside = Outward(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({port}), http=True)
    with Store(url, Path(data)) as store:
        # As much of a service as a sender needs: it starts in half the time.
        service = SimpleNamespace(store=store, clock=lambda: now, secret=Secret("0" * 64))
        courier = Courier(inside, "https://tidegate.example", service.clock)
        sender = Sender(service, courier=courier)
        pause = threading.Event()
        with ThreadPoolExecutor(4) as pool:
            while True:
                sender.round(pool)
                with store.read() as connection:
                    if not waiting.targets(connection):
                        return
                pause.wait(0.01)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
