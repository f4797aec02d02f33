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


def test_a_folder_is_built_asked_and_changed(run, tmp_path):
    run("bank", "create", "small.bank", "--category", "ncii.known_material")
    run("bank", "add", "small.bank", media.source("rocket.jpg"))
    lines = [f"{n:064x}" for n in range(300)]
    (tmp_path / "list.txt").write_text("\n".join([*lines, lines[7], f"md5 {'ab' * 16}"]))
    built = run("bank", "build", "big.bank", "list.txt", "small.bank", "--role", "review")
    assert built.returncode == 0, built.stderr
    assert b"302 entries" in built.stdout
    assert built.stderr == b""
    scanned = run("scan", "--bank", "big.bank", "--json", media.source("rocket.jpg"))
    (item,) = json.loads(scanned.stdout)["items"]
    (match,) = item["evidence"]["matches"]
    assert (match["bank"], match["role"], match["kind"]) == ("big", "review", "sha256")
    assert match["category"] == "ncii.known_material"
    disabled = run("bank", "disable", "big.bank", match["entry"], "--until", "2999-01-01")
    assert disabled.returncode == 0, disabled.stderr
    scanned = run("scan", "--bank", "big.bank", "--json", media.source("rocket.jpg"))
    assert json.loads(scanned.stdout)["items"][0]["evidence"].get("matches", []) == []
    run("bank", "enable", "big.bank", match["entry"])
    run("bank", "withdraw", "big.bank", "5", "6")
    added = run("bank", "add", "big.bank", media.source("rocket.jpg"), media.source("coffee.png"))
    assert f"rocket.jpg is entry {match['entry']} already".encode() in added.stdout
    assert b"1 added, 303 entries" in added.stdout
    imported = run("bank", "import", "big.bank", "list.txt")
    assert b"0 added, 303 entries" in imported.stdout
    stats = json.loads(run("bank", "stats", "big.bank", "--json").stdout)
    assert stats["states"] == {"active": 301, "disabled": 0, "disabled until": 0, "withdrawn": 2}
    assert (stats["journal_entries"], stats["journal_changes"]) == (1, 3)
    assert stats["merge_due"] is False
    assert b"303 entries merged" in run("bank", "merge", "big.bank").stdout
    assert b"nothing to merge" in run("bank", "merge", "big.bank").stdout
    shown = json.loads(run("bank", "show", "big.bank", "--json").stdout)
    assert len(shown["entries"]) == 303
    assert shown["entries"][4]["state"] == "withdrawn"
    assert b"303 entries, 253 not shown" in run("bank", "show", "big.bank").stdout
    assert b"301 active" in run("bank", "stats", "big.bank").stdout
    whole = run("bank", "verify", "big.bank")
    assert (whole.returncode, whole.stdout) == (0, b"big.bank: whole\n")
    (segment,) = (tmp_path / "big.bank" / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    broken = run("bank", "verify", "big.bank")
    assert broken.returncode == 70
    assert segment.name.encode() in broken.stderr


def test_a_build_that_fails_leaves_nothing(run, tmp_path):
    (tmp_path / "list.txt").write_text(f"{'0f' * 32}\nnot a hash\n")
    done = run("bank", "build", "big.bank", "list.txt")
    assert done.returncode == 64
    assert b"list.txt: line 2" in done.stderr
    assert run("bank", "build", "big.bank", "missing.txt").returncode == 64
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]
    assert run("bank", "build", "big.bank", "--name", "big").returncode == 0
    assert b"0 entries" in run("bank", "show", "big.bank").stdout
    assert run("bank", "build", "big.bank").returncode == 64


def test_entries_of_a_file_change_their_state_too(run, tmp_path):
    run("bank", "create", "a.bank")
    (tmp_path / "list.txt").write_text(f"{'0f' * 32}\n{'0e' * 32}\n{'0d' * 32}\n")
    run("bank", "import", "a.bank", "list.txt")
    assert run("bank", "withdraw", "a.bank", "1").returncode == 0
    assert (
        run("bank", "disable", "a.bank", "2", "--until", "2999-01-01T12:00+02:00").returncode == 0
    )
    assert run("bank", "disable", "a.bank", "3").returncode == 0
    assert run("bank", "enable", "a.bank", "3").returncode == 0
    entries = json.loads(run("bank", "show", "a.bank", "--json").stdout)["entries"]
    assert [(e.get("state"), e.get("disabled_until")) for e in entries] == [
        ("withdrawn", None),
        ("disabled", "2999-01-01T12:00:00+02:00"),
        (None, None),
    ]
    assert b"for good" in run("bank", "enable", "a.bank", "1").stderr
    assert run("bank", "withdraw", "a.bank", "9").returncode == 64
    assert run("bank", "disable", "a.bank", "2", "--until", "soon").returncode == 64
    far = run("bank", "disable", "a.bank", "2", "--until", "9999-12-31T23:59:59-05:00")
    assert far.returncode == 64
    assert b"no year" in far.stderr
    assert run("bank", "merge", "a.bank").returncode == 64
    assert run("bank", "verify", "a.bank").returncode == 0
    (tmp_path / "a.bank").write_text("not a bank")
    assert run("bank", "verify", "a.bank").returncode == 70


def test_a_hash_list_of_others_is_never_rewritten(run, tmp_path):
    """It was made a bank once, and whoever reads it as a list found JSON."""
    plain = f"{'ab' * 32} two words\npdq {'cd' * 32} a note\n"
    (tmp_path / "list.txt").write_text(plain)
    for command in (
        ("withdraw", "list.txt", "1"),
        ("add", "list.txt", media.source("rocket.jpg")),
        ("import", "list.txt", "list.txt"),
    ):
        done = run("bank", *command)
        assert done.returncode == 64
        assert b"is a hash list" in done.stderr
    assert (tmp_path / "list.txt").read_text() == plain
    shown = json.loads(run("bank", "show", "list.txt", "--json").stdout)
    assert [entry["note"] for entry in shown["entries"]] == ["two words", "a note"]


def test_damage_to_a_folder_is_named_and_never_a_crash(run, tmp_path):
    run("bank", "build", "x.bank")
    run("bank", "add", "x.bank", media.source("rocket.jpg"))
    journal = next((tmp_path / "x.bank" / "journal").iterdir())
    for damaged in (journal, tmp_path / "x.bank" / "bank.json"):
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:3] + b"\xff" + whole[4:])
        done = run("bank", "show", "x.bank")
        assert done.returncode == 64
        assert damaged.name.encode() in done.stderr
        assert b"Traceback" not in done.stderr
        damaged.write_bytes(whole)
    (tmp_path / "empty").mkdir()
    assert b"bank.json" in run("bank", "withdraw", "empty", "1").stderr


def test_a_term_that_is_over_is_refused(run):
    run("bank", "create", "own.bank")
    run("bank", "add", "own.bank", media.source("rocket.jpg"))
    done = run("bank", "disable", "own.bank", "1", "--until", "2020-01-01")
    assert done.returncode == 64
    assert b"is over" in done.stderr
