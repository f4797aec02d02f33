import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import msgspec
import pytest

from tests.pipeline.recorded import START, record, records, write
from tidegate.evidence import Evidence, Match, Reason, Skipped, Unknown
from tidegate.pipeline import parquet
from tidegate.pipeline import record as recording
from tidegate.pipeline.record import Record, Recorder, RecordError, Review, read_record
from tidegate.pipeline.records import find_files, line_numbers, pieces, read, read_places


def everything(paths, size=10**6):
    return [one.record for piece in pieces(find_files(paths), size) for one in read(piece)]


def test_what_is_recorded_is_read_again(tmp_path):
    made = records(20)
    with Recorder(tmp_path / "a.jsonl") as recorder:
        for one in made[:7]:
            recorder.add(one)
    with Recorder(tmp_path / "a.jsonl") as recorder:
        assert not recorder.mended
        for one in made[7:]:
            recorder.add(one)
    assert everything([tmp_path / "a.jsonl"]) == made


def test_a_line_is_readable_by_people_and_times_are_in_utc(tmp_path):
    write(tmp_path / "a.jsonl", [record(Evidence(), START)])
    line = json.loads((tmp_path / "a.jsonl").read_text())
    assert line["schema"] == 1
    assert line["at"] == "2026-11-01T00:00:00Z"


def test_records_are_for_their_owner_only(tmp_path):
    Recorder(tmp_path / "a.jsonl").close()
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 12, 200])
def test_half_a_line_stays_and_is_told_and_nothing_behind_it_is_lost(tmp_path, cut):
    path, made = tmp_path / "a.jsonl", records(3)
    write(path, made[:2])
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(msgspec.json.encode(made[0])[:cut])
    with Recorder(path) as recorder:
        assert recorder.mended
        recorder.add(made[2])
    first, second, lost, last = everything([path])
    assert [first, second, last] == made
    assert isinstance(lost, RecordError)
    assert "cut short" in str(lost)
    assert line_numbers(find_files([path])[0], [whole]) == {whole: 3}


def test_a_writer_that_dies_beside_another_costs_nothing_but_its_own_line(tmp_path):
    path, made = tmp_path / "a.jsonl", records(2)
    with Recorder(path) as recorder:
        recorder.add(made[0])
        with path.open("ab") as dying:
            dying.write(b'{"schema":1,"at":"2026')
        recorder.add(made[1])
    assert [one for one in everything([path]) if isinstance(one, Record)] == made


def test_kill_9_leaves_whole_lines_and_at_most_one_half(tmp_path):
    path = tmp_path / "a.jsonl"
    program = textwrap.dedent("""
        import sys
        from tests.pipeline.recorded import records
        from tidegate.pipeline.record import Recorder
        recorder = Recorder(sys.argv[1])
        made = records(50)
        print("ready", flush=True)
        while True:
            for one in made:
                recorder.add(one)
    """)
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        while path.stat().st_size < 200_000:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    found = everything([path])
    assert len(found) > 50
    assert all(isinstance(one, Record) for one in found[:-1])
    Recorder(path).close()


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path, made = tmp_path / "a.jsonl", records(2)
    written = os.write

    def fill(descriptor, data):
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return written(descriptor, data[: len(data) - 50])

    with Recorder(path) as recorder:
        recorder.add(made[0])
        before = path.read_bytes()
        monkeypatch.setattr(recording.os, "write", fill)
        with pytest.raises(OSError, match="No space"):
            recorder.add(made[1])
        monkeypatch.undo()
        assert path.read_bytes() == before
        recorder.add(made[1])
    assert everything([path]) == made


def test_a_file_that_holds_something_else_is_not_touched(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8 a picture")
    with pytest.raises(RecordError, match=r"photo\.jpg: holds something else than records"):
        Recorder(path)
    assert path.read_bytes() == b"\xff\xd8 a picture"


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordError, match="is no file"):
        Recorder(tmp_path / "pipe")
    with pytest.raises(RecordError, match=r"not to Parquet"):
        Recorder(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"schema":2,"at":"2026-11-01T00:00:00Z","new":1}', "is of schema 2.*reads 1"),
        (b'{"path":"a"}', "is of schema none"),
        (b'{"schema":1,"path":"a","elapsed":0.1}', "records come of 'scan --record'"),
        (b"not JSON", "is no record"),
        (b"\xff\xfe", "is no record"),
        (b"[" * 100_000, "is no record|cut short"),
        (b'{"schema":1,"at":"2026-11-01T00:00:00","path":"a"}', "is no record: .*`\\$.at`"),
        (b'{"schema":1,"at":"2026-11-01T00:00:00Z","path":"a', "cut short"),
    ],
)
def test_what_is_no_record_is_told(line, told):
    with pytest.raises(RecordError, match=told):
        read_record(line)


