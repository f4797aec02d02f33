"""Items as the API takes them and shows them."""

from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from tidegate import taxonomy
from tidegate.evidence import Action, Facts
from tidegate.service.addresses import Allowance, read_url
from tidegate.service.embedded import DecisionValue, EvidenceValue, FactsValue
from tidegate.service.fetch_error import FetchError
from tidegate.service.problems import BadRequest, Fault, Invalid
from tidegate.service.shape import Next, Shape
from tidegate.store import clock, decisions, items

DEEPEST = 8
"""Lists and objects within one another, in the metadata of an item."""

_ID = "0199c0de-0000-7000-8000-000000000001"
_AT = "2026-11-23T08:30:00.000000+00:00"

State = Literal["received", "judged", "failed", "deleted"]


class UploaderIn(Shape):
    """The account that uploaded an item. Never who the person is."""

    id: str | None = Field(
        default=None,
        max_length=500,
        description="The platform's opaque name of the account.",
        examples=["a-8231"],
    )
    account_days: int | None = Field(
        default=None, description="Days since the account was made.", examples=[3]
    )
    removals: int | None = Field(
        default=None, description="Items of it that were removed before.", examples=[0]
    )
    trusted: bool | None = Field(
        default=None, description="Whether the platform vouches for it.", examples=[False]
    )


class NewItem(Shape):
    """What is said of an item that is sent. In a form with a file this is the part ``item``."""

    url: str | None = Field(
        default=None,
        max_length=4000,
        description="Where to fetch it, in place of a file.",
        examples=["https://images.example/3f9a.jpg"],
    )
    key: str | None = Field(
        default=None,
        max_length=1000,
        description="Where it is in the folder of stored objects, in place of a file.",
        examples=["2026/11/3f9a.jpg"],
    )
    external_id: str | None = Field(
        default=None, max_length=500, description="What you call it.", examples=["post-77120"]
    )
    surface: str | None = Field(
        default=None,
        description="Where it is to be shown, as the policy names it.",
        examples=["avatar"],
    )
    locale: str | None = Field(
        default=None,
        description="Language and region of the place where it is shown; never the uploader's.",
        examples=["de-AT"],
    )
    uploader: UploaderIn = UploaderIn()
    context: tuple[str, ...] = Field(
        fail_fast=True,
        default=(),
        max_length=20,
        description="Context that the uploader or a reviewer has set.",
        examples=[["context.art"]],
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description=f"What you want to have back with it: {items.LARGEST_METADATA:,} bytes of "
        f"JSON, {DEEPEST} levels deep.",
        examples=[{"thread": 8812}],
    )
    priority: int = Field(
        default=5, ge=0, le=9, description="Higher is judged first.", examples=[5]
    )
    reach: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000_000,
        description="How many people may come to see it: of two cases, reviewers are given the one "
        "with more reach first.",
        examples=[12_000],
    )
    callback: str | None = Field(
        default=None,
        max_length=4000,
        description="Where to send the decision, besides the webhooks.",
        examples=["https://platform.example/tidegate"],
    )

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read the JSON of an item.

        Raises:
            BadRequest: It is no JSON.
            RequestValidationError: It is not what is asked for.
        """
        try:
            # Stricter than pydantic's reader: no NaN, no half of a surrogate pair.
            plain = msgspec.json.decode(body)
        except (ValueError, RecursionError):
            raise BadRequest("the item is no JSON") from None
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            faults = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
            raise RequestValidationError(faults) from None

    def check(self, *, file: bool) -> None:
        """Check what no schema says.

        Args:
            file: Whether it came with a file.

        Raises:
            Invalid: It does not say where it is, or does so twice; the callback is no address;
                the metadata is nested too deeply.
        """
        if [file, self.url is not None, self.key is not None].count(True) != 1:
            raise invalid("", "an item is a file, a url or a key, and one of these")
        if self.callback is not None:
            try:
                read_url(self.callback, Allowance())
            except FetchError as error:
                raise invalid("callback", str(error)) from None
        if _deeper(self.metadata, DEEPEST):
            raise invalid("metadata", f"is nested more than {DEEPEST} levels deep")

    def facts(self) -> Facts:
        """Return what goes into the decision.

        Raises:
            Invalid: One of them means nothing.
        """
        for flag in self.context:
            if flag not in taxonomy.contexts():
                raise invalid("context", f"there are {', '.join(taxonomy.contexts())}")
        given = {
            "surface": self.surface,
            "locale": self.locale,
            "context": tuple(dict.fromkeys(self.context)),
            "uploader": self.uploader.model_dump(),
        }
        try:
            return msgspec.convert(given, Facts)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$.")
            raise invalid(where.rstrip("`").replace(".", "/"), message) from None


class Past(Shape):
    """A decision of an item's history."""

    id: str = Field(description="Its id.", examples=[_ID])
    number: int = Field(description="1 for the item's first.", examples=[1])
    origin: Literal["machine", "reviewer"] = Field(
        description="Whether the policy or a person decided.", examples=["machine"]
    )
    author: str = Field(description="Who.", examples=["worker:host:12"])
    action: Action = Field(description="What was decided.", examples=["allow"])
    policy: str = Field(description="Under which policy.", examples=["default/1"])
    reason: str = Field(description="Why, in a reviewer's words.", examples=[""])
    created_at: str = Field(description="When.", examples=[_AT])

    @classmethod
    def of(cls, made: decisions.Past) -> Self:
        """Return what is shown of a decision."""
        return cls(
            id=made.id,
            number=made.number,
            origin=made.origin,
            author=made.author,
            action=made.action,
            policy=made.policy,
            reason=made.reason,
            created_at=clock.text(made.created_at),
        )


