"""A short storm on each database; `python -m tests.chaos` makes long ones."""

import pytest

from tests.chaos.__main__ import free_port
from tests.chaos.storm import storm


@pytest.mark.parametrize("kills", [3])
def test_kill_9_loses_nothing_and_does_nothing_twice(database, kills):
    came = storm(
        database.data, database.url, free_port(), kills=kills, seed=7, clients=3, pause=0.3
    )
    assert came.truth.wrong == []
    assert came.truth.items == len(came.sent.items) > 0
    assert came.exits == [0, 0]
