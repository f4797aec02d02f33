"""Whoever asks gets the answers to what it asked, whoever asks beside it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.examples import brightness, manifest, stored
from tidegate.detectors import Classifier, parse
from tidegate.detectors.batcher import Batcher, _Call, _Piece
from tidegate.detectors.runtime import Runtime

POISON = -1.0


class PoisonedError(Exception):
    pass


class Model:
    """Doubles what it is shown, fails on poison, and keeps account of its runs."""

    def __init__(self):
        self.sizes, self.running, self.most_running = [], 0, 0
        self._lock = threading.Lock()

    def __call__(self, batch):
        with self._lock:
            self.sizes.append(len(batch))
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            if (batch == POISON).any():
                raise PoisonedError
            return [batch * 2]
        finally:
            with self._lock:
                self.running -= 1


def tensors(*values):
    return [np.full((2, 3), value, np.float32) for value in values]


def values(answers):
    for (row,) in answers:
        assert row.shape == (1, 2, 3)
    return [float(row[0, 0, 0]) for (row,) in answers]


def in_threads(*asks):
    """Ask from a thread each; return what each got, or its error."""

    def outcome(ask):
        try:
            return ask()
        except BaseException as error:
            return error

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(outcome, asks))


numbers = st.integers(1, 99).map(float)
calls = st.lists(
    st.lists(numbers | st.just(POISON), min_size=1, max_size=5), min_size=1, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(calls=calls, most=st.integers(1, 8), at_once=st.integers(1, 3))
def test_a_call_gets_its_own_answers_or_its_own_error(calls, most, at_once):
    model = Model()
    batcher = Batcher(model, most, at_once)
    got = in_threads(*(lambda call=call: values(batcher.ask(tensors(*call))) for call in calls))
    for call, found in zip(calls, got, strict=True):
        if POISON in call:
            assert isinstance(found, PoisonedError)
        else:
            assert found == [2 * value for value in call]
    assert max(model.sizes) <= most
    assert model.most_running <= at_once


class Held:
    """A model whose first run lasts until so many pictures wait behind it."""

    def __init__(self, run, waiting, most=8):
        self._run, self._waiting, self.sizes = run, waiting, []
        self.started = threading.Event()
        self.batcher = Batcher(self, most, at_once=1)

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(self.sizes) == 1:
            self.started.set()
            deadline = time.monotonic() + 60
            while len(self.batcher._waiting) < self._waiting:
                assert time.monotonic() < deadline, "they do not come"
                time.sleep(0.001)
        return self._run(batch)

    def ask(self, *asked):
        """Ask for the first of these, then, while that is under way, for the rest."""

        def later(call):
            self.started.wait()
            return values(self.batcher.ask(tensors(*call)))

        first, *rest = asked
        return in_threads(
            lambda: values(self.batcher.ask(tensors(*first))),
            *(lambda call=call: later(call) for call in rest),
        )


def test_those_who_come_during_a_run_are_the_next_one():
    held = Held(Model(), waiting=5)
    assert held.ask([1.0], [2.0], [3.0, 4.0], [5.0, 6.0]) == [[2], [4], [6, 8], [10, 12]]
    assert held.sizes == [1, 5]


def test_no_run_is_larger_than_it_may_be():
    held = Held(Model(), waiting=5, most=2)
    held.ask([1.0], [2.0], [3.0, 4.0], [5.0, 6.0])
    assert held.sizes == [1, 2, 2, 1]


def test_a_poisoned_picture_costs_nobody_else_an_answer():
    held = Held(Model(), waiting=4)
    first, good, bad, also_good = held.ask([1.0], [2.0], [3.0, POISON], [5.0])
    assert (first, good, also_good) == ([2], [4], [10])
    assert isinstance(bad, PoisonedError)
    assert held.sizes[:2] == [1, 4], "it was in the same run"


def test_a_picture_of_another_shape_costs_nobody_else_an_answer():
    held = Held(Model(), waiting=2)
    wrong = [np.zeros((5, 5), np.float32), np.zeros((2, 3), np.float32)]

    def ask():
        held.started.wait()
        return held.batcher.ask(wrong)

    first, error = in_threads(lambda: values(held.batcher.ask(tensors(1.0))), ask)
    assert first == [2]
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("answer", [np.zeros((3, 1)), np.zeros(()), [0.5], None])
def test_an_answer_that_cannot_be_shared_out_is_an_error(answer):
    batcher = Batcher(lambda batch: [answer], most=8, at_once=1)
    with pytest.raises(ArithmeticError, match="rows for 2 pictures"):
        batcher.ask(tensors(1.0, 2.0))


class Stopped(BaseException):
    pass


def test_a_thread_that_is_stopped_in_a_run_leaves_nobody_waiting():
    runs = []

    def run(batch):
        runs.append(len(batch))
        if len(runs) == 2:
            raise Stopped
        return [batch * 2]

    held = Held(run, waiting=2)
    first, *others = held.ask([1.0], [2.0], [3.0])
    assert first == [2]
    assert runs == [1, 2, 1], "what it had taken with it was done again"
    assert sorted(type(other) for other in others if not isinstance(other, list)) == [Stopped]
    assert [other for other in others if isinstance(other, list)] in ([[4]], [[6]])
    assert not held.batcher._waiting
    assert values(held.batcher.ask(tensors(7.0))) == [14]


def test_a_call_that_failed_in_one_run_stays_failed_whatever_another_says():
    failed, both = threading.Event(), threading.Event()

    def run(batch):
        shown = batch[:, 0, 0].tolist()
        if shown == [1.0, POISON]:  # The call's other run, which fails first.
            assert both.wait(10)
            failed.set()
            raise PoisonedError
        if POISON in shown and 2.0 in shown:  # Mixed with another's: each is asked again.
            both.set()
            assert failed.wait(10)
            raise PoisonedError
        if shown == [POISON]:
            raise PoisonedError
        return [batch * 2]

    batcher = Batcher(run, most=2, at_once=2)
    call = _Call(3)
    first, second, third = tensors(1.0, POISON, 2.0)
    other = _Call(1)
    one = [_Piece(call, 0, first), _Piece(call, 1, second)]
    mixed = [_Piece(call, 2, third), _Piece(other, 0, tensors(POISON)[0])]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(batcher._answer_all, [one, mixed]))
    assert isinstance(call.error, PoisonedError)
    assert isinstance(other.error, PoisonedError)


def test_nothing_is_kept_of_what_was_asked():
    batcher = Batcher(Model(), most=2, at_once=1)
    with pytest.raises(PoisonedError):
        batcher.ask(tensors(POISON, 1.0, 2.0, 3.0))
    assert not batcher._waiting


def test_no_pictures_are_no_answers():
    assert Batcher(Model(), most=2, at_once=1).ask([]) == []


@pytest.mark.parametrize("library", ["onnxruntime", "openvino"])
def test_a_detector_scores_a_picture_the_same_whoever_asks_beside_it(tmp_path, library):
    if library == "openvino":
        pytest.importorskip("openvino")
    model = brightness([[1, 0, 0], [0, 1, 0]])
    text = manifest({"gun": "violence.weapon"}, ["gun", "cat"], input__scale=1 / 255)
    file, weights = stored(tmp_path, model, text)
    detector = Classifier(parse(file.read_text(), file.name), weights, Runtime(library=library))
    random = np.random.default_rng(4)
    pictures = random.integers(0, 256, (24, 20, 20, 3), np.uint8)
    prepared = [detector.prepare(picture) for picture in pictures]
    alone = [detector.scores([tensor])[0] for tensor in prepared]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda tensor: detector.scores([tensor])[0], prepared))
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(detector.scores(prepared), alone, atol=1e-6)
