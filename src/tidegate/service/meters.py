"""What one process counts about itself, for Prometheus.

Labels are of closed sets: methods, templates of routes, statuses, actions. No id, name or
address is one, for each value of a label is kept for ever.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tidegate.evidence import Action

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What Prometheus's text format is called."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Meters:
    """The figures of a process; safe to use from any thread.

    Attributes:
        jobs: Jobs that are not done, by kind and state. From the database, when it is asked.
        jobs_oldest: Seconds that the oldest job has been due, by kind.
        cases: Open cases, by queue. Its names are those of the policy, few and not made up.
        cases_oldest: Seconds that the oldest open case has waited, by queue.
        outbox: Messages that wait or were given up, by state.
        outbox_oldest: Seconds that the oldest message has waited.
        appeals: Appeals that wait for an answer, by whether it is overdue.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tidegate_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "tidegate_request_seconds",
            "Time until a request was answered whole.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._decisions = Counter(
            "tidegate_decisions",
            "Decisions that this process made.",
            ("action",),
            registry=self._registry,
        )
        self._judged = Histogram(
            "tidegate_judged_seconds",
            "Time to judge an item, from the file to the decision.",
            buckets=(*_SECONDS, 120.0, 600.0),
            registry=self._registry,
        )
        self.jobs = self._gauge("tidegate_jobs", "Jobs that are not done.", "kind", "state")
        self.jobs_oldest = self._gauge(
            "tidegate_jobs_oldest_seconds", "How long the oldest ready job has been due.", "kind"
        )
        self.outbox = self._gauge("tidegate_outbox", "Messages not delivered.", "state")
        self.outbox_oldest = self._gauge(
            "tidegate_outbox_oldest_seconds", "How long the oldest message has waited."
        )
        self.cases = self._gauge("tidegate_cases", "Cases that wait for a person.", "queue")
        self.cases_oldest = self._gauge(
            "tidegate_cases_oldest_seconds", "How long the oldest case has waited.", "queue"
        )
        self.appeals = self._gauge("tidegate_appeals", "Appeals without an answer.", "state")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: Its method, of those that HTTP knows.
            route: Template of its route.
            status: What was answered.
            seconds: How long that took.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def judged(self, action: Action, seconds: float) -> None:
        """Count a decision, and how long it took to come to."""
        self._decisions.labels(action).inc()
        self._judged.observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, registry=self._registry)
