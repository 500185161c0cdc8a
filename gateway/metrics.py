"""Figures for Prometheus. They name sources, kinds and classes of errors, and never a customer.

All are from what the processes share, so whichever is asked gives the same answer. Each function in `COLLECTORS` makes
some of them out of the state of all sources.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from auth.clock import Clock
from cache.client import Client
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.status import SourceStatus, status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One figure. A name that ends with "_total" is of one that only grows."""

    name: str
    labels: dict[str, str]
    value: float


Collector = Callable[[Sequence[SourceStatus], datetime], Iterator[Sample]]

HELP = {
    "hallway_source_usable": "1 if the settings of the source can be used.",
    "hallway_feed_lag_seconds": "Since when what is kept of a kind is known to be true. Missing: not known.",
    "hallway_feed_promise_seconds": "How old what is kept of a kind may be.",
    "hallway_feed_late": "1 if a kind is older than promised, or nobody knows.",
    "hallway_feed_failing": "1 if the last look at a feed failed, with the class of the error.",
    "hallway_sweep_links": "Customers whose lists a sweep reads as a whole.",
    "hallway_sweep_links_done": "Those of them that it has read.",
    "hallway_records_agreed": "Records of which the last sweep found that we had them as they are.",
    "hallway_records_differing": "Records that we had otherwise.",
    "hallway_facts_agreed": "Facts of which two sources say the same.",
    "hallway_facts_differing": "Facts of which they do not.",
    "hallway_statuses_without_words": "Statuses, read within a day, that nobody has words for.",
    "hallway_budget_calls_left": "Calls that may be sent to a source at once.",
    "hallway_budget_silent_seconds": "How long a source wants no calls.",
    "hallway_webhooks_total": "Deliveries by what became of them.",
    "hallway_webhooks_waiting": "Deliveries that are taken and not followed yet.",
    "hallway_webhooks_oldest_waiting_seconds": "For how long the first of them has waited.",
    "hallway_webhooks_last_taken_timestamp_seconds": "When the last delivery was taken. Missing: never.",
    "hallway_outbox_waiting": "What customers sent that is on its way to a source.",
    "hallway_outbox_oldest_waiting_seconds": "For how long the first of it has waited.",
    "hallway_outbox_stuck": "What customers sent that staff have to decide about: hallway outbox list.",
}


def of_sources(sources: Sequence[SourceStatus], _: datetime) -> Iterator[Sample]:
    for each in sources:
        yield Sample("hallway_source_usable", {"source": each.name}, each.broken is None)


def of_feeds(sources: Sequence[SourceStatus], now: datetime) -> Iterator[Sample]:
    for source in sources:
        for kind in source.followed.kinds:
            labels = {"source": source.name, "kind": kind.kind}
            if kind.checked_at is not None:
                yield Sample("hallway_feed_lag_seconds", labels, (now - kind.checked_at).total_seconds())
            yield Sample("hallway_feed_promise_seconds", labels, kind.promise.total_seconds())
            yield Sample("hallway_feed_late", labels, kind.is_late(now))
            error = kind.error.partition(":")[0] if kind.failing_since and kind.error else ""
            yield Sample("hallway_feed_failing", {**labels, "error": error}, kind.failing_since is not None)


def of_sweeps(sources: Sequence[SourceStatus], _: datetime) -> Iterator[Sample]:
    for source in sources:
        if sweep := source.followed.sweep:
            yield Sample("hallway_sweep_links", {"source": source.name}, sweep.total)
            yield Sample("hallway_sweep_links_done", {"source": source.name}, sweep.done)
            for kind, agreement in sweep.agreement.items():
                labels = {"source": source.name, "kind": kind}
                yield Sample("hallway_records_agreed", labels, agreement.agreed)
                yield Sample("hallway_records_differing", labels, agreement.differing)


def of_budgets(sources: Sequence[SourceStatus], _: datetime) -> Iterator[Sample]:
    for source in sources:
        if source.budget:
            yield Sample("hallway_budget_calls_left", {"source": source.name}, source.budget.left)
            yield Sample("hallway_budget_silent_seconds", {"source": source.name}, source.budget.silent)


def of_webhooks(sources: Sequence[SourceStatus], now: datetime) -> Iterator[Sample]:
    for source in sources:
        told, labels = source.webhooks.told, {"source": source.name}
        for outcome, times in sorted(told.totals.items()):
            yield Sample("hallway_webhooks_total", {**labels, "outcome": outcome}, times)
        since = told.backlog.since
        yield Sample("hallway_webhooks_waiting", labels, told.backlog.waiting)
        oldest = (now - since).total_seconds() if since else 0.0
        yield Sample("hallway_webhooks_oldest_waiting_seconds", labels, oldest)
        if told.last_at:
            yield Sample("hallway_webhooks_last_taken_timestamp_seconds", labels, told.last_at.timestamp())


def of_agreement(sources: Sequence[SourceStatus], _: datetime) -> Iterator[Sample]:
    for source in sources:
        for rate in source.rates:
            labels = {"source": source.name, "other": rate.sources[1], "fact": f"{rate.kind}.{rate.field}"}
            yield Sample("hallway_facts_agreed", labels, rate.agreed)
            yield Sample("hallway_facts_differing", labels, rate.differing)


def of_statuses(sources: Sequence[SourceStatus], _: datetime) -> Iterator[Sample]:
    for source in sources:
        for kind, unmapped in Counter(each.kind for each in source.unmapped).items():
            yield Sample("hallway_statuses_without_words", {"source": source.name, "kind": kind}, unmapped)


def of_outbox(sources: Sequence[SourceStatus], now: datetime) -> Iterator[Sample]:
    for source in sources:
        labels, since = {"source": source.name}, source.outbox.since
        yield Sample("hallway_outbox_waiting", labels, source.outbox.waiting)
        oldest = (now - since).total_seconds() if since else 0.0
        yield Sample("hallway_outbox_oldest_waiting_seconds", labels, oldest)
        yield Sample("hallway_outbox_stuck", labels, source.outbox.stuck)


COLLECTORS: tuple[Collector, ...] = (
    of_sources,
    of_feeds,
    of_sweeps,
    of_agreement,
    of_budgets,
    of_webhooks,
    of_outbox,
    of_statuses,
)


class Metrics:
    """Writes the figures of the moment."""

    def __init__(self, db: Database, offices: Offices, redis: Client, base_url: str, now: Clock) -> None:
        self._db = db
        self._offices = offices
        self._redis = redis
        self._base_url = base_url
        self._now = now

    async def text(self) -> bytes:
        """Raises `DatabaseDown`."""
        now = self._now()
        sources = await status(self._db, self._offices, self._redis, self._base_url, now)
        return write([sample for collect in COLLECTORS for sample in collect(sources, now)])


def write(samples: Sequence[Sample]) -> bytes:
    """Write figures as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  # only who is asked pays for it
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric  # noqa: PLC0415
    from prometheus_client.registry import Collector as Registered  # noqa: PLC0415

    families: dict[str, Metric] = {}
    for name, labels, value in samples:
        if name not in families:
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            families[name] = kind(name, HELP[name])
        families[name].add_sample(name, labels, float(value))

    class Found(Registered):
        def collect(self) -> Iterator[Metric]:
            yield from families.values()

    registry = CollectorRegistry()
    registry.register(Found())
    return generate_latest(registry)
