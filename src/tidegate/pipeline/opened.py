"""Opening what was found."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.media import Budget, LinkError, Source, open_source
from tidegate.pipeline.find import Found


@contextmanager
def opened(found: Found, budget: Budget) -> Iterator[Source | None]:
    """Open a file as it was found: links that were met in a folder are not followed.

    Yields:
        The file, or ``None`` for what was met in a folder and is no media or a link.

    Raises:
        MediaError: It cannot be opened.
    """
    beneath = found.beneath
    if beneath is None and not found.named:
        beneath = found.path.parent
    try:
        source = open_source(found.path, budget, beneath=beneath)
    except LinkError:
        if found.named:
            raise
        yield None
        return
    with source:
        yield source if found.named or source.format is not None else None
