"""How reasons that fired stand against one another: what is overruled, and what is capped."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from tidegate.evidence import ACTIONS, Evidence, Reason, strength
from tidegate.policy.schema import Policy, Then
from tidegate.policy.weigh import allows, is_unseen, lowered, strength_of


class Contest:
    """What a policy says of reasons against reasons.

    Args:
        policy: A checked policy.
        then: What its rules with guards do, by name.
    """

    def __init__(self, policy: Policy, then: Mapping[str, Then]) -> None:
        self._stubborn = frozenset(f"banks.{r.id}" for r in policy.banks if r.despite_allow)
        self._caps = {name: strength(t.cap) for name, t in then.items() if t.cap is not None}

    def settle(
        self, fired: Sequence[Reason], evidence: Evidence, weak: Collection[str] = ()
    ) -> Sequence[Reason]:
        """Return reasons as they stand: some overruled, some capped, none left out.

        Args:
            fired: The reasons.
            evidence: What they rest on.
            weak: Names of rules whose caps do not count.
        """
        return self._cap(self._overrule(fired, evidence), weak)

    def _overrule(self, fired: Sequence[Reason], evidence: Evidence) -> Sequence[Reason]:
        allowing = [reason for reason in fired if allows(reason)]
        if not allowing:
            return fired
        exact = any(evidence.matches[reason.index].kind != "pdq" for reason in allowing)
        by = allowing[0].rule

        def stands(reason: Reason) -> bool:
            # What was not seen is not allowed by what was, unless these are the same bytes.
            unseen = not exact and is_unseen(reason, evidence)
            return allows(reason) or self._is_stubborn(reason) or unseen

        return [r if stands(r) else msgspec.structs.replace(r, overruled_by=by) for r in fired]

    def _cap(self, fired: Sequence[Reason], weak: Collection[str]) -> Sequence[Reason]:
        caps = [
            (self._caps[reason.rule], reason.rule)
            for reason in fired
            if reason.rule in self._caps and reason.rule not in weak and reason.overruled_by is None
        ]
        if not caps:
            return fired
        most, by = min(caps)
        return [
            lowered(reason, ACTIONS[most], by)
            # What is known, and what is not, stands whatever somebody says of the item.
            if reason.ground in ("signal", "guard") and strength_of(reason) > most
            else reason
            for reason in fired
        ]

    def _is_stubborn(self, reason: Reason) -> bool:
        return reason.ground == "match" and reason.rule in self._stubborn
