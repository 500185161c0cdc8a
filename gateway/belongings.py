"""What our own tables hold of a member: counted before it is erased, and told as what goes and what stays."""

from collections.abc import Mapping
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.agreement_tables import ConflictRow
from gateway.records.code_tables import SignInCode
from gateway.records.customer_tables import MovedMember
from gateway.records.database import Database
from gateway.records.document_tables import GivenFile
from gateway.records.identity_tables import Address, Invitation, Question
from gateway.records.mail_tables import MailRow, MessageChoice, MessageTimes, RefusedAddress
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.page_tables import PageCode
from gateway.records.tables import AuditLine, Membership, Person, Session, UsageEvent

Thing = Literal[
    "accounts",
    "moves",
    "persons",
    "addresses",
    "invitations",
    "questions",
    "sessions",
    "pages",
    "mails",
    "choices",
    "codes",
    "differences",
    "sent",
    "files",
    "visits",
    "kept_sent",
    "kept_files",
    "kept_lines",
]
# Of what they sent, what may not have gone out for certain: nobody else could say what became of it.
IN_THE_OPEN = sa.and_(
    OutboxRow.done_at.is_(None), sa.or_(OutboxRow.in_doubt_since.is_not(None), OutboxRow.state == "sending")
)


async def count_belongings(session: AsyncSession, member: str) -> Mapping[Thing, int]:
    """Count, in a transaction that does more. What begins with "kept" stays when the member is erased."""
    theirs = OutboxRow.member_id == member
    goes = sa.and_(theirs, sa.not_(IN_THE_OPEN))
    of: dict[Thing, tuple[sa.ColumnElement[bool], ...]] = {
        "accounts": (Membership.member_id == member,),
        "moves": (MovedMember.member_id == member,),
        "persons": (Person.member_id == member,),
        "addresses": (Address.member_id == member,),
        "invitations": (invited(member),),
        "questions": (Question.member_id == member,),
        "sessions": (Session.member_id == member,),
        "pages": (PageCode.member_id == member,),
        "mails": (MailRow.member_id == member,),
        "codes": (codes_of(member),),
        "differences": (ConflictRow.member_id == member,),
        "sent": (goes,),
        "files": (OutboxFile.outbox_id == OutboxRow.id, goes),
        "visits": (UsageEvent.member_id == member,),
        "kept_sent": (theirs, IN_THE_OPEN),
        "kept_files": (GivenFile.member_id == member,),
        "kept_lines": (AuditLine.about == f"member/{member}",),
    }
    found = {
        thing: await session.scalar(sa.select(sa.func.count()).select_from(_table(thing)).where(*where)) or 0
        for thing, where in of.items()
    }
    found["choices"] = 0
    for table in (MessageChoice, MessageTimes, RefusedAddress):
        many = sa.select(sa.func.count()).select_from(table).where(table.member_id == member)
        found["choices"] += await session.scalar(many) or 0
    return found


async def belongings_of(db: Database, member: str) -> Mapping[Thing, int]:
    """Count them now. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await count_belongings(session, member)


def invited(member: str) -> sa.ColumnElement[bool]:
    """Find invitations that they used, or that were made for an address with which they came."""
    addresses = sa.select(Address.address).where(Address.member_id == member)
    return sa.or_(Invitation.member_id == member, Invitation.email.in_(addresses))


def codes_of(member: str) -> sa.ColumnElement[bool]:
    """Find the codes that were asked for with an address with which they came."""
    return SignInCode.address.in_(sa.select(Address.address).where(Address.member_id == member))


def _table(thing: Thing) -> type[object] | sa.FromClause:
    tables: dict[Thing, type[object] | sa.FromClause] = {
        "accounts": Membership,
        "moves": MovedMember,
        "persons": Person,
        "addresses": Address,
        "invitations": Invitation,
        "questions": Question,
        "sessions": Session,
        "pages": PageCode,
        "mails": MailRow,
        "codes": SignInCode,
        "differences": ConflictRow,
        "sent": OutboxRow,
        "files": sa.join(OutboxFile, OutboxRow, OutboxFile.outbox_id == OutboxRow.id),
        "visits": UsageEvent,
        "kept_sent": OutboxRow,
        "kept_files": GivenFile,
        "kept_lines": AuditLine,
    }
    return tables[thing]
