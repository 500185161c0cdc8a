"""Asking systems what they know of customers, as far as segments ask for it: of each once an hour."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import sqlalchemy as sa
import structlog

from auth.clock import Clock
from connectors.errors import ConnectorError, NotFound
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.offices import Office, Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Link
from gateway.seeing.draft import read_draft

AGAIN = timedelta(hours=1)
EVERY = timedelta(seconds=5)
LASTS = timedelta(minutes=5)
AT_A_TIME = 100  # customers of a source between two signs of life

Values = Mapping[str, tuple[str, ...]]

log = structlog.get_logger()


class FactReading:
    """Reads what is asked for by what is published, and by the draft, so that it can be tried."""

    def __init__(self, db: Database, offices: Offices, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock

    async def turn(self) -> None:
        """Ask about those customers whose turn it is, if nobody else does. Raises `DatabaseDown`."""
        draft = await read_draft(self._db)
        asked: dict[str, set[str]] = {}
        for policy in (draft.live.policy, draft.wanted):
            for source, properties in policy.asked.items():
                asked.setdefault(source, set()).update(properties)
        if not asked:
            return
        token = await take_lease(self._db, "facts", self._clock(), every=EVERY, lasts=LASTS)
        if token is None:
            return
        offices = await self._offices.all()
        for source, names in sorted(asked.items()):
            office = offices.get(source)
            while office and office.is_asked and await self._some(office, names):
                if not await keep_lease(self._db, "facts", token, self._clock() + LASTS):
                    return
        await end_lease(self._db, "facts", token, self._clock())

    async def _some(self, office: Office, names: Collection[str]) -> bool:
        """Ask about some. False: there is nobody left to ask about, or the source does not answer."""
        told = ",".join(sorted(names))
        due = await self._due(office.name, told)
        found: dict[str, Values | None] = {}
        broken: set[str] = set()
        away: str | None = None
        for customer in due:
            try:
                found[customer] = await self._ask(office, customer, names)
            except ConnectorError as error:
                log.warning("customers not sorted", source=office.name, reason=type(error).__name__)
                away = customer
                break
            except DatabaseDown:
                raise
            except Exception:  # of ours, or of a connector that somebody wrote: the others are asked about all the same
                log.exception("customer not sorted", source=office.name)
                broken.add(customer)
        await self._keep(office.name, told, found, broken=broken, away=away)
        return len(due) == AT_A_TIME and away is None

    async def _due(self, source: str, told: str) -> list[str]:
        same = (CustomerFacts.source == Link.source) & (CustomerFacts.customer == Link.customer)
        is_due = (
            CustomerFacts.tried_at.is_(None)
            | (CustomerFacts.tried_at < self._clock() - AGAIN)
            | (CustomerFacts.asked != told)
        )
        rows = (
            sa.select(Link.customer)
            .join(CustomerFacts, same, isouter=True)
            .where(Link.source == source, is_due)
            .order_by(CustomerFacts.tried_at.is_not(None), CustomerFacts.tried_at, Link.customer)
        )
        async with self._db.read() as session:
            return list(await session.scalars(rows.limit(AT_A_TIME)))

    async def _ask(self, office: Office, customer: str, names: Collection[str]) -> Values | None:
        """Ask about one. None: they know no such customer."""
        properties = office.connector.properties
        if properties is None:
            return None
        try:
            return await properties.read(office.back_office, customer, names)
        except NotFound:
            return None

    async def _keep(
        self, source: str, told: str, found: Mapping[str, Values | None], *, broken: Collection[str], away: str | None
    ) -> None:
        """Keep what was told of those who still are somebody's customer here. What was known of the others stays.

        Those who are `broken` have their turn again like all others, who found the source `away` at the next one.
        """
        now = self._clock()
        async with self._db.write() as session:
            theirs = sa.select(Link.customer).where(Link.source == source, Link.customer.in_([*found, *broken, away]))
            for customer in await session.scalars(theirs.with_for_update()):
                row = await session.get(CustomerFacts, (source, customer))
                if row is None:
                    row = CustomerFacts(source=source, customer=customer, asked="")
                    session.add(row)
                row.tried_at = now
                if customer == away:
                    continue
                row.asked = told
                if customer in broken:
                    continue
                values = found[customer]
                row.facts = None if values is None else {name: list(its) for name, its in values.items()}
                row.read_at = None if values is None else now
