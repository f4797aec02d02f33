"""From a form that was filled in to what the API takes, and from its refusal back to the form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData

from tidegate.review.frame import text
from tidegate.service.problems import Conflict, Fault, Forbidden, Invalid, TooLarge, UnsupportedType
from tidegate.service.shape import Shape, Why
from tidegate.store.error import ConflictError, InvalidError, StateError

M = TypeVar("M", bound=Shape)

REFUSED = (
    Conflict,
    ConflictError,
    Forbidden,
    Invalid,
    InvalidError,
    StateError,
    TooLarge,
    UnsupportedType,
)
"""What a form is shown again for, with what was filled in. What is not there has its own page."""


class Faults(NamedTuple):
    """What is wrong with a form.

    Attributes:
        said: In a sentence; empty where nothing is.
        fields: What is wrong with each field, by its name.
        status: HTTP status of the page.
    """

    said: str = ""
    fields: Mapping[str, str] = {}
    status: int = 200

    def of(self, field: str) -> str | None:
        """Return what is wrong with a field, or ``None`` where nothing is."""
        return self.fields.get(field)


NONE = Faults()

_WRONG = "Something is not filled in as it should be."


def faults(error: Exception) -> Faults:
    """Return what an error of :data:`REFUSED` says of a form."""
    if isinstance(error, Conflict | Forbidden | Invalid | TooLarge | UnsupportedType):
        told = {fault.pointer.split("/")[2]: fault.detail for fault in error.errors if _of(fault)}
        whole = [_sentence(fault.detail) for fault in error.errors if not _of(fault)]
        if error.detail != error.title or not error.errors:
            said = _sentence(error.detail)
        else:
            said = " ".join(whole) or _WRONG
        return Faults(said, told, error.status)
    return Faults(_sentence(str(error)), {}, 422 if isinstance(error, InvalidError) else 409)


def filled(model: type[M], given: FormData, *names: str, **more: Any) -> M:
    """Return a body of the API, made of some fields of a form.

    Args:
        model: The body.
        given: The form. A field that is empty is not given.
        names: Its fields that are meant.
        more: Fields whose values are no text.

    Raises:
        Invalid: It is none.
    """
    return made(model, **{name: value for name in names if (value := text(given, name))}, **more)


def made(model: type[M], **values: Any) -> M:
    """Return a body of the API.

    Raises:
        Invalid: It is none.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        faults = [Fault(pointer=_pointer(one["loc"]), detail=_plain(one)) for one in found]
        raise Invalid(errors=faults) from None


def why(given: FormData) -> Why:
    """Return the reason that a form gives.

    Raises:
        Invalid: It is too long.
    """
    return filled(Why, given, "reason")


def some(given: FormData, name: str) -> tuple[str, ...]:
    """Return what was chosen of several, each once."""
    return tuple(dict.fromkeys(v for v in given.getlist(name) if isinstance(v, str) and v))


def values(given: FormData | Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return what was filled in, to show it again."""
    found = ((name, given.get(name, "")) for name in names)
    return {name: value if isinstance(value, str) else "" for name, value in found}


def _of(fault: Fault) -> bool:
    return fault.pointer.count("/") > 1


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith((".", "!", "?")) else ".")


_PLAIN = {
    "missing": "It has to be filled in.",
    "string_pattern_mismatch": "It is not written as it should be.",
    "string_too_short": "It has to be filled in.",
    "too_short": "Choose one at least.",
}


def _plain(error: Mapping[str, Any]) -> str:
    """Return an error of pydantic in the words of a form."""
    if (told := _PLAIN.get(error["type"])) is not None:
        return told
    said = str(error["msg"])
    for theirs in ("Input should", "String should", "Tuple should", "Value should"):
        said = said.replace(theirs, "It should")
    return f"{said}."


def _pointer(where: Sequence[str | int]) -> str:
    return "".join(f"/{part}" for part in ("body", *where))
