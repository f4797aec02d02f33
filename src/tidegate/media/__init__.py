"""Media: open, sniff, decode and sample. The only room that opens untrusted bytes.

The bytes are decoded in a child process. What comes back is pixels in shared memory and
small messages that are checked; nothing is ever unpickled::

    with Reader() as reader, open_source("clip.mp4") as source:
        reading = reader.read(source)
        for frame in reading:
            ...  # frame.rgb and frame.luma are valid until the next frame is asked for
        print(reading.info, reading.unknowns)
"""

from tidegate.media.error import MediaError
from tidegate.media.luma import Luma
from tidegate.media.reader import Frame, Reader, Reading
from tidegate.media.settings import Budget, Sampling, SettingError
from tidegate.media.sniff import UNSUPPORTED, sniff
from tidegate.media.source import LinkError, Source, open_source

__all__ = [
    "UNSUPPORTED",
    "Budget",
    "Frame",
    "LinkError",
    "Luma",
    "MediaError",
    "Reader",
    "Reading",
    "Sampling",
    "SettingError",
    "Source",
    "open_source",
    "sniff",
]
