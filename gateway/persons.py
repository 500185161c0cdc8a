"""Who a member is in a source: what makes a record their own."""

import sqlalchemy as sa
from msgspec import Struct

from gateway.audit import Trail
from gateway.links import TEXT, LinkError, Login, Proof, check_text
from gateway.member_rows import about_member, member_of, sessions_of
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.tables import Person, Source
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
        member = await member_of(session, login)
        sources = set(await session.scalars(sa.select(Source.name)))
        if source not in sources:
            raise LinkError(f"there is no source {source!r} (there is: {', '.join(sorted(sources)) or 'none yet'})")
        proven = {field: getattr(proof, field) for field in proof.__struct_fields__}
        made = insert(session, Person).values(member_id=member.id, source=source, person=person, **proven)
        if await session.scalar(made.on_conflict_do_nothing().returning(Person.person)) is None:
            return Told(False)
        sessions = await sessions_of(session, member.id)
        personal = {"person": person, "fact": proof.fact, "decided_by": proof.decided_by}
        line = about_member("person.named", by, member, details={"source": source}, personal=personal)
        await trail.record(session, line)
    return Told(True, sessions)


async def unname_person(db: Database, *, trail: Trail, by: By, login: Login, source: str, person: str) -> Told:
    """Say that a member is this person no longer. Raises `LinkError` for somebody we do not know."""
    async with db.write() as session:
        member = await member_of(session, login)
        this = (Person.member_id == member.id, Person.source == source, Person.person == person)
        if await session.scalar(sa.delete(Person).where(*this).returning(Person.person)) is None:
            return Told(False)
        sessions = await sessions_of(session, member.id)
        line = about_member("person.unnamed", by, member, details={"source": source}, personal={"person": person})
        await trail.record(session, line)
    return Told(True, sessions)
