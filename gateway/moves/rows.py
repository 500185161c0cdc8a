"""The rows that name an account, from one account to another. `NAMES` has every column that names one.

Where two rows could not be there side by side, the one that comes gives way: a figure is counted anew, a mail about
the same event is not sent again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.access import LinkRef
from gateway.records.agreement_tables import AgreementRow, ConflictRow
from gateway.records.base import Base
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Ground, Invitation
from gateway.records.mail_tables import BookRow, MailRow
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.page_tables import PageCode
from gateway.records.tables import Link, Membership, Session, UsageEvent

# How each column goes: with the links of the account, with its people, as whole account alone, or not at all.
How = Literal["link", "person", "whole", "stays"]
NAMES: Mapping[str, How] = {
    "links.account_id": "link",
    "books.account_id": "link",
    "outbox.account_id": "link",
    "outbox_files.account_id": "link",
    "memberships.account_id": "person",
    "grounds.account_id": "person",
    "sessions.account_id": "person",
    "sessions.viewing_account": "person",
    "mails.account_id": "person",
    "page_codes.account_id": "person",
    "usage_events.account_id": "person",
    "invitations.account_id": "person",  # those that were used; others with the whole account
    "asked_documents.account_id": "person",  # those of one person; others with the whole account
    "conflicts.account_id": "whole",
    "agreements.account_id": "whole",
    "accounts.merged_into": "stays",  # a signpost, which is set anew where it led here
    "account_moves.from_account": "stays",  # what was done
    "account_moves.to_account": "stays",
    "audit_lines.account": "stays",
    "segment_marks.account_id": "stays",  # made anew, as the links that went say
    "segment_due.account_id": "stays",
    "contact_due.account_id": "stays",
}
OF_PEOPLE: tuple[Any, ...] = (MailRow, PageCode, UsageEvent, Invitation, AskedDocument)
OF_ALL: tuple[Any, ...] = (OutboxRow, OutboxFile, *OF_PEOPLE, ConflictRow, AgreementRow)
TOLD = "dropped"  # the state of a mail that nobody is to have any more


def change(table: type[Base]) -> sa.Update:
    return sa.update(table).execution_options(synchronize_session=False)


def remove(table: type[Base]) -> sa.Delete:
    return sa.delete(table).execution_options(synchronize_session=False)


async def move_links(session: AsyncSession, of: str, to: str, refs: Collection[LinkRef]) -> None:
    """Move links, and what was known of their lists. Whoever compares a list at this moment begins anew."""
    for table, more in ((Link, {}), (BookRow, {"turn": BookRow.turn + 1})):
        these = sa.tuple_(table.source, table.customer).in_([(ref.source, ref.customer) for ref in refs])
        await session.execute(change(table).where(table.account_id == of, these).values(account_id=to, **more))


async def move_sent(session: AsyncSession, of: str, to: str, refs: Collection[LinkRef], ids: Collection[str]) -> int:
    """Move what was sent as some customers, with its files; and of `ids` what was sent as none of `of`'s.

    The links have been moved before.
    """
    customer = OutboxRow.asked["customer"].as_string()
    named = sa.tuple_(OutboxRow.source, customer).in_([(ref.source, ref.customer) for ref in refs])
    theirs = sa.select(Link.customer).where(
        Link.source == OutboxRow.source, Link.customer == customer, Link.account_id == of
    )
    await _make_room_for_sent(session, of, to)
    which = sa.or_(named, sa.and_(OutboxRow.id.in_(ids), ~theirs.exists()))
    these = change(OutboxRow).where(OutboxRow.account_id == of, which)
    moved = (await session.scalars(these.values(account_id=to).returning(OutboxRow.id))).all()
    files = change(OutboxFile).where(OutboxFile.account_id == of)
    await session.execute(files.where(OutboxFile.outbox_id.in_(moved)).values(account_id=to))
    return len(moved)


async def move_people(session: AsyncSession, of: str, to: str, members: Sequence[str]) -> None:
    """Move memberships of people who do not act for `to` yet, with their grounds and what is theirs alone."""
    rows = sa.select(Membership).where(Membership.account_id == of, Membership.member_id.in_(members))
    for row in await session.scalars(rows):
        new = {"rights": row.rights, "created_at": row.created_at, "version": row.version + 1}
        await session.execute(sa.insert(Membership).values(member_id=row.member_id, account_id=to, **new))
    theirs = change(Ground).where(Ground.account_id == of, Ground.member_id.in_(members))
    await session.execute(theirs.values(account_id=to))
    await end_memberships(session, of, members)
    await _make_room_for_mails(session, of, to, members)
    for table in OF_PEOPLE:
        moving = change(table).where(table.account_id == of, table.member_id.in_(members))
        await session.execute(moving.values(account_id=to))


async def end_memberships(session: AsyncSession, of: str, members: Collection[str]) -> None:
    """Take memberships away, and with them the grounds that are left."""
    await session.execute(remove(Membership).where(Membership.account_id == of, Membership.member_id.in_(members)))


async def move_sessions(
    session: AsyncSession, of: str, to: str, members: Collection[str] | None
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Let sessions of people, or all, go on for `to`, and end the looks of staff at them. Gives the hashes of both."""
    theirs, looking = (
        change(Session).where(Session.account_id == of),
        change(Session).where(Session.viewing_account == of),
    )
    if members is not None:
        theirs = theirs.where(Session.member_id.in_(members))
        looking = looking.where(Session.viewing_member.in_(members))
    switched = (await session.scalars(theirs.values(account_id=to).returning(Session.id_hash))).all()
    nobody = {"viewing_member": None, "viewing_account": None, "viewing_until": None}
    ended = (await session.scalars(looking.values(**nobody).returning(Session.id_hash))).all()
    return tuple(switched), tuple(ended)


