"""Whether a file made of ISO boxes (MP4, HEIC, AVIF) ends before its boxes do."""

import os


def cut_short(descriptor: int) -> bool:
    """Return whether a box at the top level reaches beyond the end of the file."""
    size = os.fstat(descriptor).st_size
    start = 0
    while start < size:
        head = os.pread(descriptor, 16, start)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # To the end, wherever that is.
            return False
        if len(head) < 8 or length < 8:
            return len(head) < 8
        start += length
    return start > size
