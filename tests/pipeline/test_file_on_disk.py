"""Links in folders, and files that change while they are read, for all that reads media."""

import errno
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import media
from tidegate import hashing
from tidegate.evidence import Unknown
from tidegate.matching import Bank, BankError, Matcher, add_entries
from tidegate.media import Budget, Reader, open_source
from tidegate.media import Source as OpenedSource
from tidegate.pipeline import Found, Scanner, compare, enrol, find, fingerprint
from tidegate.pipeline.known import hold


def enrolled(found, reader):
    return enrol(found, reader, "1", category=None, note="", added="")


@pytest.fixture
def uploads(tmp_path):
    """A folder with a photo, a link out of it, and a folder behind a link."""
    uploads, outside = tmp_path / "uploads", tmp_path / "outside"
    (uploads / "deep").mkdir(parents=True)
    outside.mkdir()
    shutil.copy(media.source("rocket.jpg"), uploads / "deep" / "a.jpg")
    shutil.copy(media.source("coffee.png"), outside / "a.jpg")
    (uploads / "link.jpg").symlink_to(outside / "a.jpg")
    (uploads / "folder").symlink_to(outside)
    return uploads


def test_links_met_in_a_folder_are_followed_by_nobody(uploads):
    found = find([uploads])
    assert [one.path.name for one in found] == ["link.jpg", "a.jpg"]
    link, photo = found
    with Reader() as reader:
        assert fingerprint(link, reader) is None
        assert enrolled(link, reader) is None
        assert fingerprint(photo, reader).usable
    with Scanner(jobs=1, detectors=()) as scanner:
        assert [s.item is None for s in scanner.stream(found)] == [True, False]


def test_a_folder_that_becomes_a_link_leads_nowhere(uploads):
    found = [one for one in find([uploads]) if one.path.name == "a.jpg"]
    shutil.rmtree(uploads / "deep")
    (uploads / "deep").symlink_to(uploads.parent / "outside")
    with Reader() as reader:
        (made,) = [fingerprint(one, reader) for one in found]
    assert (made.sha256, [u.cause for u in made.unknowns]) == (None, ["unreadable"])
    with Scanner(jobs=1, detectors=()) as scanner:
        (scanned,) = scanner.stream(found)
    assert [u.cause for u in scanned.item.evidence.unknowns] == ["unreadable"]


def test_what_the_user_names_may_be_a_link(uploads):
    with Reader() as reader:
        (link,) = find([uploads / "link.jpg"])
        (behind,) = find([uploads / "folder"])
        assert fingerprint(link, reader).usable
        assert fingerprint(behind, reader).usable


def test_a_pattern_leads_through_no_link_and_names_what_it_leaves_out(uploads):
    found = find([f"{uploads}/**/*.jpg", f"{uploads}/*/a.jpg"])
    assert [one.path.relative_to(uploads).as_posix() for one in found] == [
        "deep/a.jpg",
        "link.jpg",
    ]
    with Reader() as reader:
        photo, link = (fingerprint(one, reader) for one in found)
    assert photo.usable
    assert [u.detail for u in link.unknowns] == [
        "is a symbolic link, and none is followed in a folder"
    ]


def test_links_in_a_circle_do_not_keep_a_pattern_busy(uploads):
    """With two of them, ``glob.glob`` lists 2 to the 40th folders."""
    for name in "xy":
        (uploads / name).symlink_to(".")
    assert len(find([f"{uploads}/**/a.jpg"])) == 1


def test_however_deep_a_folder_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    depth = sys.getrecursionlimit() + 300
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    shutil.copy(media.source("rocket.jpg"), "a.jpg")
    os.chdir(tmp_path)
    (found,) = find(["d"])
    assert len(found.path.parts) == depth + 1
    assert [found.path for found in find(["d/**/*.jpg"])] == [found.path]
    assert [found.path for found in find(["**/**/a.jpg"])] == [found.path]
    # Nothing else can delete it: shutil.rmtree has a recursion of its own.
    subprocess.run(["rm", "-rf", "d"], check=True)


def test_patterns_are_those_of_the_shell(uploads):
    (uploads / ".hidden").mkdir()
    shutil.copy(media.source("rocket.jpg"), uploads / ".hidden" / "b.jpg")
    shutil.copy(media.source("rocket.jpg"), uploads / "c[1].jpg")

    def names(pattern):
        return [found.path.relative_to(uploads).as_posix() for found in find([uploads / pattern])]

    assert names("*.jpg") == ["c[1].jpg", "link.jpg"]
    assert names("*/[ab].jpg") == ["deep/a.jpg"]
    assert names(".h*/*.jpg") == [".hidden/b.jpg"]
    assert names("c[1].jpg") == ["c[1].jpg"]
    assert names("?[[]1].jpg") == ["c[1].jpg"]
    assert names("none/*.jpg") == ["none/*.jpg"]