async def move_rest(session: AsyncSession, of: str, to: str) -> None:
    """Move all that is left, whoever's it is."""
    await _make_room_for_sent(session, of, to)
    await _make_room_for_mails(session, of, to, None)
    for table, same in (
        (ConflictRow, ("kind", "number", "field", "first_source", "second_source")),
        (AgreementRow, ("kind", "field", "first_source", "second_source")),
    ):
        place = sa.tuple_(*(getattr(table, name) for name in same))
        there = sa.select(*(getattr(table, name) for name in same)).where(table.account_id == to)
        await session.execute(remove(table).where(table.account_id == of, place.in_(there)))
    for table in OF_ALL:
        await session.execute(change(table).where(table.account_id == of).values(account_id=to))


async def _make_room_for_sent(session: AsyncSession, of: str, to: str) -> None:
    """A form that was sent for both has one name; what it is called matters to nobody once it was taken."""
    there = sa.select(OutboxRow.nonce).where(OutboxRow.account_id == to)
    same = change(OutboxRow).where(OutboxRow.account_id == of, OutboxRow.nonce.in_(there))
    await session.execute(same.values(nonce="moved-" + OutboxRow.id))


async def _make_room_for_mails(session: AsyncSession, of: str, to: str, members: Collection[str] | None) -> None:
    """Who was told of an event for both accounts is not told of it twice."""
    other = aliased(MailRow)
    there = sa.select(other.id).where(
        other.account_id == to, other.member_id == MailRow.member_id, other.event_key == MailRow.event_key
    )
    same = [MailRow.account_id == of, there.exists()]
    if members is not None:
        same.append(MailRow.member_id.in_(members))
    waiting = sa.and_(MailRow.due_at.is_not(None), MailRow.handed_at.is_(None))
    dropped = sa.case((waiting, TOLD), else_=MailRow.state)
    due_at = sa.case((waiting, None), else_=MailRow.due_at)
    values = {"event_key": "moved-" + MailRow.id, "state": dropped, "due_at": due_at, "turn": MailRow.turn + 1}
    await session.execute(change(MailRow).where(*same).values(**values))
