"""Video: which frames are judged, and that they are the right pixels."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.clips import clip, conformance, encode, film, number_of, numbered
from tests.media.media_seen import Seen
from tidegate.media import Budget, Reader, Sampling

COUNT = 90
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=4"}
VP9 = {"deadline": "realtime", "cpu-used": "8"}
AV1 = {"preset": "12", "svtav1-params": "lp=1"}

CODED = [
    ("libx264", {"bf": "3"}, ("mp4", "mov", "mkv", "avi", "ts", "m2ts")),
    ("libx265", X265, ("mp4", "mkv", "ts")),
    ("libvpx-vp9", VP9, ("webm", "mp4")),
    ("libsvtav1", AV1, ("mp4", "mkv", "webm")),
    ("mpeg4", {"bf": "2"}, ("mp4", "avi", "ts")),
]
CASES = [(codec, options, suffix) for codec, options, many in CODED for suffix in many]
NAMES = {
    "libx264": "h264",
    "libx265": "hevc",
    "libvpx-vp9": "vp9",
    "libsvtav1": "av1",
    "mpeg4": "mpeg4",
}


def numbers(seen: Seen) -> list[int]:
    return [number_of(rgb) for _, _, rgb in seen.frames]


@pytest.mark.parametrize(("codec", "options", "suffix"), CASES)
def test_codecs_and_containers(
    reader: Reader, every: Reader, made: Path, codec: str, options: dict[str, str], suffix: str
) -> None:
    path = made / f"{codec}.{suffix}"
    film(path, COUNT, codec, options=options)

    full = Seen(every, path)
    assert numbers(full) == list(range(COUNT))
    assert full.seconds == pytest.approx([i / 25 for i in range(COUNT)], abs=0.045)
    assert full.unknowns == []
    assert full.facts.codec == NAMES[codec]

    seen = Seen(reader, path)
    assert seen.unknowns == []
    assert seen.frames[0][:2] == (0.0, True)
    assert max(b - a for a, b in pairwise(seen.seconds)) <= 1.001
    assert (COUNT - 1) / 25 - seen.seconds[-1] <= 0.5
    assert len(seen.frames) <= 7
    # What was decoded with others left out is what a full decode gives.
    whole = {second: rgb for second, _, rgb in full.frames}
    for second, _, rgb in seen.frames:
        assert np.array_equal(rgb, whole[second])
    assert seen.facts.duration == pytest.approx(3.6, abs=0.05)


def test_needless_frames_are_not_decoded(reader: Reader, made: Path) -> None:
    path = film(made / "skipped.mp4", COUNT, options={"bf": "3", "b-pyramid": "none"})
    facts = Seen(reader, path).facts
    assert facts.frames_judged < 10
    assert facts.frames_seen < COUNT * 0.6


def test_picks_are_those_of_a_full_decode(tmp_path: Path) -> None:
    for gap in (0.3, 0.7, 1.5):
        times = np.cumsum(np.random.default_rng(7).choice([0.02, 0.04, 0.2, 0.5], 70)).tolist()
        path = film(tmp_path / f"{gap}.mp4", 70, times=times, gop=40, options={"bf": "4"})
        with Reader(sampling=Sampling(gap=0)) as every:
            keyed = [(second, key) for second, key, _ in Seen(every, path).frames]
        with Reader(sampling=Sampling(gap=gap)) as reader:
            seen = Seen(reader, path).seconds
        assert seen == picks(keyed, gap)


def picks(frames: list[tuple[float, bool]], gap: float) -> list[float]:
    """The rule, by looking at all frames at once."""
    picked = [frames[0][0]]
    while rest := [f for f in frames if f[0] > picked[-1]]:
        near = [f for f in rest if f[0] - picked[-1] <= gap + 1e-6]
        keys = [f for f in near if f[1] and f[0] - picked[-1] >= gap / 4 - 1e-6]
        best = keys[0] if keys else near[-1] if near else rest[0]
        if best is rest[-1] and best[0] - picked[-1] <= gap / 2 and not best[1]:
            break
        picked.append(best[0])
    return picked


def test_all_intra_video_is_thinned(reader: Reader, made: Path) -> None:
    path = film(made / "intra.avi", 50, "mjpeg", pix_fmt="yuvj420p")
    seen = Seen(reader, path)
    assert min(b - a for a, b in pairwise(seen.seconds)) >= 0.25


def test_real_clips(reader: Reader) -> None:
    seen = Seen(reader, clip("bikes.mp4"))
    assert max(b - a for a, b in pairwise(seen.seconds)) <= 1.001
    assert seen.facts.duration == 10.0
    assert seen.facts.frames_seen < 250
    assert seen.unknowns == []


def test_variable_frame_rate(reader: Reader, every: Reader, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 2.5, 2.6, 3.3, 3.35, 3.4, 7.0, 7.04]
    path = film(tmp_path / "a.mp4", len(times), times=times, options={"bf": "0"})
    assert Seen(every, path).seconds == pytest.approx(times, abs=0.002)
    seen = Seen(reader, path)
    assert numbers(seen) == [0, 2, 3, 7, 8]
    assert seen.unknowns == []


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
def test_rotation(reader: Reader, tmp_path: Path, degrees: int, hflip: bool) -> None:
    frame = numbered(5)
    path = encode(tmp_path / "a.mp4", [frame] * 3, rotate=degrees, hflip=hflip)
    seen = Seen(reader, path)
    mirrored = frame[:, ::-1] if hflip else frame
    expected = [np.rot90(mirrored, degrees // 90), np.rot90(frame, degrees // 90)[:, ::-1]]
    rgb = seen.frames[0][2]
    errors = [
        np.abs(e.astype(int) - rgb).mean() if e.shape == rgb.shape else 255.0
        for e in (expected if hflip else expected[:1])
    ]
    assert min(errors) < 6
    assert (seen.facts.height, seen.facts.width) == rgb.shape[:2]
    if not hflip:
        assert seen.facts.rotation == degrees


def test_odd_dimensions(reader: Reader, tmp_path: Path) -> None:
    frames = [numbered(i, (193, 145)) for i in range(5)]
    path = encode(tmp_path / "a.mp4", frames, pix_fmt="yuv444p")
    assert Seen(reader, path).frames[0][2].shape == (145, 193, 3)


def test_full_range_and_limited_range_look_alike(reader: Reader, tmp_path: Path) -> None:
    frame = numbered(0, name="astronaut.png")
    limited = encode(tmp_path / "a.mp4", [frame] * 2)
    full = encode(tmp_path / "b.mp4", [frame] * 2, pix_fmt="yuvj420p")
    for path in (limited, full):
        rgb = Seen(reader, path).frames[0][2]
        assert np.abs(frame.astype(int) - rgb).mean() < 6
        assert abs(frame.mean() - rgb.mean()) < 2


def test_size_changes_in_midstream(every: Reader, tmp_path: Path) -> None:
    large = film(tmp_path / "a.ts", 10)
    frames = [numbered(i, (96, 72)) for i in range(10)]
    tiny = encode(tmp_path / "b.ts", frames)
    both = tmp_path / "c.ts"
    both.write_bytes(large.read_bytes() + tiny.read_bytes())
    seen = Seen(every, both)
    shapes = [rgb.shape for _, _, rgb in seen.frames]
    assert shapes == [(144, 192, 3)] * 10 + [(72, 96, 3)] * 10
    assert seen.seconds == sorted(seen.seconds)


def test_missing_duration(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", 40, muxer={"live": "1"})
    seen = Seen(reader, path)
    assert seen.facts.duration == pytest.approx(1.6, abs=0.05)
    assert seen.unknowns == []


def test_cover_art_is_not_the_video(reader: Reader, tmp_path: Path) -> None:
    import av
    from av.stream import Disposition

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 192, 144, "yuv420p"
        still = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
        container.mux(cover.encode(still))
        for i in range(20):
            container.mux(video.encode(av.VideoFrame.from_ndarray(numbered(i), format="rgb24")))
        container.mux(video.encode(None))
        container.mux(cover.encode(None))
    seen = Seen(reader, path)
    assert seen.facts.codec == "h264"
    assert numbers(seen)[0] == 0
    assert seen.unknowns == []


def test_further_video_streams_are_unknown(reader: Reader, tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(3)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        for i in range(10):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(numbered(i), format="rgb24")
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    seen = Seen(reader, path)
    assert seen.frames
    assert [u.cause for u in seen.unknowns] == ["unsupported"]
    assert "2 further video streams" in seen.unknowns[0].detail


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_alone_is_not_judged(reader: Reader, tmp_path: Path, suffix: str) -> None:
    import av

    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        silence = np.zeros((1, 48000), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    seen = Seen(reader, path)
    assert seen.frames == []
    assert [(u.cause, u.detail) for u in seen.unknowns] == [("unsupported", "holds no video")]


def test_duration_budget_keeps_what_was_seen(made: Path) -> None:
    path = film(made / "long.mp4", COUNT)
    with Reader(Budget(duration=2.2)) as reader:
        seen = Seen(reader, path)
    assert seen.seconds[-1] <= 2.2
    assert seen.seconds[-1] > 1.6
    (unknown,) = seen.unknowns
    assert unknown.cause == "too_long"
    assert "budget of 2.2 (budget.duration)" in unknown.detail
    assert unknown.span is not None
    assert (unknown.span.start, unknown.span.end) == (2.2, 3.6)


def test_frame_budget_keeps_what_was_seen(made: Path) -> None:
    path = film(made / "many.mp4", COUNT, options={"bf": "0"})
    with Reader(Budget(frames=30)) as reader:
        seen = Seen(reader, path)
    assert seen.frames
    assert seen.causes == ["too_many_frames"]
    assert seen.facts.frames_seen <= 31


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_pixel_budget(made: Path, suffix: str) -> None:
    path = film(made / f"large.{suffix}", 5)
    with Reader(Budget(pixels=192 * 144 - 1)) as reader:
        seen = Seen(reader, path)
    assert seen.frames == []
    assert seen.causes == ["too_many_pixels"]


def test_references_out_of_the_file_are_not_followed(reader: Reader, tmp_path: Path) -> None:
    inner = film(tmp_path / "inner.mp4", 10)
    data = inner.read_bytes()
    # The data reference says "self-contained" (flags 1); make it a name beside the file.
    own = b"\0\0\0\x0curl \0\0\0\x01"
    assert data.count(own) == 1
    outer = tmp_path / "outer.mp4"
    outer.write_bytes(data.replace(own, b"\0\0\0\x0curl \0\0\0\x00"))
    Seen(reader, outer)  # Judged from the file itself, or not at all; never from elsewhere.
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{inner}\n")
    assert Seen(reader, playlist).causes == ["unsupported"]
    concat = tmp_path / "concat.mp4"
    concat.write_text(f"ffconcat version 1.0\nfile {inner}\n")
    assert Seen(reader, concat).causes == ["unsupported"]


def vpdq() -> list[Path]:
    folder = conformance()
    return sorted((folder / "vpdq").glob("*.mp4")) if folder else []


@pytest.mark.parametrize("path", vpdq(), ids=lambda path: path.stem)
def test_conformance_frame_counts(every: Reader, path: Path) -> None:
    expected = [line.split(",") for line in path.with_suffix(".txt").read_text().splitlines()]
    seen = Seen(every, path)
    assert seen.seconds == pytest.approx([float(line[3]) for line in expected], abs=0.001)
    assert seen.unknowns == []


def test_conformance_data_is_there() -> None:
    if not vpdq():
        pytest.skip("no conformance data: set CONFORMANCE_DATA")
