"""What becomes of somebody who has just signed in: an invitation, a match, or a question for a person.

Nothing of this is waited for longer than a moment, and nothing that is in doubt opens anything.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from auth.provider import Identity
from gateway.audit import Trail
from gateway.identity.asking import ask_all
from gateway.identity.invitations import about_invitation, is_still_meant
from gateway.identity.mailboxes import folded
from gateway.identity.matching import Accounts, Ambiguous, Answer, Linked, Nothing, Policy, Proven, Verdict, judge
from gateway.identity.proving import ADDRESS_FACT, Why, accounts_of, facts_of, join, name_persons
from gateway.identity.questions import close_question, put_question
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import Address, Invitation, Question
from gateway.records.lines import By, Line
from gateway.records.tables import AuditLine, Member, Membership, Person
from gateway.records.upsert import insert
from gateway.rights import OWN, Rights

PATIENCE = 3.0  # seconds that a sign-in waits for the sources
AFTER_A_LOSS = frozenset({"address_gone", "contact_gone", "contact_moved"})  # what a person has to decide anew


class Standing(Struct, frozen=True, kw_only=True):
    """What is known of somebody before any source is asked."""

    accounts: frozenset[str]
    invited_to: frozenset[str]  # of these, by an invitation
    is_named: bool  # some source's person
    wants_own: bool  # some right of theirs is about their own records
    is_settled: bool  # a person has decided, or has to decide


class Came(Struct, frozen=True):
    """What is proven of somebody, and what the sources said to it."""

    proven: Proven
    answers: Sequence[Answer]


class Arrivals:
    """Ties who signs in to what is theirs. `policy` says which facts suffice without a person."""

    def __init__(
        self, db: Database, trail: Trail, offices: Offices, clock: Clock, *, policy: Policy, patience: float = PATIENCE
    ) -> None:
        self._db = db
        self._trail = trail
        self._offices = offices
        self._clock = clock
        self._policy = policy
        self._patience = patience

    async def arrive(self, member_id: str, identity: Identity, address: str | None = None) -> None:
        """Take a member who has just proved who they are. Raises `DatabaseDown`."""
        by = By(f"member/{member_id}", "portal", address)
        if identity.email:
            await self._take_address(member_id, folded(identity.email))
            await self._take_invitations(member_id, folded(identity.email), by)
        async with self._db.read() as session:
            standing = await _standing(session, member_id)
        if not self._is_to_be_asked(standing, identity):
            return
        proven = Proven(email=identity.email, number=identity.number)
        answers = await ask_all(self._offices, proven, self._patience)
        async with self._db.write() as session:
            member = await session.get(Member, member_id, with_for_update=True)
            if member is None or await _standing(session, member_id) != standing:
                return  # erased, or decided meanwhile: the next visit sees to the rest
            lines = await self._settle(session, by, member, standing=standing, came=Came(proven, answers))
            await self._trail.record(session, *filter(None, lines))

    def _is_to_be_asked(self, standing: Standing, identity: Identity) -> bool:
        if standing.is_settled or (identity.email is None and identity.number is None):
            return False
        if not standing.accounts:
            return self._policy != "off"
        is_asked_for = self._policy != "off" or bool(standing.invited_to)
        return is_asked_for and standing.wants_own and not standing.is_named

    async def _take_address(self, member_id: str, email: str) -> None:
        """Remember who came with an address before anything is made of it: of two at once, both see the other."""
        this = (Address.address == email, Address.member_id == member_id)
        async with self._db.read() as session:
            if await session.scalar(sa.select(Address.first_at).where(*this)):
                return
        row = {"address": email, "member_id": member_id, "first_at": self._clock()}
        async with self._db.write() as session:
            await session.execute(insert(session, Address).values(row).on_conflict_do_nothing())

    async def _take_invitations(self, member_id: str, email: str, by: By) -> None:
        mine = sa.select(Invitation).where(Invitation.email == email, Invitation.state == "made")
        async with self._db.read() as session:
            if not (await session.scalars(mine.limit(1))).all():
                return
        async with self._db.write() as session:
            member = await session.get_one(Member, member_id, with_for_update=True)
            rows = (await session.scalars(mine.order_by(Invitation.id).with_for_update())).all()
            lines: list[Line | None] = []
            is_taken = await _is_taken(session, member_id, email)
            for row in rows:
                lines += await self._take_invitation(session, by, member, row, is_taken=is_taken)
            await self._trail.record(session, *filter(None, lines))

    async def _take_invitation(
        self, session: AsyncSession, by: By, member: Member, row: Invitation, *, is_taken: bool
    ) -> Sequence[Line | None]:
        now = self._clock()
        found = {"email": row.email, "invited_to": row.account_id}
        if row.until <= now:
            row.state = "expired"
            asked = await put_question(session, by, member, reason="invitation_expired", found=found, now=now)
            return [about_invitation("invitation.expired", by, row), asked]
        if is_taken:
            return [await put_question(session, by, member, reason="address_of_another_login", found=found, now=now)]
        if not await is_still_meant(session, row):
            row.state = "withdrawn"
            asked = await put_question(session, by, member, reason="invitation_withdrawn", found=found, now=now)
            return [about_invitation("invitation.withdrawn", by, row), asked]
        row.state, row.member_id, row.used_at = "used", member.id, now
        facts = {"email": row.email, "invitation": row.id}
        why = Why(how="invited", facts=facts, decided_by=row.made_by, decided_at=now)
        rights = msgspec.convert(row.rights, Rights)
        await close_question(session, member.id, row.made_by, now)
        return [
            about_invitation("invitation.used", by, row),
            await join(session, by, member, account=row.account_id, rights=rights, why=why),
        ]

    async def _settle(
        self, session: AsyncSession, by: By, member: Member, *, standing: Standing, came: Came
    ) -> list[Line | None]:
        now = self._clock()
        accounts = await accounts_of(session, came.answers)
        email = came.proven.email
        is_taken = email is not None and await _is_taken(session, member.id, folded(email))
        proven = msgspec.structs.replace(came.proven, is_taken=is_taken)
        verdict = self._judge(proven, came.answers, accounts, standing)
        lines: list[Line | None] = []
        match verdict:
            case Linked():
                facts = {"email": email, "proofs": msgspec.to_builtins(verdict.proofs)}
                decided_by = "the account they had, and the address" if standing.accounts else f"policy {self._policy}"
                why = Why(how="matched", facts=facts, decided_by=decided_by, decided_at=now)
                if not standing.accounts:
                    lines.append(await join(session, by, member, account=verdict.account, rights=OWN, why=why))
                await close_question(session, member.id, decided_by, now)
                fact = f"{ADDRESS_FACT}{email}"
                lines += await name_persons(session, by, member, verdict.persons, fact=fact, why=why)
            case Ambiguous():
                found = facts_of(proven, came.answers, accounts)
                lines.append(await put_question(session, by, member, reason=verdict.reason, found=found, now=now))
            case Nothing():
                await close_question(session, member.id, "the sources know nobody", now)
        return lines

    def _judge(self, proven: Proven, answers: Sequence[Answer], accounts: Accounts, standing: Standing) -> Verdict:
        """Judge. Who may act for an account already was put there by a person, which is a second fact."""
        if not standing.accounts:
            return judge(proven, answers, accounts, self._policy)
        known = min(standing.accounts)
        return judge(msgspec.structs.replace(proven, invited_to=known), answers, accounts, self._policy)


async def _standing(session: AsyncSession, member_id: str) -> Standing:
    memberships = sa.select(Membership).where(Membership.member_id == member_id)
    rights = {row.account_id: row.rights for row in await session.scalars(memberships)}
    invited = sa.select(Invitation.account_id).where(Invitation.member_id == member_id, Invitation.state == "used")
    asked = await session.scalar(sa.select(Question).where(Question.member_id == member_id))
    taken = sa.select(AuditLine.number).where(
        AuditLine.about == f"member/{member_id}", AuditLine.what == "membership.removed"
    )
    lost = bool((await session.scalars(taken.limit(1))).all()) and not rights
    is_settled = asked is not None and (
        asked.state == "dismissed" or (asked.state == "open" and asked.reason in AFTER_A_LOSS)
    )
    person = await session.scalar(sa.select(Person.person).where(Person.member_id == member_id).limit(1))
    return Standing(
        accounts=frozenset(rights),
        invited_to=frozenset(await session.scalars(invited)) & rights.keys(),
        is_named=person is not None,
        wants_own=any("own" in each.values() for each in rights.values()),
        is_settled=is_settled or lost,
    )


async def _is_taken(session: AsyncSession, member_id: str, email: str) -> bool:
    """Tell whether another login came with the address, whatever became of it."""
    others = sa.select(Address.member_id).where(Address.address == email, Address.member_id != member_id)
    return bool((await session.scalars(others.limit(1))).all())
