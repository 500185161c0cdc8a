"""The inbox: what a member is told in the portal, as far as they may see now what it is about."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from gateway.access import Scope
from gateway.account_view import AccountView, AccountViews
from gateway.mails.choices import Choices, chosen_by, joined, read_own
from gateway.mails.queue import Note, names_of
from gateway.mails.subjects import Ask, Subject, Subjects
from gateway.message_rules import Choice, read_rules
from gateway.occasions import AREA_OF_EVENT, Concern, EventName
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.tables import Member
from gateway.segments import is_sure
from gateway.standing import Post

SHOWN_FOR = timedelta(days=90)
PAGE = 30
GONE = frozenset({"not theirs", "not so", "not listed"})  # what the inbox will not show, and so does not count


class Message(Struct, frozen=True, kw_only=True):
    """A message as the inbox has it."""

    id: str
    at: datetime
    is_read: bool
    subject: Subject


class Listed(Struct, frozen=True, kw_only=True):
    """One page of an inbox, the latest first. `older`: where the next one begins. `is_sure`: no source was away."""

    messages: tuple[Message, ...]
    older: str | None
    is_sure: bool


class Messages:
    """Reads and marks what members are told. Dates are of the business's `zone`."""

    def __init__(self, db: Database, views: AccountViews, clock: Clock, zone: ZoneInfo) -> None:
        self._db = db
        self._subjects = Subjects(db, views)
        self._clock = clock
        self._zone = zone

    async def of(
        self, scope: Scope, view: AccountView, *, before: str = "", most: int = PAGE, may_mark: bool = True
    ) -> Listed:
        """List what was told before a message, "": up to now. Raises `DatabaseDown`.

        `may_mark`: what is theirs to see no more is called read, and so not counted either. Not while nobody knows
        their segment: it may be theirs again.
        """
        rows, ask = await self._rows(scope, before, most)
        found = await self._subjects.find(scope, [_note(row) for row in rows[:most]], ask, view)
        messages = tuple(
            Message(id=row.id, at=row.made_at, is_read=row.read_at is not None, subject=subject)
            for row in rows[:most]
            if isinstance(subject := found[row.id], Subject)
        )
        gone = [row.id for row in rows[:most] if row.read_at is None and found[row.id] in GONE]
        if gone and may_mark and is_sure(scope.segments):
            await self.mark(scope, gone)
        knows_all = not any(found[row.id] == "not known" for row in rows[:most])
        return Listed(messages=messages, older=rows[most - 1].id if len(rows) > most else None, is_sure=knows_all)

    async def one(self, scope: Scope, view: AccountView, id_: str) -> Message | None:
        """Find one. None: it is none of theirs, or what it is about is not, or not known now."""
        async with self._db.read() as session:
            row = await session.scalar(sa.select(MailRow).where(MailRow.id == id_, *_theirs(scope, self._clock())))
            choices = (await read_own(session, scope.member_id)).within(scope.segments)
        shown = _of_scope(scope, choices.each)
        if row is None or shown.isdisjoint(names_of(row)):
            return None
        ask = self._ask(shown, choices)
        subject = (await self._subjects.find(scope, [_note(row)], ask, view))[row.id]
        if not isinstance(subject, Subject):
            return None
        return Message(id=row.id, at=row.made_at, is_read=row.read_at is not None, subject=subject)

    async def mark(self, scope: Scope, ids: Collection[str] | None = None) -> int:
        """Call some of what their inbox shows read, None: all, and say how many were not. Raises `DatabaseDown`."""
        now = self._clock()
        mine = sa.update(MailRow).where(*_theirs(scope, now), MailRow.read_at.is_(None))
        if ids is not None:
            mine = mine.where(MailRow.id.in_(list(ids)))
        async with self._db.write() as session:
            choices = (await read_own(session, scope.member_id)).within(scope.segments)
            mine = mine.where(_named(_of_scope(scope, choices.each)))
            return len((await session.scalars(mine.values(read_at=now).returning(MailRow.id))).all())

    async def _rows(self, scope: Scope, before: str, most: int) -> tuple[Sequence[MailRow], Ask]:
        """Read rows, one more than are asked for if there are, and how to look for what they are about."""
        now = self._clock()
        async with self._db.read() as session:
            choices = (await read_own(session, scope.member_id)).within(scope.segments)
            shown = _of_scope(scope, choices.each)
            latest = sa.select(MailRow).where(*_theirs(scope, now), _named(shown)).order_by(MailRow.id.desc())
            if before:
                latest = latest.where(MailRow.id < before)
            rows = (await session.scalars(latest.limit(most + 1))).all()
        return rows, self._ask(shown, choices)

    def _ask(self, shown: Collection[EventName], choices: Choices) -> Ask:
        today = self._clock().astimezone(self._zone).date()
        return Ask(wanted=shown, today=today, rules=choices.rules, is_news=False)


