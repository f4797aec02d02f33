"""Journals of banks: what fails leaves nothing, and what is much moves to segments by itself."""

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.matching.test_bankfolder import (
    BANK,
    asked,
    hashes,
    hurried,
    picture,
    pictures,
    segment_of,
)
from tidegate.matching import BankError, BankFolder, Matcher, journal, verify
from tidegate.matching import bankfolder as module
from tidegate.matching.bank import content

__all__ = ["hurried"]


@pytest.fixture
def folder(tmp_path: Path) -> BankFolder:
    return BankFolder.create(tmp_path / "a.bank", BANK)


def ids(folder: BankFolder) -> list[str]:
    return [entry.id for entry in folder.entries()]


def test_a_change_of_many_is_all_or_nothing(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(pictures(50))
    monkeypatch.setattr(module, "BATCH", 20)
    real, calls = journal.append, []

    def full(*rest: Any) -> None:
        calls.append(rest)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        real(*rest)

    monkeypatch.setattr(journal, "append", full)
    folder.change([f"p0-{n}" for n in range(50)], "disabled")
    assert {entry.state for entry in folder.entries()} == {"disabled"}
    with pytest.raises(OSError, match="No space"):
        folder.change([f"p0-{n}" for n in range(50)], "active")
    assert {entry.state for entry in folder.entries()} == {"disabled"}


def test_a_change_that_is_too_large_for_a_line_is_refused(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(pictures(30))
    monkeypatch.setattr(journal, "LONGEST_LINE", 1000)
    with pytest.raises(BankError, match="1000 bytes at most"):
        folder.change([f"p0-{n}" for n in range(30)], "withdrawn")
    monkeypatch.undo()
    assert {entry.state for entry in folder.entries()} == {"active"}


def test_a_reader_forgets_what_could_not_be_written_for_good(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = BankFolder(folder.path)
    folder.add(pictures(1))
    seen: list[list[str]] = []

    def failing(descriptor: int) -> None:
        seen.append(ids(reader))
        raise OSError(5, "Input/output error")

    for n, size in enumerate((10, 300)):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(OSError, match="Input"):
                folder.add([picture(f"lost{n}", hashes(1, seed=10 + n)[0], note="x" * size)])
        # In its place comes a line as long, and one that is longer.
        folder.add([picture(f"kept{n}", hashes(1, seed=20 + n)[0], note="y" * 10 * (1 + 50 * n))])
        assert ids(reader) == ids(folder) == ids(BankFolder(folder.path))
    assert ids(reader) == ["p0-0", "kept0", "kept1"]
    assert seen == [["p0-0", "lost0"], ["p0-0", "kept0", "lost1"]]


def test_nothing_is_written_after_an_error(folder: BankFolder) -> None:
    folder.add(pictures(1))
    (path,) = (folder.path / "journal").iterdir()
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
        for size in (300, 100_000):
            with pytest.raises(OSError, match="too large"):
                folder.add([picture("x", hashes(1, seed=1)[0], note="x" * size)])
            assert path.read_bytes() == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    folder.add(pictures(2))
    assert ids(folder) == ["p0-0", "p0-1"]


def test_who_reads_does_not_wait_for_who_waits_to_write(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(pictures(1))
    waiting, go = threading.Event(), threading.Event()

    def lock(*rest: Any) -> None:
        waiting.set()
        go.wait(60)

    monkeypatch.setattr(module.fcntl, "flock", lock)
    with ThreadPoolExecutor(2) as pool:
        writer = pool.submit(folder.add, pictures(2))
        try:
            assert waiting.wait(60)
            assert pool.submit(folder.shelves).result(timeout=20)[-1].entries == 1
        finally:
            go.set()
        assert len(writer.result(timeout=60)) == 1


def test_long_journals_move_to_segments_by_themselves(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_JOURNAL", 8)
    reader = Matcher([BankFolder(folder.path)])
    rows = hashes(200)
    for n, row in enumerate(rows):
        folder.add([picture(str(n + 1), row)])
        if n % 10 == 0:
            folder.change([str(n + 1)], "disabled")
        if n % 20 == 19:
            # Long in a segment by now, which is not written anew for it.
            folder.change([str(n // 2)], "disabled")
        assert folder.view().recent.entries <= 8
        assert len(folder.view().segments) <= 6
    off = {str(n + 1) for n in range(0, 200, 10)} | {str(n // 2) for n in range(19, 200, 20)}
    assert {e.id for e in folder.entries() if e.state == "disabled"} == off
    assert len(folder) == 200
    for n in (0, 1, 8, 9, 198, 199):
        met = [m.entry for m in asked(reader, rows[n])]
        assert met == ([] if str(n + 1) in off else [str(n + 1)])
    assert list(verify(folder)) == []
    assert len(list((folder.path / "journal").iterdir())) == 1


def test_an_addition_does_not_wait_for_who_writes_a_segment(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_JOURNAL", 2)
    with module._alone(folder.path / "segments"):
        for n in range(5):
            folder.add(pictures(n + 1))
    assert folder.view().recent.entries == 5
    folder.add(pictures(6))
    assert [shelf.entries for shelf in folder.view().shelves] == [5, 1]


def test_a_change_of_what_is_not_in_force_yet_waits_for_it(
    folder: BankFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = BankFolder(folder.path)
    real = module._manifest

    def late(path: Path) -> Any:
        found = real(path)
        monkeypatch.setattr(module, "_manifest", real)
        # Between the reading of bank.json and of the journal.
        segment_of(folder, pictures(2), tmp_path / "list")
        folder.change(["p0-1"], "withdrawn")
        return found

    folder.add(pictures(1, seed=1))
    folder.merge()
    monkeypatch.setattr(module, "_manifest", late)
    reader.refresh()
    assert {e.id: e.state for e in reader.entries()} == {
        "p1-0": "active",
        "p0-0": "active",
        "p0-1": "withdrawn",
    }


def test_ids_at_the_end_of_the_numbers_stay_unique_and_can_be_withdrawn(
    folder: BankFolder, tmp_path: Path
) -> None:
    last = "9" * 18
    rows = hashes(12)
    for row in rows[:3]:
        folder.add([picture(last, row)])
    assert ids(folder) == [last, "1", "2"]
    lines = [
        f"{row.tobytes().hex()},{n}" for row, n in zip(rows[3:], [last, 5, 5, 5], strict=False)
    ]
    (tmp_path / "list").write_text("\n".join(["pdq,id", *lines]))
    assert folder.add_lists([tmp_path / "list"]) == 4
    assert sorted(ids(folder)) == sorted([last, "1", "2", "5", "3", "4", "6"])
    assert folder.next_id() == "7"
    folder.add([picture("5", rows[8]), picture("5", rows[9])])
    assert folder.merge()
    folder.add([picture("8", rows[10]), picture("8", rows[11])])
    assert sorted(ids(folder)) == sorted([last, *map(str, range(1, 11))])
    folder.change(ids(folder), "withdrawn")
    assert {entry.state for entry in folder.entries()} == {"withdrawn"}
    assert list(verify(folder)) == []


def test_ids_with_the_same_label_count_as_the_same(
    folder: BankFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Same:
        def __init__(self, *rest: Any, **more: Any) -> None:
            pass

        def digest(self) -> bytes:
            return b"\7" * 8

    monkeypatch.setattr("tidegate.matching.columns.blake2b", Same)
    rows = hashes(5)
    folder.add([picture("a", rows[0]), picture("b", rows[1])])
    folder.add([picture("c", rows[2])])
    segment_of(folder, [picture("d", rows[3]), picture("e", rows[4])], tmp_path / "list")
    assert sorted(ids(folder)) == ["1", "2", "3", "4", "a"]
    folder.merge()
    folder.change(ids(folder), "disabled")
    assert {entry.state for entry in folder.entries()} == {"disabled"}
    assert list(verify(folder)) == []


def test_a_segment_that_cannot_be_opened_is_not_put_in_force(
    folder: BankFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment_of(folder, pictures(3), tmp_path / "list")
    folder.add(pictures(2, seed=1))
    before = list(folder.entries())

    def refused(path: Path, *rest: Any, **more: Any) -> None:
        raise BankError(f"{path}: damaged")

    with monkeypatch.context() as patch:
        patch.setattr(module, "Table", refused)
        with pytest.raises(BankError, match="damaged"):
            folder.merge()
        with pytest.raises(BankError, match="damaged"):
            segment_of(folder, pictures(9), tmp_path / "list")
    assert list(BankFolder(folder.path).entries()) == before
    assert folder.merge()
    assert list(folder.entries()) == before


def test_an_addition_that_becomes_a_segment_says_what_is_there(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_CHANGE", 500)
    other = BankFolder(folder.path)
    real = module.Spool.write

    def late(spool: Any, *rest: Any) -> int:
        monkeypatch.setattr(module.Spool, "write", real)
        written = real(spool, *rest)
        other.add([pictures(1)[0], picture("p0-1", hashes(1, seed=5)[0])])
        return written

    monkeypatch.setattr(module.Spool, "write", late)
    added = folder.add(pictures(20))
    assert len(added) == 19
    for entry in added:
        assert folder.entry(entry.id) == entry
    assert {content(e) for e in added} == {content(e) for e in pictures(20)[1:]}
    assert {e.id for e in added} == {*(f"p0-{n}" for n in range(2, 20)), "1"}


def test_new_files_are_as_private_as_the_bank(folder: BankFolder, tmp_path: Path) -> None:
    (folder.path / "bank.json").chmod(0o600)
    folder.add(pictures(3))
    folder.merge()
    segment_of(folder, pictures(3, seed=1), tmp_path / "list")
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_segment_of_another_bank_is_refused(folder: BankFolder, tmp_path: Path) -> None:
    other = BankFolder.create(tmp_path / "other.bank", BANK)
    for each in (folder, other):
        segment_of(each, pictures(3), tmp_path / "list")
    (here,), (there,) = ((each.path / "segments").iterdir() for each in (folder, other))
    there.replace(here)
    with pytest.raises(BankError, match=rf"{here.name}: a segment of another bank"):
        BankFolder(folder.path)


def test_a_digest_is_looked_up_without_reading_those_that_begin_like_it(
    folder: BankFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = ["0a" * 8 + f"{n:048x}" for n in range(100)]
    (tmp_path / "list").write_text("".join(f"sha256 {digest}\n" for digest in digests))
    folder.add_lists([tmp_path / "list"])
    read: list[int] = []
    real = module.Table.entry

    def counted(table: module.Table, number: int) -> Any:
        read.append(number)
        return real(table, number)

    monkeypatch.setattr(module.Table, "entry", counted)
    shelf = folder.shelves()[0]
    assert shelf.holders("sha256", digests[7]) == [7]
    assert shelf.holders("sha256", "0a" * 32) == []
    assert read == [7]


def test_a_folder_read_at_once_and_by_threads_answers_the_same(
    folder: BankFolder, tmp_path: Path
) -> None:
    segment_of(folder, pictures(50), tmp_path / "list")
    other = BankFolder(folder.path, populate=True, threads=2)
    for row in np.concatenate((hashes(5), hashes(5, seed=1))):
        assert asked(Matcher([other]), row) == asked(Matcher([folder]), row)
