"""Noticing what happened to our own records: a document is asked for, or something that was sent could not be taken.

Rows say themselves how they are, so nothing is compared: of each state of a row there is one message, for ever.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from auth.clock import Clock
from gateway.asked import WANTED
from gateway.events import Event, Topic
from gateway.mails.queue import Queue
from gateway.occasions import OFF_FOR, EventName
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Member, Membership

AT_A_TIME = 200


class OwnNews:
    """Looks for what nobody has been told of yet. Any number of processes may."""

    def __init__(self, db: Database, queue: Queue, clock: Clock) -> None:
        self._db = db
        self._queue = queue
        self._clock = clock

    async def turn(self) -> None:
        """Raises `DatabaseDown`."""
        now = self._clock()
        asked = sa.select(AskedDocument).where(
            AskedDocument.state.in_(WANTED),
            AskedDocument.changed_at > now - OFF_FOR,
            _has_reader(AskedDocument.account_id, AskedDocument.member_id),
            ~_is_told("documents", AskedDocument.id, AskedDocument.changed_at),
        )
        failed = sa.select(OutboxRow).where(
            OutboxRow.state == "needs_you",
            OutboxRow.action != "rate",  # they said what they think, and need do nothing
            OutboxRow.tried_at > now - OFF_FOR,
            OutboxRow.member_id.is_not(None),
            _has_reader(OutboxRow.account_id, OutboxRow.member_id),
            ~_is_told("sent", OutboxRow.id, OutboxRow.tried_at),
        )
        async with self._db.read() as session:
            documents = (await session.scalars(asked.order_by(AskedDocument.id).limit(AT_A_TIME))).all()
            sent = (await session.scalars(failed.order_by(OutboxRow.id).limit(AT_A_TIME))).all()
        if not documents and not sent:
            return
        async with self._db.write() as session:
            for document in documents:
                event = _event("document_asked", document.id, f"{document.state} {document.changed_at.isoformat()}")
                topic = Topic(document.account_id, "hallway", "documents")
                await self._queue.tell(session, topic, [event], now, only=document.member_id)
            for row in sent:
                event = _event("request_failed", row.id, f"try {row.turn}")
                await self._queue.tell(
                    session, Topic(row.account_id, row.source, "sent"), [event], now, only=row.member_id
                )


def _event(name: EventName, record: str, about: str) -> Event:
    return Event(names=(name,), record=record, about=about)


def _has_reader(account: InstrumentedAttribute[str], only: InstrumentedAttribute[str | None]) -> sa.Exists:
    """Leave out what nobody can be told: it gets no message, and would be in the way of the others."""
    reader = sa.select(Membership.account_id).join(Member, Member.id == Membership.member_id)
    return reader.where(
        Membership.account_id == account, Member.disabled_at.is_(None), sa.or_(only.is_(None), Member.id == only)
    ).exists()


def _is_told(kind: str, record: InstrumentedAttribute[str], since: InstrumentedAttribute[Any]) -> sa.Exists:
    told = sa.select(MailRow.id).where(MailRow.kind == kind, MailRow.record == record, MailRow.made_at >= since)
    return told.exists()
