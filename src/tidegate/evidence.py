"""The values that travel from media to decision. All are frozen and serialisable.

Two rules hold everywhere:

* Unknown is a value. A signal that could not be had is an :class:`Unknown` with a
  reason; it travels to the policy and to the record and is never the same as "clean".
* Evidence is complete without the media: with it and a policy, the decision can be
  made again.

Units: seconds are floats from the start of the item (0.0 for a still picture), rounded
to milliseconds; scores and shares are in [0, 1]; distances are Hamming distances in
bits, 0 to 256.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec

from tidegate import taxonomy

SCHEMA_VERSION = 1
"""The version of the JSON that reports are written in."""

Kind = Literal["image", "animation", "video"]

Role = Literal["block", "review", "allow"]
"""What a bank is for. ``allow`` holds content known to be good."""

FingerprintKind = Literal["sha256", "md5", "pdq"]

Transform = Literal[
    "none",
    "rotate90",
    "rotate180",
    "rotate270",
    "flip_vertical",
    "flip_horizontal",
    "transpose",
    "transverse",
]
"""How the query picture had to be turned to meet the entry: counter-clockwise
rotations (as ``numpy.rot90``), top-bottom and left-right mirrorings, and mirrorings at
the main and the other diagonal. The order is that of :func:`tidegate.hashing.pdq.dihedral`."""

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)

View = Literal[
    "whole",
    "unframed",
    "centre",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
]
"""A part of a picture that is hashed by itself. ``unframed`` is the picture without its
border, and where there is one, the centre and the quarters are parts of that."""

VIEWS: tuple[View, ...] = get_args(View)

Cause = Literal[
    "unreadable",
    "changed",
    "empty",
    "unsupported",
    "corrupt",
    "truncated",
    "too_large",
    "too_many_pixels",
    "too_many_frames",
    "too_long",
    "too_many_streams",
    "too_small",
    "too_flat",
    "deadline",
    "out_of_memory",
    "crashed",
    "no_frames",
    "detector_failed",
    "not_asked",
    "not_covered",
    "guard",
]
"""Why something is unknown. The last three are told by a policy: a detector that was skipped
under another one, a category that it needs and no detector answers for, and a guard that
needs what is not there."""

Stage = Literal["media", "matching", "detectors", "policy"]

Action = Literal["allow", "label", "restrict", "review", "hold", "remove", "quarantine"]

ACTIONS: tuple[Action, ...] = (
    "allow",
    "label",
    "restrict",
    "review",
    "hold",
    "remove",
    "quarantine",
)
"""Every action, weakest first."""


def strength(action: Action) -> int:
    """Return the rank of an action: 0 for ``allow``, 6 for ``quarantine``."""
    return ACTIONS.index(action)


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base of every value in this module: immutable, strict on decode."""


