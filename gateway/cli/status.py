"""`hallway status`: how each source is doing, at a glance."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime

import click

from auth.clock import utc_now
from cache.client import connect
from gateway.cli.conflicts import HEAD as RATES
from gateway.cli.conflicts import rate_row
from gateway.cli.tables import age, table
from gateway.cli.tools import tools
from gateway.feeds.overview import FollowedKind
from gateway.spans import span
from gateway.status import SourceStatus
from gateway.status import status as status_of
from gateway.unmapped import Unmapped

HEAD = ("SOURCE", "KIND", "PROMISE", "STATE", "KNOWN AS OF", "CALLS LEFT", "WEBHOOKS WAITING")
UNMAPPED = ("SOURCE", "KIND", "STATUS WITHOUT WORDS", "RECORDS", "LAST READ")
NOWHERE = "redis://127.0.0.1:1/0"  # nobody listens there: what Redis knows is then not known


@click.command()
def status() -> None:
    """Show each source: what was promised, how current it is, and what waits."""

    async def run() -> tuple[SourceStatus, ...]:
        async with tools() as t:
            redis = connect(t.redis_url or NOWHERE)
            try:
                return await status_of(t.db, t.offices, redis, t.base_url, utc_now())
            finally:
                await redis.aclose()

    found = asyncio.run(run())
    if not found:
        click.echo("there are no sources yet")
        return
    now = utc_now()
    _show(HEAD, [line for each in found for line in _lines(each, now)])
    for trouble in [line for each in found for line in _troubles(each)]:
        click.echo(f"\n{trouble}")
    for head, rows in (
        (RATES, [rate_row(rate) for each in found for rate in each.rates]),
        (UNMAPPED, [_unmapped(one, now) for each in found for one in each.unmapped]),
    ):
        if rows:
            click.echo("")
            _show(head, rows)


def _show(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    for line in table(head, rows):
        click.echo(line)


def _unmapped(each: Unmapped, now: datetime) -> tuple[str, ...]:
    """A status is somebody else's word: whatever steers a terminal is left out."""
    status = "".join(letter if letter.isprintable() else "?" for letter in each.status)
    return each.source, each.kind, status or "(empty)", str(each.records), f"{age(each.last_at, now)} ago"


def _troubles(each: SourceStatus) -> Iterator[str]:
    if each.broken:
        yield f"{each.name}: {each.broken}"
    for kind in each.followed.kinds:
        if kind.failing_since:
            yield f"{each.name}, {kind.kind}: {kind.error}"
    if each.outbox.stuck:
        messages = "1 message" if each.outbox.stuck == 1 else f"{each.outbox.stuck} messages"
        yield f"{each.name}: {messages} of customers could not be passed on: hallway outbox list"


def _lines(each: SourceStatus, now: datetime) -> list[tuple[str, ...]]:
    waiting = str(each.webhooks.told.backlog.waiting or "-")
    left = f"{each.budget.left:.0f}" if each.budget else "-"
    if each.paused_at:
        return [(each.name, "", "", f"paused for {age(each.paused_at, now)}", "", left, waiting)]
    if each.broken:
        return [(each.name, "", "", "settings cannot be used", "", left, waiting)]
    if not each.followed.kinds:
        return [(each.name, "", "", "asked when somebody looks", "", left, waiting)]
    return [
        (each.name, kind.kind, span(kind.promise), _state(kind, now), _as_of(kind, now), left, waiting)
        for kind in each.followed.kinds
    ]


def _state(kind: FollowedKind, now: datetime) -> str:
    if kind.failing_since:
        return f"failing for {age(kind.failing_since, now)}"
    if kind.checked_at is None:
        return "not known yet"
    return "late" if kind.is_late(now) else "on time"


def _as_of(kind: FollowedKind, now: datetime) -> str:
    return f"{age(kind.checked_at, now)} ago" if kind.checked_at else "-"
