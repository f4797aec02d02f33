import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.matching.neighbours import fault
from tidegate.matching.sections import SectionFile, SectionWriter, SegmentError

CONTENT = {"one": b"x" * 100, "empty": b"", "index.numbers": bytes(range(256))}


def written(path: Path, sections: dict[str, bytes] = CONTENT) -> Path:
    with SectionWriter(path) as writer:
        for name, content in sections.items():
            writer.add(name, [content[:30], content[30:]])
    return path


@pytest.mark.parametrize("populate", [False, True])
def test_what_is_written_is_read(tmp_path: Path, populate: bool) -> None:
    file = SectionFile(written(tmp_path / "a"), populate=populate)
    assert file.names == tuple(CONTENT)
    assert {name: bytes(file.section(name)) for name in file.names} == CONTENT
    file.verify()
    with pytest.raises(SegmentError, match="no section 'two'"):
        file.section("two")


def test_arrays_are_written_as_they_lie_in_memory(tmp_path: Path) -> None:
    numbers = np.arange(12, dtype="<u4").reshape(3, 4)
    with SectionWriter(tmp_path / "a") as writer:
        writer.add("numbers", [numbers, numbers[:0]])
        assert bytes(writer.written("numbers")) == numbers.tobytes()
        writer.add("more", [])
    section = SectionFile(tmp_path / "a").section("numbers")
    assert np.array_equal(np.frombuffer(section, "<u4"), numbers.ravel())
    assert np.frombuffer(section, np.uint8).ctypes.data % 64 == 0


def test_a_section_cannot_be_changed_and_outlives_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    section = SectionFile(path).section("one")
    path.unlink()
    assert bytes(section) == CONTENT["one"]
    assert section.readonly


def test_the_same_sections_make_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a").read_bytes() == written(tmp_path / "b").read_bytes()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    old = SectionFile(path)
    with pytest.raises(RuntimeError), SectionWriter(path) as writer:  # noqa: PT012
        writer.add("new", [b"half"])
        raise RuntimeError
    assert SectionFile(path).names == tuple(CONTENT)
    written(path, {"new": b"whole"})
    assert SectionFile(path).names == ("new",)
    assert bytes(old.section("one")) == CONTENT["one"]
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["", "Upper", "../up", "a b", "x" * 41, "one"])
def test_a_wrong_name_is_refused(tmp_path: Path, name: str) -> None:
    with SectionWriter(tmp_path / "a") as writer:
        writer.add("one", [])
        with pytest.raises(ValueError, match="no name"):
            writer.add(name, [])


def test_every_damaged_byte_is_found_or_says_nothing(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole").read_bytes()
    path = tmp_path / "damaged"
    unnoticed = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        error = fault(lambda: SectionFile(path).verify())
        if error:
            assert error.path == path
            assert str(path) in str(error)
        else:
            # Nobody reads what lies between two sections.
            file = SectionFile(path)
            assert {name: bytes(file.section(name)) for name in file.names} == CONTENT
            unnoticed += 1
    assert unnoticed < 2 * 64


def test_every_shorter_or_longer_file_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(SegmentError, match=r"segment file|bytes instead of"):
            SectionFile(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(SegmentError, match="bytes instead of"):
        SectionFile(path)


@pytest.mark.parametrize(
    "content", [b"", b"text\n" * 100, pickle.dumps(list(range(1000))), bytes(1000)]
)
def test_a_foreign_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(SegmentError, match="foreign: it is no segment file"):
        SectionFile(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SegmentError, match="cannot be read"):
            SectionFile(path)


def test_another_version_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    content = bytearray(path.read_bytes())
    content[12] = 9
    path.write_bytes(content)
    with pytest.raises(SegmentError, match="of version 9; this Tidegate reads 1"):
        SectionFile(path)
