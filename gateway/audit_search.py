"""The audit trail for staff: found by who, what, which account and when, without what is personal in it.

What is personal is read one line at a time, and the trail is told of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from gateway.audit import Trail
from gateway.audit_reading import Told, told_in_short, told_whole
from gateway.finding import PAGE, page_of
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.tables import AuditKey, AuditLine, Member, Staff
from gateway.vault import Vault

MOST_PEOPLE = 50  # that a name may be


class NoLine(Exception):  # noqa: N818  # says what is
    """There is no such line."""


class LinesWanted(Struct, frozen=True, kw_only=True):
    """Which lines: all that is given has to fit. `who` is a name, an address, or as the trail has it: "staff/..."."""

    who: str = ""
    what: str = ""
    account: str = ""
    since: datetime | None = None
    until: datetime | None = None


class LinesFound(Struct, frozen=True):
    """One page of lines, the latest first, how many that are in all, and what staff are called."""

    found: tuple[Told, ...]
    count: int
    called: Mapping[str, str]


async def find_lines(db: Database, wanted: LinesWanted, page: int, *, size: int = PAGE) -> LinesFound:
    """Find lines. Pages count from 1. Raises `DatabaseDown`."""
    async with db.read() as session:
        fits = _fits(wanted)
        if wanted.who:
            people = [wanted.who] if "/" in wanted.who else list(await session.scalars(_named(wanted.who)))
            whose = (AuditLine.who.in_(people), AuditLine.about.in_(people))
            fits.append(AuditLine.number.in_(sa.union(*(sa.select(AuditLine.number).where(each) for each in whose))))
        numbers, count = await page_of(session, AuditLine.number, fits, page, size)
        lines = sa.select(AuditLine).where(AuditLine.number.in_(numbers)).order_by(AuditLine.number.desc())
        found = tuple(map(told_in_short, await session.scalars(lines)))
        ids = {each.who.partition("/")[2] for each in found if each.who.startswith("staff/")}
        staff = await session.scalars(sa.select(Staff).where(Staff.id.in_(ids)))
        return LinesFound(found, count, {f"staff/{each.id}": each.name or each.subject for each in staff})


async def look_at_line(db: Database, vault: Vault, number: int, *, trail: Trail, by: By) -> Told:
    """Give a line with what is personal in it, and tell the trail who has read it. Raises `NoLine`."""
    async with db.write() as session:
        row = await session.get(AuditLine, number)
        if row is None:
            raise NoLine
        key = await session.get(AuditKey, row.key) if row.key else None
        told = told_whole(row, key, vault)
        line = Line(what="audit.looked_up", by=by, about=f"line/{number}", account=row.account, owner=_owner(by))
        await trail.record(session, line)
        return told


async def note_export(db: Database, wanted: LinesWanted, form: Literal["csv", "json"], *, trail: Trail, by: By) -> None:
    """Tell the trail that lines were taken out as a file."""
    details = {"form": form, "what": wanted.what, "account": wanted.account}
    async with db.write() as session:
        line = Line(what="audit.exported", by=by, about="audit", details=details, owner=_owner(by))
        await trail.record(session, line)


def _fits(wanted: LinesWanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.what and "." in wanted.what:
        found.append(AuditLine.what == wanted.what)
    elif wanted.what:
        found.append(AuditLine.what.startswith(f"{wanted.what}.", autoescape=True))
    if wanted.account:
        found.append(AuditLine.account == wanted.account)
    if wanted.since:
        found.append(AuditLine.at >= _written(wanted.since))
    if wanted.until:
        found.append(AuditLine.at < _written(wanted.until))
    return found


def _named(name: str) -> sa.CompoundSelect[tuple[str]]:
    """Name people as the trail does, staff by a part of their name, members by the whole of it or their address."""
    staff = sa.select(sa.literal("staff/") + Staff.id).where(
        sa.or_(Staff.name.icontains(name, autoescape=True), Staff.subject == name)
    )
    member = sa.select(sa.literal("member/") + Member.id).where(
        sa.or_(Member.name == name, Member.email == name, Member.subject == name)
    )
    return sa.union(staff.limit(MOST_PEOPLE).subquery().select(), member.limit(MOST_PEOPLE).subquery().select())


def _written(at: datetime) -> str:
    """Write an instant as lines have it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _owner(by: By) -> str | None:
    return by.who if by.address else None
