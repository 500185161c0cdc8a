"""How webhooks are doing, per source: from the rows that all processes share, so that each gives the same answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct

from connectors.deliveries import WebhookConfig
from gateway.offices import Office, Offices
from gateway.records.database import Database
from gateway.records.ids import made_at
from gateway.records.webhook_tables import InboxRow, WebhookHour, WebhookRegistration, WebhookTotal

PLACE = "/hooks/"
DAY = timedelta(days=1)

# "none": the system sends none. "broken": the source's settings cannot be used, so nothing is believed.
State = Literal["none", "broken", "no_secret", "waiting", "seen"]
Totals = Mapping[str, int]  # by what became of them; "taken" is one of these


class Backlog(Struct, frozen=True):
    """Deliveries that nobody has followed to the end, and since when the first of them waits."""

    waiting: int = 0
    since: datetime | None = None


class Told(Struct, frozen=True, kw_only=True):
    """What the rows say of one source's deliveries. `totals` are since ever, `lately` of the last 24 hours."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    totals: Totals = {}
    lately: Totals = {}
    backlog: Backlog = Backlog()
    registration: WebhookRegistration | None = None

    def refused(self, totals: Totals) -> dict[str, int]:
        return {outcome: times for outcome, times in sorted(totals.items()) if outcome not in {"taken", "away"}}


class WebhookSummary(Struct, frozen=True, kw_only=True):
    """One source. `address` is what its vendor is given; `registered` says that we told it so by its API."""

    source: str
    system: str
    state: State
    address: str = ""
    steps: str = ""
    can_register: bool = False
    registered: bool = False
    told: Told = Told()


async def summarise(db: Database, offices: Offices, base_url: str, now: datetime) -> tuple[WebhookSummary, ...]:
    """Give all sources, by name. Raises `DatabaseDown`."""
    told = await tell(db, now)
    return tuple(_summary(office, told.get(name, Told()), base_url) for name, office in (await offices.all()).items())


async def tell(db: Database, now: datetime) -> dict[str, Told]:
    """Read what became of deliveries, by source; "" stands for sources that there are not. Raises `DatabaseDown`."""
    async with db.read() as session:
        totals = list(await session.scalars(sa.select(WebhookTotal)))
        hours = await session.execute(
            sa.select(WebhookHour.source, WebhookHour.outcome, sa.func.sum(WebhookHour.times))
            .where(WebhookHour.hour > now - DAY)
            .group_by(WebhookHour.source, WebhookHour.outcome)
        )
        lately = {(source, outcome): int(times) for source, outcome, times in hours}
        waiting = await session.execute(
            sa.select(
                InboxRow.source,
                sa.func.count(),
                sa.func.min(InboxRow.id).filter(InboxRow.replayed_at.is_(None)),
                sa.func.min(InboxRow.replayed_at),
            )
            .where(InboxRow.due_at.is_not(None))
            .group_by(InboxRow.source)
        )
        backlogs = {
            source: Backlog(count, min(at for at in (made_at(first) if first else None, again) if at))
            for source, count, first, again in waiting
        }
        registrations = {row.source: row for row in await session.scalars(sa.select(WebhookRegistration))}
    found: dict[str, Told] = {}
    for source in {row.source for row in totals} | backlogs.keys() | registrations.keys():
        own = {row.outcome: row for row in totals if row.source == source}
        found[source] = Told(
            first_at=own["taken"].first_at if "taken" in own else None,
            last_at=own["taken"].last_at if "taken" in own else None,
            totals={outcome: row.times for outcome, row in own.items()},
            lately={outcome: times for (name, outcome), times in lately.items() if name == source},
            backlog=backlogs.get(source, Backlog()),
            registration=registrations.get(source),
        )
    return found


def address_of(source: str, base_url: str) -> str:
    return f"{base_url}{PLACE}{source}"


def _summary(office: Office, told: Told, base_url: str) -> WebhookSummary:
    webhook = office.connector.webhook
    if webhook is None:
        return WebhookSummary(source=office.name, system=office.connector.title, state="none")
    address = address_of(office.name, base_url)
    return WebhookSummary(
        source=office.name,
        system=office.connector.title,
        state=_state(office, told),
        address=address + webhook.behind,
        steps=webhook.steps,
        can_register=webhook.register is not None,
        registered=told.registration is not None and told.registration.address == address,
        told=told,
    )


def _state(office: Office, told: Told) -> State:
    if office.opened is None:
        return "broken"
    if not has_secret(office.opened.config):
        return "no_secret"
    return "seen" if told.first_at else "waiting"


def has_secret(config: Any) -> bool:  # noqa: ANN401  # any connector's
    """A connector that somebody wrote may keep its secret elsewhere: then it is for it to say."""
    return not isinstance(config, WebhookConfig) or bool(config.webhook_secrets)
