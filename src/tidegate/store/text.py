"""Text that either database can hold."""

from tidegate.store.error import InvalidError


def check(name: str, value: str, longest: int, *, empty: bool = False) -> None:
    """Refuse a text that is too long, empty, or that Postgres has no way to store.

    Args:
        name: What it is called in the message.
        value: The text.
        longest: Characters at most.
        empty: Whether it may be empty.

    Raises:
        InvalidError: It is so.
    """
    if not (empty or value) or len(value) > longest:
        least = 0 if empty else 1
        raise InvalidError(f"{name} has {least} to {longest} characters, not {len(value)}")
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise InvalidError(f"{name} holds a character that cannot be stored")


def cut(reason: str, longest: int = 2000) -> str:
    """Return the beginning of a text, as it can be stored: it may be what an exception said."""
    kept = reason[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept.encode(errors="replace").decode()
