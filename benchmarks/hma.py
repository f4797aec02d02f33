"""Hasher-Matcher-Actioner (HMA), Meta's service, beside ours: the same photographs, the same bank.

It is on no package registry, so it is run from a checkout of ``facebook/ThreatExchange``, by a
Python that has its dependencies; :data:`WHERE` names both. It serves by gunicorn, as its image
does, with as many processes as there are cores, on a Postgres of its own.
"""

import http.client
import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from benchmarks.load import BOUNDARY, PATIENCE
from tests.store.postgres import Cluster, programs

WHERE = ("TIDEGATE_HMA", "TIDEGATE_HMA_PYTHON")
"""Variables: the folder ``hasher-matcher-actioner`` of the checkout, and the Python."""

START = 600.0
"""Seconds that it may take to have built its index and to answer."""

READY = 40
"""Answers in a row after which all of its processes are taken to be ready."""

_CONFIG = """
from OpenMediaMatch.storage.postgres.impl import DefaultOMMStore
from threatexchange.content_type.photo import PhotoContent
from threatexchange.signal_type.pdq.signal import PdqSignal
DATABASE_URI = "{uri}"
PRODUCTION = True
ROLE_HASHER = ROLE_MATCHER = True
ROLE_CURATOR = UI_ENABLED = False
TASK_FETCHER = TASK_INDEXER = False
TASK_INDEX_CACHE = True
INDEX_CACHE_MAX_STALE_SEC = 0
STORAGE_IFACE_INSTANCE = DefaultOMMStore(
    signal_types=[PdqSignal], content_types=[PhotoContent], exchange_types=[]
)
"""


def given() -> tuple[Path, str] | None:
    """Return where HMA and its Python are, or ``None`` where nobody has said."""
    folder, python = (os.environ.get(name) for name in WHERE)
    return None if folder is None or python is None else (Path(folder), python)


@contextmanager
def served(where: tuple[Path, str], hashes: Sequence[str], port: int) -> Iterator[None]:
    """Run HMA with a bank of PDQ hashes until the ``with`` ends.

    Args:
        where: Of :func:`given`.
        hashes: 64 hexadecimal digits each.
        port: Where it is to listen, on 127.0.0.1.
    """
    found = programs()
    if found is None:
        raise RuntimeError("HMA needs Postgres")
    cluster = Cluster(found)
    folder, python = where[0].resolve(), where[1]
    try:
        with tempfile.TemporaryDirectory(prefix="hma-") as scratch:
            name = cluster.create()
            config = Path(scratch, "config.py")
            uri = f"postgresql+psycopg2://tidegate@/{name}?host={cluster.folder}"
            config.write_text(_CONFIG.format(uri=uri))
            told = os.environ | {
                "OMM_CONFIG": str(config),
                "PYTHONPATH": str(folder / "src"),
                "OMP_NUM_THREADS": "1",
            }
            flask = [python, "-m", "flask", "--app", "OpenMediaMatch.app:create_app"]
            migrate = [*flask, "db", "upgrade", "--directory", "OpenMediaMatch/migrations"]
            _run(migrate, folder / "src", told | {"MIGRATION_COMMAND": "1"})
            _fill(cluster.dsn(name), hashes)
            _run([*flask, "build_indices"], folder / "src", told)
            serve = [python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
            serve += ["--workers", str(os.cpu_count()), "--keep-alive", "60"]
            with Path(scratch, "log").open("wb") as log:
                process = subprocess.Popen(  # noqa: S603 - what the operator has named
                    [*serve, "--worker-class", "gthread", "OpenMediaMatch.app:create_app()"],
                    env=told,
                    cwd=folder / "src",
                    stderr=log,
                )
            try:
                _wait(port, process, Path(scratch, "log"))
                yield
            finally:
                process.terminate()
                process.wait(60)
    finally:
        cluster.stop()


def speed(
    port: int,
    files: Sequence[bytes],
    count: int,
    connections: int,
    *,
    prefix: str = "",
    token: str = "",
) -> float:
    """Return photographs a second that are hashed and looked up, in two requests each.

    Args:
        port: Where it listens, on 127.0.0.1.
        files: Sent in turn.
        count: Photographs.
        connections: At most so many requests are under way at once.
        prefix: What the paths begin with.
        token: An API key, where it wants one.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    numbers = itertools.count()
    errors: list[Exception] = []

    def run() -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            while (number := next(numbers)) < count and not errors:
                _both(connection, prefix, headers, files[number % len(files)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(connections)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return count / (time.monotonic() - began)


def _both(
    connection: http.client.HTTPConnection, prefix: str, headers: dict[str, str], file: bytes
) -> None:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = head + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection.request("POST", f"{prefix}/h/hash", body, kind | headers)
    hashes = _answer(connection)
    assert isinstance(hashes, dict)
    lookup = f"{prefix}/m/lookup?signal_type=pdq&signal={quote(hashes['pdq'])}"
    connection.request("GET", lookup, headers=headers)
    _answer(connection)


def _answer(connection: http.client.HTTPConnection) -> object:
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"HMA: {answer.status} {body[:300]!r}")
    return json.loads(body)


def _run(command: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
    ended = subprocess.run(  # noqa: S603 - what the operator has named
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr[-2000:]}")


def _fill(dsn: str, hashes: Sequence[str]) -> None:
    """Put the hashes where HMA's own curator would have put them, each as a content."""
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO bank (id, name, enabled_ratio) VALUES (1, 'KNOWN', 1)")
        rows = connection.cursor()
        with rows.copy("COPY bank_content (id, bank_id, disable_until_ts) FROM STDIN") as copy:
            for number in range(1, len(hashes) + 1):
                copy.write_row((number, 1, 0))
        with rows.copy(
            "COPY content_signal (content_id, signal_type, signal_val) FROM STDIN"
        ) as copy:
            for number, pdq in enumerate(hashes, 1):
                copy.write_row((number, "pdq", pdq))


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START
    ready = 0
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", f"/m/lookup?signal_type=pdq&signal={'0f' * 32}")
            _answer(connection)
        except (OSError, RuntimeError):
            ready = 0
            time.sleep(0.5)
        else:
            # Each process loads the index for itself, and nobody says which one answers.
            ready += 1
            if ready == READY:
                return
    raise RuntimeError(log.read_text()[-2000:])
