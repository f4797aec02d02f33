from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.media import Reader, Sampling


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """One child for all tests that do not hurt it."""
    with Reader() as reader:
        yield reader


@pytest.fixture(scope="session")
def every() -> Iterator[Reader]:
    """A reader that judges every frame."""
    with Reader(sampling=Sampling(gap=0)) as reader:
        yield reader


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where made media is kept for the session."""
    return tmp_path_factory.mktemp("made")
