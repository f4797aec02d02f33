"""The guards of a policy, beside the same ones in cel-python.

Both are given plain values and make them ready themselves. cel-python has no types at load,
so what a name is goes in with each value; a missing one is an error there as here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import celpy
from celpy import celtypes

from benchmarks import record
from benchmarks.duel import Row, duel
from tidegate.policy.guard import Guard, Guards
from tidegate.policy.schema import Names

PEER = "cel-python"

DECLARED = Names(surfaces=("avatar", "post"), banks=("press-photos",))

SOURCES = (
    "sexual.explicit > 0.5 && (surface == 'avatar' || uploader.account_days < 7)",
    "'context.art' in context && sexual.nudity > 0.8",
    "met['press-photos'] && distance['press-photos'] < 8",
    "item.kind == 'video' && violence.gore > 0.6",
    "second.sexual.explicit > 0.4 && sexual.explicit > 0.4",
)

Values = Mapping[str, Any]
Answer = bool | None


def main() -> None:
    """Run the topic."""
    record.main("guard", ("cel-expr-python", "cel-python"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Measure one guard, five guards, and what loading costs."""
    rounds = 3 if options.quick else 15
    items = [_item(number) for number in range(20 if options.quick else 200)]
    one = items, SOURCES[:1]
    yield _asked("one guard, an item", *one, rounds)
    for case, chosen in (
        ("five guards, an item that none is about", [_quiet(item) for item in items]),
        ("five guards, an item that one or more are about", items),
    ):
        yield _asked(case, chosen, SOURCES, rounds)
    yield duel(
        "a guard, compiled and checked",
        lambda: [Guard(source, DECLARED) for source in SOURCES],
        PEER,
        lambda: [_theirs(source) for source in SOURCES],
        rounds=rounds,
        per=len(SOURCES),
    )


def _asked(case: str, items: Sequence[Values], sources: Sequence[str], rounds: int) -> Row:
    guards = Guards([Guard(source, DECLARED) for source in sources])
    theirs = [_theirs(source) for source in sources]
    for item in items:
        ours = [answer if isinstance(answer, bool) else None for answer in guards.hold(item)]
        ready = _converted(item)
        assert ours == [ask(ready) for ask in theirs], (item, ours)

    def run_ours() -> None:
        for item in items:
            guards.hold(item)

    def run_theirs() -> None:
        for item in items:
            ready = _converted(item)
            for ask in theirs:
                ask(ready)

    return duel(case, run_ours, PEER, run_theirs, rounds=rounds, per=len(items))


def _theirs(source: str) -> Callable[[Values], Answer]:
    environment = celpy.Environment()
    program = environment.program(environment.compile(source))

    def ask(ready: Values) -> Answer:
        try:
            return bool(program.evaluate(ready))
        except celpy.CELEvalError:
            return None

    return ask


def _converted(item: Values) -> Values:
    """Turn plain values into theirs, nested as the dots of the names say."""
    ready: dict[str, Any] = {}
    for name, value in item.items():
        *path, last = name.split(".")
        within = ready
        for step in path:
            within = within.setdefault(celtypes.StringType(step), celtypes.MapType())
        within[celtypes.StringType(last)] = celpy.json_to_cel(value)
    return ready


def _item(number: int) -> Values:
    """Return the values of an item; each guard holds for some."""
    score = number * 37 % 100 / 100
    return {
        "sexual.explicit": score,
        "second.sexual.explicit": 1.0 - score,
        "sexual.nudity": number * 53 % 100 / 100,
        "violence.gore": number * 71 % 100 / 100,
        "surface": ("avatar", "post")[number % 2],
        "uploader.account_days": number % 14,
        "context": ["context.art"] if number % 3 == 0 else [],
        "met": {"press-photos": number % 5 == 0},
        "distance": {"press-photos": number % 31} if number % 5 == 0 else {},
        "item.kind": ("image", "video")[number % 2],
    }


def _quiet(item: Values) -> Values:
    return {
        **item,
        "sexual.explicit": item["sexual.explicit"] / 4,
        "sexual.nudity": item["sexual.nudity"] / 4,
        "violence.gore": item["violence.gore"] / 4,
        "met": {"press-photos": False},
    }


if __name__ == "__main__":
    main()
