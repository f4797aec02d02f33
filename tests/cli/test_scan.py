import html.parser
import json
import os
import shutil
import signal
import subprocess
from importlib import resources

import jsonschema
import pytest
from PIL import Image

from demo import media
from tests.cli.conftest import TIDEGATE


def schema(name):
    return json.loads((resources.files("tidegate.schemas") / name).read_text())


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    shutil.copy(media.source("coffee.png"), folder / "b.png")
    shutil.copy(media.source("rocket.jpg"), folder / "deep" / "a.txt")
    shutil.copy(media.source("chelsea.png"), folder / "deep" / "er" / "no suffix")
    (folder / "notes.jpg").write_text("a text file, whatever its name says")
    return folder


@pytest.fixture
def bank(run, tmp_path):
    assert run("bank", "create", "known.bank").returncode == 0
    assert run("bank", "add", "known.bank", media.source("rocket.jpg")).returncode == 0
    return tmp_path / "known.bank"


def test_a_folder_is_searched_by_content(run, photos):
    done = run("scan", "photos", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [i["path"] for i in report["items"]] == [
        "photos/b.png",
        "photos/deep/a.txt",
        "photos/deep/er/no suffix",
    ]
    assert report["skipped"] == 1
    assert report["summary"] == {"allow": 3}


def test_the_report_is_as_its_schema_says(run, photos, bank):
    done = run("scan", "photos", media.source("carphone_pristine.mp4"), "--bank", bank, "--json")
    report = json.loads(done.stdout)
    jsonschema.validate(report, schema("report-v1.json"))
    assert report["schema"] == 1
    video = report["items"][-1]["evidence"]
    assert video["media"]["kind"] == "video"
    assert (
        len(video["frames"]) == video["media"]["frames_judged"] == len(video["tracks"][0]["scores"])
    )


def test_json_lines_are_items_in_order(run, photos):
    done = run("scan", "photos", "--jsonl", "--jobs", "2")
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert [i["path"] for i in items] == sorted(i["path"] for i in items)
    for item in items:
        jsonschema.validate(item, schema("item-v1.json"))


def test_the_same_files_give_the_same_answers(run, photos, bank):
    def answers():
        items = json.loads(run("scan", "photos", "--bank", bank, "--json").stdout)["items"]
        return [{**item, "elapsed": 0} for item in items]

    assert answers() == answers()


def test_a_match_is_something_to_act_on(run, photos, bank):
    done = run("scan", "photos", "--bank", bank)
    text = " ".join(done.stdout.decode().split())
    assert done.returncode == 1
    assert "remove" in text
    assert "entry 1 of bank known" in text
    assert "3 items · 1 remove · 2 allow" in text
    assert done.stderr == b""


def test_what_cannot_be_judged_is_listed_and_the_rest_is_judged(run, photos, bank):
    whole = (photos / "deep" / "a.txt").read_bytes()
    (photos / "broken.jpg").write_bytes(whole[:5000])
    Image.new("RGB", (300, 200), "white").save(photos / "blank.png")
    done = run("scan", "photos", "missing.jpg", "photos/notes.jpg", "--bank", bank, "--json")
    items = {i["path"]: i for i in json.loads(done.stdout)["items"]}
    assert done.returncode == 2
    causes = {
        path: [u["cause"] for u in item["evidence"]["unknowns"]] for path, item in items.items()
    }
    assert causes["missing.jpg"] == ["unreadable"]
    assert causes["photos/notes.jpg"] == ["unsupported"]
    assert causes["photos/blank.png"] == ["too_flat"]
    assert causes["photos/broken.jpg"][0] in ("truncated", "corrupt")
    assert items["photos/deep/a.txt"]["decision"]["action"] == "remove"
    for path in ("missing.jpg", "photos/notes.jpg", "photos/blank.png", "photos/broken.jpg"):
        assert items[path]["decision"]["action"] == "review"
        assert items[path]["decision"]["judged"] is False


def test_paths_from_standard_input(run, photos):
    done = run("scan", "-", "--jsonl", input=b"photos/b.png\n\nphotos/deep\n")
    assert len(done.stdout.splitlines()) == 3


def test_names_on_standard_input_need_not_be_utf8(run, photos, tmp_path):
    name = b"caf\xe9.png"
    shutil.copy(photos / "b.png", tmp_path / os.fsdecode(name))
    done = run("scan", "-", "--jsonl", input=name + b"\n")
    assert json.loads(done.stdout)["path"] == "caf\\xe9.png"


def test_a_page_never_takes_the_place_of_something_else(run, photos, tmp_path):
    (tmp_path / "report.html").mkdir()
    before = (photos / "b.png").read_bytes()
    for target, message in (("report.html", "is a folder"), ("photos/b.png", "files to scan")):
        done = run("scan", "photos/b.png", "--html", target)
        assert done.returncode == 64
        assert message in done.stderr.decode()
    assert (photos / "b.png").read_bytes() == before


def test_a_reader_that_goes_away_is_no_finding(run, photos):
    command = f"{TIDEGATE} scan photos/b.png --jsonl; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({command}) | true"], cwd=photos.parent, capture_output=True, timeout=60
    )
    assert done.stderr.split()[-1] in (b"0", b"70")
    assert b"Traceback" not in done.stderr


