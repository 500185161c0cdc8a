"""How long what is kept, where that is set, and how much the next clean-up will remove."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from gateway import inbox, usage
from gateway.help import counting
from gateway.mails import sending
from gateway.outbox.states import OPEN
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.help_tables import HelpSearch
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.tables import AuditLine, PageCode, Session, UsageEvent
from gateway.records.webhook_tables import InboxRow, WebhookHour
from gateway.settings import Settings
from gateway.webhooks import counts

SESSIONS_KEPT = timedelta(days=400)  # after they end: they say when somebody was last here


class Keeping(Struct, frozen=True, kw_only=True):
    """One kind of row. `days` None: for as long as Hallway is used. `setting` None: Hallway's own choice.

    `rows` is how many there are, `old` how many of them the next clean-up removes, and `when` says when it comes.
    """

    name: str
    days: int | None
    setting: str | None
    when: str
    rows: int
    old: int


class Rule(Struct, frozen=True, kw_only=True):
    name: str
    days: int | None
    setting: str | None
    when: str
    table: type
    is_old: sa.ColumnElement[bool]


async def look(db: Database, settings: Settings, now: datetime) -> tuple[Keeping, ...]:
    """Count what is kept. Raises `DatabaseDown`."""
    found = []
    for rule in _rules(settings, now):
        async with db.read() as session:
            rows = await session.scalar(sa.select(sa.func.count()).select_from(rule.table)) or 0
            old = await session.scalar(sa.select(sa.func.count()).select_from(rule.table).where(rule.is_old)) or 0
        found.append(Keeping(name=rule.name, days=rule.days, setting=rule.setting, when=rule.when, rows=rows, old=old))
    return tuple(found)


def _rules(settings: Settings, now: datetime) -> Iterator[Rule]:
    """Give the conditions of the clean-ups themselves."""
    pages, uploads = timedelta(days=settings.pages_kept), timedelta(days=settings.uploads_kept)
    documents = timedelta(days=settings.documents_kept)
    yield Rule(
        name="pages",
        days=settings.pages_kept,
        setting="HALLWAY_PAGES_KEPT",
        when="day",
        table=PageCode,
        is_old=PageCode.last_at < now - pages,
    )
    yield Rule(
        name="deliveries",
        days=inbox.KEPT_FOR.days,
        setting=None,
        when="hour",
        table=InboxRow,
        is_old=sa.and_(InboxRow.due_at.is_(None), InboxRow.received_at < now - inbox.KEPT_FOR),
    )
    yield Rule(
        name="refused",
        days=counts.HOURS_KEPT.days,
        setting=None,
        when="hour",
        table=WebhookHour,
        is_old=WebhookHour.hour < now - counts.HOURS_KEPT,
    )
    yield Rule(name="outbox", days=None, setting=None, when="never", table=OutboxRow, is_old=sa.false())
    ended_at = sa.func.coalesce(OutboxRow.done_at, OutboxRow.tried_at, OutboxRow.made_at)
    done = sa.select(OutboxRow.id).where(OutboxRow.state.not_in(OPEN), ended_at < now - uploads)
    yield Rule(
        name="uploads",
        days=settings.uploads_kept,
        setting="HALLWAY_UPLOADS_KEPT",
        when="hour",
        table=OutboxFile,
        is_old=OutboxFile.outbox_id.in_(done),
    )
    accepted = sa.select(AskedDocument.id).where(
        AskedDocument.state == "accepted", AskedDocument.changed_at < now - documents
    )
    yield Rule(
        name="documents",
        days=settings.documents_kept,
        setting="HALLWAY_DOCUMENTS_KEPT",
        when="hour",
        table=GivenFile,
        is_old=GivenFile.document_id.in_(accepted),
    )
    yield Rule(
        name="mails",
        days=sending.KEPT_FOR.days,
        setting=None,
        when="day",
        table=MailRow,
        is_old=sa.and_(MailRow.ended_at.is_not(None), MailRow.made_at < now - sending.KEPT_FOR),
    )
    yield Rule(
        name="usage",
        days=usage.KEPT_FOR.days,
        setting=None,
        when="day",
        table=UsageEvent,
        is_old=UsageEvent.at < now - usage.KEPT_FOR,
    )
    yield Rule(
        name="searches",
        days=counting.KEPT_FOR.days,
        setting=None,
        when="day",
        table=HelpSearch,
        is_old=HelpSearch.day < (now - counting.KEPT_FOR).date(),
    )
    limit = now - SESSIONS_KEPT
    yield Rule(
        name="sessions",
        days=SESSIONS_KEPT.days,
        setting=None,
        when="start",
        table=Session,
        is_old=sa.or_(Session.ended_at < limit, Session.expires_at < limit),
    )
    yield Rule(name="audit", days=None, setting=None, when="never", table=AuditLine, is_old=sa.false())
