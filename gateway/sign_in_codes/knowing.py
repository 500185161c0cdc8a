"""To whom a code goes: people who are known here, or whom somebody of ours has invited. Nobody else gets a mail.

An address with which somebody signs in at a provider gets no code: a mailbox must not open what the provider guards
better. Its mail says where to sign in instead.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.mailbox import ISSUER
from auth.principals import Kind
from gateway.identity.asking import ask_all
from gateway.identity.mailboxes import folded
from gateway.identity.matching import Answer, Policy, Proven
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import Address, Invitation
from gateway.records.tables import Member, Staff

PATIENCE = 3.0  # seconds for the sources

Known = Literal["known", "asking", "nobody"]


class AtProvider(Struct, frozen=True):
    """They sign in at this provider, by its id."""

    provider: str


class Knowing:
    """Says who is known. `providers` are those for customers: issuer -> id."""

    def __init__(self, db: Database, offices: Offices, *, policy: Policy, providers: Mapping[str, str]) -> None:
        self._db = db
        self._offices = offices
        self._policy = policy
        self._providers = providers

    async def by_rows(self, address: str, kind: Kind, now: datetime) -> Known | AtProvider:
        """Look at what we know ourselves. "asking": the sources may know more. Raises `DatabaseDown`."""
        async with self._db.read() as session:
            if kind == "staff":
                return "known" if await _is_listed(session, address) else "nobody"
            login = sa.select(Member.id).where(Member.issuer == ISSUER, Member.subject == address)
            if await session.scalar(login):
                return "known"
            issuer = await _issuer_of(session, address, self._providers)
            if issuer:
                return AtProvider(self._providers[issuer])
            invited = sa.select(Invitation.id).where(
                Invitation.email == address, Invitation.state == "made", Invitation.until > now
            )
            if await session.scalar(invited.limit(1)):
                return "known"
        return "nobody" if self._policy == "off" else "asking"

    async def by_sources(self, address: str) -> Known:
        """Ask the sources, where they may tie a login to a customer. "asking": one is silent, and no other knows."""
        answers = await ask_all(self._offices, Proven(email=address), PATIENCE)
        if any(_knows(answer, address) for answer in answers):
            return "known"
        return "asking" if any(answer.candidates is None for answer in answers) else "nobody"


async def _is_listed(session: AsyncSession, address: str) -> bool:
    """Tell whether somebody of ours gave this mailbox a role."""
    listed = sa.select(Staff.listed_role).where(Staff.issuer == ISSUER, Staff.subject == address)
    return (await session.scalar(listed)) not in {None, "none"}


async def _issuer_of(session: AsyncSession, address: str, issuers: Collection[str]) -> str | None:
    """Name the issuer at which somebody came with this address, the latest, of those that the settings have."""
    theirs = (
        sa.select(Member.issuer)
        .join(Address, Address.member_id == Member.id)
        .where(Address.address == address, Member.issuer.in_(issuers))
        .order_by(Member.last_visit_at.desc())
    )
    return await session.scalar(theirs.limit(1))


def _knows(answer: Answer, address: str) -> bool:
    found = answer.candidates or ()
    return any(folded(each.matched.get("email", "")) == address for each in found)
