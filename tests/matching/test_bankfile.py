import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.matching import (
    Bank,
    BankError,
    Entry,
    Frame,
    bankfile,
    formats,
    import_file,
    load_bank,
    save_bank,
)
from tidegate.matching.bank import MOST_FRAMES
from tidegate.matching.bankfile import LONGEST_LINE

A, B, M = "0a" * 32, "0b" * 32, "0c" * 16


def digits(count: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=count // 2, max_size=count // 2).map(bytes.hex)


def tuples(of: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(of, min_size=1, max_size=3).map(tuple)


frames = st.lists(
    st.builds(
        Frame,
        digits(64),
        st.floats(0, 1e6, allow_nan=False),
        st.none() | st.integers(0, 100),
    ),
    max_size=4,
).map(lambda found: tuple(sorted(found, key=lambda frame: frame.second)))

entries = st.builds(
    Entry,
    id=st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20),
    kind=st.sampled_from(("image", "video")),
    sha256=tuples(digits(64)),
    md5=st.just(()) | tuples(digits(32)),
    pdq=frames,
    duration=st.floats(0, 1e6),
    category=st.none() | st.just("violence.gore"),
    note=st.text(),
    provenance=st.text(),
    state=st.sampled_from(("active", "disabled", "withdrawn")),
    disabled_until=st.none() | st.just("2031-01-01T00:00:00Z"),
)

banks = st.builds(
    Bank,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    category=st.sampled_from(("known.other", "ncii.known_material")),
    role=st.sampled_from(("block", "review", "allow")),
    max_distance=st.integers(0, 64),
    source=st.text(),
    legal_basis=st.text(),
    entries=st.lists(entries, max_size=4, unique_by=lambda e: e.id).map(tuple),
)


@given(bank=banks)
def test_a_bank_comes_back_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, bank: Bank
) -> None:
    path = tmp_path_factory.mktemp("banks") / "odd.name"
    save_bank(bank, path)
    assert load_bank(path) == bank
    assert list(path.parent.iterdir()) == [path]


def written(folder: Path, content: str | bytes, name: str = "list.xyz") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_saving_replaces_the_file_behind_a_link_and_keeps_its_mode(tmp_path: Path) -> None:
    path = written(tmp_path, "old")
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    save_bank(Bank(name="bank"), link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert load_bank(path) == Bank(name="bank")


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_bank(Bank(name="bank"), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_could_not_be_read_again_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "old")
    monkeypatch.setattr(bankfile, "LONGEST_LINE", 1000)
    fits, more = (Entry(id="1", md5=(M,), note="x" * size) for size in (800, 1000))
    with pytest.raises(BankError, match=r"list\.xyz: entry 1 takes \d+ bytes, more than 1000"):
        save_bank(Bank(name="bank", entries=(more,)), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    save_bank(Bank(name="bank", entries=(fits,)), path)
    assert load_bank(path).entries == (fits,)


def test_an_entry_with_as_many_frames_as_there_may_be_fits_a_line() -> None:
    longest = json.dumps(["0" * 64, 2.2250738585072014e-308, 100]) + ","
    assert MOST_FRAMES * len(longest) < LONGEST_LINE - 4_000_000


@pytest.mark.parametrize(
    "text",
    [
        "{0}\n{0} {1}\n",
        "hash,note\n{0},{1}\n",
        '{{"hash": "{0}"}}\n{{"hash": "{0}", "note": "{1}"}}\n',
        "{0},{1}\n",
        "{1}\n",
    ],
)
def test_a_line_that_is_too_long_for_a_list_is_refused(tmp_path: Path, text: str) -> None:
    fits, longer = (text.format(A, "x" * size) for size in (1000, 1 + formats.LONGEST_LINE))
    with pytest.raises(BankError, match=r"line \d: longer than 1048576"):
        load_bank(written(tmp_path, longer))
    if A in text.format(A, ""):
        load_bank(written(tmp_path, fits))


def test_json_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    header = '{"tidegate_bank":1,"name":"b","category":"known.other","role":"block",%s}'
    for text in (
        f'{{"hash": {deep}}}',
        header % f'"max_distance":{deep}',
        header % '"max_distance":1' + f'\n{{"id":"1","pdq":{deep}}}',
    ):
        with pytest.raises(BankError, match="line"):
            load_bank(written(tmp_path, text))


def test_plain_text_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"\ufeff# a list\n\n{A}\npdq {B.upper()}\r\n  sha256 {B}\nmd5 {M}\nvideo_md5 {M}\n{M}",
        "press photos (2).csv",
    )
    bank = load_bank(path)
    assert bank == Bank(
        name="press-photos-2",
        entries=(
            Entry(id="3", pdq=(Frame(A),)),
            Entry(id="4", pdq=(Frame(B),)),
            Entry(id="5", sha256=(B,)),
            Entry(id="6", md5=(M,)),
            Entry(id="7", md5=(M,)),
            Entry(id="8", md5=(M,)),
        ),
    )


def test_csv_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "Hash,type,category,note,source,id,quality,colour\n"
        f'{A},pdq,violence.gore,"a, ""b""\n#c",press,x,77,red\n'
        f"# a comment\n\n{M},,,,,,\n{B},sha256\n",
    )
    assert load_bank(path, "mine", category="ncii.known_material").entries == (
        Entry(
            id="x",
            pdq=(Frame(A, 0.0, 77),),
            category="violence.gore",
            note='a, "b"\n#c',
            provenance="press",
        ),
        Entry(id="6", md5=(M,)),
        Entry(id="7", sha256=(B,)),
    )


def test_csv_of_signals_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, f"signal_type,signal\npdq,{A}\nvideo_md5,{M}\n")
    assert load_bank(path).entries == (
        Entry(id="2", pdq=(Frame(A),)),
        Entry(id="3", md5=(M,)),
    )


