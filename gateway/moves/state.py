"""What an account has that would be moved: read for whoever decides, and once more, held, for whoever does it."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef
from gateway.grants import Stale
from gateway.links import LinkError
from gateway.records.base import Base
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Invitation
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.page_tables import PageCode
from gateway.records.tables import Account, Link, Member, Membership, Session, Source
from gateway.rights import Rights

MOST_PEOPLE = 2000  # of one account: more are not moved in one transaction
Thing = Literal["invitations", "documents", "sent", "mails", "pages"]
TABLES: Mapping[Thing, type[Base]] = {
    "invitations": Invitation,
    "documents": AskedDocument,
    "sent": OutboxRow,
    "mails": MailRow,
    "pages": PageCode,
}
EXACT: tuple[Thing, ...] = ("invitations", "documents", "sent")  # who decides by these is told when they change


class MoveError(LinkError):
    """Accounts that cannot be merged or parted like this. The text says why, and what to do."""


class Someone(Struct, frozen=True, kw_only=True):
    """A person of an account. `version` is of their rights in it."""

    id: str
    called: str
    email: str | None
    rights: Rights
    version: int


class Tie(Struct, frozen=True, kw_only=True):
    """A link. `title` is what customers read of the source."""

    source: str
    title: str
    customer: str

    @property
    def ref(self) -> LinkRef:
        return LinkRef(self.source, self.customer)


class Side(Struct, frozen=True, kw_only=True):
    """One account with all of its people and links. `held` counts what goes with them."""

    id: str
    name: str
    merged_into: str | None
    seen_at: datetime | None
    people: tuple[Someone, ...]
    links: tuple[Tie, ...]
    held: Mapping[Thing, int]

    def has(self, member: str) -> bool:
        return any(each.id == member for each in self.people)


class Moved(Struct, frozen=True, kw_only=True):
    """What was done, and the hashes of sessions that it concerns.

    `switched` are for another account now, `looking` are of staff who looked at one, and of `sessions` the standing is
    to be forgotten.
    """

    id: str
    account: str
    switched: tuple[bytes, ...]
    looking: tuple[bytes, ...]
    sessions: tuple[bytes, ...]


async def hold(session: AsyncSession, *accounts: str) -> None:
    """Let nobody else change who they are until the transaction ends. Raises `grants.Stale`.

    Members before memberships, sessions and accounts: in this order others hold on to them too.
    """
    acting = sa.select(Membership.member_id).where(Membership.account_id.in_(accounts))
    members = sa.select(Member.id).where(Member.id.in_(acting)).order_by(Member.id)
    held = set(await session.scalars(members.with_for_update(read=True, key_share=True)))
    rows = sa.select(Membership.member_id).where(Membership.account_id.in_(accounts))
    await session.execute(rows.order_by(Membership.member_id, Membership.account_id).with_for_update())
    theirs = sa.select(Session.id_hash).where(Session.account_id.in_(accounts)).order_by(Session.id_hash)
    await session.execute(theirs.with_for_update())
    await session.execute(sa.select(Account.id).where(Account.id.in_(accounts)).order_by(Account.id).with_for_update())
    if not set(await session.scalars(acting)) <= held:
        raise Stale


async def side_of(session: AsyncSession, account_id: str) -> Side | None:
    """Read an account whole. None: there is none. Raises `MoveError` for one with too many people."""
    account = await session.get(Account, account_id, populate_existing=True)
    if account is None:
        return None
    acting = (
        sa.select(Member, Membership.rights, Membership.version)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.account_id == account_id)
        .order_by(sa.func.lower(sa.func.coalesce(Member.name, Member.email, Member.subject)), Member.id)
        .limit(MOST_PEOPLE + 1)
    )
    people = (await session.execute(acting)).all()
    if len(people) > MOST_PEOPLE:
        raise MoveError(f"the account {account_id!r} has more than {MOST_PEOPLE} people: they cannot be moved at once")
    ties = sa.select(Link.source, Source.title, Link.customer).join(Source, Source.name == Link.source)
    links = await session.execute(ties.where(Link.account_id == account_id).order_by(Link.source, Link.customer))
    return Side(
        id=account.id,
        name=account.name,
        merged_into=account.merged_into,
        seen_at=account.seen_at,
        people=tuple(
            Someone(
                id=member.id,
                called=member.called,
                email=member.email,
                rights=msgspec.convert(rights, Rights),
                version=version,
            )
            for member, rights, version in people
        ),
        links=tuple(Tie(source=source, title=title, customer=customer) for source, title, customer in links),
        held={thing: await _count(session, thing, account_id) for thing in TABLES},
    )


def seen_of(*sides: Side | None) -> str:
    """Name what somebody decided by: another name means that it has changed since."""
    shown = [
        (
            [side.id, side.name, side.merged_into],
            [(each.id, each.version) for each in sorted(side.people, key=lambda one: one.id)],
            [(each.source, each.customer) for each in side.links],
            [side.held[thing] for thing in EXACT],
        )
        if side
        else None
        for side in sides
    ]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()


async def sessions_of_members(session: AsyncSession, members: Collection[str]) -> tuple[bytes, ...]:
    """Give the hashes of live sessions, of which copies may be kept."""
    theirs = sa.select(Session.id_hash).where(Session.member_id.in_(members), Session.ended_at.is_(None))
    return tuple(await session.scalars(theirs))


async def _count(session: AsyncSession, thing: Thing, account_id: str) -> int:
    table: Any = TABLES[thing]
    where = [table.account_id == account_id]
    if thing == "invitations":
        where.append(table.state == "made")
    return await session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0