def test_a_folder_that_a_pattern_cannot_look_into_is_reported(uploads, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert ("deep", True) in [(f.path.name, f.named) for f in find([f"{uploads}/*/*.jpg"])]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A photo that is written to as soon as its digests are made."""
    path = Path(shutil.copy(media.source("rocket.jpg"), tmp_path / "written.jpg"))
    real = hashing.digests

    def digests(file, most):
        made = real(file, most)
        if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
            with path.open("ab") as more:
                more.write(b"more")
        return made

    monkeypatch.setattr(hashing, "digests", digests)
    return path


def test_a_file_that_is_written_to_is_never_clean(written):
    with Scanner(jobs=1, detectors=()) as scanner:
        item = scanner.scan(written)
    (unknown,) = item.evidence.unknowns
    assert (unknown.stage, unknown.cause) == ("media", "changed")
    assert len(item.evidence.frames) == 1
    assert (item.decision.action, item.decision.judged) == ("review", False)


def test_a_file_that_is_written_to_is_hashed_with_a_doubt(written):
    with Reader() as reader:
        made = fingerprint(Found(written, True), reader)
    assert made.usable
    assert [u.cause for u in made.unknowns] == ["changed"]


def test_a_file_that_is_written_to_is_not_enrolled(written):
    with Reader() as reader, pytest.raises(BankError, match=r"written\.jpg: changed while"):
        enrolled(Found(written, True), reader)


def test_a_file_that_is_written_to_is_not_the_same_for_sure(written, tmp_path):
    twin = shutil.copy(written, tmp_path / "twin.jpg")
    with Reader() as reader:
        made, _ = compare(Found(twin, True), Found(written, True), reader)
    assert made.exact == "sha256"
    assert not made.complete
    assert [u.cause for u in made.b.unknowns] == ["changed"]


def test_pictures_side_by_side_are_of_the_files_that_were_compared(tmp_path, monkeypatch):
    a, b = tmp_path / "a.jpg", tmp_path / "b.jpg"
    for path in (a, b):
        shutil.copy(media.source("rocket.jpg"), path)
    module = sys.modules["tidegate.pipeline.compare"]
    real = module._pairs

    def pairs(*arguments, **options):
        shutil.copy(media.source("coffee.png"), tmp_path / "other")
        (tmp_path / "other").replace(a)
        b.unlink()
        return real(*arguments, **options)

    monkeypatch.setattr(module, "_pairs", pairs)
    with Reader() as reader:
        made, shown = compare(Found(a, True), Found(b, True), reader, pictures=True)
    assert made.verdict == "same"
    assert [(pair.a, pair.b) for pair in shown] == [(None, None)]


def test_what_was_met_before_the_change_is_still_told(tmp_path):
    path = tmp_path / "a.mp4"
    shutil.copy(media.source("bikes.mp4"), path)
    with Reader() as reader:
        bank = add_entries(Bank(name="known"), [enrolled(Found(path, True), reader).entry])
        frames = itertools.count()

        def seen(_):
            if next(frames) == 3:
                os.truncate(path, path.stat().st_size // 2)

        with open_source(path) as source:
            held = hold(source, reader, Matcher([bank]), seen)
    assert [match.entry for match in held.matches] == ["1"]
    assert "changed" in [unknown.cause for unknown in held.unknowns]


class Failing:
    """A file on a disk that breaks."""

    def __init__(self, file):
        self._file = file

    def read(self, _):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_disk_that_fails_is_unknown(monkeypatch):
    real = OpenedSource.__init__

    def broken(self, path, file):
        real(self, path, file)
        self.file = Failing(file)

    monkeypatch.setattr(OpenedSource, "__init__", broken)
    path = media.source("rocket.jpg")
    with Reader() as reader:
        made = fingerprint(Found(path, True), reader)
        compared, _ = compare(Found(path, True), Found(path, True), reader)
    with Scanner(jobs=1, detectors=()) as scanner:
        item = scanner.scan(path)
    expected = Unknown(
        stage="media", cause="unreadable", detail="cannot be read: Input/output error"
    )
    assert made.unknowns == compared.a.unknowns == item.evidence.unknowns == (expected,)
    assert not item.decision.judged


def test_a_file_that_grows_as_fast_as_it_is_read_is_read_to_its_old_end(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    shutil.copy(media.source("rocket.jpg"), path)
    size = path.stat().st_size
    real = OpenedSource.__init__

    class Growing(Failing):
        def read(self, count):
            with path.open("ab") as more:
                more.write(bytes(1 << 16))
            return self._file.read(min(count, 1 << 16))

    def growing(self, path, file):
        real(self, path, file)
        self.file = Growing(file)

    monkeypatch.setattr(OpenedSource, "__init__", growing)
    with Reader(Budget()) as reader:
        made = fingerprint(Found(path, True), reader)
    assert made.size == size
    assert [u.cause for u in made.unknowns] == ["changed"]
