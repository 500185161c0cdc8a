"""Who may see what of an account: set by staff, or by a member who manages it within their own rights."""

from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.links import LinkError, Login
from gateway.member_rows import rights_of, sessions_of
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.tables import Member, Membership
from gateway.rights import Rights


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody who may act for the same account."""

    member_id: str
    called: str
    email: str | None
    rights: Rights


class Changed(Struct, frozen=True, kw_only=True):
    """What rights were, and are. `sessions` are the hashes of those whose standing is to be forgotten."""

    before: Rights
    after: Rights
    sessions: Sequence[bytes]


class NotTheirs(Exception):  # noqa: N818  # says what is the matter
    """The member may not set these rights, or there is no such colleague; nobody outside can tell which."""


class Stale(Exception):  # noqa: N818  # says what is the matter
    """Somebody changed it after it was read."""


async def colleagues_of(db: Database, member_id: str, account_id: str) -> tuple[Colleague, ...]:
    """List the others who may act for the account, as people look for them. Only who manages it is told of any."""
    others = (
        sa.select(Member, Membership.rights)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.account_id == account_id, Member.id != member_id)
    )
    async with db.read() as session:
        mine = await rights_of(session, member_id, account_id)
        rows = (await session.execute(others)).all() if mine and mine.manages else []
    found = [
        Colleague(member_id=who.id, called=who.called, email=who.email, rights=msgspec.convert(rights, Rights))
        for who, rights in rows
    ]
    return tuple(sorted(found, key=lambda colleague: (colleague.called.casefold(), colleague.member_id)))


async def set_rights(
    db: Database,
    *,
    trail: Trail,
    by: By,
    login: Login,
    account: str,
    change: Callable[[Rights], Rights],
    seen: int | None = None,
) -> Changed:
    """Change a login's rights in an account. Raises `LinkError` for one that may not act for it.

    `seen` is the version that somebody decided by: raises `Stale` where another has been written since.
    """
    member = sa.select(Member).where(Member.issuer == login.issuer, Member.subject == login.subject)
    async with db.write() as session:
        who = await session.scalar(member)
        row = (await _memberships(session, account, who.id)).get(who.id) if who else None
        if row is None:
            raise LinkError("this login may not act for the account: link it first, or look for a slip in a name")
        if seen is not None and row.version != seen:
            raise Stale
        changed, lines = await _change(session, by, row, change(msgspec.convert(row.rights, Rights)))
        await trail.record(session, *lines)
    return changed


async def set_colleague(
    db: Database, *, trail: Trail, by: By, manager: str, account: str, member: str, rights: Rights
) -> Changed:
    """Let a member who manages an account set a colleague's rights, within their own and never their own.

    Raises `NotTheirs`. Who else manages it, or sees more, is for staff to change.
    """
    async with db.write() as session:
        rows = await _memberships(session, account, manager, member)
        mine, row = rows.get(manager), rows.get(member)
        own = msgspec.convert(mine.rights, Rights) if mine else Rights()
        before = msgspec.convert(row.rights, Rights) if row else None
        if not own.manages or before is None or row is None or member == manager:
            raise NotTheirs
        if before.manages or rights.manages or not (before.is_within(own) and rights.is_within(own)):
            raise NotTheirs
        changed, lines = await _change(session, by, row, rights)
        await trail.record(session, *lines)
    return changed


async def _change(session: AsyncSession, by: By, row: Membership, rights: Rights) -> tuple[Changed, list[Line]]:
    before = msgspec.convert(row.rights, Rights)
    if before == rights:
        return Changed(before=before, after=rights, sessions=()), []
    row.rights, row.version = msgspec.to_builtins(rights), row.version + 1
    sessions = await sessions_of(session, row.member_id)
    details = {"before": msgspec.to_builtins(before), "after": row.rights}
    about = f"member/{row.member_id}"
    line = Line(what="membership.changed", by=by, about=about, account=row.account_id, details=details, owner=about)
    return Changed(before=before, after=rights, sessions=sessions), [line]


async def _memberships(session: AsyncSession, account: str, *members: str) -> dict[str, Membership]:
    """Lock rows by member, in an order in which nobody waits for somebody who waits for them."""
    these = sa.select(Membership).where(Membership.account_id == account, Membership.member_id.in_(members))
    rows = await session.scalars(these.order_by(Membership.member_id).with_for_update())
    return {row.member_id: row for row in rows}
