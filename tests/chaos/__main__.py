"""``python -m tests.chaos --kills 50 --database sqlite --seed 1``: kill -9, again and again."""

import argparse
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.storm import storm
from tests.store.postgres import Cluster, programs


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.7)
    given = parser.parse_args()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tg-chaos-"))) / "data"
        data.mkdir()
        url = f"sqlite:///{data}/tidegate.db"
        if given.database == "postgres":
            found = programs()
            if found is None:
                sys.exit("Postgres is not installed")
            cluster = Cluster(found)
            stack.callback(cluster.stop)
            url = cluster.url(cluster.create())
        came = storm(
            data,
            url,
            free_port(),
            kills=given.kills,
            seed=given.seed,
            clients=given.clients,
            workers=given.workers,
            pause=given.pause,
        )
    true = came.truth
    sys.stdout.write(
        f"{given.database}, seed {given.seed}: {came.kills} kills in {came.seconds:.0f} s; "
        f"{true.items} items of {true.contents} contents by {came.sent.tries} requests, "
        f"{true.messages} messages ({came.repeats} arrived again), {true.audited} rows audited, "
        f"{len(came.sent.deleted)} deleted, {true.orphans} orphans swept; "
        f"all done {came.drained:.1f} s after the last kill; exits {came.exits}\n"
    )
    for words in true.wrong:
        sys.stdout.write(f"WRONG: {words}\n")
    return 1 if true.wrong or any(came.exits) else 0


if __name__ == "__main__":
    sys.exit(main())
