"""Made-up sources that know people, and logins that come to the portal. No source is asked over a network."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_sources import LAX, NotesConfig, connector

from auth.provider import Identity
from connectors.config import Secret
from connectors.contract import BackOffice, Candidate, Facts, Person
from connectors.errors import NotFound, Unavailable
from gateway.access import LinkRef, remember
from gateway.identity.arrival import Arrivals
from gateway.identity.invitations import Wish, invite
from gateway.identity.matching import Policy
from gateway.links import Proof, link, unlink
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import Question
from gateway.records.tables import Membership, Source
from gateway.records.tables import Person as PersonRow
from gateway.rights import OWN, Rights

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://id.example.com"


class World:
    """The sources `crm` and `desk`, and what they know. `silent` ones do not answer, `slow` ones answer too late."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now = NOON
        self.found: dict[str, tuple[Candidate, ...]] = {}
        self.by_email: dict[tuple[str, str], tuple[Candidate, ...]] = {}
        self.people: dict[tuple[str, str], Person] = {}
        self.silent: set[str] = set()
        self.slow: set[str] = set()
        self.failing: set[str] = set()
        self.asked: list[tuple[str, Facts | str]] = []
        notes = msgspec.structs.replace(connector(), find=self._find, person=self._person)
        self.offices = Offices(db, VAULT, {"notes": notes}, LAX, clock=lambda: 0.0)

    async def open(self) -> None:
        settings = {"base_url": "https://notes.example.com"}
        async with self.db.write() as session:
            for name in ("crm", "desk"):
                sealed = {"token": VAULT.seal(Secret("t"), f"sources/{name}", "token")}
                session.add(
                    Source(
                        name=name,
                        title=name,
                        connector="notes",
                        settings=settings,
                        sealed=sealed,
                        promises={},
                        changed_at=NOON,
                    )
                )

    async def link(self, accounts: Mapping[LinkRef, str]) -> None:
        for ref, account in accounts.items():
            await link(
                self.db,
                trail=TRAIL,
                by=BY,
                account=account,
                source=ref.source,
                customer=ref.customer,
                proof=Proof(fact="contract", decided_by="priya", decided_at=NOON),
            )

    async def link_accounts(self, *accounts: str) -> None:
        await self.link({LinkRef("crm", f"of {account}"): account for account in accounts})

    async def unlink(self, source: str, customer: str) -> None:
        await unlink(self.db, trail=TRAIL, by=BY, source=source, customer=customer)

    async def invite(self, email: str, account: str, rights: Rights = OWN, days: int = 30) -> str | None:
        wish = Wish(email=email, account=account, rights=rights, until=self.now + timedelta(days=days))
        return await invite(self.db, trail=TRAIL, by=BY, made_by="priya", wish=wish, now=self.now)

    async def sign_in(
        self,
        subject: str,
        email: str | None,
        *,
        number: str | None = None,
        policy: Policy = "email",
        issuer: str = ISSUER,
    ) -> str:
        identity = Identity(issuer=issuer, subject=subject, email=email, name=subject.title(), number=number)
        member = await remember(self.db, identity, self.now, trail=TRAIL)
        arrivals = Arrivals(self.db, TRAIL, self.offices, lambda: self.now, policy=policy, patience=0.05)
        await arrivals.arrive(member, identity)
        return member

    async def accounts(self, member: str) -> set[str]:
        async with self.db.read() as session:
            rows = await session.scalars(sa.select(Membership.account_id).where(Membership.member_id == member))
            return set(rows)

    async def persons(self, member: str) -> set[tuple[str, str]]:
        async with self.db.read() as session:
            rows = await session.scalars(sa.select(PersonRow).where(PersonRow.member_id == member))
            return {(row.source, row.person) for row in rows}

    async def question(self, member: str) -> Question | None:
        async with self.db.read() as session:
            return await session.scalar(sa.select(Question).where(Question.member_id == member))

    async def _find(self, office: BackOffice[NotesConfig], facts: Facts) -> tuple[Candidate, ...]:
        self.asked.append((office.source, facts))
        await self._answer(office.source)
        return self.by_email.get((office.source, facts.email or ""), self.found.get(office.source, ()))

    async def _person(self, office: BackOffice[NotesConfig], person: str) -> Person:
        self.asked.append((office.source, person))
        await self._answer(office.source)
        if (office.source, person) not in self.people:
            raise NotFound(person)
        return self.people[office.source, person]

    async def _answer(self, source: str) -> None:
        if source in self.failing:
            raise ValueError("a mistake of the connector's")
        if source in self.silent:
            raise Unavailable("down")
        if source in self.slow:
            await asyncio.Event().wait()


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    await world.open()
    yield world
    await world.offices.aclose()
