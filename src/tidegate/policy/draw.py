"""Chance without chance: whether a content is chosen, the same each time."""

from hashlib import sha256

from tidegate.policy.schema import Rollout, Sample


def drawn(content: str | None, name: str, lot: Rollout | Sample) -> bool:
    """Return whether a content is among the share that is chosen.

    Args:
        content: SHA-256 of the bytes, in hexadecimal. What has none is never chosen.
        name: What is drawn for, for example ``sampling.blind``: each name draws anew.
        lot: The share, and the policy's own salt, so that outsiders cannot tell.
    """
    return content is not None and draw(content, name, lot.salt) < lot.share


def draw(content: str, name: str, salt: str) -> float:
    """Return a number in [0, 1) that belongs to a content, evenly spread over contents."""
    digest = sha256("\0".join((name, salt, content)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
