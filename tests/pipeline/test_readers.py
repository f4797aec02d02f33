"""A decoding process for each thread."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.clips import photo
from tidegate.media import Budget, Sampling, open_source
from tidegate.pipeline.readers import Readers, spare_threads


def test_each_thread_keeps_a_reader_of_its_own():
    meeting = Barrier(2)

    def ask(_):
        meeting.wait(10)
        return readers.mine(), readers.mine()

    with Readers(Budget(), Sampling(), jobs=2) as readers, ThreadPoolExecutor(2) as pool:
        (one, again), (two, _) = pool.map(ask, range(2))
    assert one is again
    assert one is not two


def test_at_the_end_all_decoders_are_gone():
    with Readers(Budget(), Sampling(), jobs=1) as readers:
        reader = readers.mine()
        with open_source(photo("coffee.png"), Budget()) as source:
            assert len(list(reader.read(source))) == 1
        assert reader.pid is not None
    assert reader.pid is None


def test_threads_are_shared_out_and_never_none(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert [spare_threads(jobs) for jobs in (1, 16, 64, 1000)] == [8, 4, 1, 1]