async def posts_of(session: AsyncSession, scopes: Collection[Scope], now: datetime) -> Mapping[Scope, Post]:
    """Count what some members have not read, and say of whom mails come back. Raises `DatabaseDown`.

    Everybody in an account has a row for each of its events. Where a member sees only their own, a row counts once
    a mail about it went out to them: it was found to be theirs then. How many others there are is not told.
    """
    members = {scope.member_id for scope in scopes}
    unread = (
        sa.select(
            MailRow.member_id, MailRow.account_id, MailRow.names, sa.func.count(), sa.func.count(MailRow.handed_at)
        )
        .where(MailRow.member_id.in_(members), MailRow.read_at.is_(None), MailRow.made_at > now - SHOWN_FOR)
        .group_by(MailRow.member_id, MailRow.account_id, MailRow.names)
    )
    counts = (await session.execute(unread)).all() if members else []
    is_it = sa.and_(RefusedAddress.member_id == Member.id, RefusedAddress.address == Member.email)
    back = sa.select(Member.id).join(RefusedAddress, is_it).where(Member.id.in_(members))
    refused = set(await session.scalars(back)) if members else set[str]()
    rules = (await read_rules(session)).rules if counts else None
    chosen = await chosen_by(session, sorted(members)) if counts else {}
    found: dict[Scope, Post] = {}
    for scope in scopes:
        own = chosen.get(scope.member_id, {})
        shown = _of_scope(scope, joined(rules.within(scope.segments), own)) if rules else frozenset()
        theirs = (
            many if _sees_all(scope, names.split(",")) else known
            for member, account, names, many, known in counts
            if (member, account) == (scope.member_id, scope.account_id) and not shown.isdisjoint(names.split(","))
        )
        found[scope] = Post(unread=sum(theirs), address_refused=scope.member_id in refused)
    return found


def _of_scope(scope: Scope, each: Mapping[EventName, Choice]) -> frozenset[EventName]:
    """Say which events are in somebody's inbox."""
    return frozenset(
        event
        for event, choice in each.items()
        if choice.inbox and (event == "request_failed" or scope.rights.reach(AREA_OF_EVENT[event]) != "none")
    )


def _sees_all(scope: Scope, names: Collection[str]) -> bool:
    """Say whether what is called so is theirs to see, whomever of the company it is about."""
    return all(
        name == "request_failed" or scope.rights.reach(AREA_OF_EVENT[name]) == "company"
        for name in AREA_OF_EVENT
        if name in names
    )


def _named(shown: Collection[EventName]) -> sa.ColumnElement[bool]:
    """Find rows that may be called one of these. A row has a few names, in the order of the events' telling."""
    return sa.or_(
        sa.false(), *(("," + MailRow.names + ",").contains(f",{name},", autoescape=True) for name in sorted(shown))
    )


def _theirs(scope: Scope, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        MailRow.member_id == scope.member_id,
        MailRow.account_id == scope.account_id,
        MailRow.made_at > now - SHOWN_FOR,
    )


def _note(row: MailRow) -> Note:
    kind: Concern = row.kind  # type: ignore[assignment]  # as it was written
    return Note(
        id=row.id,
        account=row.account_id,
        source=row.source,
        kind=kind,
        record=row.record,
        names=names_of(row),
        made_at=row.made_at,
    )
