"""``tidegate policy replay`` and ``tidegate scan --record``, as a user would call them."""

import json
from datetime import UTC, datetime
from importlib import resources

import jsonschema
import msgspec
import pytest

from demo import media
from tests.cli.inside import call
from tests.pipeline.recorded import record, write
from tidegate.evidence import Evidence, Signal, Skipped
from tidegate.pipeline import load_policy
from tidegate.policy import Program

STRICT = """
tidegate_policy: 1
id: strict
version: 3
thresholds: {sexual.explicit: {review: 0.3, hold: 0.6}}
banks:
  - {id: any, where: {}, action: remove}
  - {id: good, where: {role: allow}, action: allow}
unknowns:
  - {id: any, where: {}, action: hold}
"""


def schema(name):
    return json.loads((resources.files("tidegate.schemas") / name).read_text())


def seen(score, **more):
    signal = Signal(category="sexual.explicit", score=score, detector="a", version="1")
    return Evidence(sha256="0" * 64, signals=(signal,), covered=("sexual.explicit",), **more)


def recorded(evidence, **more):
    return record(evidence, decision=Program(load_policy()).decide(evidence), **more)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "strict.yaml").write_text(STRICT)
    (tmp_path / "records").mkdir()
    write(tmp_path / "records" / "a.jsonl", [recorded(seen(score)) for score in (0.1, 0.4, 0.7)])
    return tmp_path