class Summary(Shape):
    """An item, as it stands."""

    id: str = Field(description="Its id.", examples=[_ID])
    external_id: str | None = Field(description="What you call it.", examples=["post-77120"])
    state: State = Field(
        description="`received` until it is `judged`, or `failed` for a fault of the service; "
        "`deleted` when its media is: the record stays.",
        examples=["judged"],
    )
    error: str | None = Field(description="Why it failed.", examples=[None])
    action: Action | None = Field(description="What to do, once decided.", examples=["allow"])
    source: Literal["upload", "url", "object"] = Field(
        description="How it came.", examples=["upload"]
    )
    reference: str | None = Field(
        description="Its URL or key; none of an upload. Of a URL only scheme and host, to whoever "
        "may not see media, and to everybody where it is quarantined.",
        examples=["https://images.example/3f9a.jpg"],
    )
    sha256: str | None = Field(
        description="Digest of its bytes, once they are here.", examples=["ab" * 32]
    )
    size: int | None = Field(description="How many these are.", examples=[182_331])
    facts: FactsValue = Field(description="What you said of it, as it goes into the decision.")
    metadata: dict[str, Any] = Field(description="As you sent it.", examples=[{"thread": 8812}])
    priority: int = Field(description="Higher is judged first.", examples=[5])
    reach: int | None = Field(description="How many people may come to see it.", examples=[None])
    callback: str | None = Field(
        description="Where the decision goes, besides the webhooks.", examples=[None]
    )
    created_at: str = Field(description="When it was accepted.", examples=[_AT])
    judged_at: str | None = Field(
        description="When the decision in force was made.", examples=[_AT]
    )

    @classmethod
    def of(cls, item: items.Item, reference: str | None) -> Self:
        """Return what is shown of an item, with what is shown of where it came from."""
        return cls(**_plain(item, reference))


class ItemPage(Shape):
    """A page of items, newest first."""

    items: tuple[Summary, ...]
    next: Next


class ItemView(Summary):
    """An item with all that is known of it."""

    decision: DecisionValue | None = Field(description="The decision in force, with its reasons.")
    evidence: EvidenceValue | None = Field(description="What it rests on.")
    history: tuple[Past, ...] = Field(description="The decisions so far, newest first.")

    @classmethod
    def whole(
        cls,
        item: items.Item,
        reference: str | None,
        in_force: decisions.Recorded | None,
        history: list[decisions.Past],
    ) -> Self:
        """Return an item with its decisions, newest first."""
        return cls(
            **_plain(item, reference),
            decision=None if in_force is None else in_force.decision,
            evidence=None if in_force is None else in_force.evidence,
            history=tuple(map(Past.of, history)),
        )


class Rescan(Shape):
    """A rescan that was asked for."""

    job: str = Field(description="Id of the work.", examples=[_ID])


Since = Annotated[str | None, Field(description="ISO 8601, with a time zone.", examples=[_AT])]


def invalid(field: str, detail: str) -> Invalid:
    """Return what is wrong with a field of an item's JSON."""
    pointer = f"/body/{field}" if field else "/body"
    return Invalid(errors=[Fault(pointer=pointer, detail=detail)])


def _plain(item: items.Item, reference: str | None) -> dict[str, Any]:
    return {
        "id": item.id,
        "external_id": item.external_id,
        "state": item.state,
        "error": item.error,
        "action": item.action,
        "source": item.source,
        "reference": reference,
        "sha256": item.sha256,
        "size": item.size,
        "facts": item.facts,
        "metadata": item.metadata,
        "priority": item.priority,
        "reach": item.reach,
        "callback": item.callback,
        "created_at": clock.text(item.created_at),
        "judged_at": None if item.judged_at is None else clock.text(item.judged_at),
    }


def _deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested more deeply than so many levels."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(part, levels - 1) for part in parts)
