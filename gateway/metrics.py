"""Counts for /metrics. Labels are names from our own tables, never text from a request, and never a secret."""

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

log = structlog.get_logger()

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
TELL_EVERY_S: Final = 60.0


class Decisions(Collector):
    """How requests were decided, by exchange, verdict and code: told when asked, for each request is counted here."""

    def __init__(self) -> None:
        self.tally: Tally[tuple[str, str, str]] = Tally()

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "tradewarden_decisions", "Requests decided.", labels=["exchange", "verdict", "code"]
        )
        for labels, number in tuple(self.tally.items()):
            family.add_metric(labels, number)
        yield family


class Metrics:
    """The Meter of ports, and the page that shows it."""

    def __init__(self, steady_s: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._steady_s = steady_s
        self._told: dict[tuple[str, str], float] = {}
        self._unrecorded = Counter(
            "tradewarden_unrecorded", "Denials and strangers' reads without a record of their own.",
            registry=self.registry,
        )
        self._alerts = Counter(
            "tradewarden_alerts", "What policies alert of.", ["token", "event"], registry=self.registry
        )
        self._decisions = Decisions()
        self.registry.register(self._decisions)
        self._outcomes = Counter(
            "tradewarden_outcomes", "What became of orders and cancels sent.", ["exchange", "outcome"],
            registry=self.registry,
        )
        self._alarms = Counter(
            "tradewarden_alarms", "What a person must look at: see the audit log.", ["alarm"], registry=self.registry
        )
        self._gauges = {
            name: Gauge(f"tradewarden_{name}", text, registry=self.registry)
            for name, text in (
                ("tokens", "Tokens that are not revoked."),
                ("connections", "Open connections of bots."),
                ("turned_away", "Connections refused because there were too many, since the start."),
                ("unresolved_orders", "Orders whose outcome is unknown."),
                ("policies_refused", "Policy files whose newest version is not in force."),
                ("audit_records", "Records in the audit log."),
            )
        }
        self._offset = Gauge(
            "tradewarden_clock_offset_ms", "How far the exchange's clock is ahead.", ["exchange"],
            registry=self.registry,
        )

    def decided(self, exchange: str, verdict: str, code: str) -> None:
        """One decision."""
        self._decisions.tally[exchange, verdict, code] += 1

    def alert(self, token: str, event: str, text: str) -> None:
        """Tell people: counted each time, said in the log at most once a minute for each token and event."""
        self._alerts.labels(token, event).inc()
        now_s = self._steady_s()
        if now_s - self._told.get((token, event), -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told[token, event] = now_s
            log.warning("alert", token=token, alert=event, text=text)

    def unrecorded(self) -> None:
        """One request was answered without a record of its own."""
        self._unrecorded.inc()

    def outcome(self, exchange: str, outcome: str) -> None:
        """What became of one call that was sent."""
        self._outcomes.labels(exchange, outcome).inc()

    def alarmed(self, alarm: str) -> None:
        """Something that a person must look at."""
        self._alarms.labels(alarm).inc()

    def state(self, values: dict[str, int], offsets: dict[str, int | None]) -> None:
        """Set the gauges to what is true now."""
        for name, value in values.items():
            self._gauges[name].set(value)
        for exchange, offset in offsets.items():
            if offset is not None:
                self._offset.labels(exchange).set(offset)

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)
