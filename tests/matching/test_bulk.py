"""Plain lists read in bulk are what the slow way makes of them, line for line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.matching.test_bankfolder import BANK, hurried
from tidegate.matching import Bank, BankError, BankFolder, bulk, import_file, load_bank, save_bank

__all__ = ["hurried"]

some = st.sampled_from([f"{n:064x}" for n in range(6)] + [f"{n:064X}" for n in range(170, 174)])
short = st.sampled_from([f"{n:032x}" for n in range(6)])
lines = st.one_of(
    some,
    short,
    some.map("pdq {}".format),
    some.map("sha256 {}".format),
    short.map("md5 {}".format),
    short.map("VIDEO_MD5  {}".format),
    some.map("{} a-name".format),
    some.map("  {}".format),
    st.sampled_from(["", "# a comment", "   ", "#" + "0" * 63, "# ünïcode"]),
)


@given(
    text=st.lists(lines, min_size=1, max_size=30),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    bom=st.booleans(),
    block=st.integers(1, 300),
    few=st.integers(0, 4),
)
@settings(max_examples=150, deadline=None)
def test_a_plain_list_in_bulk_is_what_import_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    text: list[str],
    end: str,
    last: bool,
    bom: bool,
    block: int,
    few: int,
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    path = folder / "list"
    content = "\ufeff" * bom + end.join(["0f" * 32, *text]) + end * last
    path.write_bytes(content.encode())
    made = BankFolder.create(folder / "a.bank", BANK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "BLOCK", block)
        patch.setattr(bulk, "FEW", few)
        made.add_lists([path])
    assert tuple(made.entries()) == import_file(BANK, path).entries


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no hashes"),
        ("0f" * 32 + "\n" + "0g" * 32 + "\n", "line 2: .* is no hash"),
        ("0f" * 32 + "\n\n" + "pdq " + "0g" * 32, "line 3: .* is no pdq"),
        ("0f" * 32 + "\n0f " + "0f" * 30 + "0\n", "line 2: '0f' is no type"),
        ("0f" * 32 + "\n\xff\n", "line 2: not UTF-8"),
        ("0f" * 32 + "  photo.jpg\n", "line 1: a hash and a file name"),
        ("hash,quality\n" + "0f" * 32 + ",101\n", "line 2: '101' is no quality"),
    ],
)
def test_a_wrong_list_is_refused_and_nothing_is_added(
    tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "list"
    path.write_bytes(content.encode("latin-1"))
    folder = BankFolder.create(tmp_path / "a.bank", BANK)
    with pytest.raises(BankError, match=reason) as error:
        folder.add_lists([path])
    assert str(error.value).startswith(str(path))
    assert len(folder) == 0
    assert list((tmp_path / "a.bank" / "segments").iterdir()) == []


def test_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"0f" * 32 + b"\n" + b"0" * 5000)
    monkeypatch.setattr(bulk, "BLOCK", 100)
    monkeypatch.setattr(bulk, "LONGEST_LINE", 1000)
    with pytest.raises(BankError, match="line 2: longer than"):
        BankFolder.create(tmp_path / "a.bank", BANK).add_lists([path])


@pytest.mark.parametrize("between", ["# c", "", "{0:032x} note", "{0:064x} note", "# ü"])
def test_a_list_of_alternating_lines_is_read_in_large_pieces(tmp_path: Path, between: str) -> None:
    path = tmp_path / "list"
    lines = [f"{n:064x}\n{between.format(n + 10_000)}\n" for n in range(3000)]
    path.write_text("".join(lines))
    pieces = [piece for piece, _ in bulk._plain(path)]
    assert len(pieces) <= 1 + 6000 // bulk.FEW
    held = [len(piece.kind) if isinstance(piece, bulk.Flat) else len(piece) for piece in pieces]
    assert sum(held) == (6000 if "note" in between else 3000)


def test_other_lists_and_banks_are_read_too(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text(f"hash,id,quality,category\n{'0f' * 32},x,80,violence.gore\n{'0e' * 32},,,\n")
    bank = Bank(name="other", category="violence.gore", entries=load_bank(table).entries[1:])
    native = tmp_path / "native"
    save_bank(bank, native)
    for lists in ([table], [native], [table, native]):
        folder = BankFolder.create(tmp_path / f"{len(lists)}{lists[0].name}", BANK)
        folder.add_lists(lists)
        expected = BANK
        for path in lists:
            expected = import_file(expected, path)
        assert tuple(folder.entries()) == expected.entries