class Span(Value, frozen=True, kw_only=True):
    """A stretch of time, ``start <= end``, in seconds from the start of the item."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start


class Box(Value, frozen=True, kw_only=True):
    """A rectangle in the upright picture; each side a fraction in [0, 1] of its size."""

    left: float
    top: float
    right: float
    bottom: float


class Signal(Value, frozen=True, kw_only=True):
    """A category of the taxonomy that a detector saw.

    Attributes:
        category: Id in the taxonomy.
        score: Highest score within the span, in [0, 1].
        detector: Id of the detector.
        version: Version of the detector.
        span: When, or ``None`` for a still picture.
        peak: Second of the highest score, or ``None`` for a still picture.
        box: Where in the picture, or ``None`` where the detector does not say.
        review_only: Whether the detector is too weak to act on: no policy does more with
            the signal than label the item or ask a person.
    """

    category: str
    score: float
    detector: str
    version: str
    span: Span | None = None
    peak: float | None = None
    box: Box | None = None
    review_only: bool = False


class Match(Value, frozen=True, kw_only=True):
    """An entry of a bank that the item met.

    Attributes:
        bank: Name of the bank.
        entry: Id of the entry within the bank.
        category: Category that the bank or the entry carries.
        role: What the bank is for.
        kind: Which fingerprint met.
        distance: Smallest Hamming distance met, in bits; 0 for exact digests.
        transform: How the query had to be turned.
        view: Which part of the query met; less than the whole says less.
        span: When in the query, or ``None`` for a still picture.
        peak: Second of the query at which the smallest distance was met, or ``None``.
        entry_span: When in the entry, or ``None`` where the entry is a still picture.
        query_share: Share of the query's length that matched, in [0, 1].
        entry_share: Share of the entry's length that matched, in [0, 1].
        speed: Seconds of the entry per second of the query, 0.5 to 2; 1.0 where it plays at
            its own speed or where no other can be told.
        note: The entry's note, for people.
    """

    bank: str
    entry: str
    category: str
    role: Role
    kind: FingerprintKind
    distance: int
    transform: Transform = "none"
    view: View = "whole"
    span: Span | None = None
    peak: float | None = None
    entry_span: Span | None = None
    query_share: float = 1.0
    entry_share: float = 1.0
    speed: float = 1.0
    note: str = ""


class Unknown(Value, frozen=True, kw_only=True):
    """Something that could not be answered.

    Attributes:
        stage: Where in the pipeline the answer is missing.
        cause: Why.
        detail: One line for people: what happened, and which setting moves it.
        span: Which part of the item is not judged, or ``None`` for all of it.
        detector: Id of the detector that could not answer, or ``None``.
        categories: Categories that are unknown because of it; empty means all.
    """

    stage: Stage
    cause: Cause
    detail: str
    span: Span | None = None
    detector: str | None = None
    categories: tuple[str, ...] = ()


class Skipped(Value, frozen=True, kw_only=True):
    """A detector that was not asked, for no answer of its could have changed the decision.

    Under a policy for which its answer would matter, it is unknown.

    Attributes:
        detector: Id of the detector.
        version: Version of the detector.
        categories: Categories that it would have answered for.
        because: Why, for people: what the decision rests on.
        review_only: Whether its signals would have been for review only.
    """

    detector: str
    version: str
    categories: tuple[str, ...]
    because: str
    review_only: bool = False


class MediaInfo(Value, frozen=True, kw_only=True):
    """What the media is, found by content and never by name.

    Attributes:
        kind: Still image, animation or video.
        format: Container or file format, for example ``jpeg`` or ``mp4``.
        codec: Codec of the video stream, or ``None`` for pictures.
        width: Width in pixels of the upright picture.
        height: Height in pixels of the upright picture.
        duration: Length in seconds; 0.0 for a still picture. For a video it is what was
            seen where the file does not say.
        orientation: EXIF orientation 1 to 8 of a picture that was applied; 1 is upright.
        rotation: Degrees counter-clockwise that a video was turned by; 0, 90, 180 or 270.
        frames_seen: Frames that were decoded.
        frames_judged: Frames that were hashed and shown to the detectors.
        notes: What was done to the picture before it was judged, in words.
    """

    kind: Kind
    format: str
    width: int
    height: int
    codec: str | None = None
    duration: float = 0.0
    orientation: int = 1
    rotation: int = 0
    frames_seen: int = 0
    frames_judged: int = 0
    notes: tuple[str, ...] = ()


class FrameHash(Value, frozen=True, kw_only=True):
    """The PDQ of one judged frame.

    Attributes:
        second: When the frame is shown.
        pdq: 64 hexadecimal digits.
        quality: PDQ quality, 0 to 100; below 50 the hash says nothing.
    """

    second: float
    pdq: str
    quality: int


class Track(Value, frozen=True, kw_only=True):
    """The scores of one detector for one category over all judged frames.

    Attributes:
        category: Id in the taxonomy.
        detector: Id of the detector.
        seconds: When each frame is shown, ascending; denser where the video was looked at
            more closely.
        scores: Score of each frame, in [0, 1]; as many as ``seconds``.
    """

    category: str
    detector: str
    seconds: tuple[float, ...]
    scores: tuple[float, ...]


class Evidence(Value, frozen=True, kw_only=True):
    """All that is known of one item, and all that is not.

    Attributes:
        sha256: Digest of the bytes, or ``None`` where they could not be read.
        md5: Digest of the bytes, or ``None`` where they could not be read.
        size: Bytes, or ``None`` where they could not be read.
        media: What the media is, or ``None`` where that is unknown.
        frames: PDQ of each judged frame; one for a still picture. Those of a video that met
            something known are denser: it was looked at again for the ends of the match.
        tracks: Scores over time, for animations and videos.
        matches: Entries met, strongest first.
        signals: What detectors saw, highest score first.
        unknowns: What could not be answered.
        skipped: Detectors that were not asked, because nothing hung on their answer.
        banks: Names of the banks that were asked.
        covered: Categories that a detector answers for. A category that is in none of
            ``covered`` and the banks' categories was not looked for.
        versions: Versions of everything that made this evidence.
    """

    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    media: MediaInfo | None = None
    frames: tuple[FrameHash, ...] = ()
    tracks: tuple[Track, ...] = ()
    matches: tuple[Match, ...] = ()
    signals: tuple[Signal, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    banks: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)


class Uploader(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform says of the account that uploaded the item. Never who the person is.

    Attributes:
        id: The platform's opaque name of the account, or ``None``.
        account_days: Days since the account was made, or ``None`` where that is not said.
        removals: Items of the account that were removed before, or ``None``.
        trusted: Whether the platform vouches for the account, or ``None``.
    """

    id: str | None = None
    account_days: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    removals: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    trusted: bool | None = None


