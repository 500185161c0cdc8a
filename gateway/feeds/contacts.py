"""Comparing what sources say of a person whom several of them know: who employs them, and their e-mail address."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import combinations

import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors import contract
from connectors.errors import ConnectorError, NotFound
from connectors.mail import same_address
from gateway.access import PersonRef
from gateway.agreement.facts import FACTS, Compared, Kind
from gateway.agreement.winners import Rules, winner
from gateway.conflicts import Look, Sources, Thing, note
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.offices import Office, Offices
from gateway.records.database import Database
from gateway.records.tables import Link, Membership, Person

LASTS = timedelta(minutes=5)
AT_A_TIME = 10  # accounts between two signs of life

log = structlog.get_logger()


class Team(Struct, frozen=True, kw_only=True):
    """An account with its customers by source, and its members with who they are in each."""

    account: str
    customers: Mapping[str, frozenset[str]]
    members: Mapping[str, frozenset[PersonRef]]


class Heard(Struct, frozen=True):
    """What one source says of a member, who may be several persons there."""

    customers: frozenset[str]
    emails: frozenset[str]
    person: str


class Contacts:
    """Asks the sources about members, every `every`, and keeps the queue of conflicts."""

    def __init__(self, db: Database, offices: Offices, clock: Clock, *, every: timedelta) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._every = every

    async def compare(self) -> None:
        """Look at every account once, if it is time to and nobody else does. Raises `DatabaseDown`."""
        turn = await take_lease(self._db, "contacts", self._clock(), every=self._every, lasts=LASTS)
        if turn is None:
            return
        offices = {name: each for name, each in (await self._offices.all()).items() if each.connector.person}
        teams = await self._teams(offices)
        for first in range(0, len(teams), AT_A_TIME):
            looks = [await self._look(team, offices) for team in teams[first : first + AT_A_TIME]]
            await note(self._db, looks, self._clock())
            if not await keep_lease(self._db, "contacts", turn, self._clock() + LASTS):
                return
        await end_lease(self._db, "contacts", turn, self._clock())

    async def _teams(self, offices: Mapping[str, Office]) -> list[Team]:
        """Give the accounts that have somebody whom two of their sources know."""
        known = (
            sa.select(Membership.account_id, Person.member_id, Person.source, Person.person)
            .join(Person, Person.member_id == Membership.member_id)
            .where(Person.source.in_(list(offices)))
        )
        links = sa.select(Link.account_id, Link.source, Link.customer).where(Link.source.in_(list(offices)))
        customers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        members: dict[str, dict[str, set[PersonRef]]] = defaultdict(lambda: defaultdict(set))
        async with self._db.read() as session:
            for account, source, customer in await session.execute(links):
                customers[account][source].add(customer)
            for account, member, source, person in await session.execute(known):
                if source in customers.get(account, ()):
                    members[account][member].add(PersonRef(source, person))
        return [
            Team(
                account=account,
                customers={source: frozenset(its) for source, its in customers[account].items()},
                members={member: frozenset(refs) for member, refs in sorted(theirs.items())},
            )
            for account, theirs in sorted(members.items())
            if any(len({ref.source for ref in refs}) > 1 for refs in theirs.values())
        ]

    async def _look(self, team: Team, offices: Mapping[str, Office]) -> Look:
        things: list[Thing] = []
        silent: set[str] = set()
        for member, refs in team.members.items():
            heard: dict[str, Heard] = {}
            for source in sorted({ref.source for ref in refs}):
                try:
                    said = await self._ask(offices[source], [ref.person for ref in refs if ref.source == source])
                except ConnectorError as error:
                    log.warning("contact not compared", source=source, reason=type(error).__name__)
                    silent.add(source)
                else:
                    heard |= {source: said} if said else {}
            things += _compare(member, heard, team, offices)
        linked = frozenset(team.customers)
        whole: frozenset[tuple[Kind, Sources]] = frozenset(
            ("contacts", pair) for pair in combinations(sorted(linked - silent), 2)
        )
        return Look(account=team.account, linked=linked, things=tuple(things), whole=whole)

    async def _ask(self, office: Office, persons: Iterable[str]) -> Heard | None:
        """Ask about a member. None: the source has none of these persons any more, which a recheck finds too."""
        found: list[contract.Person] = []
        for person in sorted(persons):
            try:
                if office.connector.person:
                    found.append(await office.connector.person(office.back_office, person))
            except NotFound:
                continue
        if not found:
            return None
        return Heard(
            frozenset().union(*(each.customers for each in found)),
            frozenset().union(*(each.emails for each in found)),
            found[0].id,
        )


def _compare(member: str, heard: Mapping[str, Heard], team: Team, offices: Mapping[str, Office]) -> Iterable[Thing]:
    for one, other in combinations(sorted(heard), 2):
        compared = tuple(_facts(heard[one], heard[other], team, (one, other)))
        if compared:
            yield Thing(
                kind="contacts",
                number=member,
                sources=(one, other),
                ids=(heard[one].person, heard[other].person),
                compared=compared,
                winners=_winners(offices[one].wins, one, other),
                member=member,
            )


def _facts(one: Heard, other: Heard, team: Team, sources: tuple[str, str]) -> Iterable[Compared]:
    """Compare the company, and of who is of this account in both sources the address."""
    heard = tuple(zip((one, other), sources, strict=True))
    is_theirs = [bool(said.customers & team.customers[source]) for said, source in heard]
    if not any(is_theirs):
        return
    values = tuple(
        team.account if is_ours else ", ".join(sorted(said.customers)) or "none"
        for said, is_ours in zip((one, other), is_theirs, strict=True)
    )
    yield Compared(field="company", values=(values[0], values[1]), agrees=all(is_theirs))
    if all(is_theirs) and one.emails and other.emails:
        agrees = any(same_address(ours, theirs) for ours in one.emails for theirs in other.emails)
        yield Compared(field="email", values=(_listed(one.emails), _listed(other.emails)), agrees=agrees)


def _winners(rules: Rules, one: str, other: str) -> dict[str, str]:
    return {field: won for field in FACTS["contacts"] if (won := winner(rules, f"contacts.{field}", one, other))}


def _listed(emails: Iterable[str]) -> str:
    return ", ".join(sorted(emails))
