"""The closed, versioned set of categories. Nothing else in Tidegate defines one.

Categories name content and acts, never people. There are no free-text classes:
a detector, a bank or a policy that names anything outside this set is refused.

Three kinds of source can assert a category:

``detector``
    a model's label, mapped by an allowlist in its manifest, or a bank match;
``bank``
    only a match with known content in a bank, never a model;
``context``
    only the uploader or a reviewer, never inferred.

The names in other vocabularies are the nearest fit, given where one fits:
Amazon Rekognition moderation labels v7, Azure AI Content Safety harm categories,
OpenAI moderation categories, and the statement categories of the EU's DSA
Transparency Database.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

VERSION = 1
"""The version of this taxonomy. It goes into every piece of evidence."""

Source = Literal["detector", "bank", "context"]


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """One category.

    Attributes:
        id: Dotted identifier, for example ``violence.weapon``.
        title: Short name for people.
        includes: What is in, one sentence.
        excludes: What is out, one sentence.
        source: Who may assert it.
        rekognition: Nearest Amazon Rekognition v7 moderation label, or ``None``.
        azure: Nearest Azure AI Content Safety category, or ``None``.
        openai: Nearest OpenAI moderation category, or ``None``.
        dsa: Nearest DSA statement category, or ``None``.
    """

    id: str
    title: str
    includes: str
    excludes: str
    source: Source = "detector"
    rekognition: str | None = None
    azure: str | None = None
    openai: str | None = None
    dsa: str | None = None


class UnknownCategoryError(ValueError):
    """A name that is not in the taxonomy was used as a category."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not a category of taxonomy v{VERSION}")
        self.name = name


_SPEECH = "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
_PRODUCTS = "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS"
_SECURITY = "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY"
_SCOPE = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"

