"""Who a member is in a source: what makes a record their own."""

from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.links import TEXT, LinkError, Login, Proof, check_text
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.tables import Member, Person, Session, Source
from gateway.records.upsert import insert


class Told(Struct, frozen=True):
    """Whether something changed, and the hashes of the sessions whose standing is to be forgotten."""

    is_changed: bool
    sessions: tuple[bytes, ...] = ()


async def name_person(
    db: Database, *, trail: Trail, by: By, login: Login, source: str, person: str, proof: Proof
) -> Told:
    """Say that a member is this person in that source. Raises `LinkError`.

    A person may be several members: a shared mailbox has several readers.
    """
    check_text("the person", person, TEXT)
    check_text("the fact", proof.fact, TEXT)
    check_text("who decided it", proof.decided_by, TEXT)
    async with db.write() as session:
        member = await _member(session, login)
        sources = set(await session.scalars(sa.select(Source.name)))
        if source not in sources:
            raise LinkError(f"there is no source {source!r} (there is: {', '.join(sorted(sources)) or 'none yet'})")
        proven = {field: getattr(proof, field) for field in proof.__struct_fields__}
        made = insert(session, Person).values(member_id=member.id, source=source, person=person, **proven)
        if await session.scalar(made.on_conflict_do_nothing().returning(Person.person)) is None:
            return Told(False)
        sessions = await _sessions(session, member)
        personal = {"person": person, "fact": proof.fact, "decided_by": proof.decided_by}
        await trail.record(session, _line("person.named", by, member, source, personal))
    return Told(True, sessions)


async def unname_person(db: Database, *, trail: Trail, by: By, login: Login, source: str, person: str) -> Told:
    """Say that a member is this person no longer. Raises `LinkError` for somebody we do not know."""
    async with db.write() as session:
        member = await _member(session, login)
        this = (Person.member_id == member.id, Person.source == source, Person.person == person)
        if await session.scalar(sa.delete(Person).where(*this).returning(Person.person)) is None:
            return Told(False)
        sessions = await _sessions(session, member)
        await trail.record(session, _line("person.unnamed", by, member, source, {"person": person}))
    return Told(True, sessions)


async def _member(session: AsyncSession, login: Login) -> Member:
    this = sa.select(Member).where(Member.issuer == login.issuer, Member.subject == login.subject)
    member = await session.scalar(this)
    if member is None:
        raise LinkError("there is no such member: give issuer and subject exactly as the provider does")
    return member


async def _sessions(session: AsyncSession, member: Member) -> tuple[bytes, ...]:
    theirs = sa.select(Session.id_hash).where(Session.member_id == member.id, Session.ended_at.is_(None))
    return tuple(await session.scalars(theirs))


def _line(what: What, by: By, member: Member, source: str, personal: dict[str, Any]) -> Line:
    owner = f"member/{member.id}"
    login = {"issuer": member.issuer, "subject": member.subject}
    return Line(what=what, by=by, about=owner, details={"source": source}, personal=login | personal, owner=owner)
