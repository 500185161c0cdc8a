"""What a merge left behind so that it can be taken back: who acted for both, links that were dropped, signposts."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.identity.invitations import about_invitation
from gateway.links import about_account
from gateway.moves.rows import change
from gateway.records.customer_tables import AccountMove, MovedMember
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Ground, Invitation
from gateway.records.lines import By, Line
from gateway.records.signposts import present
from gateway.records.tables import Account, Link, Membership, Source
from gateway.rights import AREAS, REACHES, Rights


async def merge_of(session: AsyncSession, id_: str | None, gone: str = "") -> AccountMove | None:
    """Find a merge by its id, or the last one by which an account became a signpost."""
    this = sa.select(AccountMove).where(AccountMove.kind == "merge")
    if id_:
        return await session.scalar(this.where(AccountMove.id == id_))
    last = this.where(AccountMove.from_account == gone).order_by(AccountMove.at.desc(), AccountMove.id.desc())
    return await session.scalar(last.limit(1))


def is_as_merged(move: AccountMove, row: MovedMember, of: str, present: Rights) -> bool:
    """Whether what somebody may see in `of` is what the merge left them. If nobody knows, it is not."""
    if of != move.to_account or row.rights_there is None:
        return False
    left = row.rights if move.moved.get("rights", "gone") == "gone" else row.rights_there
    return msgspec.convert(left, Rights) == present


async def give_back(
    session: AsyncSession, move: AccountMove, of: str, members: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Let people who acted for both do so again, as they did. Gives what they may see there.

    Whose rights were changed since the merge keep them in `of`, and have no wider ones in the other account.
    """
    rights: dict[str, dict[str, Any]] = {}
    these = sa.select(MovedMember).where(MovedMember.move_id == move.id, MovedMember.member_id.in_(members))
    for row in (await session.scalars(these)).all():
        place = {"member_id": row.member_id, "account_id": move.from_account}
        here = sa.select(Membership.rights).where(Membership.member_id == row.member_id, Membership.account_id == of)
        before, present = (
            msgspec.convert(each, Rights) for each in (row.rights, (await session.execute(here)).scalar_one())
        )
        is_same = is_as_merged(move, row, of, present)
        given = msgspec.to_builtins(before if is_same else _narrower(before, present))
        session.add(Membership(**place, rights=given, created_at=row.since))
        await session.flush()
        if row.ground:
            at = datetime.fromisoformat(row.ground["decided_at"])
            session.add(Ground(**place, **{**row.ground, "decided_at": at}))
        if is_same and msgspec.convert(row.rights_there, Rights) != present:
            there = change(Membership).where(Membership.member_id == row.member_id, Membership.account_id == of)
            await session.execute(there.values(rights=row.rights_there, version=Membership.version + 1))
        rights[row.member_id] = given
    return rights


def _narrower(one: Rights, other: Rights) -> Rights:
    """Give what both of them have."""
    reaches = {area: min(one.reach(area), other.reach(area), key=REACHES.index) for area in AREAS}
    return Rights(**reaches, manages=one.manages and other.manages)


async def restore(session: AsyncSession, by: By, move: AccountMove, of: str, now: datetime) -> list[Line]:
    """Give back what went with no link and no person, as far as it is still with `of`, and what the merge dropped."""
    for table, ids in ((Invitation, move.moved["invitations"]), (AskedDocument, move.moved["asked_documents"])):
        # What is a person's has gone with the person, or stays with them.
        back = change(table).where(table.id.in_(ids), table.account_id == of, table.member_id.is_(None))
        await session.execute(back.values(account_id=move.from_account))
    before = change(Account).where(Account.id.in_(move.moved["signposts"]), Account.merged_into == of)
    await session.execute(before.values(merged_into=move.from_account))
    return [*await _invite_again(session, by, move, now), *await _link_again(session, by, move)]


async def _invite_again(session: AsyncSession, by: By, move: AccountMove, now: datetime) -> list[Line]:
    """Open again what was withdrawn, where nobody has invited that address anew: then that one counts."""
    anew = aliased(Invitation)
    newer = sa.select(anew.id).where(
        anew.email == Invitation.email, anew.account_id == Invitation.account_id, anew.state == "made"
    )
    rows = sa.select(Invitation).where(Invitation.id.in_(move.moved["withdrawn"]), Invitation.state == "withdrawn")
    rows = rows.where(~newer.exists()).with_for_update(of=Invitation)
    found = [row for row in await session.scalars(rows) if row.until > now]
    for row in found:
        row.state = "made"
    await session.flush()
    return [about_invitation("invitation.made", by, row) for row in found]


async def _link_again(session: AsyncSession, by: By, move: AccountMove) -> list[Line]:
    """Put links back that a merge dropped, where nobody has linked that customer since."""
    lines = []
    sources = set(await session.scalars(sa.select(Source.name)))
    for each in move.moved["dropped"]:
        this = (Link.source == each["source"], Link.customer == each["customer"])
        if each["source"] not in sources or await session.scalar(sa.select(Link.customer).where(*this)):
            continue
        values = {name: each[name] for name in ("source", "customer", "fact", "decided_by")}
        at, account = datetime.fromisoformat(each["decided_at"]), await present(session, each["account"])
        session.add(Link(**values, account_id=account, decided_at=at))
        personal = {name: each[name] for name in ("customer", "fact", "decided_by")}
        lines.append(about_account("customer.linked", by, account, each["source"], personal=personal))
    await session.flush()
    return lines
