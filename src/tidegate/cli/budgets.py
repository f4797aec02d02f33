"""``--budget NAME=VALUE``: what one item may cost, as every command that reads media takes it."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, NamedTuple

import typer

from tidegate.media import Budget

NAMES = Budget.__struct_fields__

Budgets = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="NAME=VALUE",
        help="The most that one item may cost, for example pixels=50M, bytes=500MB, seconds=90 "
        "or duration=6h. What is over it is unknown and says which budget that was: "
        "'(budget.pixels)' is moved by '--budget pixels=…'. May be repeated. Names: "
        f"{', '.join(NAMES)}.",
    ),
]


class _Kind(NamedTuple):
    """How a value is written.

    Attributes:
        units: What a unit, in small letters, stands for.
        whole: Whether it is a whole number.
        most: Beyond, it is a slip of the hand.
        example: For people.
    """

    units: Mapping[str, int]
    whole: bool
    most: int
    example: str


_COUNT = _Kind(
    {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12},
    whole=True,
    most=10**15,
    example="a number such as 250, 50k, 178M or 2G",
)
_SIZE = _Kind(
    {"": 1, "b": 1}
    | {f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)}
    | {f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)},
    whole=True,
    most=10**15,
    example="a size such as 1000000, 500MB or 2GiB",
)
_TIME = _Kind(
    {"": 1, "s": 1, "m": 60, "h": 3600},
    whole=False,
    most=10**9,
    example="a time such as 90, 90s, 10m or 6h",
)
_KINDS: Mapping[str, _Kind] = {
    "bytes": _SIZE,
    "pixels": _COUNT._replace(most=10**10),  # Two such frames have to find room in memory.
    "total_pixels": _COUNT,
    "frames": _COUNT,
    "duration": _TIME,
    "streams": _COUNT,
    "seconds": _TIME,
    "memory": _SIZE,
}


def chosen(settings: Iterable[str] | None) -> Budget:
    """Return the default budget, with the settings in the place of its own.

    Args:
        settings: As the user gave them, each ``NAME=VALUE``.

    Raises:
        typer.BadParameter: A name is unknown or comes twice, or a value is none.
    """
    given: dict[str, int | float] = {}
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        if name not in NAMES or not equals:
            raise _wrong(setting, "is not NAME=VALUE of a budget")
        if name in given:
            raise _wrong(setting, f"{name} is given twice")
        given[name] = _value(setting, text, _KINDS[name])
    return Budget(**given)  # type: ignore[arg-type] # Each name has numbers of its kind.


def _value(setting: str, text: str, kind: _Kind) -> int | float:
    found = re.fullmatch(r"([0-9][0-9_]{0,30}(?:\.[0-9]{1,30})?)([A-Za-z]{0,3})", text)
    if not found or found[2].lower() not in kind.units:
        raise _wrong(setting, f"the value is {kind.example}")
    value = Decimal(found[1]) * kind.units[found[2].lower()]
    if not 0 < value <= kind.most:
        raise _wrong(setting, f"the value is more than 0 and at most {kind.most:,}")
    if not kind.whole:
        return float(value)
    if value % 1:
        raise _wrong(setting, "the value is a whole number")
    return int(value)


def _wrong(setting: str, reason: str) -> typer.BadParameter:
    return typer.BadParameter(f"--budget {setting!r}: {reason}; budgets are {', '.join(NAMES)}")
