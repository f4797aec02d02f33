"""The names that a guard can read: this list and nothing else.

There is no name for a person, nor for anything that only a person has. ``locale`` is where an
item is shown, ``uploader`` is what the platform says of an account.

A value that is not known is left unbound and makes what reads it unknown, never false.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from tidegate import taxonomy
from tidegate.evidence import Cause, Kind
from tidegate.policy.schema import Names

Type = Literal[
    "bool",
    "int",
    "double",
    "string",
    "list(string)",
    "map(string, bool)",
    "map(string, int)",
    "map(string, double)",
]
"""Types, as CEL calls them. A list is bound as a Python list, a map as a dictionary."""

Of = Literal["surface", "kind", "fact", "context", "bankable", "detectable", "cause", "bank"]
"""The closed sets that texts are of."""


class Name(NamedTuple):
    """One name.

    Attributes:
        type: Its type.
        says: What it is, one line.
        of: For a text, the texts of a list and the keys of a map: the closed set that they
            are of, or ``None`` where they are free.
        share: Whether it is a part of one: a score or a share, in [0, 1].
    """

    type: Type
    says: str
    of: Of | None = None
    share: bool = False


SECOND = "second."
"""Before a category: its score in the second opinion."""

STATED = ("surface", "locale", "uploader.account_days", "uploader.removals", "uploader.trusted")
"""What a platform may say of an item, or not: the texts of ``stated``."""


def _scores(before: str, whose: str) -> dict[str, Name]:
    return {
        before + category: Name(
            "double",
            f"{whose} of {taxonomy.get(category).title.lower()}, in [0, 1]",
            share=True,
        )
        for category in taxonomy.detectable()
    }


NAMES: Mapping[str, Name] = {
    **_scores("", "Highest score"),
    **_scores(SECOND, "Highest score of the second best detector"),
    "item.kind": Name("string", "image, animation or video", "kind"),
    "item.format": Name("string", "Container or file format, for example jpeg or mp4"),
    "item.duration": Name("double", "Length in seconds; 0.0 for a still picture"),
    "item.width": Name("int", "Width in pixels of the upright picture"),
    "item.height": Name("int", "Height in pixels of the upright picture"),
    "item.size": Name("int", "Bytes"),
    "surface": Name("string", "Where the item is to be shown", "surface"),
    "locale": Name("string", "Language and region of the place where it is shown (de-AT)"),
    "context": Name("list(string)", "Context that the uploader or a reviewer has set", "context"),
    "stated": Name("list(string)", "What of these the platform has said", "fact"),
    "uploader.account_days": Name("int", "Days since the account was made"),
    "uploader.removals": Name("int", "Items of the account that were removed before"),
    "uploader.trusted": Name("bool", "Whether the platform vouches for the account"),
    "met": Name("map(string, bool)", "By bank: whether the item met an entry", "bank"),
    "distance": Name("map(string, int)", "By bank: bits to the nearest entry met", "bank"),
    "query_share": Name(
        "map(string, double)", "By bank: greatest part of the item that matched", "bank", True
    ),
    "entry_share": Name(
        "map(string, double)", "By bank: greatest part of an entry that matched", "bank", True
    ),
    "matched": Name("list(string)", "Categories of the entries met", "bankable"),
    "covered": Name("list(string)", "Categories that a detector answers for", "detectable"),
    "unknowns": Name("list(string)", "Causes of missing answers", "cause"),
}
"""Every name by itself, in the order in which the documentation has them."""

SET: Mapping[Of, str] = {
    "surface": "one of the policy's surfaces (names.surfaces)",
    "kind": "a kind of media",
    "fact": "a fact that a platform states",
    "context": "a context category",
    "bankable": "a category that a bank can carry",
    "detectable": "a category that a detector can score",
    "cause": "a cause of a missing answer",
    "bank": "one of the policy's banks (names.banks)",
}
"""What an element of each closed set is, in words."""


def choices(declared: Names) -> Mapping[Of, tuple[str, ...]]:
    """Return the elements of each closed set, under what a policy declares."""
    return {
        "surface": declared.surfaces,
        "kind": get_args(Kind),
        "fact": STATED,
        "context": taxonomy.contexts(),
        "bankable": taxonomy.bankable(),
        "detectable": taxonomy.detectable(),
        "cause": get_args(Cause),
        "bank": declared.banks,
    }
