"""Asking the sources whether people still are who they were. What a source takes back ends at once, without a visit."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from connectors import contract
from connectors.errors import ConnectorError, NotFound
from gateway.audit import Trail
from gateway.identity.mailboxes import folded
from gateway.identity.proving import ADDRESS_FACT
from gateway.identity.questions import put_question
from gateway.member_rows import about_member, sessions_of
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import Ground
from gateway.records.lines import By, Line
from gateway.records.tables import Link, Member, Membership, Person

PATIENCE = 10.0  # seconds for one answer
AT_ONCE = 8  # questions; each source has limits of its own besides
SUSPICIOUS = 10  # people: a source that has lost so many, and no other is left, has lost something else

log = structlog.get_logger()


class Known(Struct, frozen=True):
    """A member is this person in that source, because of this fact."""

    member_id: str
    source: str
    person: str
    fact: str


class Rechecked(Struct, frozen=True, kw_only=True):
    """How many were asked about, who was lost and why, which sources said nothing that counts, whose copies are old."""

    asked: int
    lost: tuple[tuple[Known, str], ...]
    silent: tuple[str, ...]
    sessions: tuple[bytes, ...]


Answers = dict[tuple[str, str], contract.Person | None]  # (source, person) -> None where they are gone


class Rechecks:
    """Looks at every person again that was looked at longer ago than a given time."""

    def __init__(self, db: Database, trail: Trail, offices: Offices, clock: Clock) -> None:
        self._db = db
        self._trail = trail
        self._offices = offices
        self._clock = clock

    async def run(self, by: By, *, older_than: timedelta = timedelta(0), patience: float = PATIENCE) -> Rechecked:
        """Ask about everybody who is due, the longest ago first. Raises `DatabaseDown`."""
        due = await self._due(self._clock() - older_than)
        answers, silent = await self._ask(due, patience)
        lost: list[tuple[Known, str]] = []
        sessions: list[bytes] = []
        for each in due:
            if (each.source, each.person) in answers:
                reason, theirs = await self._settle(by, each, answers[each.source, each.person])
                lost += [(each, reason)] if reason else []
                sessions += theirs
        return Rechecked(asked=len(answers), lost=tuple(lost), silent=silent, sessions=tuple(sessions))

    async def _due(self, before: datetime) -> list[Known]:
        due = (
            sa.select(Person.member_id, Person.source, Person.person, Person.fact)
            .where(sa.or_(Person.checked_at.is_(None), Person.checked_at <= before))
            .order_by(Person.checked_at.is_not(None), Person.checked_at, Person.member_id)
        )
        async with self._db.read() as session:
            return [Known(*row) for row in await session.execute(due)]

    async def _ask(self, due: Sequence[Known], patience: float) -> tuple[Answers, tuple[str, ...]]:
        """Ask once about each person. A source that loses everybody at once is taken for broken."""
        gate = asyncio.Semaphore(AT_ONCE)
        answers: Answers = {}
        silent: set[str] = set()

        async def ask(source: str, person: str) -> None:
            async with gate:
                try:
                    answer = await self._look(source, person, patience)
                except (ConnectorError, TimeoutError) as error:
                    log.warning("person not rechecked", source=source, reason=type(error).__name__)
                    silent.add(source)
                else:
                    if answer is not False:
                        answers[source, person] = answer

        await asyncio.gather(*(ask(*each) for each in sorted({(each.source, each.person) for each in due})))
        found: dict[str, list[contract.Person | None]] = defaultdict(list)
        for (source, _), answer in answers.items():
            found[source].append(answer)
        broken = {source for source, said in found.items() if len(said) >= SUSPICIOUS and not any(said)}
        for source in broken:
            log.error("source has lost everybody", source=source, people=len(found[source]))
        kept = {key: answer for key, answer in answers.items() if key[0] not in broken}
        return kept, tuple(sorted(silent | broken))

    async def _look(self, source: str, person: str, patience: float) -> contract.Person | Literal[False] | None:
        """Ask the source. None: they are gone there. False: it cannot be asked about people."""
        office = await self._offices.get(source)
        if office is None or office.connector.person is None:
            return False
        try:
            async with asyncio.timeout(patience):
                return await office.connector.person(office.back_office, person)
        except NotFound:
            return None

    async def _settle(self, by: By, known: Known, answer: contract.Person | None) -> tuple[str | None, Sequence[bytes]]:
        now = self._clock()
        this = (Person.member_id == known.member_id, Person.source == known.source, Person.person == known.person)
        async with self._db.write() as session:
            row = await session.scalar(sa.select(Person).where(*this).with_for_update())
            member = await session.get(Member, known.member_id)
            if row is None or member is None:
                return None, ()  # somebody was quicker
            reason = why_lost(row.fact, answer, await _customers(session, known))
            if reason is None:
                row.checked_at = now
                return None, ()
            await session.delete(row)
            lines = [about_member("person.unnamed", by, member, details={"source": row.source, "reason": reason})]
            lines += await _end_matched(session, by, member, row.source, reason)
            found = {"email": member.email, "lost": {"source": row.source, "person": row.person}}
            asked = await put_question(session, by, member, reason=reason, found=found, now=now)
            await self._trail.record(session, *lines, *([asked] if asked else []))
            return reason, await sessions_of(session, member.id)


def why_lost(fact: str, answer: contract.Person | None, customers: Collection[str]) -> str | None:
    """Say why somebody is not this person any more. `customers` are those of the member's accounts in that source."""
    if answer is None:
        return "contact_gone"
    if customers and answer.customers.isdisjoint(customers):
        return "contact_moved"
    address = fact.removeprefix(ADDRESS_FACT)
    if address != fact and folded(address) not in set(map(folded, answer.emails)):
        return "address_gone"
    return None


async def _customers(session: AsyncSession, known: Known) -> set[str]:
    theirs = (
        sa.select(Link.customer)
        .join(Membership, Membership.account_id == Link.account_id)
        .where(Membership.member_id == known.member_id, Link.source == known.source)
    )
    return set(await session.scalars(theirs))


async def _end_matched(session: AsyncSession, by: By, member: Member, source: str, reason: str) -> list[Line]:
    """Take away what a match gave: the source that speaks against it now is one of the account's."""
    matched = (
        sa.select(Ground.account_id)
        .join(Link, Link.account_id == Ground.account_id)
        .where(Ground.member_id == member.id, Ground.how == "matched", Link.source == source)
        .distinct()
    )
    accounts = sorted(await session.scalars(matched))
    gone = sa.delete(Membership).where(Membership.member_id == member.id, Membership.account_id.in_(accounts))
    await session.execute(gone)
    details = {"how": "recheck", "reason": reason}
    return [about_member("membership.removed", by, member, account=account, details=details) for account in accounts]
