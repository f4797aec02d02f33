"""``tidegate match``: what it says, and its exit status."""

import functools
import json
import re
import shutil

import pytest
from PIL import Image, ImageOps

from demo import media
from tests.cli.inside import call
from tests.clips import encode
from tidegate.matching import Bank, add_entries, save_bank
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, enrol


@pytest.fixture
def run(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    return functools.partial(call, capfdbinary)


def make_bank(file, path, **fields):
    with Reader(sampling=SAMPLING) as reader:
        note = f"{file.stem} photo"
        made = enrol(Found(path, True), reader, "1", category=None, note=note, added="")
    save_bank(add_entries(Bank(name=file.stem, **fields), [made.entry]), file)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two banks, and a folder with copies, an unrelated photo and a text."""
    folder = tmp_path_factory.mktemp("match")
    make_bank(folder / "press.bank", media.source("rocket.jpg"))
    make_bank(folder / "own.bank", media.source("coffee.png"), role="allow")
    (folder / "in").mkdir()
    ImageOps.mirror(media.photo("rocket.jpg")).save(folder / "in" / "a-mirrored.jpg", quality=85)
    media.photo("coffee.png").save(folder / "in" / "b-copy.jpg", quality=60)
    media.photo("brick.png").save(folder / "in" / "c-brick.png")
    (folder / "in" / "notes.txt").write_text("not media")
    return folder


@pytest.fixture
def files(made, tmp_path):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_one_json_line_an_item(run, files):
    done = run("match", "in", "--bank", "press.bank", "--bank", "own.bank", "--json")
    mirrored, copy, brick = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert [item["path"] for item in (mirrored, copy, brick)] == [
        "in/a-mirrored.jpg",
        "in/b-copy.jpg",
        "in/c-brick.png",
    ]
    (met,) = mirrored["matches"]
    assert met["bank"] == "press"
    assert (met["entry"], met["role"], met["kind"]) == ("1", "block", "pdq")
    assert (met["transform"], met["category"]) == ("flip_horizontal", "known.other")
    assert met["note"] == "press photo"
    assert [met["role"] for met in copy["matches"]] == ["allow"]
    assert brick["matches"] == brick["unknowns"] == []
    assert brick["banks"] == ["press", "own"]
    assert len(brick["sha256"]) == 64
    assert "signals" not in brick
    assert "decision" not in brick


def test_lines_for_people(run, files):
    done = run("match", "in", "--bank", "press.bank", "--bank", "own.bank")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "in/a-mirrored.jpg"
    assert re.match(r"  \d+ bits +block +known.other +press / 1 ", lines[1])
    assert lines[1].endswith("flip horizontal  press photo")
    assert lines[-1] == "3 items: 2 met"
    assert done.stderr == b""


def test_nothing_met_is_0(run, files):
    done = run("match", "in/c-brick.png", "--bank", "press.bank")
    assert (done.returncode, done.stdout) == (0, b"1 item: 0 met\n")


def test_what_cannot_be_told_is_listed_and_wins(run, files):
    Image.new("RGB", (200, 200), "white").save(files / "in" / "d-blank.png")
    done = run("match", "in", "in/none.jpg", "in/notes.txt", "--bank", "press.bank")
    assert done.returncode == 2
    errors = done.stderr.decode()
    for told in ("d-blank.png: too_flat:", "none.jpg: unreadable:", "notes.txt: unsupported:"):
        assert f"tidegate: in/{told}" in errors
    assert "in/a-mirrored.jpg" in done.stdout.decode()
    assert done.stdout.decode().splitlines()[-1] == "6 items: 1 met, 3 not told in full"


def test_a_distance_replaces_the_banks_own(run, files):
    path = "in/a-mirrored.jpg"
    (line,) = run("match", path, "--bank", "press.bank", "--json").stdout.splitlines()
    distance = json.loads(line)["matches"][0]["distance"]
    assert run("match", path, "--bank", "press.bank", "--distance", distance).returncode == 1
    assert run("match", path, "--bank", "press.bank", "--distance", distance - 1).returncode == 0


def test_only_banks_of_a_role_are_asked(run, files):
    banks = ("--bank", "press.bank", "--bank", "own.bank")
    done = run("match", "in", *banks, "--role", "allow", "--json")
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["banks"] for item in items] == [["own"]] * 3
    assert [len(item["matches"]) for item in items] == [0, 1, 0]


def test_a_list_of_paths_on_standard_input(run, files):
    done = run("match", "-", "--bank", "press.bank", stdin=b"in/a-mirrored.jpg\nin/c-brick.png\n")
    assert done.stdout.decode().splitlines()[-1] == "2 items: 1 met"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in"], "Missing option '--bank'"),
        (["in", "--bank", "none.bank"], "none.bank: cannot be read"),
        (["in", "--bank", "press.bank", "--role", "review"], "no bank of the role"),
        (["in", "--bank", "press.bank", "--distance", "65"], "less than or equal to 64"),
    ],
)
def test_wrong_usage(run, files, arguments, message):
    done = run("match", *arguments)
    assert done.returncode == 64
    assert message in done.stderr.decode()


def test_a_piece_of_a_known_clip(run, tmp_path):
    size = (320, 180)
    frames = list(media.frames("bikes.mp4", size))
    encode(tmp_path / "clip.mp4", frames, options={"crf": "18", "preset": "veryfast"})
    before = media.panned("retina.jpg", 3.0, size)
    encode(tmp_path / "upload.mp4", [*before, *frames[50:150]], options={"preset": "veryfast"})
    make_bank(tmp_path / "clips.bank", tmp_path / "clip.mp4")
    done = run("match", "upload.mp4", "--bank", "clips.bank", "--json")
    (met,) = json.loads(done.stdout)["matches"]
    assert met["span"]["start"] == pytest.approx(3.0, abs=0.5)
    assert met["entry_span"]["start"] == pytest.approx(2.0, abs=0.5)
    assert met["query_share"] == pytest.approx(4 / 7, abs=0.1)
    assert met["entry_share"] == pytest.approx(0.4, abs=0.1)
    (line,) = run("match", "upload.mp4", "--bank", "clips.bank").stdout.decode().splitlines()[1:-1]
    assert "of this item" in line
    assert "of the entry" in line
    assert line.endswith("  clips photo")
