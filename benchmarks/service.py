"""The service under load: photographs by HTTP, against a large bank, on this machine's cores.

`tidegate serve` runs as an operator would run it, on SQLite in a folder of its own; the client
is a process beside it, on the same cores. HMA, where :mod:`benchmarks.hma` is told of it, hashes
the same photographs and looks them up, by requests of its own. Without the classifier means:
under a policy that no score could change anything under, so that the model is not asked.
"""

import io
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmarks import hma, load, record, sets
from benchmarks.duel import Goal, Row, Spread
from demo import media
from tidegate.matching import Entry
from tidegate.matching.bank import Frame
from tidegate.pipeline.load import read_policy
from tidegate.policy import parse
from tidegate.service import entries
from tidegate.service.roles import ROLES
from tidegate.service.tokens import new_api_key
from tidegate.store import banks, clock, keys, policies, schema
from tidegate.store.engine import Store

ENTRIES = 1_000_000

PIXELS = 1_000_000
"""Of a photograph, at most."""

BANK = banks.New(name="known", category="known.other", role="review")

PAGE = 10_000
"""Entries that are put into the database at a time."""

UNASKED = """
tidegate_policy: 1
id: banks-alone
version: 1
names: {surfaces: []}
thresholds: {}
rules: []
banks:
  - {id: good, where: {role: allow}, action: allow}
  - {id: doubtful, where: {role: review}, action: review}
  - {id: bad, where: {role: block}, action: remove}
unknowns:
  - {id: unseen, where: {}, action: review}
"""
"""What no model's answer could change anything under."""

WORKERS = 2
CONNECTIONS = 8
WARM = 40
"""Uploads that are not counted."""

ROUNDS = 3

SECONDS = 10.0
"""Uploads of a round are as many as the goal allows in so many seconds."""

SOON = Goal(most=0.25)
FLAT = Goal(most=5.0)
NOBODY = "none"


@dataclass(frozen=True)
class Kind:
    """A way to judge, and what it is to reach.

    Attributes:
        name: In words.
        policy: Source of the policy.
        rate: Images a second that are to be reached.
    """

    name: str
    policy: str
    rate: float


@dataclass
class Running:
    """A service that runs.

    Attributes:
        process: Its id.
        port: Where it listens.
        token: An API key.
        files: Photographs to send.
        loads: Loads so far.
    """

    process: int
    port: int
    token: str
    files: Sequence[bytes]
    loads: int = 0

    def send(self, count: int, **how: float) -> load.Sent:
        """Send so many uploads."""
        self.loads += 1
        how = {"connections": CONNECTIONS, "seconds": 20.0 * SECONDS} | how
        return load.send(
            load.Load(
                port=self.port,
                token=self.token,
                files=self.files,
                tag=f"{time.time_ns()}-{self.loads}",
                count=count,
                **cast(dict[str, int], how),
            )
        )

    def settled(self) -> None:
        """Wait until all that was sent is judged."""
        until = time.monotonic() + 30 * SECONDS
        while self._any("received"):
            if time.monotonic() > until:
                raise TimeoutError("what was sent is not judged")
            time.sleep(0.1)
        if self._any("failed"):
            raise RuntimeError("an item failed")

    def _any(self, state: str) -> bool:
        found = load.get(self.port, self.token, f"/v1/items?state={state}&limit=1")
        return bool(cast(dict[str, list[object]], found)["items"])

    def memory(self) -> int:
        """Return the proportional set size of all of its processes, bytes."""
        return 1024 * sum(map(_pss, _family(self.process)))

    def processor(self) -> float:
        """Return the seconds of processor time that its processes have taken."""
        return sum(map(_seconds, _family(self.process)))


