"""How long what is kept, where that is set, and how much the next clean-up will remove."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from gateway import conflicts, troubles
from gateway.asked import OVER
from gateway.keeping import KeptThing
from gateway.mails.turns import is_old as is_old_mail
from gateway.outbox.states import OPEN
from gateway.records.agreement_tables import ConflictRow
from gateway.records.code_tables import SignInCode
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.feed_tables import TroubleRow
from gateway.records.help_tables import HelpSearch
from gateway.records.identity_tables import Invitation
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.page_tables import PageCode
from gateway.records.tables import AuditLine, Session, UsageEvent
from gateway.records.webhook_tables import InboxRow, WebhookHour
from gateway.sign_in_codes import rows as codes


class Rule(Struct, frozen=True, kw_only=True):
    """One kind of row. `kept` None: for as long as Hallway is used.

    `when` says when the next clean-up comes, which removes those that are old.
    """

    name: str
    kept: timedelta | None
    when: str
    table: type
    is_old: sa.ColumnElement[bool]


class Counted(Struct, frozen=True):
    """How many rows there are, and how many of them the next clean-up removes."""

    rule: Rule
    rows: int
    old: int


async def look(db: Database, days: Mapping[KeptThing, int], now: datetime) -> tuple[Counted, ...]:
    """Count what is kept, and what goes where each is kept for so many days. Raises `DatabaseDown`."""
    found = []
    for rule in _rules(days, now):
        counts = sa.select(sa.func.count(), sa.func.count().filter(rule.is_old)).select_from(rule.table)
        async with db.read() as session:
            rows, old = (await session.execute(counts)).one()
        found.append(Counted(rule, rows, old))
    return tuple(found)


def _rules(days: Mapping[KeptThing, int], now: datetime) -> Iterator[Rule]:
    """Give the conditions of the clean-ups themselves."""
    before = {name: now - timedelta(days=many) for name, many in days.items()}

    def rule(name: KeptThing, when: str, table: type, is_old: sa.ColumnElement[bool]) -> Rule:
        return Rule(name=name, kept=timedelta(days=days[name]), when=when, table=table, is_old=is_old)

    yield rule("pages", "day", PageCode, PageCode.last_at < before["pages"])
    is_old = sa.and_(InboxRow.due_at.is_(None), InboxRow.received_at < before["deliveries"])
    yield rule("deliveries", "hour", InboxRow, is_old)
    yield rule("refused", "hour", WebhookHour, WebhookHour.hour < before["refused"])
    yield Rule(name="outbox", kept=None, when="never", table=OutboxRow, is_old=sa.false())
    ended_at = sa.func.coalesce(OutboxRow.done_at, OutboxRow.tried_at, OutboxRow.made_at)
    done = sa.select(OutboxRow.id).where(OutboxRow.state.not_in(OPEN), ended_at < before["uploads"])
    yield rule("uploads", "hour", OutboxFile, OutboxFile.outbox_id.in_(done))
    over = sa.select(AskedDocument.id).where(
        AskedDocument.state.in_(OVER), AskedDocument.changed_at < before["documents"]
    )
    yield rule("documents", "hour", GivenFile, GivenFile.document_id.in_(over))
    yield rule("mails", "day", MailRow, is_old_mail(before["mails"]))
    yield Rule(name="invitations", kept=None, when="never", table=Invitation, is_old=sa.false())
    yield Rule(name="invitation_mails", kept=None, when="never", table=InvitationMail, is_old=sa.false())
    yield Rule(name="codes", kept=codes.KEPT_FOR, when="minutes", table=SignInCode, is_old=codes.is_past(now))
    yield rule("usage", "day", UsageEvent, UsageEvent.at < before["usage"])
    yield rule("searches", "day", HelpSearch, HelpSearch.day < before["searches"].date())
    ended = sa.or_(Session.ended_at < before["sessions"], Session.expires_at < before["sessions"])
    yield rule("sessions", "start", Session, ended)
    is_well = troubles.is_past(now)
    yield Rule(name="troubles", kept=troubles.KEPT_FOR, when="hour", table=TroubleRow, is_old=is_well)
    is_agreed = conflicts.is_past(now)
    yield Rule(name="differences", kept=conflicts.KEPT_FOR, when="minutes", table=ConflictRow, is_old=is_agreed)
    yield Rule(name="audit", kept=None, when="never", table=AuditLine, is_old=sa.false())
