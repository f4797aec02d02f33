"""Uploads to a service on this machine, from a process of its own, with connections that stay open.

What is sent is bounded in count and in time. Each upload has other bytes than all others: one
analysis for the same bytes would be cheating here.
"""

import http.client
import itertools
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

BOUNDARY = "tidegate-benchmark"

PATIENCE = 60.0
"""Seconds that an answer may take."""


class Load(NamedTuple):
    """What is to be sent.

    Attributes:
        port: Where the service listens, on 127.0.0.1.
        token: An API key.
        files: Sent in turn, a few distinct bytes after the end of each.
        tag: Makes the bytes of this load different from those of any other.
        count: Uploads.
        seconds: At most; then it stops wherever it is.
        connections: At most so many uploads are under way at once.
        rate: Uploads a second that begin, whether the earlier ones are answered or not while
            a connection is free; ``None``: as fast as the answers come.
        wait: Seconds that each waits for its decision; 0: it is only accepted.
    """

    port: int
    token: str
    files: Sequence[bytes]
    tag: str
    count: int
    seconds: float
    connections: int = 8
    rate: float | None = None
    wait: float = 0.0


class Sent(NamedTuple):
    """What became of a load.

    Attributes:
        began: When the first was sent, ``time.monotonic`` of this machine.
        answered: How many were.
        judged: How many of them with their decision.
        latencies: Seconds of each, from when it was due: a queue at the client counts.
        processor: Seconds of processor time that sending took.
    """

    began: float
    answered: int
    judged: int
    latencies: list[float]
    processor: float


def send(load: Load) -> Sent:
    """Send it from a process of its own, and return what became of it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_send, load).result()


def get(port: int, token: str, path: str) -> object:
    """Return the JSON that a path answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return json.loads(body)
    finally:
        connection.close()


def _send(load: Load) -> Sent:
    numbers = itertools.count()
    latencies: list[float] = []
    judged: list[bool] = []
    errors: list[Exception] = []
    began, processor = time.monotonic(), time.process_time()

    def run() -> None:
        try:
            upload = _uploader(load)
            while (number := next(numbers)) < load.count and not errors:
                due = time.monotonic() if load.rate is None else began + number / load.rate
                if due > began + load.seconds:
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                judged.append(upload(number))
                latencies.append(time.monotonic() - due)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(load.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    spent = time.process_time() - processor
    return Sent(began, len(latencies), sum(judged), latencies, spent)


def _uploader(load: Load) -> Callable[[int], bool]:
    """Return what uploads the file of a number, and says whether it was judged by then."""
    connection = http.client.HTTPConnection("127.0.0.1", load.port, timeout=PATIENCE)
    path = f"/v1/items?wait={load.wait:g}s" if load.wait else "/v1/items"
    headers = {
        "Authorization": f"Bearer {load.token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()

    def upload(number: int) -> bool:
        file = load.files[number % len(load.files)]
        said = json.dumps({"external_id": f"{load.tag}-{number}"})
        tail = (
            f"{load.tag}-{number}\r\n--{BOUNDARY}\r\n"
            f'Content-Disposition: form-data; name="item"\r\n\r\n{said}\r\n--{BOUNDARY}--\r\n'
        )
        connection.request("POST", path, head + file + tail.encode(), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (http.client.OK, http.client.ACCEPTED):
            raise RuntimeError(f"upload {number}: {answer.status} {body[:300]!r}")
        return answer.status == http.client.OK

    return upload
