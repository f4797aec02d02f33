"""``labels.csv`` as people and their spreadsheets write it."""

import codecs

import pytest

from tidegate.pipeline import labels as room
from tidegate.pipeline.labels import LabelsError, read_labels

EXPLICIT, WEAPON = "sexual.explicit", "violence.weapon"


@pytest.fixture
def read(tmp_path):
    def read(content):
        file = tmp_path / "labels.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_labels(file)

    return read


def test_values_and_what_nobody_looked_at(read):
    made = read(
        f"path,{EXPLICIT},{WEAPON},slice:surface\n"
        "a.jpg,1,no, glossy \n"
        "b/c.jpg,FALSE,,\n"
        "d.jpg,Yes,TRUE,matte\n"
    )
    assert made.categories == (EXPLICIT, WEAPON)
    assert [row.path for row in made.rows] == ["a.jpg", "b/c.jpg", "d.jpg"]
    assert [row.truth for row in made.rows] == [
        {EXPLICIT: True, WEAPON: False},
        {EXPLICIT: False},  # Empty is not 0.
        {EXPLICIT: True, WEAPON: True},
    ]
    assert [row.groups["surface"] for row in made.rows] == ["glossy", "", "matte"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_spreadsheets_write(read, separator, end, mark):
    lines = [["path", EXPLICIT, "slice:place"], ['"größe, x;y.jpg"', "0", "Köln"], ["", "", ""]]
    made = read(mark + end.join(separator.join(line) for line in lines).encode())
    assert made.rows == (room.Row("größe, x;y.jpg", {EXPLICIT: False}, {"place": "Köln"}),)


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ("", 1, "is empty"),
        ("a,b\n", 1, "one of them is 'path'"),
        (f"path,{EXPLICIT}\n", 2, "has a header and no item"),
        ("path,slice:a\n", 1, "no column is a category"),
        ("path,sexual.explict\na,1\n", 1, "'sexual.explict', is no category of taxonomy v1"),
        ("path,surface\na,x\n", 1, "a column of your own is 'slice:surface'"),
        (f"path,{EXPLICIT},\na,1,\n", 1, "a column of your own is 'slice:NAME'"),
        (f"path,{EXPLICIT},slice: \na,1,\n", 1, "'slice:' is followed by a name"),
        (f"path,{EXPLICIT},{EXPLICIT}\na,1,0\n", 1, f"column '{EXPLICIT}' comes twice"),
        (f"path,{EXPLICIT},slice:a,slice: a\n", 1, "column 'slice:a' comes twice"),
        (f"path,{EXPLICIT}\na,1\nb,maybe\n", 3, f"{EXPLICIT} is 'maybe'"),
        (f"path,{EXPLICIT}\na,0.5\n", 2, f"{EXPLICIT} is '0.5'"),
        (f"path,{EXPLICIT}\na,1\n\nb\n", 4, "has 1 cells, and the first line 2"),
        (f"path,{EXPLICIT}\na,1,0\n", 2, "has 3 cells, and the first line 2"),
        (f"path,{EXPLICIT}\na,1\n./a,0\n", 3, "'a' is in line 2 already"),
        (f"path,{EXPLICIT}\n,1\n", 2, "has no path"),
        (f"path,{EXPLICIT}\n../a,1\n", 2, "'../a' is no path beneath the folder"),
        (f"path,{EXPLICIT}\na/../../b,1\n", 2, "is no path beneath the folder"),
        (f"path,{EXPLICIT}\n/etc/passwd,1\n", 2, "'/etc/passwd' is no path beneath"),
        (f"path,{EXPLICIT}\na\0b,1\n", 2, "is no path beneath"),
        (f'path,{EXPLICIT}\n"a,1\n', 2, "is no CSV: unexpected end of data"),
        (f'path,{EXPLICIT}\n"a\nb",1\nc,2\n', 4, f"{EXPLICIT} is '2'"),
        (f"path,{EXPLICIT}\n{'a' * 5000},1\n", 2, "'path' has more than 4,096 characters"),
        (f"path,{EXPLICIT}\na,1\n".encode() + b"\xff,1\n", 3, "is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(read, content, line, told):
    with pytest.raises(LabelsError) as caught:
        read(content)
    assert f"labels.csv:{line}: " in str(caught.value)
    assert told in str(caught.value)


def test_a_file_is_bounded(read, monkeypatch):
    monkeypatch.setattr(room, "MOST_ROWS", 3)
    monkeypatch.setattr(room, "MOST_GROUPS", 2)
    with pytest.raises(LabelsError, match=r":5: has more than 3 items"):
        read(f"path,{EXPLICIT}\n" + "".join(f"{i},1\n" for i in range(4)))
    with pytest.raises(LabelsError, match=r":4: 'slice:id' has more than 2 values"):
        read(f"path,{EXPLICIT},slice:id\n" + "".join(f"{i},1,{i}\n" for i in range(3)))
    slices = ",".join(f"slice:{i}" for i in range(21))
    with pytest.raises(LabelsError, match="has 21 slices, and at most 20"):
        read(f"path,{EXPLICIT},{slices}\n")
    monkeypatch.setattr(room, "MOST_BYTES", 10)
    with pytest.raises(LabelsError, match="is larger than 10 bytes"):
        read(f"path,{EXPLICIT}\na,1\n")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LabelsError, match=r"none\.csv: cannot be read: No such file"):
        read_labels(tmp_path / "none.csv")
