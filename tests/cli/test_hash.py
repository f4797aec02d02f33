import hashlib
import json

import pytest
from PIL import Image

from demo import media


def documents(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_picture(run):
    path = media.source("rocket.jpg")
    (made,) = documents(run("hash", path, "--json"))
    assert made["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert made["md5"] == hashlib.md5(path.read_bytes()).hexdigest()
    assert len(made["pdq"]["hash"]) == 64
    assert made["pdq"]["quality"] == 100
    assert "frames" not in made


def test_rotations_are_hashes_of_the_turned_picture(run, tmp_path):
    media.photo("rocket.jpg").transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    media.photo("rocket.jpg").save(tmp_path / "plain.png")
    plain, turned = documents(run("hash", "plain.png", "turned.png", "--json", "--rotations"))
    assert len(plain["pdq"]["rotations"]) == 8
    assert plain["pdq"]["rotations"]["none"] == plain["pdq"]["hash"]
    assert plain["pdq"]["rotations"]["rotate90"] == turned["pdq"]["hash"]


@pytest.mark.parametrize(("option", "count"), [("--every-frame", 250), ("--gap=1", 11)])
def test_a_video(run, option, count):
    (made,) = documents(run("hash", media.source("bikes.mp4"), "--json", option))
    assert len(made["frames"]) == count
    assert made["frames"][0]["second"] == 0
    assert made["media"]["duration"] == 10.0


def test_lines_for_people_and_scripts(run):
    done = run("hash", media.source("rocket.jpg"), media.source("coffee.png"))
    kind, pdq, quality, second, path = done.stdout.decode().splitlines()[0].split(" ", 4)
    assert (kind, len(pdq), quality, second) == ("pdq", 64, "100", "0.000")
    assert path.endswith("rocket.jpg")
    assert done.returncode == 0


def test_what_cannot_be_hashed_is_told_and_costs_nothing_else(run, tmp_path):
    Image.new("RGB", (200, 200), "white").save(tmp_path / "blank.png")
    (tmp_path / "text.jpg").write_text("text")
    done = run("hash", "text.jpg", "blank.png", "none.jpg", media.source("rocket.jpg"))
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 2
    errors = done.stderr.decode()
    for words in ("text.jpg: unsupported", "blank.png: too flat", "none.jpg: unreadable"):
        assert words in errors


def test_rotations_need_json(run):
    assert run("hash", "x", "--rotations").returncode == 64
