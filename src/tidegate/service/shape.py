"""What bodies and answers of the API have in common."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

MORE_FIELDS = 20
"""Fields that nobody knows, in one object, that are named one by one in an error."""


def _text(given: SecretStr) -> SecretStr:
    # JSON can spell half of a surrogate pair; pydantic refuses it in text, not in secrets.
    given.get_secret_value().encode()
    return given


Hidden = Annotated[SecretStr, AfterValidator(_text)]
"""A text that no log, error or answer shows."""


class Shape(BaseModel):
    """A body or an answer: never changed, and without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: Any) -> Any:
        # An error for each of 30,000 unknown fields takes a tenth of a second of everybody's time.
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + MORE_FIELDS:
            raise PydanticCustomError("too_many_fields", "Object has more fields than there are")
        return given


class Why(Shape):
    """Why something is done."""

    reason: "Reason" = ""


Reason = Annotated[
    str,
    Field(description="Why, for the audit chain.", max_length=2000, examples=["left the team"]),
]

After = Annotated[
    str | None,
    Query(
        description="`next` of the page before; nothing: the first page.",
        max_length=200,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.", examples=[50])]

Next = Annotated[
    str | None,
    Field(description="`after` of the next page, or null where there is none.", examples=[None]),
]
