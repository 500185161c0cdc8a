"""Whose turn it is to send which mails. That one begins to go out is committed before its first byte does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from gateway.mails.queue import Note, names_of
from gateway.occasions import Concern
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.upsert import insert

State = Literal["waiting", "sent", "dropped", "failed", "unknown", "silent"]
LASTS = timedelta(minutes=3)  # longer than one mail may take; a process that died is succeeded after it
MOST_TOGETHER = 100  # messages in one mail


class Mail(Note, frozen=True, kw_only=True):
    """A mail that is ours to send, until another process has a later `turn`."""

    member: str
    turn: int
    tries: int
    gathered: bool


class Ended(Struct, frozen=True):
    """What has become of a mail, and when it is due again, None: never. `tried`: the server has spoken of it."""

    state: State
    error: str | None = None
    after: timedelta | None = None
    tried: bool = False
    gathered: bool | None = None


class MailTurns:
    """Takes mails that are due, and writes down what became of them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def is_any_due(self, now: datetime) -> bool:
        """Look before taking: a look keeps nobody from writing."""
        due = sa.select(sa.literal(1)).where(MailRow.due_at <= now).limit(1)
        async with self._db.read() as session:
            return await session.scalar(due) is not None

    async def take(self) -> tuple[Mail, ...]:
        """Take the mail that is due for longest, and what waits to go out together with it.

        One that a process died over when it had begun to go out may have arrived: it stays.
        """
        now = self._clock()
        due = sa.select(MailRow).where(MailRow.due_at <= now).order_by(MailRow.due_at, MailRow.id).limit(1)
        while True:
            async with self._db.write() as session:
                row = await session.scalar(due.with_for_update(skip_locked=True))
                if row is None:
                    return ()
                if row.handed_at is not None:
                    row.state, row.due_at, row.ended_at = "unknown", None, now
                    row.error = "the process that sent it died"
                    continue
                rows = [row]
                if row.gathered:
                    others = sa.select(MailRow).where(
                        MailRow.member_id == row.member_id,
                        MailRow.due_at <= now,
                        MailRow.gathered,
                        MailRow.handed_at.is_(None),
                        MailRow.id != row.id,
                    )
                    ordered = others.order_by(MailRow.due_at, MailRow.id).limit(MOST_TOGETHER - 1)
                    rows += await session.scalars(ordered.with_for_update(skip_locked=True))
                for each in rows:
                    each.turn += 1
                    each.due_at = now + LASTS
                return tuple(_mail(each) for each in rows)

    async def begin(self, mails: Sequence[Mail]) -> bool:
        """Write down that they go out now. False: not all of them are ours any more, and none of them does."""
        these = sa.or_(*(_is_mine(mail) for mail in mails))
        async with self._db.write() as session:
            ours = (await session.scalars(sa.select(MailRow).where(these).with_for_update())).all()
            if len(ours) < len(mails):
                return False
            for row in ours:
                row.handed_at = self._clock()
        return True

    async def end(self, mail: Mail, ended: Ended) -> None:
        now = self._clock()
        values: dict[str, Any] = {
            "state": ended.state,
            "error": ended.error,
            "due_at": now + ended.after if ended.after is not None else None,
            "tries": mail.tries + ended.tried,
            "ended_at": None if ended.state == "waiting" else now,
        }
        if ended.state == "waiting":
            values["handed_at"] = None
        if ended.gathered is not None:
            values["gathered"] = ended.gathered
        async with self._db.write() as session:
            await session.execute(sa.update(MailRow).where(_is_mine(mail)).values(**values))

    async def mark_refused(self, member: str, address: str, said: str) -> None:
        """Send no more mails to this address."""
        new = {"address": address, "refused_at": self._clock(), "said": said}
        async with self._db.write() as session:
            row = insert(session, RefusedAddress).values(member_id=member, **new)
            await session.execute(row.on_conflict_do_update(index_elements=[RefusedAddress.member_id], set_=new))

    async def purge(self, before: datetime) -> None:
        """Delete what is long past."""
        async with self._db.write() as session:
            await session.execute(sa.delete(MailRow).where(is_old(before)))


def is_old(before: datetime) -> sa.ColumnElement[bool]:
    """Find messages that nobody is to be told of any more, and whose events cannot come again."""
    return sa.and_(MailRow.due_at.is_(None), MailRow.made_at < before)


def _is_mine(mail: Mail) -> sa.ColumnElement[bool]:
    return sa.and_(MailRow.id == mail.id, MailRow.turn == mail.turn)


def _mail(row: MailRow) -> Mail:
    kind: Concern = row.kind  # type: ignore[assignment]  # as it was written
    return Mail(
        id=row.id,
        member=row.member_id,
        account=row.account_id,
        source=row.source,
        kind=kind,
        record=row.record,
        names=names_of(row),
        made_at=row.resent_at or row.made_at,
        turn=row.turn,
        tries=row.tries,
        gathered=row.gathered,
    )
