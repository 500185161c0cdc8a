"""Sending mails: each once. That one begins to go out is committed before its first byte does.

A mail server cannot be asked whether it has taken a mail. So one whose answer was lost is not sent again: it says that
there is something to see, and that is there to be seen without it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors.records import KINDS, Kind, Record
from gateway.access import Scope, scope_of
from gateway.account_view import AccountViews
from gateway.events import EventName, is_still_so
from gateway.identity.mailboxes import is_plain
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.mails.choices import Choices, read_choices
from gateway.mails.letters import Letters
from gateway.mails.post import Away, Declined, Line, Lost, Server, open_line
from gateway.mails.queue import names_of
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.tables import Member
from gateway.records.upsert import insert
from gateway.rounds import Seldom

State = Literal["waiting", "sent", "dropped", "failed", "unknown"]
LASTS = timedelta(minutes=3)  # longer than one mail may take; a process that died is succeeded after it
PAUSES = (60, 300, 1800, 7200, 21_600, 43_200)  # seconds between tries of one mail
AWAY_FOR = (5, 15, 60, 300)  # seconds for which a server that is away is left alone
NOT_KNOWN_YET = timedelta(minutes=5)  # until the next look for a record that nobody can tell of now
TOO_LATE = timedelta(days=2)  # after an event: then it is no news any more
KEPT_FOR = timedelta(days=400)  # so that nothing old is told again
PURGED_EVERY = timedelta(days=1)
MINUTE = 60.0

log = structlog.get_logger()


class Mail(Struct, frozen=True, kw_only=True):
    """A mail that is ours to send, until another process has a later `turn`."""

    id: str
    member: str
    account: str
    source: str
    kind: Kind
    record: str
    names: tuple[EventName, ...]
    made_at: datetime
    turn: int
    tries: int


class Ready(Struct, frozen=True):
    """A mail as it goes out."""

    to: str
    message: bytes


class Ended(Struct, frozen=True):
    """What has become of a mail, and when it is due again, None: never. `tried`: the server has spoken of it."""

    state: State
    error: str | None = None
    after: timedelta | None = None
    tried: bool = False


class Mailing:
    """Sends what is due, one mail after the other and at most `rate` in a minute, in one process at a time."""

    def __init__(
        self,
        db: Database,
        views: AccountViews,
        letters: Letters,
        server: Server,
        *,
        clock: Clock,
        zone: ZoneInfo,
        sender: str,
        rate: int,
    ) -> None:
        self._db = db
        self._views = views
        self._letters = letters
        self._server = server
        self._sender = sender
        self._clock = clock
        self._zone = zone
        self._pause = MINUTE / rate
        self._failures = 0
        self._quiet_until: datetime | None = None
        self._closing = asyncio.Event()
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)

    async def turn(self) -> None:
        """Send all that is due. Raises `DatabaseDown`."""
        await self._purges.turn()
        now = self._clock()
        if (self._quiet_until and now < self._quiet_until) or not await self._is_any_due(now):
            return
        lease = await take_lease(self._db, "mails", now, every=timedelta(0), lasts=LASTS)
        if lease is None:
            return
        try:
            async with open_line(self._server, self._sender) as line:
                while not self._closing.is_set() and await self.one(line):
                    self._is_there()
                    if not await keep_lease(self._db, "mails", lease, self._clock() + LASTS):
                        return
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), self._pause)
        except Away as error:
            self._is_away(error)
        await end_lease(self._db, "mails", lease, self._clock())

    def close(self) -> None:
        """Let the mail that is under way come to its end, and begin no other."""
        self._closing.set()

    async def one(self, line: Line) -> bool:
        """Send the mail that is due for longest. False: there is none. Raises `Away`."""
        mail = await self._take()
        if mail is None:
            return False
        prepared = await self._prepare(mail)
        if isinstance(prepared, Ended):
            await self._end(mail, prepared)
            return True

        async def begin() -> bool:
            return await self._note(mail, {"handed_at": self._clock()})

        try:
            if await line.hand(prepared.to, prepared.message, begin):
                await self._end(mail, Ended("sent", tried=True))
        except Away:
            await self._end(mail, Ended("waiting", after=timedelta(0)))
            raise
        except Lost as error:
            log.warning("mail lost sight of", mail=mail.id, error=str(error))
            await self._end(mail, Ended("unknown", str(error), tried=True))
            raise Away(str(error)) from error
        except Declined as error:
            await self._decline(mail, prepared.to, error)
        return True

    async def _is_any_due(self, now: datetime) -> bool:
        """Look before taking: a look keeps nobody from writing."""
        due = sa.select(sa.literal(1)).where(MailRow.due_at <= now).limit(1)
        async with self._db.read() as session:
            return await session.scalar(due) is not None

    async def _take(self) -> Mail | None:
        """Take a mail. One that a process died over when it had begun to go out may have arrived: it stays."""
        now = self._clock()
        due = sa.select(MailRow).where(MailRow.due_at <= now).order_by(MailRow.due_at, MailRow.id).limit(1)
        while True:
            async with self._db.write() as session:
                row = await session.scalar(due.with_for_update(skip_locked=True))
                if row is None:
                    return None
                if row.handed_at is None:
                    row.turn += 1
                    row.due_at = now + LASTS
                    return _mail(row)
                row.state, row.due_at, row.ended_at = "unknown", None, now
                row.error = "the process that sent it died"

    async def _prepare(self, mail: Mail) -> Ready | Ended:
        """Look whether the member may see it, wants to hear of it, and it is still so; then write the mail."""
        if self._clock() - mail.made_at > TOO_LATE:
            return Ended("failed", "too late")
        async with self._db.read() as session:
            choices = await read_choices(session, mail.member)
            may_come = await session.scalar(
                sa.select(Member.id).where(Member.id == mail.member, Member.disabled_at.is_(None))
            )
        names = [name for name in mail.names if name in choices.wanted]
        scope = await scope_of(self._db, mail.member, mail.account) if may_come else None
        if scope is None or not names or not _can_go(choices):
            return Ended("dropped", "not a member any more, not wanted, or no address")
        found = await self._find(scope, mail)
        if isinstance(found, Ended):
            return found
        return self._written(mail, choices, scope, names, found)

    def _written(
        self, mail: Mail, choices: Choices, scope: Scope, names: Sequence[EventName], record: Record
    ) -> Ready | Ended:
        today: date = self._clock().astimezone(self._zone).date()
        name = is_still_so(names, record, today)
        if name is None or choices.address is None:
            return Ended("dropped", "not so any more")
        try:
            letter = self._letters.write(mail.id, choices.address, scope, event=name, record=record, today=today)
            return Ready(choices.address, letter.as_bytes())
        except Exception:  # of ours: the others' mails go on
            log.exception("mail not written", mail=mail.id)
            return Ended("failed", "it could not be written")

    async def _find(self, scope: Scope, mail: Mail) -> Record | Ended:
        """Find the record among what the member sees on their pages."""
        parts = await (await self._views.of(scope)).parts([mail.kind])
        of_source = [part for part in parts if (part.source, part.kind) == (mail.source, mail.kind)]
        for part in of_source:
            for record in part.records:
                if record.origin.id == mail.record and isinstance(record, KINDS[mail.kind]):
                    return record
        if any(part.fetched_at is None or part.state != "on_time" for part in of_source):
            return Ended("waiting", "the source has not answered", after=NOT_KNOWN_YET)
        return Ended("dropped", "not theirs to see")

    async def _decline(self, mail: Mail, to: str, error: Declined) -> None:
        tries = mail.tries + 1
        if not error.is_final and tries <= len(PAUSES):
            await self._end(mail, Ended("waiting", str(error), timedelta(seconds=PAUSES[tries - 1]), tried=True))
            return
        log.warning("mail not taken", mail=mail.id, is_address=error.is_address)
        if error.is_address:
            await self._mark(mail.member, to, str(error))
        await self._end(mail, Ended("failed", str(error), tried=True))

    async def _mark(self, member: str, address: str, said: str) -> None:
        """Send no more mails to this address."""
        new = {"address": address, "refused_at": self._clock(), "said": said}
        async with self._db.write() as session:
            row = insert(session, RefusedAddress).values(member_id=member, **new)
            await session.execute(row.on_conflict_do_update(index_elements=[RefusedAddress.member_id], set_=new))

    async def _end(self, mail: Mail, ended: Ended) -> None:
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
        await self._note(mail, values)

    async def _note(self, mail: Mail, values: dict[str, Any]) -> bool:
        """Write it down, if the mail is still ours."""
        mine = sa.update(MailRow).where(MailRow.id == mail.id, MailRow.turn == mail.turn)
        async with self._db.write() as session:
            return await session.scalar(mine.values(**values).returning(MailRow.id)) is not None

    def _is_there(self) -> None:
        if self._failures:
            log.info("mail server is back")
        self._failures, self._quiet_until = 0, None

    def _is_away(self, error: Away) -> None:
        """Leave the server alone for a while. Mails wait: it is no fault of theirs."""
        if not self._failures:
            log.warning("mail server away", error=str(error))
        seconds = AWAY_FOR[min(self._failures, len(AWAY_FOR) - 1)]
        self._failures += 1
        self._quiet_until = self._clock() + timedelta(seconds=seconds)

    async def _purge(self, now: datetime) -> None:
        async with self._db.write() as session:
            await session.execute(
                sa.delete(MailRow).where(MailRow.ended_at.is_not(None), MailRow.made_at < now - KEPT_FOR)
            )


def _can_go(choices: Choices) -> bool:
    return choices.address is not None and is_plain(choices.address) and not choices.refused


def _mail(row: MailRow) -> Mail:
    kind: Kind = row.kind  # type: ignore[assignment]  # as it was written
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
    )
