import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.service.asking import PASSWORD, make_user
from tidegate.service.app import build
from tidegate.service.sender import Sender
from tidegate.service.serve import bound, serve
from tidegate.service.settings import Listen, SettingError, Settings
from tidegate.service.start import started
from tidegate.store import policies, schema
from tidegate.store.error import StoreError

COMMAND = [sys.executable, "-c", "from tidegate.cli import main; main()", "serve"]


@contextmanager
def running(folder, *arguments, **environ):
    """Run ``tidegate serve`` on a free port; yield it and the lines that it begins with."""
    command = [*COMMAND, "--data", str(folder / "data"), "--listen", "127.0.0.1:0", *arguments]
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("TIDEGATE_", "DATABASE"))}
    plain["TIDEGATE_MODELS"] = os.environ["TIDEGATE_MODELS"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=plain | environ
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def place(process):
    line = process.stdout.readline()
    found = re.fullmatch(r"Tidegate listens on (http://127\.0\.0\.1:\d+)\n", line)
    assert found, line
    return found[1]


def wait_until_ready(base):
    until = time.monotonic() + 60
    while not httpx.get(f"{base}/readyz").json()["ready"]:
        assert time.monotonic() < until, "it is not ready"
        time.sleep(0.05)


def test_from_the_first_start_to_a_key_and_a_clean_end(tmp_path):
    with running(tmp_path) as process:
        base = place(process)
        link = re.fullmatch(r"Make the first admin, .*: (\S+)\n", process.stdout.readline())[1]
        assert link.startswith(f"{base}/welcome#tga_")
        with httpx.Client(base_url=base) as browser:
            assert browser.get(link).status_code == 200
            token = link.partition("#")[2]
            first = {"token": token, "name": "ada", "password": PASSWORD}
            me = browser.post("/v1/first", json=first)
            assert me.status_code == 201
            browser.headers["X-CSRF-Token"] = me.json()["csrf"]
            wanted = {"name": "uploads", "scopes": ["items.read", "items.write"]}
            key = browser.post("/v1/keys", json=wanted).json()["token"]
        asked = httpx.get(f"{base}/v1/whoami", headers={"Authorization": f"Bearer {key}"})
        assert asked.json()["name"] == "uploads"
        wait_until_ready(base)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stdout.read() == ""
    log = (tmp_path / "log").read_text()
    assert "/v1/first" in log
    for secret in (token, key, PASSWORD, me.json()["csrf"]):
        assert secret not in log
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "server.key").stat().st_mode & 0o777 == 0o600


def test_a_start_with_an_admin_prints_no_link_and_ends_by_ctrl_c(make_database):
    database = make_database()
    settings = Settings(
        data=database.data, database=database.url, listen=Listen("127.0.0.1", 0), workers=0
    )
    with started(settings) as service:
        make_user(service)
    told, answers = [], []

    def ask_and_end():
        base = told[0].removeprefix("Tidegate listens on ")
        try:
            answers.append(httpx.get(f"{base}/readyz", timeout=60))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    def tell(text):
        told.append(text)
        threading.Thread(target=ask_and_end).start()

    before = signal.getsignal(signal.SIGINT)
    assert serve(settings, tell, build)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(told) == 1
    assert answers[0].json()["ready"] is True


def test_a_service_whose_sender_has_failed_ends_and_says_so(tmp_path, monkeypatch, caplog):
    def fail(self, stop):
        raise RuntimeError("out of sorts")

    monkeypatch.setattr(Sender, "run", fail)
    settings = Settings(data=tmp_path / "data", listen=Listen("127.0.0.1", 0), workers=0)
    assert not serve(settings, lambda text: None, build)
    assert "sender failed: the service ends" in caplog.text
    assert "out of sorts" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "told"),
    [
        (["--workers", "many"], {}, 64, "--workers: is a whole number"),
        ([], {"TIDEGATE_UPLOAD_BYTES": "1G"}, 64, "TIDEGATE_UPLOAD_BYTES: is a whole number"),
        ([], {"DATABASE_URL": "mysql://a:hunter2@b/c"}, 70, "DATABASE_URL begins with mysql"),
    ],
)
def test_what_is_set_wrongly_is_one_line_that_names_it(
    tmp_path, monkeypatch, capfd, arguments, environ, status, told
):
    from tidegate.cli.app import run

    # What the command logs goes to this test's standard error, and to no later one's.
    monkeypatch.setattr(logging.root, "handlers", [])
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    data = ["--data", str(tmp_path), "--listen", "127.0.0.1:0"]
    assert run(["serve", *data, *arguments]) == status
    error = capfd.readouterr().err
    assert told in error
    assert "hunter2" not in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_answer_waits_to_be_sent(host):
    # asyncio sends at once (TCP_NODELAY) where a socket says that it is TCP.
    with bound(Listen(host, 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = Listen("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingError, match=r"cannot listen on .*: Address already in use"):
            serve(Settings(data=tmp_path / "data", listen=listen), print, build)
    assert not (tmp_path / "data").exists()


def test_processes_that_start_at_once_on_an_empty_database_all_start(make_database):
    empty = make_database(empty=True)
    settings = Settings(data=empty.data, database=empty.url, workers=0)
    together = threading.Barrier(3)

    def start(_):
        together.wait()
        with started(settings) as service:
            together.wait()
            return service.secret.reveal()

    with ThreadPoolExecutor(3) as pool:
        keys = set(pool.map(start, range(3)))
    assert len(keys) == 1
    with empty.open() as store:
        schema.check(store)
        with store.read() as connection:
            assert [one.number for one in policies.activations(connection, limit=9)] == [1]


def test_a_database_of_a_newer_version_is_left_as_it_is(make_database):
    newer = make_database()
    with newer.open() as store, store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    settings = Settings(data=newer.data, database=newer.url, workers=0)
    with pytest.raises(StoreError, match="a newer one made it"), started(settings):
        pass