def rows(options: record.Options) -> Iterator[Row]:
    """Measure both kinds of judging, and the long run if there is to be one."""
    count = min(options.entries, 20_000 if options.quick else ENTRIES)
    kinds = (
        Kind("hashing and matching", UNASKED, 100.0),
        Kind("hashing, matching and a classifier", read_policy(None)[1], 40.0),
    )
    files = _photographs()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        token = _prepare(Path(folder), count)
        for kind in kinds:
            _put_in_force(Path(folder), kind.policy)
            with _served(Path(folder), token, files) as running:
                found = list(_measured(running, kind, count, options))
                where = hma.given() if kind is kinds[0] else None
                same = (
                    None if where is None else _hashed(running.port, files, options, "/hma", token)
                )
            yield from found
            if where is not None and same is not None:
                yield from _beside(where, found[0].ours, same, files, count, options)
        if options.soak:
            _put_in_force(Path(folder), kinds[0].policy)
            with _served(Path(folder), token, files) as running:
                yield _soaked(running, kinds[0], options.soak)


def _measured(
    running: Running, kind: Kind, entries_: int, options: record.Options
) -> Iterator[Row]:
    seconds = options.seconds or (2.0 if options.quick else SECONDS)
    uploads = round(kind.rate * seconds)
    running.send(WARM)
    running.settled()
    speeds, costs, client = [], [], []
    for _ in range(1 if options.quick else ROUNDS):
        before = running.processor()
        sent = running.send(uploads)
        running.settled()
        speeds.append(sent.answered / (time.monotonic() - sent.began))
        costs.append((running.processor() - before) / sent.answered)
        client.append(sent.processor / sent.answered)
    against = f"{kind.name}, {entries_:,} entries"
    yield _row(f"accepted and decided, {against}", "images/s", speeds, Goal(least=kind.rate))
    yield _row(f"processor time of an image, {against}", "s", costs)
    yield _row(f"of the client beside it, {against}", "s", client)
    half = kind.rate / 2
    sent = running.send(
        round(half * seconds * (1 if options.quick else ROUNDS)),
        rate=half,
        wait=10,
        connections=4 * CONNECTIONS,
    )
    if sent.judged < sent.answered:
        raise TimeoutError(f"{sent.answered - sent.judged} were not judged in 10 s")
    cuts = statistics.quantiles(sent.latencies, n=100, method="inclusive")
    for name, place, goal in (("median", 49, None), ("99th percentile", 98, SOON)):
        yield Row(
            case=f"?wait at {half:g} images/s, {name}, {kind.name}",
            peer=NOBODY,
            unit="s",
            ours=Spread.of([cuts[place]]),
            rounds=sent.answered,
            goal=goal,
        )
    yield _row(f"memory of all processes, {against}", "MB", [running.memory() / 1e6])


def _hashed(
    port: int, files: Sequence[bytes], options: record.Options, prefix: str = "", token: str = ""
) -> Spread:
    """Return how fast HMA's routes, or ours of their shape, hash photographs and look them up."""
    uploads = round(50 * (options.seconds or (2.0 if options.quick else SECONDS)))
    hma.speed(port, files, WARM, CONNECTIONS, prefix=prefix, token=token)
    return Spread.of(
        [
            hma.speed(port, files, uploads, CONNECTIONS, prefix=prefix, token=token)
            for _ in range(1 if options.quick else ROUNDS)
        ]
    )


