"""Uploads under load while whatever serves and judges them is killed, at random moments.

Each upload has an idempotency key and is sent again until it is answered, as a client would do.
What was answered is remembered here, and held against the database in the end
(:mod:`tests.chaos.truth`).
"""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from demo.media import source
from tests.chaos import processes
from tests.chaos.processes import One, plan_of, ready
from tests.chaos.truth import Truth, truth
from tests.service.working import ALLOWING
from tidegate.service.roles import ROLES
from tidegate.service.tokens import new_api_key
from tidegate.store import clock, jobs, keys, outbox, policies, schema, webhooks
from tidegate.store.engine import Store

PHOTOS = ("rocket.jpg", "flower.jpg", "china.jpg", "hubble_deep_field.jpg")

DRAINED = 40.0
"""Seconds in which all that was sent has to be judged and told, once nobody is killed."""


@dataclass
class Sent:
    """What the clients know.

    Attributes:
        items: The item of each upload that was answered, by its number.
        deleted: Items whose media was deleted.
        tries: Requests, answered or not.
    """

    items: dict[int, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    tries: int = 0


class Receiver:
    """A webhook's receiver that counts what it gets."""

    def __init__(self):
        self.got: dict[str, int] = {}
        got, lock = self.got, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["content-length"])
                body = self.rfile.read(size)
                if len(body) < size:  # The sender was killed in the middle of it.
                    return
                with lock:
                    name = json.loads(body)["messages"][0]["id"]
                    got[name] = got.get(name, 0) + 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *rest):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Clients:
    """Upload until told to stop."""

    def __init__(self, url, token, seed, count):
        self.sent = Sent()
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._seed = seed
        self._photos = [source(name).read_bytes() for name in PHOTOS]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._next = 0
        self.error = None
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Stop once each upload that was begun is answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        try:
            with httpx.Client(headers=self._headers, timeout=10) as client:
                while not self._stop.is_set():
                    with self._lock:
                        self._next += 1
                        number = self._next
                    self._upload(client, number)
        except Exception as error:
            self.error = error

    def _upload(self, client, number):
        # The same of the number is the same request: a third have bytes that were sent before.
        random_ = random.Random(f"{self._seed}:{number}")
        photo = random_.choice(self._photos)
        fresh = random_.random() < 0.66
        data = photo + (b"%d:%d" % (self._seed, number) if fresh else b"")
        answer = self._insist(
            lambda: client.post(
                f"{self._url}/v1/items",
                files={"file": ("a.jpg", data), "item": (None, f'{{"external_id":"{number}"}}')},
                params={"wait": "0.3"},
                headers={"Idempotency-Key": f"{self._seed}-{number}"},
            )
        )
        assert answer.status_code in (200, 202), answer.text
        item = answer.json()["id"]
        self.sent.items[number] = item
        if random_.random() < 0.05:
            gone = self._insist(lambda: client.delete(f"{self._url}/v1/items/{item}/media"))
            # 409: an earlier try had done it, and died before it could say so.
            assert gone.status_code in (204, 409), gone.text
            self.sent.deleted.add(item)

    def _insist(self, ask):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            self.sent.tries += 1
            try:
                answer = ask()
                if answer.status_code not in (500, 503):
                    return answer
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise AssertionError("nobody answers")


@dataclass
class Outcome:
    """What came of a storm."""

    kills: int
    seconds: float
    drained: float
    sent: Sent
    truth: Truth
    exits: list[int]
    repeats: int


def storm(data, database, port, *, kills, seed, clients=4, workers=1, pause=0.7):
    """Let it storm, and return what is true afterwards.

    Args:
        data: The data folder.
        database: URL of an empty database.
        port: Where to serve.
        kills: How many processes to kill.
        seed: Of what is sent, and of when and who is killed.
        clients: Uploads at once.
        workers: Processes beside the server, which judges too.
        pause: Seconds between two kills, on average.
    """
    random_ = random.Random(seed)
    receiver = Receiver()
    token = prepare(data, database, receiver.port)
    plan = plan_of(data, database, port, receiver.port)
    url = plan.settings.listen.url
    processes.CONTEXT.set_forkserver_preload(
        ["tidegate.service.serve", "tidegate.service.background", "tests.chaos.processes"]
    )
    began = time.monotonic()
    all_ = [One(plan, processes.serve), *(One(plan, processes.work) for _ in range(workers))]
    try:
        for one in all_:
            one.wait()
        uploading = Clients(url, token, seed, clients)
        try:
            done = 0
            while done < kills:
                time.sleep(random_.uniform(0, 2 * pause))
                # Some die as soon as they are started, before they have said a word.
                victim = random_.choice(all_)
                if random_.random() < 0.3:
                    victim.kill_hand(random_)
                    done += 1
                    continue
                victim.kill()
                done += 1
                victim.start()
                if random_.random() < 0.7:
                    victim.wait()
            for one in all_:
                one.wait()
        finally:
            uploading.stop()
        if uploading.error:
            raise uploading.error
        stormed = time.monotonic()
        with Store(database, data) as store:
            drain(store)
            drained = time.monotonic()
            until = time.monotonic() + processes.SOON
            while not ready(url):
                assert time.monotonic() < until, "the server is not ready"
                time.sleep(0.05)
            exits = [one.stop() for one in all_]
            found = truth(store, data, uploading.sent, receiver.got)
        return Outcome(
            kills=done,
            seconds=stormed - began,
            drained=drained - stormed,
            sent=uploading.sent,
            truth=found,
            exits=exits,
            repeats=sum(receiver.got.values()) - len(receiver.got),
        )
    finally:
        for one in all_:
            if one.process.is_alive():
                one.kill()
        receiver.close()


def prepare(data, database, receiver):
    """Make what the clients and the webhook need, and return an API key."""
    made = new_api_key()
    with Store(database, data) as store:
        schema.upgrade(store)
        with store.write() as connection:
            now = clock.now()
            policies.begin(connection, policies.New(policy="test", source=ALLOWING), now=now)
            keys.add(
                connection,
                name="chaos",
                prefix=made.prefix,
                digest=made.digest,
                scopes=ROLES["admin"],
                role="admin",
                author="system",
                now=now,
            )
            for name in ("one", "two"):
                webhooks.add(
                    connection,
                    name=name,
                    kind="webhook",
                    address=f"http://127.0.0.1:{receiver}/{name}",
                    events=["item.decided"],
                    key=webhooks.Key(id="k1", secret="tgw_" + "x" * 43),
                    actor="system",
                    now=now,
                )
    return made.token.text()


def drain(store):
    """Wait until all is judged and told."""
    until = time.monotonic() + DRAINED
    while True:
        with store.read() as connection:
            left = [d for d in jobs.depth(connection, now=clock.now()) if d.state != "dead"]
            waiting = sum(b.waiting for b in outbox.backlog(connection))
        if not left and not waiting:
            return
        assert time.monotonic() < until, f"not done: {left}, {waiting} messages"
        time.sleep(0.1)
