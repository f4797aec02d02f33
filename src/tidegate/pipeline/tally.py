"""How far the breakers of a policy are, from the decisions so far. Time is an input."""

from collections import deque
from collections.abc import Mapping

from tidegate.evidence import Decision, Evidence, Facts
from tidegate.policy import Policy
from tidegate.policy.breakers import Counter, counters, trip

MOST_COUNTERS = 100_000
"""Counters that are kept before those whose time has passed are swept out."""

SECONDS = {"hour": 3600.0, "day": 86_400.0}
"""In which time a breaker counts."""


class Tally:
    """Remembers when each counter of a policy's breakers was added to, as long as it matters.

    Times never go back. A decision is no longer counted when exactly the breaker's time has
    passed. What a breaker has lowered is not counted by it, so that no counter remembers more
    times than the breaker's limit. Not safe to share between threads.

    Args:
        policy: With its breakers.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._within = {breaker.id: SECONDS[breaker.within] for breaker in policy.breakers}
        self._times: dict[Counter, deque[float]] = {}
        self._most = MOST_COUNTERS

    def settle(self, decision: Decision, evidence: Evidence, facts: Facts, at: float) -> Decision:
        """Lower a decision where a breaker trips, and count it as it is then.

        Args:
            decision: As :meth:`~tidegate.policy.program.Program.decide` made it.
            evidence: What it rests on.
            facts: What the platform says of the item.
            at: When it is made, in seconds.
        """
        counts = self.counts(decision, evidence, facts, at)
        settled = trip(self._policy, decision, evidence, facts, counts) if counts else decision
        for counter in counters(self._policy, settled, evidence, facts):
            self._times.setdefault(counter, deque()).append(at)
        if len(self._times) > self._most:
            for counter in list(self._times):
                self._count(counter, at)
            self._most = max(MOST_COUNTERS, 2 * len(self._times))
        return settled

    def counts(
        self, decision: Decision, evidence: Evidence, facts: Facts, at: float
    ) -> Mapping[Counter, int]:
        """Return how far the counters of a decision are at a time, without it."""
        touched = counters(self._policy, decision, evidence, facts)
        return {counter: self._count(counter, at) for counter in touched}

    def _count(self, counter: Counter, at: float) -> int:
        times = self._times.get(counter)
        if times is None:
            return 0
        while times and times[0] <= at - self._within[counter.breaker]:
            times.popleft()
        if not times:
            del self._times[counter]
        return len(times)
