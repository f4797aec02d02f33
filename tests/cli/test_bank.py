import json
import subprocess

from demo import media
from tests.cli.conftest import TIDEGATE


def test_create_add_import_show(run, tmp_path):
    created = run("bank", "create", "press.bank", "--name", "press-photos", "--role", "review")
    assert created.returncode == 0
    added = run("bank", "add", "press.bank", media.source("rocket.jpg"), media.source("bikes.mp4"))
    assert added.returncode == 0, added.stderr
    (tmp_path / "list.txt").write_text(f"# a list\npdq {'0f' * 32}\nmd5 {'ab' * 16}\n")
    imported = run("bank", "import", "press.bank", "list.txt")
    assert b"2 added, 4 entries" in imported.stdout
    again = run("bank", "import", "press.bank", "list.txt")
    assert b"0 added, 4 entries" in again.stdout
    bank = json.loads(run("bank", "show", "press.bank", "--json").stdout)
    assert (bank["name"], bank["role"]) == ("press-photos", "review")
    kinds = [entry.get("kind", "image") for entry in bank["entries"]]
    assert kinds == ["image", "video", "image", "image"]
    video = bank["entries"][1]
    gaps = [b[1] - a[1] for a, b in zip(video["pdq"], video["pdq"][1:], strict=False)]
    assert max(gaps) <= 0.125 + 1e-6
    shown = run("bank", "show", "press.bank").stdout.decode()
    assert "press-photos: known.other, review, up to 31 bits" in shown
    assert "bikes.mp4" in shown


def test_every_frame_of_a_video_can_be_stored(run):
    run("bank", "create", "a.bank")
    run("bank", "add", "a.bank", media.source("carphone_pristine.mp4"), "--gap", "0")
    (entry,) = json.loads(run("bank", "show", "a.bank", "--json").stdout)["entries"]
    assert len(entry["pdq"]) == 120


def test_commands_at_the_same_time_lose_nothing(run, tmp_path):
    run("bank", "create", "a.bank")
    sources = [media.source(name) for name in ("rocket.jpg", "coffee.png", "chelsea.png")]
    commands = [[TIDEGATE, "bank", "add", "a.bank", source] for source in sources]
    running = [subprocess.Popen(c, cwd=tmp_path, stdout=subprocess.DEVNULL) for c in commands]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    again = run("bank", "add", "a.bank", *sources)
    assert b"0 added, 3 entries" in again.stdout


def test_wrong_values_are_refused(run, tmp_path):
    assert run("bank", "create", "a.bank", "--category", "people.uyghur").returncode == 64
    assert run("bank", "create", "a.bank", "--role", "alarm").returncode == 64
    assert run("bank", "create", "a.bank", "--distance", "99").returncode == 64
    assert not (tmp_path / "a.bank").exists()
    assert run("bank", "create", "a.bank").returncode == 0
    assert run("bank", "create", "a.bank").returncode == 64


def test_a_file_that_is_no_media_changes_nothing(run, tmp_path):
    run("bank", "create", "a.bank")
    before = (tmp_path / "a.bank").read_bytes()
    (tmp_path / "text.jpg").write_text("text")
    done = run("bank", "add", "a.bank", media.source("rocket.jpg"), "text.jpg")
    assert done.returncode == 64
    assert b"text.jpg" in done.stderr
    assert (tmp_path / "a.bank").read_bytes() == before


def test_a_broken_list_is_named_with_its_line(run, tmp_path):
    run("bank", "create", "a.bank")
    (tmp_path / "list.txt").write_text(f"{'0f' * 32}\nnot a hash\n")
    done = run("bank", "import", "a.bank", "list.txt")
    assert done.returncode == 64
    assert b"list.txt" in done.stderr
    assert b"2" in done.stderr
