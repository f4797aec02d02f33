"""What a user may get wrong or be given: always one line, never a traceback."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from demo import media
from tests.cli.conftest import TIDEGATE
from tests.cli.inside import call

PHOTO = media.source("rocket.jpg")
ODD = "new\nline \x1b[31m" + os.fsdecode(b"\xe9")
SHOWN = "new⟨U+000A⟩line ⟨U+001B⟩[31m\\xe9".encode()


@pytest.fixture
def told(capfdbinary, tmp_path, monkeypatch):
    """Run a command in an empty folder, and see to it that it ends well."""
    monkeypatch.chdir(tmp_path)

    def told(*arguments, **options):
        done = call(capfdbinary, *arguments, **options)
        assert b"Traceback" not in done.stderr
        assert b"\x1b[31m" not in done.stdout + done.stderr
        return done

    return told


@pytest.mark.parametrize(
    "command",
    [
        ("scan", PHOTO, "--bank", ODD),
        ("scan", PHOTO, "--policy", ODD),
        ("scan", PHOTO, "--html", f"{ODD}/page.html"),
        ("compare", PHOTO, PHOTO, "--html", f"{ODD}/page.html"),
        ("match", PHOTO, "--bank", ODD),
        ("explain", ODD),
        ("bank", "show", ODD),
        ("bank", "add", ODD, PHOTO),
        ("bank", "import", ODD, ODD),
        ("bank", "withdraw", ODD, "1"),
        ("bank", "create", f"{ODD}/a.bank", "--name", "a"),
        ("bank", "build", f"{ODD}/a.bank"),
    ],
    ids=lambda command: " ".join(str(part) for part in command if part not in (PHOTO, ODD))[:30],
)
def test_an_odd_name_is_one_line_without_codes(told, command):
    done = told(*command)
    assert done.returncode in (64, 70)
    assert done.stdout == b""
    (line,) = done.stderr.splitlines()
    assert SHOWN in line


def test_odd_names_of_media_are_told_without_codes(told):
    shutil.copy(PHOTO, f"{ODD}.jpg")
    Path(f"{ODD}.txt").write_text("text")
    assert told("bank", "create", "known.bank").returncode == 0
    for command in (
        ("hash", f"{ODD}.jpg", f"{ODD}.txt"),
        ("compare", f"{ODD}.jpg", f"{ODD}.txt"),
        ("bank", "add", "known.bank", f"{ODD}.jpg"),
        ("bank", "add", "known.bank", f"{ODD}.jpg"),
        ("bank", "add", "known.bank", f"{ODD}.txt"),
        ("match", f"{ODD}.jpg", f"{ODD}.txt", "--bank", "known.bank"),
        ("scan", f"{ODD}.jpg", "--html", f"{ODD}.html"),
    ):
        done = told(*command)
        assert SHOWN in done.stdout + done.stderr
        assert done.stderr.count(b"\n") <= 1


def test_notes_of_strangers_are_told_without_codes(told):
    Path("list.txt").write_text(f"md5 {'ab' * 16} a\x1b[31mnote\n")
    assert "a⟨U+001B⟩[31mnote".encode() in told("bank", "show", "list.txt").stdout


def test_a_page_never_takes_the_place_of_a_device_or_a_link(told):
    os.mkfifo("pipe")
    Path("link").symlink_to("elsewhere.html")
    for target in ("pipe", "link"):
        for command in (("scan", PHOTO), ("compare", PHOTO, PHOTO)):
            done = told(*command, "--html", target)
            assert done.returncode == 64
            assert f"--html: {target} is a link, a device or the like".encode() in done.stderr
    assert Path("pipe").is_fifo()
    assert Path("link").is_symlink()


def test_a_disk_that_is_full_leaves_the_old_page(told, monkeypatch):
    from tidegate.cli import files

    Path("page.html").write_text("the old one")

    def full(**_):
        Path("temporary").touch()
        return os.open("/dev/full", os.O_WRONLY), "temporary"

    monkeypatch.setattr(files.tempfile, "mkstemp", full)
    done = told("compare", PHOTO, PHOTO, "--html", "page.html")
    assert done.returncode == 70
    assert done.stderr == b"tidegate: page.html: cannot be written: No space left on device\n"
    assert list(Path().iterdir()) == [Path("page.html")]
    assert Path("page.html").read_text() == "the old one"


def test_a_name_of_the_greatest_length_is_no_obstacle_to_its_page(told):
    name = "a" * 250 + ".html"
    assert told("compare", PHOTO, PHOTO, "--html", name).returncode == 0
    assert Path(name).stat().st_size > 0


def test_lines_on_standard_input_that_are_no_paths(told):
    done = told("hash", "-", stdin=b"x" * 100_000)
    assert (done.returncode, done.stdout) == (64, b"")
    assert b"a line is longer than 65,536 bytes" in done.stderr
    done = told("hash", "-", stdin=b"a\0b\n" + os.fsencode(PHOTO))
    assert done.returncode == 2
    assert b"pdq" in done.stdout
    assert "a⟨U+0000⟩b: unreadable: cannot be read".encode() in done.stderr


def test_a_folder_that_vanishes_is_told_file_by_file(told, monkeypatch):
    from tidegate.cli import hash as command

    Path("folder").mkdir()
    shutil.copy(PHOTO, "folder/a.jpg")
    real = command.find

    def find(names):
        found = real(names)
        shutil.rmtree("folder")
        return found

    monkeypatch.setattr(command, "find", find)
    done = told("hash", "folder")
    assert done.returncode == 2
    assert b"folder/a.jpg: unreadable: cannot be read: No such file" in done.stderr


def test_links_met_in_a_folder_are_followed_by_no_command(told):
    Path("folder").mkdir()
    Path("folder/link.jpg").symlink_to(PHOTO)
    assert told("bank", "create", "known.bank").returncode == 0
    assert told("hash", "folder", "--json").stdout == b""
    assert b"0 added" in told("bank", "add", "known.bank", "folder").stdout
    assert b"0 items" in told("match", "folder", "--bank", "known.bank").stdout
    assert b"0 items" in told("scan", "folder").stdout


def test_memory_that_runs_out_is_one_line(told, monkeypatch):
    def read_bytes(self):
        raise MemoryError

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    done = told("explain", "huge.json")
    assert (done.returncode, done.stderr) == (70, b"tidegate: out of memory\n")


@pytest.mark.parametrize("jobs", ["0", "-1", "1025", "99999999999999999999", "many"])
def test_a_number_of_jobs_that_nobody_has(told, jobs):
    done = told("match", PHOTO, "--bank", "x", "--jobs", jobs)
    assert done.returncode == 64
    assert len(done.stderr.splitlines()) == 1


def shell(line, folder):
    return subprocess.run(
        ["sh", "-c", line.replace("tidegate", str(TIDEGATE), 1)],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("tidegate --version >/dev/full", 70, "No space left on device"),
        ("tidegate --version >&-", 0, ""),
        ("tidegate --version 2>&-", 0, ""),
        ("tidegate scan --json none.jpg <&- >&-", 2, ""),
        ("tidegate hash none.jpg 2>&-", 2, ""),
        ("tidegate scan - <&-", 64, "'-': standard input is closed"),
        ("tidegate explain - <&-", 64, "'-': standard input is closed"),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path, line, status, message):
    done = shell(line, tmp_path)
    assert done.returncode == status
    assert message in done.stderr.decode()
    assert len(done.stderr.splitlines()) <= 1


def test_a_terminal_that_cannot_show_a_name(tmp_path):
    shutil.copy(PHOTO, tmp_path / "ä→.jpg")
    done = shell("PYTHONIOENCODING=ascii tidegate hash ä→.jpg", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"\\xe4\\u2192.jpg\n")


def test_a_reader_that_has_seen_enough(tmp_path):
    names = " ".join([str(PHOTO)] * 3)
    done = shell(f"tidegate hash {names} --json --rotations | head -c 10", tmp_path)
    assert done.stdout == b'{"path":"/'
    assert done.stderr == b""
