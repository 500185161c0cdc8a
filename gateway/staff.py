"""Staff and their roles, as a list has them: of commands of whoever runs the machine, and of an owner's page."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.principals import Role
from auth.visitors import role_of
from gateway.audit import Trail
from gateway.links import TEXT, LinkError, Login, check_login, check_text
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.tables import Staff
from gateway.records.upsert import insert

UNKNOWN = "there is no such person among staff: give issuer and subject as their provider does"


class StaffError(Exception):
    """A role that cannot be given like this."""


class StaffChanged(StaffError):  # noqa: N818  # says what is the matter
    """Somebody else has changed this role since it was looked at."""


class LastOwner(StaffError):  # noqa: N818  # as above
    """Nobody would be left who can do everything."""


class Colleague(Struct, frozen=True, kw_only=True):
    """One of staff. `role` is what counts, of the role that was listed and the one that their provider claims."""

    id: str
    login: Login
    name: str | None
    role: Role
    listed: str | None
    claimed: str | None


async def staff_of(db: Database) -> tuple[Colleague, ...]:
    """List all who are known, in the order in which they came."""
    async with db.read() as session:
        rows = (await session.scalars(sa.select(Staff).order_by(Staff.created_at, Staff.id))).all()
    return tuple(
        Colleague(
            id=row.id,
            login=Login(row.issuer, row.subject),
            name=row.name,
            role=role_of(row),
            listed=row.listed_role,
            claimed=row.claimed_role,
        )
        for row in rows
    )


async def add_staff(
    db: Database, *, trail: Trail, by: By, login: Login, role: Role, now: datetime, name: str | None = None
) -> bool:
    """List somebody with a role before their first sign-in, or after it. False: they have it already."""
    return await _add(db, "staff.role_given", trail=trail, by=by, login=login, role=role, now=now, name=name)


async def add_owner(
    db: Database, *, trail: Trail, by: By, login: Login, now: datetime, name: str | None = None
) -> bool:
    """Let a person run this installation. False: they already could."""
    return await _add(db, "owner.added", trail=trail, by=by, login=login, role="owner", now=now, name=name)


async def give_role(db: Database, *, trail: Trail, by: By, login: Login, role: Role | None) -> bool:
    """List a role, which then counts whatever the provider claims; None takes somebody off the list.

    False: it was so already. Raises `LinkError` for somebody we do not know.
    """
    async with db.write() as session:
        line = await _list(session, "staff.role_given", by, login, role)
        await trail.record(session, *([line] if line else []))
    return line is not None


async def change_role(
    db: Database, *, trail: Trail, by: By, staff_id: str, role: Role | None, seen: str | None
) -> None:
    """List a role as `give_role` does, for somebody who saw that `seen` was listed.

    Raises `LinkError` for somebody we do not know, `StaffChanged` where something else is listed by now, and
    `LastOwner` where nobody else could change it back.
    """
    async with db.write() as session:
        everybody = (await session.scalars(sa.select(Staff).order_by(Staff.id).with_for_update())).all()
        staff = next((each for each in everybody if each.id == staff_id), None)
        if staff is None:
            raise LinkError(UNKNOWN)
        if staff.listed_role != seen:
            raise StaffChanged
        was_owner = role_of(staff) == "owner"
        line = _give(staff, "staff.role_given", by, role)
        if was_owner and not any(role_of(each) == "owner" for each in everybody):
            raise LastOwner
        await trail.record(session, *([line] if line else []))


async def _add(
    db: Database, what: What, *, trail: Trail, by: By, login: Login, role: Role, now: datetime, name: str | None
) -> bool:
    check_login(login)
    if name is not None:
        check_text("the name", name, TEXT)
    made = {"id": new_id(), "issuer": login.issuer, "subject": login.subject, "name": name, "created_at": now}
    async with db.write() as session:
        await session.execute(insert(session, Staff).values(**made).on_conflict_do_nothing())
        line = await _list(session, what, by, login, role)
        await trail.record(session, *([line] if line else []))
    return line is not None


async def _list(session: AsyncSession, what: What, by: By, login: Login, role: Role | None) -> Line | None:
    this = sa.select(Staff).where(Staff.issuer == login.issuer, Staff.subject == login.subject)
    staff = await session.scalar(this.with_for_update())
    if staff is None:
        raise LinkError(UNKNOWN)
    return _give(staff, what, by, role)


def _give(staff: Staff, what: What, by: By, role: Role | None) -> Line | None:
    if staff.listed_role == role:
        return None
    before, staff.listed_role = staff.listed_role, role
    owner = f"staff/{staff.id}"
    return Line(
        what=what,
        by=by,
        about=owner,
        details={"before": before, "after": role},
        personal={"issuer": staff.issuer, "subject": staff.subject},
        owner=owner,
    )
