"""How each source is doing, for staff and for programs that watch, from what all processes share."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from cache.client import CacheDown, Client
from cache.marks import Marks
from gateway.budgets import budget_of
from gateway.conflicts import Rate, rates
from gateway.feeds.overview import FollowedSource, overview
from gateway.offices import Office, Offices
from gateway.outbox.stuck import Backlog, backlogs
from gateway.records.database import Database
from gateway.troubles import Trouble, open_troubles
from gateway.unmapped import Unmapped, UnmappedStatuses
from gateway.webhooks.summary import WebhookSummary, summarise

# "paused": staff want nothing to be asked of it. "not_known": nobody has looked yet, or Redis is away. "on_demand": it
# has no feed, and is asked when somebody looks.
Condition = Literal["paused", "broken", "failing", "not_known", "late", "on_time", "on_demand"]


class BudgetState(Struct, frozen=True):
    """The calls that may be sent at once, and the seconds in which none may."""

    left: float
    silent: float


class SourceStatus(Struct, frozen=True, kw_only=True):
    """One source. `broken` is what is wrong with its settings; `budget` None: it has none, or Redis is away.

    `outbox` is what customers send there. `rates` say how often it agrees with each source whose name comes after
    its own. `unmapped` are the statuses that nobody has words for; none are known while Redis is away.
    `troubles` are those that last.
    """

    name: str
    system: str
    broken: str | None
    followed: FollowedSource
    webhooks: WebhookSummary
    budget: BudgetState | None
    outbox: Backlog = Backlog()
    rates: tuple[Rate, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    paused_at: datetime | None = None

    def condition(self, now: datetime) -> Condition:
        """Say in one word how it is: by the worst of its kinds."""
        kinds = self.followed.kinds
        if self.paused_at:
            return "paused"
        if self.broken:
            return "broken"
        if any(kind.failing_since for kind in kinds) or (self.troubles and not kinds):
            return "failing"
        if any(kind.checked_at is None for kind in kinds):
            return "not_known"
        if any(kind.is_late(now) for kind in kinds):
            return "late"
        return "on_time" if kinds else "on_demand"

    @property
    def checked_at(self) -> datetime | None:
        """Since when all of what is followed is known to be true. None: nothing is, or nobody knows."""
        known = [kind.checked_at for kind in self.followed.kinds]
        return min((at for at in known if at), default=None) if all(known) else None


async def status(
    db: Database, offices: Offices, redis: Client, base_url: str, now: datetime
) -> tuple[SourceStatus, ...]:
    """Look at all sources whose connectors are installed, by name. Raises `DatabaseDown`."""
    followed = {each.name: each for each in await overview(db, offices, Marks(redis), now)}
    webhooks = {each.source: each for each in await summarise(db, offices, base_url, now)}
    agreed, to_send = await rates(db), await backlogs(db)
    unmapped, troubles = await _unmapped(redis), await open_troubles(db)
    return tuple(
        [
            SourceStatus(
                name=name,
                system=office.connector.title,
                broken=office.broken,
                followed=followed[name],
                webhooks=webhooks[name],
                budget=await _budget(office, redis),
                outbox=to_send.get(name, Backlog()),
                rates=tuple(rate for rate in agreed if rate.sources[0] == name),
                unmapped=tuple(each for each in unmapped if each.source == name and not office.said.says(each)),
                troubles=troubles.get(name, ()),
                paused_at=office.paused_at,
            )
            for name, office in (await offices.all()).items()
            if name in followed and name in webhooks  # else it was added a moment ago
        ]
    )


async def _unmapped(redis: Client) -> tuple[Unmapped, ...]:
    try:
        return await UnmappedStatuses(redis).all()
    except CacheDown:
        return ()


async def _budget(office: Office, redis: Client) -> BudgetState | None:
    budget = budget_of(redis, office.name, office.connector.limits, in_hurry=True)
    try:
        return BudgetState(*await budget.look()) if budget else None
    except CacheDown:
        return None
