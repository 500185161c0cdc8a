"""The queue: a row for each member who is to be told. Whether they may see the record is asked when it is sent."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events import Event, EventName, Topic
from gateway.identity.mailboxes import is_plain
from gateway.records.ids import new_id
from gateway.records.mail_tables import MailRow, RefusedAddress, UnwantedMail
from gateway.records.tables import Member, Membership
from gateway.records.upsert import insert


class Queue:
    """Writes mails down, in the transaction of whoever noticed the event."""

    async def readers(self, session: AsyncSession, accounts: Collection[str]) -> set[str]:
        """Say which accounts have a member to whom a mail could go."""
        some = sa.select(Membership.account_id).join(Member, Member.id == Membership.member_id).where(_may_be_told())
        return set(await session.scalars(some.where(Membership.account_id.in_(list(accounts))).distinct()))

    async def tell(self, session: AsyncSession, topic: Topic, events: Sequence[Event], now: datetime) -> None:
        """Write a mail for each member who wants one. What was written before, however long ago, is not again."""
        members = await self._members(session, topic.account)
        rows = [
            {**_row(topic, event, now), "id": new_id(), "member_id": member, "names": ",".join(names)}
            for event in events
            for member, unwanted in members.items()
            if (names := [name for name in event.names if name not in unwanted])
        ]
        if rows:
            await session.execute(insert(session, MailRow).values(rows).on_conflict_do_nothing())

    async def _members(self, session: AsyncSession, account: str) -> dict[str, set[str]]:
        """Name the members of an account to whom mails could go, each with the events of which they want none."""
        theirs = (
            sa.select(Member.id, Member.email, UnwantedMail.event)
            .join(Membership, Membership.member_id == Member.id)
            .outerjoin(UnwantedMail, UnwantedMail.member_id == Member.id)
            .where(Membership.account_id == account, _may_be_told())
        )
        found: dict[str, set[str]] = {}
        for member, email, event in await session.execute(theirs):
            if email and is_plain(email):
                found.setdefault(member, set()).update([event] if event else [])
        return found


def key_of(topic: Topic, event: Event) -> str:
    """Name an event of one account for ever. What it may be called is no part of it: it is one mail."""
    told_of = event.names[0] if topic.kind == "invoices" else ""
    parts = (topic.source, topic.kind, event.record, told_of, event.about)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def names_of(row: MailRow) -> tuple[EventName, ...]:
    """Give what the event of a mail may be called, as it was written."""
    return msgspec.convert(row.names.split(","), tuple[EventName, ...])


def _may_be_told() -> sa.ColumnElement[bool]:
    """Somebody who may come in, and has an address that is not known to refuse mails."""
    refused = sa.select(RefusedAddress.member_id).where(
        RefusedAddress.member_id == Member.id, RefusedAddress.address == Member.email
    )
    return sa.and_(Member.disabled_at.is_(None), Member.email.is_not(None), ~refused.exists())


def _row(topic: Topic, event: Event, now: datetime) -> dict[str, Any]:
    return {
        "account_id": topic.account,
        "source": topic.source,
        "kind": topic.kind,
        "record": event.record,
        "event_key": key_of(topic, event),
        "made_at": now,
        "due_at": now,
        "state": "waiting",
        "turn": 0,
        "tries": 0,
    }