def test_patterns(run, photos):
    done = run("scan", "photos/**/a.*", "--jsonl")
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == ["photos/deep/a.txt"]


def test_links_in_a_folder_do_not_lead_out_of_it(run, photos, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(media.source("coffee.png"), outside / "secret.png")
    (photos / "link.png").symlink_to(outside / "secret.png")
    (photos / "folder").symlink_to(outside)
    report = json.loads(run("scan", "photos", "--json").stdout)
    assert not any("link" in i["path"] or "folder" in i["path"] for i in report["items"])
    assert report["skipped"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["x", "--json", "--jsonl"], "exclude each other"),
        (["x", "--jobs", "0"], "--jobs"),
        (["x", "--policy", "none.yaml"], "none.yaml: cannot be read: No such file"),
        (["x", "--bank", "none.bank"], "none.bank: cannot be read: No such file"),
        (["x", "--html", "none/report.html"], "there is no folder none"),
        (["x", "--frobnicate"], "--frobnicate"),
    ],
)
def test_wrong_usage_is_one_line_and_64(run, arguments, message):
    done = run("scan", *arguments)
    assert done.returncode == 64
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_policy_of_ones_own_decides(run, photos, tmp_path):
    default = (resources.files("tidegate") / "policies" / "default.yaml").read_text()
    row = "{label: 0.50, review: 0.80, hold: {score: 0.50, detectors: 2}}"
    assert row in default
    mine = default.replace(row, "{hold: 0.00001}")
    (tmp_path / "mine.yaml").write_text(mine.replace("id: default", "id: mine"))
    report = json.loads(run("scan", "photos/b.png", "--policy", "mine.yaml", "--json").stdout)
    decision = report["items"][0]["decision"]
    assert (decision["action"], decision["policy"]) == ("hold", "mine/2")


class Sources(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.pictures = 0
        self.outside = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href") and value:
                if value.startswith("data:image/"):
                    self.pictures += 1
                elif not value.startswith("#"):
                    self.outside.append(value)


def test_the_page_is_one_file_with_a_picture_an_item(run, photos, bank, tmp_path):
    done = run("scan", "photos", "--bank", bank, "--html", "report.html")
    assert done.returncode == 1
    assert b"Report: report.html" in done.stdout
    page = Sources()
    page.feed((tmp_path / "report.html").read_text())
    assert page.outside == []
    assert page.pictures == 3


def test_help_names_the_exit_statuses(run):
    text = " ".join(run("scan", "--help").stdout.decode().split())
    for words in ("0 nothing above", "1 something to act on", "2 some items", "64 wrong usage"):
        assert words in text


def test_ctrl_c_writes_what_is_done_so_far(run, tmp_path):
    command = [TIDEGATE, "scan", "--jsonl", "--jobs", "1", "--gap", "0"]
    first = media.source("coffee.png")
    clips = [tmp_path / f"{n}.mp4" for n in range(40)]
    for clip in clips:
        clip.symlink_to(media.source("bigbuckbunny.mp4"))
    process = subprocess.Popen(
        [*command, first, *clips], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    for written in (line, *rest.splitlines()):
        jsonschema.validate(json.loads(written), schema("item-v1.json"))
    assert 1 <= 1 + len(rest.splitlines()) < 41
    assert b"Traceback" not in errors
