"""Sending mails: each once. That one begins to go out is committed before its first byte does.

A mail server cannot be asked whether it has taken a mail. So one whose answer was lost is not sent again: it says that
there is something to see, and that is there to be seen without it.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from auth.clock import Clock
from gateway.account_view import AccountViews
from gateway.keeping import KeptFor, always
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.mails.letters import Letters
from gateway.mails.others import NONE, Others
from gateway.mails.patience import Patience
from gateway.mails.post import Away, Declined, Line, Lost, Server, open_line
from gateway.mails.preparing import Prepared, Preparing
from gateway.mails.turns import LASTS, Ended, Mail, MailTurns
from gateway.records.database import Database
from gateway.rounds import Seldom

PAUSES = (60, 300, 1800, 7200, 21_600, 43_200)  # seconds between tries of one mail
AWAY_FOR = (5, 15, 60, 300)  # seconds for which a server that is away is left alone
PURGED_EVERY = timedelta(days=1)
MINUTE = 60.0

log = structlog.get_logger()


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
        kept_for: KeptFor | None = None,
        others: Others = NONE,
    ) -> None:
        self._kept_for = kept_for or always("mails")
        self._others = others
        self._db = db
        self.turns = MailTurns(db, clock)
        self._preparing = Preparing(db, views, letters, clock=clock, zone=zone)
        self._server = server
        self._sender = sender
        self._clock = clock
        self._pause = MINUTE / rate
        self._patience = Patience(clock, AWAY_FOR)
        self._closing = asyncio.Event()
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)

    async def turn(self) -> None:
        """Send all that is due. Raises `DatabaseDown`."""
        await self._purges.turn()
        now = self._clock()
        if self._patience.waits(now) or not await self._is_any_due(now):
            return
        lease = await take_lease(self._db, "mails", now, every=timedelta(0), lasts=LASTS)
        if lease is None:
            return
        try:
            async with open_line(self._server, self._sender) as line:
                while not self._closing.is_set() and (has_gone := await self._any(line)) is not None:
                    self._patience.is_there()
                    if not await keep_lease(self._db, "mails", lease, self._clock() + LASTS):
                        return
                    if has_gone:  # what is not sent costs the server nothing
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self._closing.wait(), self._pause)
        except Away as error:
            self._patience.is_away(error)
        finally:
            await end_lease(self._db, "mails", lease, self._clock())

    async def _is_any_due(self, now: datetime) -> bool:
        return await self.turns.is_any_due(now) or await self._others.is_due(now)

    async def _any(self, line: Line) -> bool | None:
        """Send one, news before anything else, and say whether it went to the server. None: none is due."""
        if prepared := await self.one(line):
            return bool(prepared.going)
        return await self._others.one(line) or None

    def close(self) -> None:
        """Let the mail that is under way come to its end, and begin no other."""
        self._closing.set()

    async def one(self, line: Line) -> Prepared | None:
        """Send the mail that is due for longest. None: there is none. Raises `Away`."""
        mails = await self.turns.take()
        if not mails:
            return None
        prepared = await self._preparing.prepare(mails)
        for mail, ended in prepared.ended:
            await self.turns.end(mail, ended)
        if prepared.going:
            await self._hand(line, prepared)
        return prepared

    async def _hand(self, line: Line, letter: Prepared) -> None:
        async def begin() -> bool:
            return await self.turns.begin(letter.going)

        try:
            if await line.hand(letter.to, letter.message, begin):
                await self._end(letter, Ended("sent", tried=True))
        except Away:
            await self._end(letter, Ended("waiting", after=timedelta(0)))
            raise
        except Lost as error:
            log.warning("mail lost sight of", mail=letter.going[0].id, error=str(error))
            await self._end(letter, Ended("unknown", str(error), tried=True))
            raise Away(str(error)) from error
        except Declined as error:
            await self._decline(letter, error)

    async def _decline(self, letter: Prepared, error: Declined) -> None:
        if error.is_final:
            log.warning("mail not taken", mail=letter.going[0].id, is_address=error.is_address)
            if error.is_address:
                await self.turns.mark_refused(letter.going[0].member, letter.to, str(error))
        for mail in letter.going:
            await self.turns.end(mail, _after(mail, error))

    async def _end(self, letter: Prepared, ended: Ended) -> None:
        for mail in letter.going:
            await self.turns.end(mail, ended)

    async def _purge(self, now: datetime) -> None:
        await self.turns.purge(now - await self._kept_for())


def _after(mail: Mail, error: Declined) -> Ended:
    """Say what becomes of a mail that was not taken: it is tried again for a while, if that may help."""
    if error.is_final or mail.tries >= len(PAUSES):
        return Ended("failed", str(error), tried=True)
    return Ended("waiting", str(error), timedelta(seconds=PAUSES[mail.tries]), tried=True)
