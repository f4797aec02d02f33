"""A worker in a process of its own, to be killed: ``python -m tests.store.worker URL DATA HOW``.

It judges whatever is to be judged, says ``done`` for each, and ends when there is no more.
``hold``: it leases and then hangs. ``middle``: it hangs in the middle of a transaction.
"""

import sys
import time
from pathlib import Path

from tests.store.making import decision, evidence
from tidegate.store import clock, contents, decisions, jobs, outbox
from tidegate.store.engine import Store


def judge(connection, job):
    """Do all that a worker does with an item, in one transaction."""
    key = contents.Key(sha256="a" * 64, pipeline="p")
    contents.put(connection, key, evidence(), now=clock.now())
    made = decisions.New(
        item=job.item, origin="machine", author="worker:w", decision=decision(), content=key
    )
    decisions.record(connection, made, now=clock.now())
    outbox.append(
        connection, target="hook", event="item.decided", item=job.item, body={}, now=clock.now()
    )
    jobs.finish(connection, job, now=clock.now())


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def hang(said):
    say(said)
    time.sleep(600)


def main(url, data, how):
    with Store(url, Path(data)) as store:
        while True:
            with store.write(durable=False) as connection:
                leased = jobs.lease(
                    connection,
                    worker="w",
                    kinds=["judge"],
                    seconds=600,
                    now=clock.now(),
                    count=3,
                )
            if not leased:
                return
            if how == "hold":
                hang("holding")
            for job in leased:
                with store.write() as connection:
                    judge(connection, job)
                    if how == "middle":
                        hang("in the middle")
                say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
