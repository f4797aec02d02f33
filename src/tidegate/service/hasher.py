"""From a file that somebody sends, or names by URL, to its hashes: in the confined decoders.

Apart from the workers' decoders: whoever looks a hash up does not wait for a video that is judged.
"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, TypeVar, cast

import msgspec

from tidegate import hashing
from tidegate.closing import Closing
from tidegate.matching import BankError, Entry
from tidegate.media import Budget, Reader
from tidegate.media.sniff import HEAD, sniff
from tidegate.pipeline.enrol import SAMPLING, enrol
from tidegate.pipeline.find import Found
from tidegate.pipeline.fingerprint import fingerprint
from tidegate.pipeline.readers import Readers
from tidegate.service.fetch import Fetched, Fetcher

T = TypeVar("T")

PHOTOS = frozenset({"jpeg", "png", "gif", "webp", "bmp", "tiff", "avif", "heic"})
"""Formats of pictures, those that may move among them."""


class Unreadable(Exception):  # noqa: N818 - the name says what the file is
    """Nothing of a file can be read as media; the message says why."""


class Photo(NamedTuple):
    """The PDQ of a picture, or of the first frame of what moves.

    Attributes:
        pdq: 64 hexadecimal digits, or ``None`` where the picture is too flat or too small for
            a hash that says anything: nobody knows what it would meet.
        quality: PDQ quality, 0 to 100.
    """

    pdq: str | None
    quality: int


class Hasher(Closing):
    """Hashes files with some decoders of its own. Safe to share between threads.

    Args:
        folder: Where files lie while they are hashed; it is made where it is not there.
        fetcher: Fetches what is named by URL.
        budget: Limits for one file.
        threads: Files at once; more wait for one.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(
        self, folder: Path, fetcher: Fetcher, *, budget: Budget | None = None, threads: int = 1
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._fetcher = fetcher
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tidegate-hasher")
        self._readers = Readers(budget or Budget(), SAMPLING, jobs=threads)

    @contextmanager
    def file(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Have an empty file to write to, and its path; it is gone when the ``with`` ends.

        Raises:
            OSError: It cannot be made.
        """
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            yield cast(BinaryIO, file), Path(file.name)

    @contextmanager
    def fetched(self, url: str) -> Iterator[tuple[Path, Fetched]]:
        """Have what a URL names in a file until the ``with`` ends.

        Raises:
            FetchError: It must not be fetched, or could not be.
            OSError: It cannot be written.
        """
        with self.file() as (file, path):
            found = self._fetcher.get(url, file)
            file.flush()
            yield path, found

    def photo(self, path: Path) -> Photo:
        """Hash a picture.

        Raises:
            Unreadable: It is none that can be read.
        """

        def made(reader: Reader) -> Photo:
            found = fingerprint(Found(path, named=True), reader, views="whole")
            if found is None or not found.frames:
                reasons = [unknown.detail for unknown in found.unknowns] if found else []
                raise Unreadable("; ".join(reasons) or "holds no picture")
            frame = found.frames[0]
            usable = frame.quality >= hashing.MIN_QUALITY
            return Photo(frame.pdq if usable else None, frame.quality)

        return self._with_reader(made)

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file, 32 hexadecimal digits.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            return hashing.digests(file, path.stat().st_size).md5

    def entry(self, path: Path, *, category: str | None, note: str, provenance: str) -> Entry:
        """Return the entry of a bank that a file makes, without an id of its own yet.

        Args:
            path: The file.
            category: Of the entry, or ``None`` for that of its bank.
            note: For people.
            provenance: Where it comes from.

        Raises:
            Unreadable: Nothing of it can be read as media.
            BankError: A value is not what it should be.
        """

        def made(reader: Reader) -> Entry:
            found = Found(path, named=True)
            try:
                enrolled = enrol(found, reader, "0", category=category, note=note or "-", added="")
            except BankError as error:
                raise Unreadable(str(error).removeprefix(f"{path}: ")) from None
            if enrolled is None:
                raise Unreadable("is no picture and no video")
            return msgspec.structs.replace(enrolled.entry, note=note, provenance=provenance)

        return self._with_reader(made)

    def kind(self, path: Path) -> Literal["photo", "video"] | None:
        """Return what a file is by its first bytes, or ``None`` where it is no media."""
        with path.open("rb") as file:
            found = sniff(file.read(HEAD))
        if found is None:
            return None
        return "photo" if found in PHOTOS else "video"

    def close(self) -> None:
        """End the decoders; what they are at is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._readers.close()
        self._pool.shutdown()

    def _with_reader(self, work: Callable[[Reader], T]) -> T:
        return self._pool.submit(lambda: work(self._readers.mine())).result()
