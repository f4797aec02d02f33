"""Banks in folders, held against banks in memory: the same answers, whatever happened to them."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.matching.test_bankfile import entries as any_entry
from tidegate.evidence import Match
from tidegate.matching import (
    Bank,
    BankError,
    BankFolder,
    Entry,
    Frame,
    Matcher,
    journal,
    merge,
    verify,
)
from tidegate.matching import bankfolder as module
from tidegate.matching.bank import content
from tidegate.matching.keys import Keys

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BANK = Bank(name="bank", category="ncii.known_material")


@pytest.fixture(autouse=True, scope="module")
def hurried() -> Iterator[None]:
    """What these tests crash are processes, not machines: nothing has to reach the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def hashes(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def near(row: NDArray[np.uint8], bits: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    mask = np.zeros(256, np.uint8)
    mask[rng.permutation(256)[:bits]] = 1
    return row ^ np.packbits(mask)


def picture(entry_id: str, row: NDArray[np.uint8], **fields: Any) -> Entry:
    return Entry(**{"id": entry_id, "pdq": (Frame(row.tobytes().hex(), 0.0, 100),), **fields})


def pictures(count: int, seed: int = 0) -> list[Entry]:
    return [picture(f"p{seed}-{n}", row) for n, row in enumerate(hashes(count, seed))]


def asked(matcher: Matcher, row: NDArray[np.uint8], digests: tuple[str, str] = ("", "")) -> Any:
    session = matcher.session()
    session.exact(*digests)
    session.add(0.0, np.stack([row, *hashes(7, seed=99)]), 100)
    return session.finish("image", 0.0)


def normal(entry: Entry) -> Entry:
    """The entry with the end of its rest as the folder writes it."""
    until = entry.disabled_until
    if entry.state != "disabled" or until is None:
        return msgspec.structs.replace(entry, disabled_until=None)
    until = datetime.fromisoformat(until).astimezone(UTC).isoformat()
    return msgspec.structs.replace(entry, disabled_until=until)


def segment_of(folder: BankFolder, entries: list[Entry], path: Path) -> None:
    """Add entries as a list, so that they become a segment."""
    lines = [{"tidegate_bank": 1, "name": "l", "category": BANK.category, "role": "block",
              "max_distance": 31}, *entries]  # fmt: skip
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    folder.add_lists([path])


@given(
    entries=st.lists(any_entry, max_size=6, unique_by=lambda e: e.id),
    merges=st.booleans(),
    listed=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_entries_come_back_as_they_were_added(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], merges: bool, listed: bool
) -> None:
    path = tmp_path_factory.mktemp("folder")
    folder = BankFolder.create(path / "a.bank", BANK)
    if listed and entries:
        segment_of(folder, entries, path / "list")
    else:
        folder.add(entries)
    if merges:
        folder.merge()
    expected = merge(BANK, entries).entries
    for opened in (folder, BankFolder(path / "a.bank")):
        assert list(opened.entries()) == [normal(entry) for entry in expected]
        for entry in expected:
            assert opened.entry(entry.id) == normal(entry)
        assert opened.entry("none of them") is None
        assert len(opened) == len(expected)


def as_found(matches: tuple[Match, ...]) -> list[Match]:
    return sorted(matches, key=lambda m: (m.entry, m.kind, m.distance))


def test_a_folder_answers_as_a_bank_in_memory_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = hashes(400, seed=5)
    film = tuple(
        Frame(row.tobytes().hex(), n / 8, 40 + n % 3 * 20) for n, row in enumerate(rows[:60])
    )
    listed = [
        *(picture(str(n), row) for n, row in enumerate(rows[60:200])),
        Entry(id="film", kind="video", pdq=film, duration=8.0, note="a film"),
        *(picture(f"near-{bits}", near(rows[300], bits, rng)) for bits in range(41)),
        picture("away", rows[301], state="withdrawn"),
        picture("off", rows[302], state="disabled"),
        picture("back", rows[303], state="disabled", disabled_until="2029-12-31T00:00:00Z"),
        picture("later", rows[304], state="disabled", disabled_until="2030-01-02T00:00:00Z"),
        Entry(id="digests", sha256=("0a" * 32,), md5=("0b" * 16,), category="violence.gore"),
    ]
    added = [picture(f"new-{bits}", near(rows[300], bits, rng)) for bits in (3, 30, 32)]
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    segment_of(folder, listed, tmp_path / "list")
    folder.add(added)
    memory = Matcher([msgspec.structs.replace(BANK, entries=(*listed, *added))], now=NOW)
    on_disk = Matcher([folder], now=NOW)
    for _ in range(2):
        for row in rows[[0, 1, 2, 59, 60, 199, 300, 301, 302, 303, 304, 305]]:
            assert asked(on_disk, row) == asked(memory, row)
        for digests in (("0a" * 32, ""), ("", "0b" * 16), ("0c" * 32, "0c" * 16)):
            assert asked(on_disk, rows[305], digests) == asked(memory, rows[305], digests)
        for kind in ("video", "animation"):
            sessions = on_disk.session(), memory.session()
            for second in range(20):
                turned = np.stack([near(rows[8 * (second // 3)], second, rng), *rows[200:207]])
                for session in sessions:
                    session.add(float(second), turned, 100)
            assert sessions[0].finish(kind, 20.0) == sessions[1].finish(kind, 20.0)
        assert on_disk.categories == memory.categories
        assert folder.merge() or not folder.view().recent.entries


def test_changes_are_seen_at_once_by_who_has_the_folder_open(tmp_path: Path) -> None:
    rows = hashes(4)
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    segment_of(folder, [picture("old", rows[0]), picture("other", rows[1])], tmp_path / "list")
    folder.add([picture("new", near(rows[0], 1, np.random.default_rng(0)))])
    reader = Matcher([BankFolder(tmp_path / "a.bank")])

    def found() -> list[str]:
        return [m.entry for m in asked(reader, rows[0])]

    before = reader.session()
    assert found() == ["old", "new"]
    folder.change(["old", "new"], "disabled")
    assert found() == []
    # A session keeps what it began with.
    before.add(0.0, np.repeat(rows[:1], 8, axis=0), 100)
    assert {m.entry for m in before.finish("image", 0.0)} == {"new", "old"}
    folder.change(["old"], "active")
    assert found() == ["old"]
    soon = datetime.now(UTC) + timedelta(hours=1)
    folder.change(["old", "new"], "disabled", disabled_until=soon.isoformat())
    assert found() == []
    # Time passes: it is active again, and nobody wrote anything.
    later = Matcher([folder], now=soon)
    assert [m.entry for m in asked(later, rows[0])] == ["old", "new"]
    folder.change(["old"], "withdrawn")
    folder.merge()
    assert found() == []
    assert [m.entry for m in asked(later, rows[0])] == ["new"]
    with pytest.raises(BankError, match="for good"):
        folder.change(["old"], "active")
    with pytest.raises(BankError, match="no entry 'x'"):
        folder.change(["other", "x"], "withdrawn")
    assert folder.entry("other") == picture("other", rows[1])


def test_what_was_withdrawn_is_kept_for_the_record_and_does_not_come_back(tmp_path: Path) -> None:
    (row,) = hashes(1)
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    plain = tmp_path / "list.txt"
    plain.write_text(row.tobytes().hex() + "\n")
    assert folder.add_lists([plain]) == 1
    folder.change(["1"], "withdrawn")
    assert folder.merge()
    assert folder.view().segments[0].rows == 0
    entry = folder.entry("1")
    assert entry is not None
    assert (entry.state, entry.pdq[0].pdq) == ("withdrawn", row.tobytes().hex())
    assert folder.add_lists([plain]) == 0
    assert folder.add([picture("again", row)]) == ()
    assert not folder.merge()


def test_what_is_held_is_left_out_and_ids_that_are_taken_replaced(tmp_path: Path) -> None:
    rows = hashes(9)
    text = [row.tobytes().hex() for row in rows]
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(f"{text[0]}\n{text[1]}\n{text[0].upper()}\nmd5 {'0a' * 16}\n")
    second.write_text(f"{text[2]}\n{text[1]}\nmd5 {'0A' * 16}\n{text[3]}\n{text[4]}\n{text[8]}\n")
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    assert folder.add_lists([first]) == 3
    folder.add([picture("4", rows[3]), picture("x", rows[5])])
    assert [e.id for e in folder.entries()] == ["1", "2", "4", "5", "x"]
    assert folder.add_lists([second]) == 3
    ids = {e.pdq[0].pdq: e.id for e in folder.entries() if e.pdq}
    assert ids == {text[0]: "1", text[1]: "2", text[3]: "5", text[5]: "x", text[2]: "7",
                   text[4]: "8", text[8]: "6"}  # fmt: skip
    assert folder.add([picture("n", rows[2]), picture("1", rows[6]), picture("1", rows[7])]) == (
        picture("9", rows[6]),
        picture("10", rows[7]),
    )


def test_two_keys_may_be_the_same_and_their_contents_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("of", "single", "digests"):
        monkeypatch.setattr(Keys, name, lambda *a: np.full(len(a[-1]), 7, np.uint64))
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    entries = [*pictures(3), Entry(id="m", md5=("0a" * 16,)), *pictures(3)]
    lines = "".join(f"{e.pdq[0].pdq if e.pdq else e.md5[0]}\n" for e in entries)
    (tmp_path / "list").write_text(lines)
    assert folder.add_lists([tmp_path / "list"]) == 4
    assert folder.add_lists([tmp_path / "list"]) == 0
    assert folder.add(entries) == ()
    assert len(folder.add(pictures(5))) == 2


def test_large_additions_become_a_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_CHANGE", 500)
    monkeypatch.setattr(journal, "LONGEST_LINE", 1000)
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    folder.add(pictures(2))
    added = folder.add(pictures(20))
    assert len(added) == 18
    assert [shelf.entries for shelf in folder.view().shelves] == [18, 2]
    assert {e.id for e in folder.entries()} == {e.id for e in pictures(20)}


def test_somebody_adds_while_a_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = hashes(3)
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    other = BankFolder(tmp_path / "a.bank")
    (tmp_path / "list").write_text("".join(f"{row.tobytes().hex()}\n" for row in rows))
    real = module.Spool.write
    waiting = [True]

    def late(spool: Any, *rest: Any) -> int:
        written = real(spool, *rest)
        if waiting.pop():
            waiting.append(False)
            other.add([picture("1", rows[1]), picture("held", hashes(1, seed=4)[0])])
        return written

    monkeypatch.setattr(module.Spool, "write", late)
    assert folder.add_lists([tmp_path / "list"]) == 2
    held = {e.id: content(e) for e in folder.entries()}
    assert len(held) == len(set(held.values())) == 4
    assert held["1"] == content(picture("1", rows[1]))


def test_a_torn_line_is_passed_over_and_cut_off(tmp_path: Path) -> None:
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    first, second, third = pictures(3)
    folder.add([first])
    folder.add([second])
    (journal,) = (tmp_path / "a.bank" / "journal").iterdir()
    whole = journal.read_bytes()
    for end in range(len(whole) - 1, whole.index(b"\n"), -7):
        journal.write_bytes(whole[:end])
        assert list(BankFolder(tmp_path / "a.bank").entries()) == [first]
    again = BankFolder(tmp_path / "a.bank")
    again.add([third])
    assert (
        list(again.entries()) == list(BankFolder(tmp_path / "a.bank").entries()) == [first, third]
    )


def test_an_addition_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    folder.add(pictures(1))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            folder.add(pictures(2))
        with pytest.raises(OSError, match="No space"):
            folder.merge()
    assert list(BankFolder(tmp_path / "a.bank").entries()) == pictures(1)
    folder.add(pictures(2))
    assert folder.merge()
    assert list(folder.entries()) == pictures(2)


def damaged(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.bank"
    folder = BankFolder.create(path, BANK)
    segment_of(folder, pictures(50), tmp_path / "list")
    folder.add(pictures(2, seed=1))
    folder.add(pictures(1, seed=2))
    (segment,) = (path / "segments").iterdir()
    (journal,) = (path / "journal").iterdir()
    for file, change in (
        (journal, lambda: damaged(journal, 60)),
        (path / "bank.json", lambda: damaged(path / "bank.json", 3)),
        (path / "bank.json", lambda: (path / "bank.json").write_text("{}")),
        (segment, lambda: damaged(segment, 20)),
        (segment, lambda: segment.write_bytes(b"")),
        (segment, segment.unlink),
        (journal, journal.unlink),
    ):
        whole = file.read_bytes()
        change()
        with pytest.raises(BankError, match=file.name):
            BankFolder(path)
        file.unlink(missing_ok=True)
        file.write_bytes(whole)
    assert len(BankFolder(path)) == 53
    with pytest.raises(BankError, match=r"no bank: it holds no bank\.json"):
        BankFolder(tmp_path)


@pytest.mark.parametrize(
    "section",
    [
        *("index.plan", "index.hashes", "entries.label", "entries.first", "entries.offset"),
        *("entries.blob", "entries.resting", "entries.meta", "entries.order"),
        *("entries.content.key", "entries.content.number", "entries.sha256.key"),
        *("entries.sha256.number", "entries.md5.key", "entries.md5.number"),
    ],
)
def test_damaged_entries_never_crash_what_is_asked(tmp_path: Path, section: str) -> None:
    """Even while nobody asks for the checksums: there is an answer, or an error with the file."""
    path = tmp_path / "a.bank"
    folder = BankFolder.create(path, BANK)
    entries = [
        *pictures(3),
        Entry(id="film", kind="video", pdq=tuple(
            Frame(row.tobytes().hex(), n / 2, 100) for n, row in enumerate(hashes(5, 3))
        )),
        picture("off", hashes(1, 4)[0], state="disabled", sha256=("0a" * 32,), md5=("0b" * 16,)),
    ]  # fmt: skip
    segment_of(folder, entries, tmp_path / "list")
    (segment,) = (path / "segments").iterdir()
    view = folder.view().segments[0].table.segment.section(section)
    content_of = bytes(view)
    whole = segment.read_bytes()
    place = whole.index(content_of)
    rng = random.Random(1)
    for _ in range(100):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            changed[place + rng.randrange(len(content_of))] = rng.randrange(256)
        other = tmp_path / "new"
        other.write_bytes(changed)
        other.replace(segment)
        try:
            opened = BankFolder(path)
            matcher = Matcher([opened])
            for entry in entries:
                row = np.frombuffer(bytes.fromhex(entry.pdq[0].pdq), np.uint8)
                asked(matcher, row, ("0a" * 32, "0b" * 16))
            list(opened.entries())
            opened.entry("film")
            opened.view().new_ones([*entries, *pictures(1, seed=5), picture("film", row)])
        except BankError as error:
            assert segment.name in str(error)  # noqa: PT017


STEPS = ("begin", "first manifest", "segment", "before the swap", "after the swap", "clear")

CRASH = """
import os, sys
from tidegate.matching import bankfolder as module
step, path = sys.argv[1:]
folder = module.BankFolder(path)
replace, begin, write = module._replace, module._begin, module.Spool.write
swaps = []
def crash():
    os._exit(9)
def replaced(*rest):
    swaps.append(1)
    if (step, len(swaps)) in (("first manifest", 1), ("before the swap", 2)):
        crash()
    replace(*rest)
    if step == "after the swap" and len(swaps) == 2:
        crash()
def begun(*rest):
    begin(*rest)
    if step == "begin":
        crash()
def written(*rest, **more):
    if step == "segment":
        (module.Path(path) / "segments" / ".000009.tgs.1.tmp").write_bytes(b"half a file")
        crash()
    return write(*rest, **more)
module._replace, module._begin, module.Spool.write = replaced, begun, written
if step == "clear":
    from pathlib import Path
    Path.unlink = lambda *rest, **more: crash()
folder.merge()
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_in_a_merge_loses_nothing(tmp_path: Path, step: str) -> None:
    path = tmp_path / "a.bank"
    folder = BankFolder.create(path, BANK)
    segment_of(folder, pictures(20), tmp_path / "list")
    segment_of(folder, pictures(20, seed=1), tmp_path / "list")
    folder.add(pictures(5, seed=2))
    folder.change(["p0-3", "p2-1"], "withdrawn")
    before = {entry.id: entry for entry in folder.entries()}
    crashed = subprocess.run([sys.executable, "-c", CRASH, step, path], timeout=60)
    assert crashed.returncode == 9
    for opened in (folder, BankFolder(path)):
        assert {entry.id: entry for entry in opened.entries()} == before
    folder.add(pictures(1, seed=3))
    folder.change(["p1-0"], "disabled")
    assert folder.merge()
    held = {entry.id: entry.state for entry in BankFolder(path).entries()}
    assert held == {
        **{entry_id: entry.state for entry_id, entry in before.items()},
        "p3-0": "active",
        "p1-0": "disabled",
    }
    manifest = json.loads((path / "bank.json").read_bytes())
    assert {f.name for f in (path / "segments").iterdir()} == {
        f"{n:06}.tgs" for n in manifest["segments"]
    }
    assert {f.name for f in (path / "journal").iterdir()} == {
        f"{n:06}.jsonl" for n in manifest["journals"]
    }


WORKER = """
import sys, time
import numpy as np
from tidegate.matching import BankFolder, Entry, Frame
task, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
folder = BankFolder(path)
rows = np.random.default_rng(ord(task[0])).integers(0, 256, (count, 32), np.uint8)
for n, row in enumerate(rows):
    if task == "merge":
        folder.merge()
    else:
        entry_id = f"{task}{n}"
        folder.add([Entry(id=entry_id, pdq=(Frame(row.tobytes().hex(), 0.0, 100),))])
        if n % 3 == 0:
            folder.change([entry_id], "withdrawn")
"""


def test_processes_that_add_withdraw_merge_and_ask_at_the_same_time(tmp_path: Path) -> None:
    path, count = tmp_path / "a.bank", 40
    folder = BankFolder.create(path, BANK)
    segment_of(folder, pictures(10), tmp_path / "list")
    matcher = Matcher([BankFolder(path)])
    running = [
        subprocess.Popen([sys.executable, "-c", WORKER, task, str(path), str(count)])
        for task in ("a", "b", "merge")
    ]
    rows = {
        task: np.random.default_rng(ord(task)).integers(0, 256, (count, 32), np.uint8)
        for task in "ab"
    }
    seen: set[str] = set()
    while any(process.poll() is None for process in running):
        for task in "ab":
            session = matcher.session()
            for n, row in enumerate(rows[task]):
                session.add(float(n), np.stack([row, *hashes(7, seed=98)]), 100)
            found = {m.entry for m in session.finish("video", float(count))}
            # What was seen once is there until it is withdrawn, in every later session.
            assert {e for e in seen if e[0] == task and int(e[1:]) % 3} <= found
            seen |= found
        time.sleep(0.01)
    assert [process.returncode for process in running] == [0, 0, 0]
    for task in "ab":
        for n, row in enumerate(rows[task]):
            expected = [] if n % 3 == 0 else [f"{task}{n}"]
            assert [m.entry for m in asked(matcher, row)] == expected
    assert len(folder) == 10 + 2 * count


plans = st.lists(
    st.tuples(
        st.sampled_from(
            ("add", "list", "withdraw", "disable", "enable", "until", "merge", "reopen")
        ),
        st.integers(0, 30),
    ),
    max_size=14,
)


@pytest.mark.parametrize("long", [2, module.LONG_JOURNAL])
@given(plan=plans)
@settings(max_examples=25, deadline=None)
def test_any_history_answers_as_its_oracle(
    tmp_path_factory: pytest.TempPathFactory, long: int, plan: list[tuple[str, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONG_JOURNAL", long)
        _live(tmp_path_factory, plan)


def _live(tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int]]) -> None:
    path = tmp_path_factory.mktemp("folder")
    folder = BankFolder.create(path / "a.bank", BANK)
    oracle: dict[str, Entry] = {}
    rng = np.random.default_rng(1)
    centre = hashes(1, seed=6)[0]
    new = [picture(f"e{n}", near(centre, n, rng)) for n in range(31)]
    states: dict[str, dict[str, Any]] = {
        "withdraw": {"state": "withdrawn"},
        "disable": {"state": "disabled"},
        "enable": {"state": "active"},
        "until": {"state": "disabled", "disabled_until": "2030-06-01T00:00:00+00:00"},
    }
    for action, n in plan:
        if action in ("add", "list"):
            some = [entry for entry in new[n : n + 3] if entry.id not in oracle]
            if action == "add":
                folder.add(new[n : n + 3])
            else:
                segment_of(folder, new[n : n + 3], path / "list")
            oracle.update((entry.id, entry) for entry in some)
        elif action == "merge":
            folder.merge()
        elif action == "reopen":
            folder = BankFolder(path / "a.bank")
        elif f"e{n}" in oracle:
            old = oracle[f"e{n}"]
            if old.state == "withdrawn" and action != "withdraw":
                continue
            changes = {"disabled_until": None, **states[action]}
            folder.change([old.id], **changes)
            oracle[old.id] = msgspec.structs.replace(old, **changes)
    assert {e.id: e for e in folder.entries()} == oracle
    assert list(verify(folder)) == []
    for now in (NOW, datetime(2030, 6, 1, tzinfo=UTC)):
        memory = Matcher([msgspec.structs.replace(BANK, entries=tuple(oracle.values()))], now=now)
        assert asked(Matcher([folder], now=now), centre) == asked(memory, centre)


def test_only_some_banks_are_asked(tmp_path: Path) -> None:
    (row,) = hashes(1)
    folder = BankFolder.create(
        tmp_path / "a.bank", Bank(name="folder", role="review", entries=(picture("1", row),))
    )
    banks = [folder, Bank(name="memory", role="allow", entries=(picture("2", row),))]

    def found(**chosen: Any) -> list[str]:
        return [m.bank for m in asked(Matcher(banks, **chosen), row)]

    assert found() == ["folder", "memory"]
    assert found(only_banks=["memory"]) == ["memory"]
    assert found(roles=["review", "block"]) == ["folder"]
    assert Matcher(banks, roles=["block"]).names == ()
    with pytest.raises(BankError, match="no bank other"):
        Matcher(banks, only_banks=["other"])


def test_a_bank_is_created_once(tmp_path: Path) -> None:
    BankFolder.create(tmp_path / "a.bank", BANK)
    with pytest.raises(BankError, match="already"):
        BankFolder.create(tmp_path / "a.bank", BANK)
