"""However many threads decode a video, what comes out is the same."""

from pathlib import Path

import pytest

from demo import media
from tests.clips import encode, truncated
from tidegate.media import Reader, Sampling, open_source

CODECS = {"libx264": {"preset": "veryfast"}, "libx265": {"preset": "ultrafast"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("threads")
    frames = list(media.frames("bikes.mp4", (320, 180)))[:120]
    for codec, options in CODECS.items():
        for gop in (25, 250):
            path = folder / f"{codec}-{gop}.mp4"
            encode(path, frames, codec=codec, gop=gop, options=options, muxer=FASTSTART)
            truncated(path, folder / f"cut-{path.name}", 0.7)
    return folder


FASTSTART = {"movflags": "faststart"}


def read(path: Path, gap: float, threads: int) -> tuple[object, ...]:
    with (
        Reader(sampling=Sampling(gap=gap), threads=threads) as reader,
        open_source(path) as source,
    ):
        reading = reader.read(source, colour=False)
        frames = [(frame.second, frame.key, frame.picture.tobytes()) for frame in reading]
    return frames, [unknown.cause for unknown in reading.unknowns]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("gop", [25, 250])
@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_threads_change_nothing(folder: Path, codec: str, gop: int, gap: float) -> None:
    path = folder / f"{codec}-{gop}.mp4"
    assert read(path, gap, 4) == read(path, gap, 1)


@pytest.mark.parametrize("codec", CODECS)
def test_a_cut_is_told_all_the_same(folder: Path, codec: str) -> None:
    _, causes = read(folder / f"cut-{codec}-25.mp4", 1.0, 4)
    assert causes == ["truncated"]


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads"):
        Reader(threads=0)
