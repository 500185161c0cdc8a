"""The queue: a row for each member who is told. Whether they may see what it is about is asked when it is read."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events import Event, Topic
from gateway.identity.mailboxes import is_plain
from gateway.mails.choices import chosen_by, joined
from gateway.message_rules import read_rules, within_accounts
from gateway.occasions import Concern, EventName
from gateway.outbox.states import State
from gateway.records.ids import new_id
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Member, Membership
from gateway.records.upsert import insert

JUST_NOW = timedelta(days=2)  # for so long what a customer did may show as a change over there
NOT_DONE: Final[tuple[State, ...]] = ("cancelled", "dropped", "needs_you", "needs_staff")
AT_ONCE = 1000  # rows of one statement: PostgreSQL takes no more than 65,535 values in one, SQLite half of that


class Note(Struct, frozen=True, kw_only=True):
    """What a message is about. `names` are all that it may be called, the most telling first."""

    id: str
    account: str
    source: str
    kind: Concern
    record: str
    names: tuple[EventName, ...]
    made_at: datetime


class Queue:
    """Writes messages down, in the transaction of whoever noticed the event. `mails`: whether any can go out."""

    def __init__(self, *, mails: bool = True) -> None:
        self._mails = mails

    async def readers(self, session: AsyncSession, accounts: Collection[str]) -> set[str]:
        """Say which accounts have a member whom a message could reach."""
        some = sa.select(Membership.account_id).join(Member, Member.id == Membership.member_id)
        these = some.where(Membership.account_id.in_(list(accounts)), Member.disabled_at.is_(None))
        return set(await session.scalars(these.distinct()))

    async def days_before(self, session: AsyncSession) -> int | None:
        """Say how long before a bill is due its customer is told. None: they are not."""
        return (await read_rules(session)).rules.days_before

    async def tell(
        self, session: AsyncSession, topic: Topic, events: Sequence[Event], now: datetime, *, only: str | None = None
    ) -> None:
        """Write a message for each member, or for one alone. What was written before, however long ago, is not again.

        It is a mail as well where they want one now; they may change their mind until it goes out.
        """
        own = await _solved_themselves(session, topic, now) if topic.kind == "tickets" else set()
        told = [event for each in events if (event := _without_own(each, own))]
        if not told:
            return
        wanted = await self._wanted(session, topic.account, only)
        rows = [
            {**_row(topic, event, now), "member_id": member, **_fate(not mails.isdisjoint(event.names), now)}
            for event in told
            for member, mails in wanted.items()
        ]
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            await session.execute(insert(session, MailRow).values(some).on_conflict_do_nothing())

    async def _wanted(self, session: AsyncSession, account: str, only: str | None) -> dict[str, set[EventName]]:
        """Name the members of an account, each with the events of which they get mails."""
        theirs = (
            sa.select(Member.id, Member.email, RefusedAddress.address)
            .join(Membership, Membership.member_id == Member.id)
            .outerjoin(RefusedAddress, RefusedAddress.member_id == Member.id)
            .where(Membership.account_id == account, Member.disabled_at.is_(None))
        )
        people = (await session.execute(theirs.where(Member.id == only) if only else theirs)).all()
        rules = (await within_accounts(session, (await read_rules(session)).rules, [account]))[account]
        chosen = await chosen_by(session, [member for member, _, _ in people])
        return {
            member: {
                event
                for event, choice in joined(rules, chosen.get(member, {})).items()
                if choice.mail != "none" and self._mails and email and email != refused and is_plain(email)
            }
            for member, email, refused in people
        }


def key_of(topic: Topic, event: Event) -> str:
    """Name an event of one account for ever. What it may be called is no part of it: it is one message."""
    told_of = event.names[0] if topic.kind == "invoices" else ""
    parts = (topic.source, topic.kind, event.record, told_of, event.about)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def names_of(row: MailRow) -> tuple[EventName, ...]:
    """Give what the event of a message may be called, as it was written."""
    return msgspec.convert(row.names.split(","), tuple[EventName, ...])


async def _solved_themselves(session: AsyncSession, topic: Topic, now: datetime) -> set[str]:
    """Name the requests that somebody of the account has just called solved, and not opened again since: they know."""
    mine = sa.select(OutboxRow.asked, OutboxRow.action).where(
        OutboxRow.account_id == topic.account,
        OutboxRow.source == topic.source,
        OutboxRow.action.in_(("solve", "reopen")),
        OutboxRow.state.not_in(NOT_DONE),
        OutboxRow.made_at > now - JUST_NOW,
    )
    moves = (await session.execute(mine.order_by(OutboxRow.made_at, OutboxRow.id))).all()
    latest = {str(asked.get("ticket")): action for asked, action in moves}
    return {ticket for ticket, action in latest.items() if action == "solve"}


def _without_own(event: Event, own: Collection[str]) -> Event | None:
    """Leave out what the customer did. None: there is nothing else to tell."""
    if event.record not in own:
        return event
    names = tuple(name for name in event.names if name != "request_solved")
    return Event(names=names, record=event.record, about=event.about) if names else None


def _row(topic: Topic, event: Event, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "account_id": topic.account,
        "source": topic.source,
        "kind": topic.kind,
        "record": event.record,
        "names": ",".join(event.names),
        "event_key": key_of(topic, event),
        "made_at": now,
        "turn": 0,
        "tries": 0,
        "gathered": False,
    }


def _fate(is_mail: bool, now: datetime) -> dict[str, Any]:  # noqa: FBT001  # it is asked in one place
    return {"state": "waiting", "due_at": now} if is_mail else {"state": "silent", "due_at": None}