def test_jsonl_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'{{"pdq": "{A}", "quality": 80, "sha256": "{B}", "id": 7, "note": null}}\n\n'
        f'{{"hash": "{M}", "provenance": "exchange"}}\n',
    )
    assert load_bank(path).entries == (
        Entry(id="7", pdq=(Frame(A, 0.0, 80),), sha256=(B,)),
        Entry(id="3", md5=(M,), provenance="exchange"),
    )


def test_what_the_tools_of_the_reference_print_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"{A},77,photos/a, b.jpg\n{B.upper()},photo.jpg\n{M},clip.mp4\n"
        f"hash={A},norm=128,delta=3,quality=100,filename=c,d=e.jpg\n{B},49,\n{A},300,x\n{B},\n",
    )
    assert load_bank(path).entries == (
        Entry(id="1", pdq=(Frame(A, 0.0, 77),), note="photos/a, b.jpg"),
        Entry(id="2", pdq=(Frame(B),), note="photo.jpg"),
        Entry(id="3", md5=(M,), note="clip.mp4"),
        Entry(id="4", pdq=(Frame(A, 0.0, 100),), note="c,d=e.jpg"),
        Entry(id="5", pdq=(Frame(B, 0.0, 49),)),
        Entry(id="6", pdq=(Frame(A),), note="300,x"),
        Entry(id="7", pdq=(Frame(B),)),
    )
    path = written(tmp_path, f"hash={A},quality=100,filename=x\nhash={B}\n")
    assert [e.note for e in load_bank(path).entries] == ["x", ""]


def test_a_hash_may_have_a_name_behind_it(tmp_path: Path) -> None:
    path = written(tmp_path, f"{A} photo-1\n{M} 7\n")
    assert load_bank(path).entries == (
        Entry(id="1", pdq=(Frame(A),), note="photo-1"),
        Entry(id="2", md5=(M,), note="7"),
    )


@pytest.mark.parametrize("line", [f"{A}  photo.jpg", f"{A} *photo.jpg", f"{M}  clip.mp4"])
def test_what_may_be_a_list_of_sha256sum_is_not_taken_for_one_of_pdqs(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(BankError, match="line 1: a hash and a file name: say"):
        load_bank(written(tmp_path, line + "\n"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no hashes"),
        ("# only a comment\n\n", "holds no hashes"),
        (f"{A},77,a.jpg\nxyz,77,b.jpg\n", "line 2: 'xyz' is no hash"),
        (f"hash={A}\nhash=,quality=1\n", "line 2: no hash"),
        (f"{A}\nxyz\n", "line 2: 'xyz' is no hash"),
        (f"{A} {B} {M}", "line 1: two hashes"),
        (f"raw_text {A}", "line 1: 'raw_text' is no type"),
        (f"sha256 {M}", "line 1: .*is no sha256"),
        (f"hash,category\n{A},people\n", "line 2: 'people' is no category"),
        (f"hash,category\n{A},context.art\n", "line 2: 'context.art' is no category"),
        (f"hash,quality\n{A},101\n", "line 2: '101' is no quality"),
        (f"hash,note\n{A},a,b\n", "line 2: 3 cells under 2 names"),
        (f'hash,note\n{A},"a\n', "line 2: unexpected end of data"),
        ("hash,note\n,a\n", "line 2: no hash"),
        (f"hash,id\n{A},1\n{B},1\n", "holds entry 1 twice"),
        (f'{{"pdq": "{A}"}}\n[1]\n', "line 2: Expected `object`"),
        (f'{{"pdq": "{A}"}}\n{{"pdq"\n', "line 2: "),
        (f'{{"pdq": "{A}"}}\n{{"note": "x"}}\n', "line 2: no hash"),
        (A.encode() + b"\n\xff\xfe\n", "line 2: not UTF-8 at byte 1"),
        ('{"tidegate_bank": 2, "name": "b", "category": "known.other", "role": "block", '
         '"max_distance": 3}', "line 1: version 2"),
        ('{"tidegate_bank": 1, "name": "b"}', "line 1: .*missing required field"),
        ('{"tidegate_bank": 1, "name": "b", "category": "people", "role": "block", '
         '"max_distance": 3}', "line 1: 'people' is no category"),
        ('{"tidegate_bank": 1, "name": "b", "category": "known.other", "role": "block", '
         '"max_distance": 3}\n{"id": "1"}', "line 2: .*no fingerprint"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_line_and_reason(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BankError, match=reason) as error:
        load_bank(path)
    assert str(error.value).startswith(str(path))


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list"
    with path.open("wb") as file:
        file.truncate(LONGEST_LINE + 2)
    with pytest.raises(BankError, match="line 1: longer than"):
        load_bank(path)


def test_what_describes_a_list_does_not_change_a_native_bank(tmp_path: Path) -> None:
    path = tmp_path / "bank"
    bank = Bank(name="mine", role="allow", max_distance=5)
    save_bank(bank, path)
    assert load_bank(path, role="review", max_distance=9) == bank


def test_imported_entries_take_the_banks_category_unless_their_file_states_one(
    tmp_path: Path,
) -> None:
    bank = Bank(name="mine", category="ncii.known_material")
    plain = written(tmp_path, A)
    save_bank(
        Bank(name="other", category="violence.gore", entries=(Entry(id="1", md5=(M,)),)),
        tmp_path / "other",
    )
    bank = import_file(import_file(bank, plain), tmp_path / "other")
    assert bank.entries == (
        Entry(id="1", pdq=(Frame(A),)),
        Entry(id="2", md5=(M,), category="violence.gore"),
    )
    assert import_file(bank, plain) == bank
