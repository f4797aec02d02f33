"""Tidegate: self-hosted content moderation for images and video.

>>> import tidegate
>>> item = tidegate.scan("clip.mp4")
>>> item.decision.action
'allow'
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.evidence import Decision, Evidence, Item, Report
    from tidegate.matching import Bank, load_bank
    from tidegate.media import Budget, Sampling
    from tidegate.pipeline import Scanner, load_policy, scan
    from tidegate.policy import Policy

__version__ = "0.1.0"

__all__ = [
    "Bank",
    "Budget",
    "Decision",
    "Evidence",
    "Item",
    "Policy",
    "Report",
    "Sampling",
    "Scanner",
    "load_bank",
    "load_policy",
    "scan",
]

_ROOMS = {
    "Bank": "matching",
    "Budget": "media",
    "Decision": "evidence",
    "Evidence": "evidence",
    "Item": "evidence",
    "Policy": "policy",
    "Report": "evidence",
    "Sampling": "media",
    "Scanner": "pipeline",
    "load_bank": "matching",
    "load_policy": "pipeline",
    "scan": "pipeline",
}


def __getattr__(name: str) -> Any:
    # Loaded when first used: the decoding process imports this package too, and has no
    # business with models and policies.
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
