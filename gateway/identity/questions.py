"""The queue: logins of which a person has to say who they are. A decision is a link with its proof."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import PersonRef
from gateway.audit import Trail
from gateway.finding import Found
from gateway.identity.matching import REASONS
from gateway.identity.proving import Why, join, name_persons
from gateway.links import LinkError, check_is_there
from gateway.member_rows import about_member
from gateway.records.database import Database
from gateway.records.identity_tables import Question
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.tables import Account, Member
from gateway.records.upsert import insert
from gateway.rights import Rights

State = Literal["open", "decided", "dismissed"]
# Beside those of a match: why else somebody has to be looked at.
WHY: Mapping[str, str] = {
    **{str(reason): text for reason, text in REASONS.items()},
    "address_gone": "the source has this person under another address now",
    "contact_gone": "the source has this person no longer, or has archived them",
    "contact_moved": "the source says that this person belongs to another customer now",
    "invitation_expired": "the invitation came to its end before it was used",
    "invitation_withdrawn": "the invitation was withdrawn",
}


class Asked(Struct, frozen=True, kw_only=True):
    """A question as people read it. `found` has what is proven of the login beside what each source said."""

    id: str
    member_id: str
    issuer: str
    subject: str
    email: str | None
    name: str | None
    state: str
    reason: str
    found: Mapping[str, Any]
    asked_at: datetime


async def put_question(
    session: AsyncSession, by: By, member: Member, *, reason: str, found: Mapping[str, Any], now: datetime
) -> Line | None:
    """Leave somebody to a person. None: the same question is open, or was dismissed, already."""
    row = {"state": "open", "reason": reason, "found": dict(found), "asked_at": now}
    new = insert(session, Question).values(id=new_id(), member_id=member.id, **row).on_conflict_do_nothing()
    if not await session.scalar(new.returning(Question.id)):
        this = sa.select(Question).where(Question.member_id == member.id).with_for_update()
        known = (await session.scalars(this)).one()
        is_same = known.reason == reason and known.state in {"open", "dismissed"}
        if known.state == "open":
            known.found = dict(found)
        if is_same:
            return None
        known.state, known.reason, known.found, known.asked_at = "open", reason, dict(found), now
        known.decided_by = known.decided_at = None
    return about_member("question.asked", by, member, details={"reason": reason})


async def close_question(session: AsyncSession, member_id: str, by: str, now: datetime) -> None:
    """Take a question away that has answered itself: the person acts for an account now."""
    closed = {"state": "decided", "found": {}, "decided_by": by, "decided_at": now}
    still = (Question.member_id == member_id, Question.state == "open")
    await session.execute(sa.update(Question).where(*still).values(**closed))


async def questions(db: Database, state: State = "open") -> tuple[Asked, ...]:
    """List the questions, the oldest first."""
    async with db.read() as session:
        return await _read(session, Question.state == state)


async def some_questions(db: Database, page: int, size: int) -> Found[Asked]:
    """Give a page of those that are open, the oldest first. Pages count from 1."""
    is_open = Question.state == "open"
    async with db.read() as session:
        count = await session.scalar(sa.select(sa.func.count()).where(is_open)) or 0
        return Found(await _read(session, is_open, size, (page - 1) * size), count)


async def count_questions(db: Database) -> int:
    """Count those that are open. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await session.scalar(sa.select(sa.func.count()).where(Question.state == "open")) or 0


async def question(db: Database, id_: str) -> Asked:
    """Raises `LinkError` where there is none."""
    async with db.read() as session:
        found = await _read(session, Question.id == id_)
    if not found:
        raise LinkError("there is no such question: `hallway queue list` has them all")
    return found[0]


async def decide(
    db: Database,
    *,
    trail: Trail,
    by: By,
    id_: str,
    account: str,
    rights: Rights,
    persons: Sequence[PersonRef],
    why: Why,
) -> tuple[str, ...]:
    """Answer a question: the member may act for this account, and is these persons. Tells what changed.

    Raises `LinkError`: for a question that is not open, an account that there is not, a person whom no source found.
    """
    async with db.write() as session:
        asked, member = await _open(session, id_)
        row = await session.get(Account, account)
        if row is None:
            raise LinkError(f"there is no account {account!r}: `hallway link` makes one")
        check_is_there(row)
        strangers = [each for each in persons if each not in _found(asked.found)]
        if strangers:
            raise LinkError(f"{strangers[0].source} found no person {strangers[0].person!r} for this question")
        joined = await join(session, by, member, account=account, rights=rights, why=why)
        named = await name_persons(session, by, member, persons, fact=str(why.facts["fact"]), why=why)
        asked.state, asked.found, asked.decided_by, asked.decided_at = "decided", {}, why.decided_by, why.decided_at
        details, personal = {"reason": asked.reason}, {"facts": dict(why.facts)}
        answered = about_member("question.decided", by, member, account=account, details=details, personal=personal)
        await trail.record(session, *([joined] if joined else []), *named, answered)
        said = [f"let {member.subject!r} of {member.issuer} act for {account!r}"] if joined else []
        return (*said, *(f"is {each.person!r} in {each.source!r}" for each in persons), "answered the question")


async def dismiss(db: Database, *, trail: Trail, by: By, id_: str, decided_by: str, now: datetime) -> None:
    """Say that the login is nobody's whom we serve. It is not asked about again for the same reason."""
    async with db.write() as session:
        asked, member = await _open(session, id_)
        asked.state, asked.found, asked.decided_by, asked.decided_at = "dismissed", {}, decided_by, now
        await trail.record(session, about_member("question.dismissed", by, member, details={"reason": asked.reason}))


async def _open(session: AsyncSession, id_: str) -> tuple[Question, Member]:
    asked = await session.scalar(sa.select(Question).where(Question.id == id_).with_for_update())
    if asked is None or asked.state != "open":
        raise LinkError("there is no open question of that id: `hallway queue list` has them all")
    return asked, await session.get_one(Member, asked.member_id)


def _found(found: Mapping[str, Any]) -> set[PersonRef]:
    return {
        PersonRef(source, each["person"])
        for source, candidates in found.get("sources", {}).items()
        for each in candidates or ()
        if each["person"]
    }


async def _read(
    session: AsyncSession, which: sa.ColumnElement[bool], most: int | None = None, behind: int | None = None
) -> tuple[Asked, ...]:
    rows = (
        sa.select(Question, Member)
        .join(Member, Member.id == Question.member_id)
        .where(which)
        .order_by(Question.asked_at, Question.id)
        .limit(most)
        .offset(behind)
    )
    return tuple(
        Asked(
            id=asked.id,
            member_id=member.id,
            issuer=member.issuer,
            subject=member.subject,
            email=member.email,
            name=member.name,
            state=asked.state,
            reason=asked.reason,
            found=asked.found,
            asked_at=asked.asked_at,
        )
        for asked, member in await session.execute(rows)
    )
