"""What a bank says of its size, and that damage is found and named."""

from pathlib import Path
from typing import Any

import pytest

from tests.matching.test_bankfolder import BANK, damaged, hashes, hurried, picture, pictures
from tidegate.matching import (
    Bank,
    BankError,
    BankFolder,
    Entry,
    Frame,
    bankcheck,
    journal,
    save_bank,
    stats,
    verify,
)

__all__ = ["hurried"]


@pytest.fixture
def folder(tmp_path: Path) -> BankFolder:
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    rows = hashes(60)
    lines = [row.tobytes().hex() for row in rows[:50]]
    (tmp_path / "list").write_text("\n".join([*lines, lines[0], f"md5 {'0a' * 16}"]))
    folder.add_lists([tmp_path / "list"])
    film = tuple(Frame(row.tobytes().hex(), n / 2, 20 + 40 * (n % 2)) for n, row in enumerate(rows))
    folder.add(
        [
            Entry(id="film", kind="video", pdq=film, note="a film", sha256=("0b" * 32,)),
            picture("soon", hashes(1, 8)[0], state="disabled", disabled_until="2999-01-01T00:00Z"),
            picture("again", hashes(1, 9)[0], state="disabled", disabled_until="1999-01-01T00:00Z"),
        ]
    )
    folder.change(["1", "2"], "withdrawn")
    folder.change(["3"], "disabled")
    return folder


@pytest.mark.parametrize("merged", [False, True])
def test_stats_count(folder: BankFolder, merged: bool) -> None:
    if merged:
        folder.merge()
    found = stats(folder, folder.path)
    assert found.entries == 54
    assert found.states == {"active": 50, "disabled": 1, "disabled until": 1, "withdrawn": 2}
    assert found.kinds == {"image": 53, "video": 1}
    assert found.flat_hashes == 30
    assert found.hashes == 82 - 2 * merged
    assert found.flat_share == round(30 / (found.hashes + 30), 4)
    assert found.bytes == sum(f.stat().st_size for f in folder.path.rglob("*") if f.is_file())
    assert found.journal_entries == (0 if merged else 3)
    (segment,) = found.segments
    assert (segment.entries, segment.hashes) == ((54, 80) if merged else (51, 50))
    assert segment.distinct_hashes == (56 if merged else 50)


def test_stats_of_a_file_are_those_of_a_folder(folder: BankFolder, tmp_path: Path) -> None:
    bank = Bank(name="bank", entries=tuple(folder.entries()))
    save_bank(bank, tmp_path / "file")
    one, other = stats(bank, tmp_path / "file"), stats(folder, folder.path)
    for name in ("entries", "kinds", "flat_hashes", "states"):
        assert getattr(one, name) == getattr(other, name)


def test_a_whole_folder_is_whole(folder: BankFolder) -> None:
    assert list(verify(folder)) == []
    folder.merge()
    folder.add(pictures(3, seed=7))
    assert list(verify(folder)) == []


def test_every_damaged_byte_of_a_segment_is_found(folder: BankFolder) -> None:
    folder.merge()
    (segment,) = (folder.path / "segments").iterdir()
    table = folder.view().segments[0].table
    whole = segment.read_bytes()
    for name in ("index.hashes", "entries.blob", "entries.label", "entries.content.key"):
        data = bytes(table.segment.section(name))
        place = whole.index(data) + len(data) // 2
        other = segment.with_name("other")
        other.write_bytes(whole)
        damaged(other, place)
        other.replace(segment)
        problems = list(verify(BankFolder(folder.path)))
        assert problems
        assert str(segment) in problems[0]
        assert name in problems[0]


def test_a_table_that_is_wrong_though_its_checksums_are_right_is_found(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.merge()
    table = folder.view().segments[0].table
    columns = table.columns
    table.columns = columns._replace(label=columns.label[::-1].copy())
    assert any("ids" in problem for problem in verify(folder))
    table.columns = columns._replace(hash_of=lambda rows: columns.hash_of((rows + 1) % 80))
    assert any("content" in problem for problem in verify(folder))
    table.columns = columns
    real = table.segment.search
    monkeypatch.setattr(table.segment, "search", lambda *rest, **more: type(real(*rest))(
        *(column[1:] for column in real(*rest))))  # fmt: skip
    assert any("comparison" in problem for problem in verify(folder))


def test_a_damaged_journal_is_found(folder: BankFolder) -> None:
    (journal,) = (folder.path / "journal").iterdir()
    damaged(journal, journal.stat().st_size - 20)
    (problem,) = verify(folder)
    assert str(journal) in problem
    with pytest.raises(BankError, match=journal.name):
        BankFolder(folder.path)


def test_entries_that_could_not_be_found_by_their_ids_are_told(folder: BankFolder) -> None:
    table = folder.view().segments[0].table
    columns = table.columns
    label = columns.label.copy()
    # In order and each once, and yet no number that an id is looked up by.
    for last in (10**18, 2**63 + 5):
        label[-1] = last
        table.columns = columns._replace(label=label)
        assert any("not found by its id" in problem for problem in verify(folder))


def test_digests_that_are_not_found_are_told(folder: BankFolder) -> None:
    table = folder.view().segments[0].table
    lookup = table.digests["md5"]
    table.digests["md5"] = lookup._replace(key=lookup.key + 1)
    assert any("not found by its md5" in problem for problem in verify(folder))


def test_tables_that_point_to_nothing_are_told(folder: BankFolder, tmp_path: Path) -> None:
    (tmp_path / "table").write_text(f"pdq,id\n{'0c' * 32},b\n{'0d' * 32},a\n{'0e' * 32},4\n")
    folder.add_lists([tmp_path / "table"])
    table = folder.view().segments[1].table
    table._order = table._order + 9
    (problem,) = verify(folder)
    assert problem == f"{table.path}: its tables point to what is not there"


def test_a_merge_meanwhile_is_no_damage(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = BankFolder(folder.path)
    real = journal.read

    def late(*rest: Any) -> Any:
        monkeypatch.setattr(journal, "read", real)
        other.merge()
        return real(*rest)

    folder.refresh()
    monkeypatch.setattr(journal, "read", late)
    assert list(verify(folder)) == []
    (segment,) = (folder.path / "segments").iterdir()
    whole = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: whole(path) or path.name == "gone.tgs")
    (folder.path / "segments" / "gone.tgs").symlink_to("nowhere")
    assert stats(folder, folder.path).segments[0].file == segment.name


def test_a_merge_is_due_where_much_is_to_be_merged(
    folder: BankFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stats(folder, folder.path)
    assert (found.journal_entries, found.journal_changes, found.merge_due) == (3, 3, False)
    monkeypatch.setattr(bankcheck, "LONG_JOURNAL", 3)
    assert stats(folder, folder.path).merge_due
    folder.merge()
    assert not stats(folder, folder.path).merge_due
    monkeypatch.setattr(bankcheck, "MANY_SEGMENTS", 0)
    assert stats(folder, folder.path).merge_due