_ALL = (
    Category(
        id="sexual.activity",
        title="Sexual activity",
        includes="Sexual acts, real or convincingly simulated, between people or alone.",
        excludes="Kissing and embracing with clothes on; drawn acts (sexual.drawn).",
        rekognition="Explicit Sexual Activity",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="sexual.explicit",
        title="Sexually explicit",
        includes="Pornographic pictures: exposed genitals or acts shown to arouse.",
        excludes="Nudity without sexual intent (sexual.nudity); drawings (sexual.drawn).",
        rekognition="Explicit Nudity",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="sexual.nudity",
        title="Nudity",
        includes="Uncovered intimate body parts without sexual intent.",
        excludes="Swimwear and underwear; pornographic pictures (sexual.explicit).",
        rekognition="Non-Explicit Nudity",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="sexual.suggestive",
        title="Suggestive",
        includes="Posing or framing meant to arouse while intimate parts are covered.",
        excludes="Ordinary swimwear, sport, dance and dress.",
        rekognition="Obstructed Intimate Parts",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="sexual.drawn",
        title="Drawn sexual content",
        includes="Drawn, painted, animated or rendered sexual content.",
        excludes="Photographs and photorealistic pictures.",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="sexual.objects",
        title="Sexual objects",
        includes="Objects made for sexual use, shown as such.",
        excludes="Contraceptives and medical devices.",
        rekognition="Sex Toys",
        azure="Sexual",
        openai="sexual",
        dsa=_SCOPE,
    ),
    Category(
        id="violence.physical",
        title="Physical violence",
        includes="A person or an animal being attacked or hurt.",
        excludes="Sport within its rules; injuries without the act (violence.gore).",
        rekognition="Physical Violence",
        azure="Violence",
        openai="violence",
        dsa="STATEMENT_CATEGORY_VIOLENCE",
    ),
    Category(
        id="violence.gore",
        title="Gore",
        includes="Open wounds, mutilation, corpses, much blood.",
        excludes="Small cuts, food, stage make-up that is plainly so.",
        rekognition="Blood & Gore",
        azure="Violence",
        openai="violence/graphic",
        dsa="STATEMENT_CATEGORY_VIOLENCE",
    ),
    Category(
        id="violence.weapon",
        title="Weapon",
        includes="Firearms, military weapons and blades made as weapons.",
        excludes="Kitchen knives and tools in ordinary use; toys that are plainly so.",
        rekognition="Weapons",
        azure="Violence",
        dsa=_PRODUCTS,
    ),
    Category(
        id="selfharm.depicted",
        title="Self-harm",
        includes="Self-injury or suicide, its act, its fresh marks or its means put to use.",
        excludes="Healed scars; pictures of help and recovery.",
        rekognition="Self-Harm",
        azure="SelfHarm",
        openai="self-harm",
        dsa="STATEMENT_CATEGORY_SELF_HARM",
    ),
    Category(
        id="hate.symbol",
        title="Hate symbol",
        includes="Emblems of organisations and ideologies of hatred, shown to promote them.",
        excludes="Religious, national and cultural symbols; history teaching and news.",
        rekognition="Hate Symbols",
        azure="Hate",
        openai="hate",
        dsa=_SPEECH,
    ),
    Category(
        id="regulated.drugs",
        title="Drugs",
        includes="Illegal drugs, their use and the tools of their use.",
        excludes="Medicine as sold in a pharmacy.",
        rekognition="Drugs & Tobacco",
        openai="illicit",
        dsa=_PRODUCTS,
    ),
    Category(
        id="regulated.tobacco",
        title="Tobacco",
        includes="Cigarettes, vapes and other tobacco goods, and smoking.",
        excludes="Incense, chimneys and other smoke.",
        rekognition="Smoking",
        dsa=_PRODUCTS,
    ),
    Category(
        id="regulated.alcohol",
        title="Alcohol",
        includes="Alcoholic drinks and drinking them.",
        excludes="Drinks that cannot be told to hold alcohol.",
        rekognition="Alcohol",
        dsa=_PRODUCTS,
    ),
    Category(
        id="regulated.gambling",
        title="Gambling",
        includes="Casinos, slot machines, betting slips and their advertisement.",
        excludes="Card and board games without stakes.",
        rekognition="Gambling",
        dsa=_PRODUCTS,
    ),
    Category(
        id="offensive.gesture",
        title="Offensive gesture",
        includes="A gesture made to insult, such as a raised middle finger.",
        excludes="Sign language and counting.",
        rekognition="Rude Gestures",
        dsa=_SPEECH,
    ),
    Category(
        id="commercial.qrcode",
        title="QR code",
        includes="A machine-readable code that leads elsewhere.",
        excludes="Bar codes on goods in the background.",
        dsa="STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    ),
    Category(
        id="commercial.text_overlay",
        title="Text overlay",
        includes="Text laid over a picture, such as an advertisement or a contact address.",
        excludes="Text that is part of the scene.",
        dsa="STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    ),
    Category(
        id="extremism.known_material",
        title="Known extremist material",
        includes="Content in a bank of terrorist or violent extremist material.",
        excludes="Anything that no bank holds: it is never guessed.",
        source="bank",
        rekognition="Extremist",
        dsa=_SECURITY,
    ),
    Category(
        id="child_safety.known_material",
        title="Known child abuse material",
        includes="Content in a bank of known child sexual abuse material.",
        excludes="Anything that no bank holds: it is never guessed.",
        source="bank",
        openai="sexual/minors",
        dsa="STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    ),
    Category(
        id="ncii.known_material",
        title="Known intimate images shared without consent",
        includes="Content in a bank of intimate images reported by the person shown.",
        excludes="Anything that no bank holds: it is never guessed.",
        source="bank",
        dsa="STATEMENT_CATEGORY_CYBER_VIOLENCE",
    ),
    Category(
        id="known.other",
        title="Known content",
        includes="Content in a bank that the platform keeps for reasons of its own.",
        excludes="Anything that no bank holds.",
        source="bank",
        dsa=_SCOPE,
    ),
    Category(
        id="context.medical",
        title="Medical context",
        includes="The uploader or a reviewer says: shown for medicine or health teaching.",
        excludes="Never inferred.",
        source="context",
    ),
    Category(
        id="context.art",
        title="Art context",
        includes="The uploader or a reviewer says: shown as art.",
        excludes="Never inferred.",
        source="context",
    ),
    Category(
        id="context.news",
        title="News context",
        includes="The uploader or a reviewer says: shown as news or documentation.",
        excludes="Never inferred.",
        source="context",
    ),
    Category(
        id="context.breastfeeding",
        title="Breastfeeding context",
        includes="The uploader or a reviewer says: shows breastfeeding.",
        excludes="Never inferred.",
        source="context",
    ),
    Category(
        id="context.synthetic",
        title="Synthetic context",
        includes="The uploader or a reviewer says: made by a machine.",
        excludes="Never inferred.",
        source="context",
    ),
)

CATEGORIES: Mapping[str, Category] = {category.id: category for category in _ALL}
"""Every category by its id, in the order of the taxonomy."""


def get(name: str) -> Category:
    """Return the category with this id.

    Raises:
        UnknownCategoryError: The taxonomy has no such category.
    """
    try:
        return CATEGORIES[name]
    except KeyError:
        raise UnknownCategoryError(name) from None


def detectable() -> tuple[str, ...]:
    """Return the ids that a model's label may be mapped to."""
    return tuple(c.id for c in _ALL if c.source == "detector")


def contexts() -> tuple[str, ...]:
    """Return the ids of the context flags: people set them, nothing infers them."""
    return tuple(c.id for c in _ALL if c.source == "context")


def bankable() -> tuple[str, ...]:
    """Return the ids that a bank may carry: all but the context flags."""
    return tuple(c.id for c in _ALL if c.source != "context")
