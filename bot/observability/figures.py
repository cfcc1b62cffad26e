"""The figures for Prometheus: what happened in this process, and what stands in the database.

Counters and histograms are fed as things happen (`Figures` is the engine's meter). Gauges are read
from the database when somebody asks, so that every replica tells the same. docs/operate.md names
them all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Final, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from bot.domain.grant import State
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import StorageError

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

CALL_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
LATENESS_BUCKETS: Final = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)
MOST_OVERDUE: Final = 10_000
"""How many overdue grants are counted; beyond it the number is of no use to anybody."""

ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)


class Pulse(Protocol):
    """The engine's sign of life."""

    @property
    def tick_age(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of one moment."""

    grants: Mapping[tuple[State, str], int] = field(default_factory=dict)
    overdue: int = 0
    waiting: int = 0
    oldest: datetime | None = None
    head: int = 0


def standing(conn: Connection) -> Standing:
    """Counts over live rows only: quick however long the log is."""
    waiting, oldest = store.notice_backlog(conn)
    return Standing(
        grants=store.count_grants(conn),
        overdue=len(store.overdue_grants(conn, limit=MOST_OVERDUE)),
        waiting=waiting,
        oldest=oldest,
        head=store.head(conn).seq,
    )


class Figures:
    """The meter of the engine and of the Slack rooms, and what `/metrics` shows."""

    def __init__(self) -> None:
        """A registry of its own: nothing of the process's global one gets in."""
        # A series beside each counter that tells when it began: nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it so
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        Info("curfew", "The program that runs.", registry=self.registry).info(
            {"version": version("curfew")}
        )
        self._calls = Histogram(
            "curfew_provider_call_seconds",
            "Calls to providers by verb and outcome.",
            ("provider", "verb", "outcome"),
            registry=self.registry,
            buckets=CALL_BUCKETS,
        )
        self._lateness = Histogram(
            "curfew_revoke_lateness_seconds",
            "From a grant's end, or the press of Revoke now, to its verified end.",
            registry=self.registry,
            buckets=LATENESS_BUCKETS,
        )
        self._acks = Histogram(
            "curfew_ack_seconds",
            "From a command's or click's arrival to its answer.",
            ("kind",),
            registry=self.registry,
            buckets=ACK_BUCKETS,
        )
        self._slack_errors = Counter(
            "curfew_slack_errors",
            "Failed calls of Slack's Web API.",
            ("method", "code"),
            registry=self.registry,
        )

    def observe_provider_call(self, provider: str, verb: str, outcome: str, seconds: float) -> None:
        self._calls.labels(provider, verb, outcome).observe(seconds)

    def observe_lateness(self, seconds: float) -> None:
        self._lateness.observe(max(seconds, 0.0))

    def observe_ack(self, kind: str, seconds: float) -> None:
        self._acks.labels(kind).observe(seconds)

    def count_slack_error(self, method: str, code: str) -> None:
        self._slack_errors.labels(method, code).inc()


class Gauges(Collector):
    """What stands now, as of the last `look`."""

    def __init__(
        self,
        database: Database,
        pulse: Pulse,
        *,
        policy_accepted: Callable[[], bool],
        slack_connections: Callable[[], int],
    ) -> None:
        """Looks at nothing yet."""
        self._database = database
        self._pulse = pulse
        self._policy_accepted = policy_accepted
        self._slack_connections = slack_connections
        self._standing: Standing | None = None

    async def look(self) -> None:
        """Read the database. When it is away its gauges are left out, and one says so."""
        try:
            self._standing = await self._database.read(standing)
        except StorageError:
            self._standing = None

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        there = self._standing is not None
        yield _gauge("curfew_database_up", "1 when the database answered just now.", there)
        yield _gauge(
            "curfew_policy_accepted",
            "0 while the policy file is not the policy in force, because it was refused.",
            self._policy_accepted(),
        )
        yield _gauge(
            "curfew_slack_connections",
            "Open sockets to Slack; 0 in HTTP mode.",
            self._slack_connections(),
        )
        yield _gauge(
            "curfew_tick_age_seconds",
            "Since the engine last completed a tick; above ten /healthz fails.",
            self._pulse.tick_age,
        )
        if self._standing is not None:
            yield from self._of_database(self._standing)

    def _of_database(self, now: Standing) -> Iterator[Metric]:
        grants = GaugeMetricFamily("curfew_grants", "Live grants.", labels=("state", "resource"))
        for (state, resource), count in sorted(now.grants.items()):
            grants.add_metric((state.value, resource), count)
        yield grants
        yield _gauge("curfew_overdue_grants", "Access that should be gone and is not.", now.overdue)
        yield _gauge("curfew_notices_waiting", "Messages not yet told.", now.waiting)
        age = (
            max((self._database.clock.now() - now.oldest).total_seconds(), 0.0)
            if now.oldest
            else 0.0
        )
        yield _gauge("curfew_oldest_notice_seconds", "How long the oldest of them waits.", age)
        yield _gauge("curfew_audit_head", "The number of the audit log's last line.", now.head)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=float(value))


async def exposition(figures: Figures, gauges: Gauges) -> bytes:
    """What a scrape gets, in Prometheus's text format."""
    await gauges.look()
    return generate_latest(figures.registry)
