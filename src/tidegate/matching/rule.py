"""How much of two videos has to be the same before a bank says so."""

from typing import Literal

import msgspec

Need = Literal["either", "both"]


class VideoRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which pieces of a bank's videos, met in other videos, are matches.

    The shares are those that all pieces of one entry have together. A bound of 0 asks
    nothing, and by default nothing is asked: whatever alignment finds convincing is
    listed with its shares, and the policy decides. A short clip of the entry has a high
    share of the query; the whole entry inside something longer has a high share of the
    entry. So where both bounds are set, either is enough unless both are needed.

    Attributes:
        min_query_share: Smallest share of the query, 0 to 1; 0 asks nothing.
        min_entry_share: Smallest share of the entry, 0 to 1; 0 asks nothing.
        need: Whether one of the bounds that are set is enough, or both have to hold.
    """

    min_query_share: float = 0.0
    min_entry_share: float = 0.0
    need: Need = "either"

    def admits(self, query_share: float, entry_share: float) -> bool:
        """Whether an entry that was met with these shares, 0 to 1, is a match."""
        bounds = (
            (query_share, self.min_query_share),
            (entry_share, self.min_entry_share),
        )
        held = [share >= least for share, least in bounds if least > 0.0]
        return not held or (all(held) if self.need == "both" else any(held))