def _beside(
    where: tuple[Path, str],
    ours: Spread,
    same: Spread,
    files: Sequence[bytes],
    entries_: int,
    options: record.Options,
) -> Iterator[Row]:
    """Return how fast HMA hashes the same photographs and looks them up in the same bank.

    It keeps neither, decides nothing and promises nothing: that is the smaller part of our work,
    so there is a row for our routes that do no more, too.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hashes = sets.hexes(sets.make("lifelike", entries_))
    with hma.served(where, hashes, port):
        theirs = _hashed(port, files, options)
    for what, found in (("accepted and decided; ", ours), ("", same)):
        yield Row(
            case=f"{what}/h/hash and /m/lookup, {entries_:,} entries",
            peer="HMA, a process for each core",
            unit="images/s",
            ours=found,
            theirs=theirs,
            rounds=1 if options.quick else ROUNDS,
        )


def _soaked(running: Running, kind: Kind, minutes: float) -> Row:
    """Return by how much memory grew, from a tenth of the time on, in per cent."""
    uploads = round(kind.rate / 2 * 60 * minutes / 20)
    found = []
    for part in range(20):
        sent = running.send(uploads, rate=kind.rate / 2, seconds=2 * 60 * minutes / 20)
        running.settled()
        found.append(running.memory())
        print(f"  {part + 1}/20: {found[-1] / 1e6:,.0f} MB, {sent.answered:,} uploads", flush=True)
    first, last = (statistics.median(part) for part in (found[1:5], found[-4:]))
    return _row(
        f"memory after {minutes:g} minutes at {kind.rate / 2:g} images/s, {kind.name}",
        "% more",
        [100 * (last - first) / first],
        FLAT,
    )


def _row(case: str, unit: str, values: Sequence[float], goal: Goal | None = None) -> Row:
    return Row(
        case=case, peer=NOBODY, unit=unit, ours=Spread.of(values), rounds=len(values), goal=goal
    )


def _photographs() -> list[bytes]:
    """Return photographs that packages ship, of a megapixel at most, as people send them.

    Four of six are JPEG, one is PNG, one is WebP.
    """
    formats = ("JPEG", "JPEG", "PNG", "JPEG", "JPEG", "WEBP")
    found = []
    for place, name in enumerate((*media.KNOWN, *media.UNRELATED)):
        photo = media.photo(name)
        scale = min(1.0, (PIXELS / (photo.width * photo.height)) ** 0.5)
        small = photo.resize((int(photo.width * scale), int(photo.height * scale)))
        file = io.BytesIO()
        small.save(file, formats[place % len(formats)], quality=90)
        found.append(file.getvalue())
    return found


def _prepare(data: Path, count: int) -> str:
    """Fill the database, and return an API key."""
    made = new_api_key()
    now = clock.now()
    with Store(None, data) as store:
        schema.upgrade(store)
        with store.write() as connection:
            keys.add(
                connection,
                name="load",
                prefix=made.prefix,
                digest=made.digest,
                scopes=ROLES["admin"],
                role="admin",
                author="system",
                now=now,
            )
            banks.create(connection, BANK, actor="system", reason="", now=now)
        hashes = sets.hexes(sets.make("lifelike", count))
        for start in range(0, count, PAGE):
            page = [
                entries.new(Entry(id="0", pdq=(Frame(pdq),)))
                for pdq in hashes[start : start + PAGE]
            ]
            with store.write(durable=False) as connection:
                banks.add(connection, BANK.name, page, actor="system", reason="", now=now)
    return made.token.text()


def _put_in_force(data: Path, text: str) -> None:
    with Store(None, data) as store, store.write() as connection:
        new = policies.New(policy=parse(text, "benchmark").id, source=text)
        told = {"actor": "system", "reason": "", "now": clock.now()}
        version = policies.add(connection, new, **told)
        policies.activate(connection, version.id, **told)


@contextmanager
def _served(data: Path, token: str, files: Sequence[bytes]) -> Iterator[Running]:
    """Run `tidegate serve` until the ``with`` ends."""
    command = [
        *(sys.executable, "-c", "from tidegate.cli import main; main()", "serve"),
        *("--data", str(data), "--listen", "127.0.0.1:0", "--workers", str(WORKERS)),
    ]
    told = {"OPENBLAS_NUM_THREADS": "1", "TIDEGATE_REQUESTS_PER_SECOND": "100000"}
    with (data / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own code
            command, env=os.environ | told, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("Tidegate listens on "):
            raise RuntimeError((data / "log").read_text()[-2000:])
        yield Running(process.pid, int(line.rpartition(":")[2]), token, files)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()


def _family(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    for one in found:
        with_children = Path(f"/proc/{one}/task").glob("*/children")
        found += [int(child) for path in with_children for child in path.read_text().split()]
    return found


def _pss(process: int) -> int:
    """Return kibibytes."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def _seconds(process: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    record.main("service", ("fastapi", "uvicorn", "sqlalchemy", "pillow", "onnxruntime"), rows)
