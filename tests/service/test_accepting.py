"""Items that are accepted together: what one of them does to the others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store.making import NOW, new_item
from tidegate.service.accepting import Accepting
from tidegate.store.error import InvalidError, StoreError


class Store:
    """A store that keeps its first caller until others wait, and then fails."""

    def __init__(self, error):
        self.error = error
        self.asked = 0
        self.others = threading.Event()

    def write(self):
        self.asked += 1
        self.others.wait(30)
        raise self.error


@pytest.mark.parametrize(
    ("error", "times"), [(StoreError("no database"), 2), (InvalidError("too long"), 5)]
)
def test_a_database_that_is_gone_is_waited_for_once_for_all(error, times):
    store = Store(error)
    accepting = Accepting(store)

    def accept(number):
        with pytest.raises(type(error)):
            accepting.accept(new_item(number), actor="key:1", now=NOW)

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(accept, 0)
        while store.asked == 0:
            pass
        rest = [threads.submit(accept, number) for number in (1, 2, 3)]
        while len(accepting._waiting) < 3:
            pass
        store.others.set()
        for done in (first, *rest):
            done.result()
    # The first alone, then the three together; and each of these by itself where one may be wrong.
    assert store.asked == times
