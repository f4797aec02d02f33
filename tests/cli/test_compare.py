"""``tidegate compare``: what it says, and its exit status."""

import functools
import json
import shutil

import pytest
from PIL import Image

from demo import media
from tests.cli.inside import call

KEYS = {
    "tidegate",
    "verdict",
    "complete",
    "limit",
    "exact",
    "pieces",
    "a_share",
    "b_share",
    "nearest",
    "a",
    "b",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    return functools.partial(call, capfdbinary)


@pytest.fixture
def files(tmp_path):
    rocket = media.photo("rocket.jpg")
    shutil.copy(media.source("rocket.jpg"), tmp_path / "rocket.jpg")
    rocket.save(tmp_path / "copy.jpg", quality=30)
    rocket.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    media.photo("coffee.png").save(tmp_path / "other.png")
    Image.new("RGB", (200, 200), "white").save(tmp_path / "blank.png")
    (tmp_path / "text.jpg").write_text("text")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_a_copy_is_the_same_picture(run, files):
    done = run("compare", "copy.jpg", "rocket.jpg", "--json")
    made = json.loads(done.stdout)
    assert done.returncode == 0
    assert made.keys() == KEYS
    assert (made["verdict"], made["complete"], made["exact"]) == ("same", True, None)
    assert made["nearest"]["distance"] <= 31


def test_the_distance_is_that_of_the_hashes_that_hash_writes(run, files):
    done = run("hash", "copy.jpg", "other.png", "--json")
    hashes = [int(json.loads(line)["pdq"]["hash"], 16) for line in done.stdout.splitlines()]
    rocket = json.loads(run("hash", "rocket.jpg", "--json").stdout)["pdq"]["hash"]
    made = json.loads(run("compare", "copy.jpg", "rocket.jpg", "--json").stdout)
    assert made["nearest"]["transform"] == "none"
    assert made["nearest"]["distance"] == (hashes[0] ^ int(rocket, 16)).bit_count()
    made = json.loads(run("compare", "other.png", "rocket.jpg", "--json").stdout)
    assert made["nearest"]["distance"] <= (hashes[1] ^ int(rocket, 16)).bit_count()


def test_words_for_people(run, files):
    done = run("compare", "turned.png", "rocket.jpg")
    first, a, b = done.stdout.decode().splitlines()
    assert first.startswith("The same picture, turned a quarter to the right. ")
    assert a == "A  turned.png: image, png, 427×640, 310 kB, PDQ quality 100 of 100"
    assert b == "B  rocket.jpg: image, jpeg, 640×427, 113 kB, PDQ quality 100 of 100"


def test_unrelated_pictures_differ_and_that_is_an_answer(run, files):
    done = run("compare", "rocket.jpg", "other.png", "--json")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "different")
    assert b"Different pictures. They differ in" in run("compare", "rocket.jpg", "other.png").stdout


@pytest.mark.parametrize(
    ("name", "cause"),
    [("blank.png", "too flat"), ("text.jpg", "unsupported"), ("none.jpg", "unreadable")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_what_cannot_be_judged_is_unknown_and_never_different(run, files, name, cause, turned):
    names = ("rocket.jpg", name) if turned else (name, "rocket.jpg")
    done = run("compare", *names)
    assert done.returncode == 2
    assert done.stdout.decode().startswith("It cannot be told. ")
    assert f"unknown: {cause}: " in done.stdout.decode()
    made = json.loads(run("compare", *names, "--json").stdout)
    assert (made["verdict"], made["complete"]) == ("unknown", False)


@pytest.mark.parametrize("name", ["rocket.jpg", "blank.png"])
def test_the_same_file_twice_is_the_same_whatever_it_shows(run, files, name):
    done = run("compare", name, name, "--json")
    made = json.loads(done.stdout)
    assert (done.returncode, made["verdict"], made["exact"]) == (0, "same", "sha256")


def test_the_limit_decides(run, files):
    near = json.loads(run("compare", "copy.jpg", "rocket.jpg", "--json").stdout)["nearest"]
    limit = near["distance"] - 1
    assert limit >= 0
    done = run("compare", "copy.jpg", "rocket.jpg", "--json", "--distance", limit)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "different")


def test_a_page(run, files):
    done = run("compare", "copy.jpg", "rocket.jpg", "--html", "page.html")
    assert done.returncode == 0
    html = (files / "page.html").read_text()
    assert html.count("data:image/jpeg;base64,") == 2
    assert "<script" not in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rocket.jpg"], "Missing argument"),
        (["rocket.jpg", "folder"], "folder is a folder: compare takes two files"),
        (["folder", "rocket.jpg"], "folder is a folder: compare takes two files"),
        (["rocket.jpg", "copy.jpg", "--html", "none/x.html"], "there is no folder none"),
        (["rocket.jpg", "copy.jpg", "--html", "folder"], "folder is a folder"),
        (["rocket.jpg", "copy.jpg", "--html", "copy.jpg"], "one of the files to compare"),
        (["rocket.jpg", "copy.jpg", "--distance", "65"], "less than or equal to 64"),
    ],
)
def test_wrong_usage(run, files, arguments, message):
    before = (files / "copy.jpg").read_bytes()
    done = run("compare", *arguments)
    assert done.returncode == 64
    assert message in done.stderr.decode()
    assert (files / "copy.jpg").read_bytes() == before
