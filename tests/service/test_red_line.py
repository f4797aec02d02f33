"""Whatever a model answers, nothing but the taxonomy is kept or shown of it."""

import json
from itertools import count

import numpy as np
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.asked import POLICY, Asked
from tests.service.asking import ONCE
from tests.service.working import judge_of, photo, put_in_force, send, working
from tidegate import taxonomy
from tidegate.store.tables import contents, decisions, outbox

SCORING = POLICY.format(thresholds="{sexual.explicit: {review: 0.5}}", rules="[]")
NUMBERS = st.floats(width=32) | st.sampled_from([0.0, 1.0, -0.0, 1e-45, 3e38])
SHAPES = st.tuples(st.integers(0, 3), st.integers(0, 3)) | st.just((1, 1))


class Rogue(Asked):
    """A model that gives out what it is told to."""

    answer = np.zeros((1, 1), np.float32)

    def scores(self, tensors):
        return np.concatenate([self._real._score((self.answer,)) for _ in tensors])


class Foreign(Asked):
    """A model that answers for something that no manifest may name."""

    categories = ("person.age",)


def categories(value):
    """Yield what is said to be a category, anywhere in plain JSON."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "category" and part is not None:
                yield part
            elif name in ("categories", "covered"):
                yield from part
            yield from categories(part)
    elif isinstance(value, list):
        for part in value:
            yield from categories(part)


def everything(service):
    """Return all JSON that is kept of items."""
    columns = (contents.c.evidence, decisions.c.evidence, decisions.c.decision, outbox.c.body)
    with service.store.read() as connection:
        return [
            json.loads(text)
            for column in columns
            for text in connection.execute(sa.select(column)).scalars()
            if text is not None
        ]


@ONCE
def test_whatever_a_model_answers_is_a_score_of_a_category_or_unknown(service, admin, tmp_path):
    model, number = Rogue(tmp_path, "model", "sexual.explicit"), count()
    put_in_force(service, SCORING)
    with working(service, judge_of(service, detectors=[model])):

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(data=st.data(), shape=SHAPES)
        def answers(data, shape):
            size = shape[0] * shape[1]
            numbers = data.draw(st.lists(NUMBERS, min_size=size, max_size=size))
            model.answer = np.array(numbers, np.float32).reshape(shape)
            # Other bytes each time, of the same picture.
            found = send(admin, photo() + b"%d" % next(number)).json()
            assert found["state"] == "judged"
            assert set(categories(found)) <= set(taxonomy.CATEGORIES)
            signals = found["evidence"]["signals"]
            assert all(0.0 <= signal["score"] <= 1.0 for signal in signals)
            # What is no answer is unknown, never clean.
            assert signals or found["evidence"]["unknowns"] or found["action"] == "allow"
            if shape != (1, 1) or not np.isfinite(model.answer).all():
                assert (found["action"], found["decision"]["judged"]) == ("review", False)

        answers()
    for kept in everything(service):
        assert set(categories(kept)) <= set(taxonomy.CATEGORIES)


@ONCE
def test_a_model_that_answers_for_something_else_answers_nothing(service, admin, tmp_path):
    model = Foreign(tmp_path, "model", "sexual.explicit")
    put_in_force(service, SCORING)
    with working(service, judge_of(service, detectors=[model])):
        found = send(admin).json()
    assert (found["action"], found["decision"]["judged"]) == ("review", False)
    told = [found, *everything(service)]
    assert set(categories(told)) <= set(taxonomy.CATEGORIES)
    assert "person" not in json.dumps(told)
