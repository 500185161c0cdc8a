"""What is to be repaired about a source. It is read off from how the source is doing, so what is well is not in it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from connectors.records import Kind
from gateway.matters import Matter, What
from gateway.status import SourceStatus

LATELY = timedelta(days=1)  # what nobody met with since is not known to last
SOON = timedelta(days=7)  # to do a registration again before it ends
LONG = timedelta(days=7)  # without a webhook, from a source that sent some
# The class of an error -> what it is for staff. What was asked too often is only late, and is said so when it is.
MEANS: dict[str, What | None] = {
    "AccessDenied": "access",
    "NotAgreed": "consent",
    "NotAllowed": "not_allowed",
    "BadResponse": "drift",
    "RateLimited": None,
}


class Failure(Struct, frozen=True):
    """That a kind of record cannot be read, or its changes."""

    what: What
    kind: Kind
    since: datetime
    detail: str


def repairs_of(source: SourceStatus, now: datetime) -> Iterator[Matter]:
    """Say what is wrong with one source, each cause once, the worst first."""
    title, name = source.followed.title, source.name
    if source.paused_at:
        yield Matter(what="paused", title=title, source=name, since=source.paused_at)
    elif source.broken:
        yield Matter(what="broken", title=title, source=name, detail=source.broken)
    else:
        failures = list(_failures(source, now))
        yield from _together(source, failures)
        if not failures and any(kind.checked_at and kind.is_late(now) for kind in source.followed.kinds):
            yield Matter(what="late", title=title, source=name)
        if source.unmapped:
            found = ", ".join(dict.fromkeys(each.status or "(empty)" for each in source.unmapped))
            many = len({(each.kind, each.status) for each in source.unmapped})
            yield Matter(what="unmapped", title=title, source=name, many=many, detail=found)
    yield from _of_webhooks(source, now)


def _failures(source: SourceStatus, now: datetime) -> Iterator[Failure]:
    """Name what fails: a feed says of itself whether it lasts, of pages it is known for a while."""
    followed = {kind.kind for kind in source.followed.kinds}
    for kind in source.followed.kinds:
        if kind.failing_since:
            error, _, detail = (kind.error or "").partition(": ")
            if what := MEANS.get(error, "failing"):
                yield Failure(what, kind.kind, kind.failing_since, detail or error)
    for each in source.troubles:
        what = MEANS.get(each.error, "failing")
        is_feeds_to_say = each.place == "feed" or (each.kind in followed and what in {"failing", "access", "consent"})
        if what and not is_feeds_to_say and now - each.last_at < LATELY:
            yield Failure(what, each.kind, each.began_at, each.detail)


def _together(source: SourceStatus, failures: Iterable[Failure]) -> Iterator[Matter]:
    by_cause: dict[What, list[Failure]] = {}
    for each in sorted(failures, key=lambda failure: failure.since):
        by_cause.setdefault(each.what, []).append(each)
    for what, its in by_cause.items():
        kinds = tuple(dict.fromkeys(each.kind for each in its))
        yield Matter(
            what=what,
            title=source.followed.title,
            source=source.name,
            detail=its[0].detail,
            since=its[0].since,
            kinds=kinds,
        )


def _of_webhooks(source: SourceStatus, now: datetime) -> Iterator[Matter]:
    told, its = source.webhooks.told, partial(Matter, title=source.followed.title, source=source.name)
    if refused := told.refused(told.lately):
        yield its(what="refused", many=sum(refused.values()), detail=", ".join(refused))
    if registered := told.registration:
        if not source.webhooks.registered:
            yield its(what="moved", detail=registered.address)
        elif registered.ends_at and registered.ends_at - now < SOON:
            yield its(what="ending", since=registered.ends_at)
    if source.webhooks.state == "seen" and told.last_at and now - told.last_at > LONG:
        yield its(what="silent", since=told.last_at)