def test_a_scan_is_recorded_and_replayed(tmp_path, capfdbinary):
    (tmp_path / "strict.yaml").write_text(STRICT)
    file = tmp_path / "r.jsonl"
    done = call(capfdbinary, "scan", media.source("rocket.jpg"), "--record", file, "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(file.read_text())
    jsonschema.validate(line, schema("record-v1.json"))
    (item,) = json.loads(done.stdout)["items"]
    assert line["evidence"] == item["evidence"]
    assert line["decision"] == {**item["decision"], "near": [], "rest": []}
    assert abs(datetime.fromisoformat(line["at"]) - datetime.now(UTC)).total_seconds() < 3600
    done = call(
        capfdbinary, "policy", "replay", "--policy", "default", "--since", "1d", file, "--json"
    )
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    jsonschema.validate(told, schema("replay-v1.json"))
    assert (told["records"], told["changed"]) == (1, 0)
    assert told["drift"] == {"checked": 1, "differing": 0}


def test_what_changes_is_told_and_is_the_exit_status(files, capfdbinary):
    page = files / "page.html"
    done = call(
        capfdbinary, "policy", "replay", "--policy", files / "strict.yaml", "--html", page,
        "--sweep", "sexual.explicit", files / "records",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert b"2 of 3 recorded decisions would change" in done.stdout
    assert b"thresholds.sexual.explicit.hold" in done.stdout
    assert "2 of 3 recorded decisions would change" in page.read_text()
    same = call(capfdbinary, "policy", "replay", "--policy", "default", files / "records")
    assert same.returncode == 0
    assert b"Nothing changes in 3 recorded decisions" in same.stdout


def test_nothing_to_replay_is_not_nothing_that_changes(files, capfdbinary):
    done = call(
        capfdbinary, "policy", "replay", "--policy", "default", "--since", "2030-01-01",
        files / "records",
    )  # fmt: skip
    assert done.returncode == 2
    assert b"No recorded decision was replayed" in done.stdout


def test_a_record_that_cannot_be_written_is_told_before_anything_is_scanned(tmp_path, capfdbinary):
    done = call(
        capfdbinary, "scan", media.source("rocket.jpg"), "--record", tmp_path / "no" / "a.jsonl"
    )
    assert done.returncode == 64
    assert b"--record" in done.stderr
    assert b"No such file or directory" in done.stderr


def test_records_that_cannot_be_replayed_win_over_changes(files, capfdbinary):
    with (files / "records" / "a.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(recorded(seen(0.1)))[:300])
    done = call(
        capfdbinary, "policy", "replay", "--policy", files / "strict.yaml", files / "records"
    )
    assert done.returncode == 2
    assert b"1 record could not be replayed" in b" ".join(done.stdout.split())
    told = b"".join(done.stdout.split())
    assert b"a.jsonl:4:iscutshort" in told


def test_so_do_those_of_which_it_cannot_be_told(tmp_path, capfdbinary):
    skipped = Skipped(detector="m", version="1", categories=("sexual.explicit",), because="met")
    given = recorded(Evidence(sha256="0" * 64, covered=("sexual.explicit",)))
    unasked = msgspec.structs.replace(given.evidence, skipped=(skipped,))
    write(tmp_path / "r.jsonl", [msgspec.structs.replace(given, evidence=unasked)])
    done = call(capfdbinary, "policy", "replay", "--policy", "default", tmp_path / "r.jsonl")
    assert done.returncode == 2
    assert b"cannot be told" in done.stdout


def test_a_time_is_told_from_now_or_by_itself(files, capfdbinary):
    for since, until, records in (
        ("2026-11-01", "2026-11-02", 3),
        ("2026-11-01T00:00:01", "2030-01-01", 0),
        ("2026-11-01T01:00+01:00", "2030-01-01", 3),
        ("2026-10-01", "2026-11-01", 0),
        ("5200w", "2026-11-02", 3),
    ):
        done = call(
            capfdbinary, "policy", "replay", "--policy", "default", "--since", since,
            "--until", until, files / "records", "--json",
        )  # fmt: skip
        assert json.loads(done.stdout)["records"] == records, (since, until)


def test_reviews_of_people_are_read_from_a_file(files, capfdbinary):
    (files / "reviews.csv").write_text(f"sha256,sexual.explicit\n{'0' * 64},0\n")
    done = call(
        capfdbinary, "policy", "replay", "--policy", files / "strict.yaml", "--reviews",
        files / "reviews.csv", files / "records", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["reviewed"] == {
        "items": 3,
        "towards": 0,
        "against": 2,
        "unmet": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is no time"),
        (["--since", "30"], "--since: '30' is no time"),
        (["--until", "999999w"], "--until: 999999w is before all time"),
        (["--sweep", "beauty"], "'beauty' is no category that a detector can score"),
        (["--reviews", "gone.csv"], "gone.csv: cannot be read"),
        (["--html", "/no/such/folder/x.html"], "there is no folder"),
        (["gone.jsonl"], "gone.jsonl: cannot be read: No such file"),
    ],
)
def test_what_was_asked_wrongly_is_one_line(files, capfdbinary, arguments, told):
    done = call(
        capfdbinary, "policy", "replay", "--policy", "default", files / "records", *arguments
    )
    assert done.returncode == 64
    assert told in done.stderr.decode()


def test_half_a_record_is_told_when_the_next_scan_begins(tmp_path, capfdbinary):
    file = tmp_path / "r.jsonl"
    file.write_bytes(msgspec.json.encode(recorded(seen(0.1)))[:100])
    done = call(capfdbinary, "scan", media.source("rocket.jpg"), "--record", file)
    assert b"its last record was cut short" in done.stderr
    assert len(file.read_bytes().splitlines()) == 2


def test_no_scan_writes_its_records_into_somebody_elses_file(tmp_path, capfdbinary):
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff a picture")
    done = call(capfdbinary, "scan", media.source("rocket.jpg"), "--record", file)
    assert done.returncode == 64
    assert b"holds something else than records" in done.stderr
    assert file.read_bytes() == b"\xff\xd8\xff a picture"


def test_records_are_packed_for_keeping_and_replay_the_same(files, capfdbinary):
    packed = files / "kept.parquet"
    with (files / "records" / "a.jsonl").open("ab") as file:
        file.write(b"rubbish\n")
    done = call(capfdbinary, "policy", "pack", packed, files / "records")
    assert done.returncode == 2
    assert b"a.jsonl:4: is no record" in done.stderr
    assert done.stdout.endswith(b"3 records\n")
    done = call(
        capfdbinary, "policy", "replay", "--policy", files / "strict.yaml", packed, "--json"
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["changed"] == 2
    assert call(capfdbinary, "policy", "pack", packed, packed).returncode == 64
    assert call(capfdbinary, "policy", "pack", files / "a.txt", packed).returncode == 64