@pytest.mark.parametrize("where", ["match", "unknown", "skipped", "reason", "review"])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_category_of_somebody_elses_is_no_record(tmp_path, where, form):
    wrong = "somebody.known"
    unknown = Unknown(stage="detectors", cause="crashed", detail="x", categories=(wrong,))
    skipped = Skipped(detector="d", version="1", categories=(wrong,), because="x")
    met = Match(bank="b", entry="1", category=wrong, role="block", kind="pdq", distance=0)
    seen = {
        "match": Evidence(matches=(met,)),
        "unknown": Evidence(unknowns=(unknown,)),
        "skipped": Evidence(skipped=(skipped,)),
    }.get(where, Evidence())
    made = record(seen, review=Review(truth={wrong: True}) if where == "review" else None)
    if where == "reason":
        reason = msgspec.convert(
            {"rule": "r", "action": "hold", "ground": "guard", "index": 0, "category": wrong}
            | {"bounds": [], "text": "x"},
            Reason,
        )
        made = msgspec.structs.replace(
            made, decision=msgspec.structs.replace(made.decision, reasons=(reason,))
        )
    path = tmp_path / f"a.{form}"
    if form == "jsonl":
        path.write_bytes(msgspec.json.encode(made) + b"\n")
    else:
        parquet.pack([made], path)
    (lost,) = everything([path])
    assert str(lost) == "is no record: 'somebody.known' is no category of ours"


def test_pieces_of_any_size_hold_each_line_once(tmp_path, monkeypatch):
    path, made = tmp_path / "a.jsonl", records(5)
    write(path, made)
    text = path.read_bytes().replace(b"\n", b"\nrubbish\n\n", 1)
    path.write_bytes(text)
    monkeypatch.setattr(recording, "LONGEST", 10_000)
    expected = [made[0], None, *made[1:]]
    for size in (1, 7, 500, 1999, len(text) - 1, len(text), 10**6):
        found = everything([path], size)
        assert [one if isinstance(one, Record) else None for one in found] == expected


def test_a_line_without_end_costs_bounded_memory_and_one_record(tmp_path, monkeypatch):
    import tidegate.pipeline.records as reading

    path, made = tmp_path / "a.jsonl", records(2)
    monkeypatch.setattr(recording, "LONGEST", 10_000)
    monkeypatch.setattr(reading, "LONGEST", 10_000)
    lines = [msgspec.json.encode(one) for one in made]
    path.write_bytes(b"\n".join([lines[0], b"[" + b" " * 3_000_000, lines[1]]))
    for size in (5000, 10**7):
        first, lost, last = everything([path], size)
        assert [first, last] == made
        assert "longer than 10,000 bytes" in str(lost)


def test_places_lead_back_to_their_records(tmp_path):
    made = records(30)
    write(tmp_path / "a.jsonl", made)
    parquet.pack(made, tmp_path / "b.parquet")
    for piece in pieces(find_files([tmp_path]), 3000):
        told = {one.place: one.record for one in read(piece)}
        wanted = sorted(told)[::3]
        assert {one.place: one.record for one in read_places(piece, wanted)} == {
            place: told[place] for place in wanted
        }


def test_what_is_appended_after_the_file_was_measured_is_left_alone(tmp_path):
    path, made = tmp_path / "a.jsonl", records(4)
    write(path, made[:2])
    files = find_files([path])
    with path.open("ab") as file:
        file.write(msgspec.json.encode(made[2])[:100])
    assert [one.record for piece in pieces(files) for one in read(piece)] == made[:2]


def test_folders_are_searched_and_no_file_is_read_twice(tmp_path):
    (tmp_path / "deep").mkdir()
    made = records(3)
    write(tmp_path / "b.jsonl", made[:1])
    write(tmp_path / "deep" / "a.jsonl", made[1:])
    (tmp_path / "notes.txt").write_text("no records")
    assert everything([tmp_path, tmp_path / "b.jsonl"]) == made
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=r"empty: has no \*\.jsonl"):
        find_files([tmp_path / "empty"])
    with pytest.raises(RecordError, match=r"gone: cannot be read: No such file"):
        find_files([tmp_path / "gone"])


def test_parquet_holds_the_same_records_and_columns_to_ask(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    monkeypatch.setattr(parquet, "ROWS", 8)
    made = records(20)
    assert parquet.pack(made, tmp_path / "a.parquet") == 20
    assert everything([tmp_path / "a.parquet"]) == made
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column("action").to_pylist() == [one.decision.action for one in made]
    assert table.column("at")[0].as_py() - made[0].at == timedelta(0)
    assert json.loads(table.column("evidence")[0].as_py())["sha256"] == made[0].evidence.sha256
    assert list(tmp_path.iterdir()) == [tmp_path / "a.parquet"]


def test_parquet_that_is_damaged_or_of_others_is_told(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(RecordError, match=r"a\.parquet: holds no records: there is no column 'at'"):
        find_files([path])
    parquet.pack(records(50), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(RecordError, match=r"a\.parquet: is damaged"):
        find_files([path])
    path.write_bytes(whole[:2000] + b"\0" * 3000 + whole[5000:])
    *_, lost = everything([path])
    assert isinstance(lost, RecordError)
    assert "row group 0 is damaged" in str(lost)
    assert lost.records + len(everything([path])) - 1 == 50


def test_parquet_of_another_version_is_told(tmp_path):
    import pyarrow.parquet as pq

    parquet.pack(records(1), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table.replace_schema_metadata({"tidegate_record": "9"}), tmp_path / "a.parquet")
    with pytest.raises(RecordError, match="is of schema 9, and this version of Tidegate reads 1"):
        find_files([tmp_path / "a.parquet"])


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    parquet.pack(records(1), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RecordError, match=r"pip install 'tidegate\[parquet\]'"):
        find_files([tmp_path / "a.parquet"])


def test_records_are_not_appended_to_what_a_scan_has_told(tmp_path):
    file = tmp_path / "told.jsonl"
    file.write_bytes(b'{"schema":1,"path":"a.jpg","evidence":{}}\n')
    with pytest.raises(RecordError, match="holds something else than records"):
        Recorder(file)