class Facts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform says of an item. Nothing of it is inferred from the media.

    Attributes:
        surface: Where it is to be shown, for example ``avatar``, or ``None``.
        locale: Language and region of the place where it is to be shown, as BCP 47 has them
            (``de-AT``), for rules that differ by country; never the uploader's. Or ``None``.
        context: Context categories of the taxonomy that the uploader or a reviewer has set.
        uploader: The account.
    """

    surface: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")] | None = None
    locale: (
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")] | None
    ) = None
    context: tuple[str, ...] = ()
    uploader: Uploader = Uploader()


Ground = Literal["match", "signal", "unknown", "guard"]
"""What a reason rests on: an element of one of the evidence's lists, or a rule's guard."""


class Bound(Value, frozen=True, kw_only=True):
    """One comparison that a rule makes.

    Attributes:
        of: What is compared: ``score``, ``distance``, ``query_share``, ``entry_share``, or the
            number of ``detectors`` that agree.
        observed: The value in the evidence.
        threshold: The value in the policy.
        holds: Whether the comparison came out for the rule.
    """

    of: Literal["score", "distance", "query_share", "entry_share", "detectors"]
    observed: float
    threshold: float
    holds: bool


class Reason(Value, frozen=True, kw_only=True):
    """A rule of the policy, met with one piece of evidence.

    Attributes:
        rule: Where in the policy the rule stands, for example
            ``thresholds.sexual.explicit.review``.
        action: What the rule asks for, or ``None`` where that is no action.
        ground: Which list of the evidence it rests on, or ``guard``.
        index: Which element of that list; 0 for a guard. What is unknown to the policy alone
            (:attr:`Decision.missing`) is counted on from the evidence's unknowns.
        category: Category concerned, or ``None`` for an unknown that concerns all.
        bounds: The comparisons made, with the values.
        text: The reason in words.
        overruled_by: The rule that silenced this one, or ``None``.
        capped_from: What it asked for before a cap, a breaker or the weakness of a detector
            lowered that, or ``None``.
        capped_by: What lowered it, or ``None``.
    """

    rule: str
    action: Action | None
    ground: Ground
    index: int
    category: str | None
    bounds: tuple[Bound, ...]
    text: str
    overruled_by: str | None = None
    capped_from: Action | None = None
    capped_by: str | None = None


EffectKind = Literal["queue", "label", "alarm"]


class Effect(Value, frozen=True, kw_only=True):
    """What is to be done besides the action.

    Attributes:
        kind: ``queue``: put before reviewers; ``label``: mark; ``alarm``: tell somebody now.
        value: Name of the queue, the label or the alarm.
        rules: The rules that caused it.
        priority: Of a queue, 0 to 100; the highest that a rule asked for.
    """

    kind: EffectKind
    value: str
    rules: tuple[str, ...]
    priority: int = 0


class Decision(Value, frozen=True, kw_only=True):
    """The strongest effect of all rules that fired, under one policy version.

    Attributes:
        action: What to do.
        judged: False where the action rests on nothing but missing evidence.
        reasons: Rules that fired, strongest first.
        near: Rules that nearly fired, nearest first.
        rest: Rules that were met with evidence and are far from firing.
        missing: What is unknown to this policy, besides what the evidence says.
        effects: What is to be done besides, with the rules that caused it.
        shadow: Rules in shadow that would have fired. They do nothing.
        shadow_action: The action that there would be if rules in shadow were live.
        policy: Id and version of the policy, for example ``default/1``.
        policy_sha256: Digest of the policy's canonical form.
    """

    action: Action
    judged: bool
    reasons: tuple[Reason, ...]
    near: tuple[Reason, ...]
    rest: tuple[Reason, ...]
    policy: str
    policy_sha256: str
    missing: tuple[Unknown, ...] = ()
    effects: tuple[Effect, ...] = ()
    shadow: tuple[Reason, ...] = ()
    shadow_action: Action | None = None


class Item(Value, frozen=True, kw_only=True):
    """One item, judged.

    Attributes:
        schema: Version of this JSON.
        path: Path as it was given or found.
        evidence: What is known of it.
        decision: What to do.
        elapsed: Seconds that the work took.
        facts: What the platform said of it.
    """

    schema: int = SCHEMA_VERSION
    path: str
    evidence: Evidence
    decision: Decision
    elapsed: float
    facts: Facts = Facts()


class Report(Value, frozen=True, kw_only=True):
    """Many items, judged.

    Attributes:
        schema: Version of this JSON.
        tidegate: Version of Tidegate.
        taxonomy: Version of the taxonomy.
        items: In the order in which they were given or found.
        summary: Number of items by action.
        unjudged: Number of items that could not be judged.
        skipped: Number of files in scanned folders that are no images or videos.
        interrupted: True where the scan was stopped before its end.
    """

    schema: int = SCHEMA_VERSION
    tidegate: str
    taxonomy: int
    items: tuple[Item, ...]
    summary: dict[str, int]
    unjudged: int
    skipped: int = 0
    interrupted: bool = False


def foreign_category(evidence: Evidence) -> str | None:
    """Return a name in evidence from elsewhere that is used as a category and is none."""
    return next((c for c in _named(evidence) if c not in taxonomy.CATEGORIES), None)


def _named(evidence: Evidence) -> Iterator[str]:
    yield from evidence.covered
    for found in (evidence.matches, evidence.signals, evidence.tracks):
        for one in found:
            yield one.category
    for lost in (evidence.unknowns, evidence.skipped):
        for each in lost:
            yield from each.categories


def seconds(value: float) -> float:
    """Round a time to milliseconds, the resolution of every time in the evidence."""
    return round(float(value), 3)


def to_builtins(value: Value) -> Any:
    """Return plain dictionaries and lists, as the JSON has them."""
    return msgspec.to_builtins(value)
