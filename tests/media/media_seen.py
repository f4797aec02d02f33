"""A reading, run to its end."""

from pathlib import Path

import numpy as np

from tests.clips import Rgb
from tidegate.evidence import MediaInfo, Unknown
from tidegate.media import Frame, Reader, open_source


class Seen:
    """A reading, run to its end, with the pixels copied."""

    def __init__(self, reader: Reader, path: Path) -> None:
        with open_source(path, reader.budget) as source, reader.read(source) as reading:
            self.frames = [(f.second, f.key, np.array(f.rgb)) for f in map(checked, reading)]
        self.info: MediaInfo | None = reading.info
        self.unknowns: list[Unknown] = reading.unknowns

    @property
    def seconds(self) -> list[float]:
        return [second for second, _, _ in self.frames]

    @property
    def rgb(self) -> Rgb:
        """The only frame."""
        ((_, _, rgb),) = self.frames
        return rgb

    @property
    def facts(self) -> MediaInfo:
        assert self.info is not None, self.unknowns
        return self.info

    @property
    def causes(self) -> list[str]:
        return [unknown.cause for unknown in self.unknowns]


def checked(frame: Frame) -> Frame:
    rgb = frame.rgb
    assert rgb is not None
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3
    assert rgb.shape[2] == 3
    assert rgb.flags.c_contiguous
    assert not rgb.flags.writeable
    return frame
