"""Asking systems what they know of customers: what segments ask for, once an hour, and who looks after them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors.counterparts import Counterpart
from connectors.errors import BadResponse, ConnectorError, NotAllowed, NotFound, Refused
from gateway.appearance import names_counterparts
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.offices import Office, Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Link
from gateway.seeing.versions import POLICIES
from gateway.segments import CAREFUL_POLICY

AGAIN = timedelta(hours=1)
WHO_AGAIN = timedelta(hours=6)
EVERY = timedelta(seconds=5)
TURN = timedelta(seconds=30)  # then it is looked anew what is asked for, and of which sources
LASTS = timedelta(minutes=5)
WHO = "@counterpart"  # beside the names of properties, of which none is called so
AT_A_TIME = 100  # customers of a source between two signs of life

Values = Mapping[str, tuple[str, ...]]

log = structlog.get_logger()


class HeardOf(Struct, frozen=True, kw_only=True):
    """What a source said of a customer. `values` None: of no such customer. `who` counts where it `said` that."""

    values: Values | None = None
    who: Counterpart | None = None
    said_who: bool = False


class FactReading:
    """Reads what is asked for by what is published, and by the draft, so that it can be tried.

    And who looks after customers, wherever a source can say that and staff let it be shown.
    """

    def __init__(self, db: Database, offices: Offices, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._last = ""  # the source that was asked the last time: the others go first

    async def turn(self) -> None:
        """Ask about some of those customers whose turn it is, if nobody else does. Raises `DatabaseDown`."""
        draft = await POLICIES.draft(self._db)
        asked: dict[str, set[str]] = {}
        for policy in (draft.live.content, draft.wanted):
            if policy is CAREFUL_POLICY:
                return  # nobody knows what is asked for
            for source, properties in policy.asked.items():
                asked.setdefault(source, set()).update(properties)
        offices = await self._offices.all()
        tell = {name for name, office in offices.items() if office.connector.counterpart}
        if tell and not await self._may_name():
            tell.clear()
        token = await take_lease(self._db, "facts", self._clock(), every=EVERY, lasts=LASTS)
        if token is None:
            return
        end = self._clock() + TURN
        for source in sorted(offices.keys() - asked.keys() - tell):
            await self._forget(source)
        names = sorted(offices.keys() & (asked.keys() | tell))
        left = [each for each in names if each > self._last] + [each for each in names if each <= self._last]
        while left and self._clock() < end:
            self._last = source = left.pop(0)
            office = offices[source]
            if office.is_asked and await self._some(office, asked.get(source, ()), who=source in tell, end=end):
                left.append(source)
            if not await keep_lease(self._db, "facts", token, self._clock() + LASTS):
                return
        await end_lease(self._db, "facts", token, self._clock())

    async def _may_name(self) -> bool:
        async with self._db.read() as session:
            return await names_counterparts(session)

    async def _forget(self, source: str) -> None:
        """Forget what some customers of a source are that nobody asks about any more."""
        some = sa.select(CustomerFacts.customer).where(CustomerFacts.source == source).limit(AT_A_TIME)
        async with self._db.read() as session:
            customers = (await session.scalars(some)).all()
        if not customers:
            return
        async with self._db.write() as session:
            theirs = (CustomerFacts.source == source, CustomerFacts.customer.in_(customers))
            await session.execute(sa.delete(CustomerFacts).where(*theirs))

    async def _some(self, office: Office, names: Collection[str], *, who: bool, end: datetime) -> bool:
        """Ask about some, until the end. False: there is nobody left to ask about, or the source does not answer."""
        told = ",".join([*sorted(names), *([WHO] if who else [])])
        due = await self._due(office.name, told, who=who, often=bool(names))
        found: dict[str, HeardOf] = {}
        broken: set[str] = set()
        away: str | None = None
        for customer, is_who_due in due:
            if self._clock() >= end:
                break
            try:
                values = await self._ask(office, customer, names) if names else None
                heard = await self._ask_who(office, customer) if is_who_due else HeardOf()
                found[customer] = msgspec.structs.replace(heard, values=values)
            except ConnectorError as error:
                log.warning("customers not sorted", source=office.name, reason=type(error).__name__)
                away = customer
                break
            except DatabaseDown:
                raise
            except Exception:  # of ours, or of a connector that somebody wrote: the others are asked about all the same
                log.exception("customer not sorted", source=office.name)
                broken.add(customer)
        await self._keep(office.name, told, found, broken=broken, away=away, who=who)
        return len(due) == AT_A_TIME and away is None

    async def _due(self, source: str, told: str, *, who: bool, often: bool) -> list[tuple[str, bool]]:
        """Name customers whose turn it is, and say whether who looks after them is asked for, too.

        `often`: what is asked for besides that is asked for more often.
        """
        now = self._clock()
        same = (CustomerFacts.source == Link.source) & (CustomerFacts.customer == Link.customer)
        is_who_due: sa.ColumnElement[bool] = sa.false()
        if who:
            is_who_due = CustomerFacts.counterpart_at.is_(None) | (CustomerFacts.counterpart_at < now - WHO_AGAIN)
        is_due = (
            CustomerFacts.tried_at.is_(None)
            | (CustomerFacts.asked != told)
            | ((CustomerFacts.tried_at < now - AGAIN) & (sa.true() if often else is_who_due))
        )
        rows = (
            sa.select(Link.customer, is_who_due)
            .join(CustomerFacts, same, isouter=True)
            .where(Link.source == source, is_due)
            .order_by(CustomerFacts.tried_at.is_not(None), CustomerFacts.tried_at, Link.customer)
        )
        async with self._db.read() as session:
            return [(customer, bool(which)) for customer, which in await session.execute(rows.limit(AT_A_TIME))]

    async def _ask(self, office: Office, customer: str, names: Collection[str]) -> Values | None:
        """Ask about one. None: they know no such customer."""
        properties = office.connector.properties
        if properties is None:
            return None
        try:
            return await properties.read(office.back_office, customer, names)
        except NotFound:
            return None

    async def _ask_who(self, office: Office, customer: str) -> HeardOf:
        """Ask who looks after one. Where that alone cannot be told, all else is asked for nonetheless."""
        if office.connector.counterpart is None:
            return HeardOf()
        try:
            return HeardOf(who=await office.connector.counterpart(office.back_office, customer), said_who=True)
        except NotFound:
            return HeardOf(said_who=True)
        except (NotAllowed, Refused, BadResponse) as error:
            log.warning("nobody says who looks after a customer", source=office.name, reason=type(error).__name__)
            return HeardOf()

    async def _keep(
        self,
        source: str,
        told: str,
        found: Mapping[str, HeardOf],
        *,
        broken: Collection[str],
        away: str | None,
        who: bool,
    ) -> None:
        """Keep what was told of those who still are somebody's customer here. What was known of the others stays.

        What nobody asks for any more is forgotten.
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
                heard = found[customer]
                values = heard.values
                row.facts = None if values is None else {name: list(its) for name, its in values.items()}
                row.read_at = None if values is None else now
                if not who:
                    row.counterpart = row.counterpart_at = None
                elif heard.said_who:
                    row.counterpart = msgspec.to_builtins(heard.who) if heard.who else None
                    row.counterpart_at = now
