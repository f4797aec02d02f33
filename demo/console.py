"""``make console``: the service with real photos and a video that wait for a reviewer.

All that it sends goes by the API, as a platform would send it. It serves until Ctrl-C.
"""

import argparse
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from demo import media

OUT = Path("demo-out/service")

PEOPLE = {"rosa": "reviewer", "ravi": "reviewer", "lena": "lead", "cem": "curator"}
"""Who there is beside ``admin``; all have the same password."""

BANK = "press-photos"


def main() -> int:
    """Fill a service, say how to log in, and serve until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8787", metavar="ADDRESS:PORT")
    listen = parser.parse_args().listen
    shutil.rmtree(OUT, ignore_errors=True)
    password = secrets.token_urlsafe(12)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Else the service would go on.
    with serving(OUT, listen) as (process, link):
        with logged_in(link, password) as admin:
            people(admin, password)
            known(admin)
            sent = [send(admin, path) for path in uploads(OUT.parent / "console-uploads")]
            wait(admin, sent)
        base = link.partition("/welcome")[0]
        print(f"\n{len(sent)} items are judged. Open {base}/console, and log in with the password")
        print(f"  {password}\nas {', '.join(f'{name} ({role})' for name, role in PEOPLE.items())}")
        print("or admin. Ctrl-C ends it.", flush=True)
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0


@contextmanager
def serving(data: Path, listen: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a service that runs, and the link of its first start."""
    command = [str(Path(sys.executable).with_name("tidegate")), "serve"]
    command += ["--data", str(data), "--listen", listen, "--workers", "1"]
    log = data.with_name("service.log")
    log.parent.mkdir(exist_ok=True)
    print(f"$ tidegate {' '.join(command[1:])} 2> {log}", flush=True)
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := re.search(r"https?://\S+/welcome#\S+", line):
                yield process, found[0]
                return
        raise SystemExit(f"the service did not start: {log} says why")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def logged_in(link: str, password: str) -> Iterator[httpx.Client]:
    """Yield a client that has made the first admin, and is logged in as them."""
    welcome, _, token = link.partition("#")
    with httpx.Client(base_url=welcome.removesuffix("/welcome"), timeout=60) as client:
        first = {"token": token, "name": "admin", "password": password}
        client.headers["X-CSRF-Token"] = asked(client, "POST", "/v1/first", json=first)["csrf"]
        yield client


def people(admin: httpx.Client, password: str) -> None:
    """Make a user of each role."""
    for name, role in PEOPLE.items():
        made = {"name": name, "role": role, "password": password}
        asked(admin, "POST", "/v1/users", json=made)


def known(admin: httpx.Client) -> None:
    """Make a bank that asks for a person, of photos and a clip."""
    asked(admin, "POST", "/v1/banks", json={"name": BANK, "role": "review", "source": "the demo"})
    clip = OUT.parent / "known.mp4"
    media.write(clip, media.known_clip(), crf=18)
    for path in (*map(media.source, media.KNOWN), clip):
        with path.open("rb") as file:
            files = {"file": (path.name, file)}
            asked(admin, "POST", f"/v1/banks/{BANK}/entries", files=files)


def uploads(folder: Path) -> list[Path]:
    """Make the uploads: copies, a longer video, photos that nobody knows, a damaged one."""
    shutil.rmtree(folder, ignore_errors=True)
    made = list(media.copies(folder))
    media.longer_video(folder / "holiday.mp4")
    (folder / "broken.jpg").write_bytes(made[0].read_bytes()[:9000])
    return [*made, folder / "holiday.mp4", folder / "broken.jpg"] + [
        media.source(name) for name in media.UNRELATED
    ]


def send(admin: httpx.Client, path: Path) -> str:
    """Send an upload, and return the item's id."""
    with path.open("rb") as file:
        sent = asked(admin, "POST", "/v1/items", files={"file": (path.name, file)})
    return str(sent["id"])


def wait(admin: httpx.Client, items: list[str]) -> None:
    """Return once all items are judged."""
    for item in items:
        while asked(admin, "GET", f"/v1/items/{item}")["state"] == "received":
            time.sleep(0.2)


def asked(client: httpx.Client, method: str, path: str, **rest: Any) -> dict[str, Any]:
    """Return what is answered; stop where that is an error."""
    answer = client.request(method, path, **rest)
    if not answer.is_success:
        raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json()  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
