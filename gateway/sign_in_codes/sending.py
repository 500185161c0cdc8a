"""Sending codes, on a line of their own: no other mail is before them, and none of them is tried after its end.

The code is made here, a moment before the mail goes out, and what proves it is committed before the first byte of it:
it is kept nowhere, and each try has another one.
"""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from auth.principals import Kind
from gateway.keyring import Keyring
from gateway.mails.patience import Patience
from gateway.mails.post import Away, Declined, Line, Lost, Server, open_line
from gateway.records.code_tables import SignInCode as Row
from gateway.records.database import Database
from gateway.sign_in import USUAL_TITLE
from gateway.sign_in_codes.digits import Digits, new_code
from gateway.sign_in_codes.knowing import AtProvider, Knowing
from gateway.sign_in_codes.letters import Asker, CodeLetters
from gateway.sign_in_codes.rows import State, hash_of

LASTS = timedelta(minutes=3)  # longer than one mail may take; a process that died is succeeded after it
PAUSES = (10, 30, 60, 120)  # seconds between tries of one mail
AWAY_FOR = (2, 5, 15, 30)  # seconds for which a server that is away is left alone
ASKED_AGAIN = timedelta(seconds=20)  # after a source was silent
LEAST = timedelta(minutes=1)  # that a code must still be good for when its mail goes out
AT_ONCE = 20  # addresses that the sources are asked about together

log = structlog.get_logger()


class Mail(Struct, frozen=True, kw_only=True):
    """A mail that is ours to send, until another process has a later `turn`."""

    id: str
    address: str
    kind: Kind
    state: State
    asker: Asker
    turn: int
    tries: int


class Ended(Struct, frozen=True):
    """What has become of a mail, and when it is due again, None: never. `tried`: the server has spoken of it."""

    state: State
    after: timedelta | None = None
    tried: bool = False


class Ready(Struct, frozen=True, kw_only=True):
    """A mail as it goes out, what it then is, and what proves what it says."""

    message: bytes
    state: State
    proofs: dict[str, Any]


class CodeMailing:
    """Sends what is due. Any number of processes may. `titles` are what the providers' buttons say, by their ids."""

    def __init__(
        self,
        db: Database,
        keyring: Keyring,
        knowing: Knowing,
        letters: CodeLetters,
        server: Server,
        *,
        clock: Clock,
        sender: str,
        titles: dict[str, str | None],
    ) -> None:
        self._db = db
        self._digits = Digits(keyring)
        self._knowing = knowing
        self._letters = letters
        self._server = server
        self._clock = clock
        self._sender = sender
        self._titles = titles
        self._patience = Patience(clock, AWAY_FOR)
        self._is_closing = False

    async def turn(self) -> None:
        """Send all that is due. Raises `DatabaseDown`."""
        now = self._clock()
        if self._patience.waits(now) or not await self._is_any_due(now):
            return
        try:
            async with open_line(self._server, self._sender) as line:
                while not self._is_closing and await self.one(line):
                    self._patience.is_there()
        except Away as error:
            self._patience.is_away(error)

    async def ask_sources(self) -> None:
        """Ask the sources about addresses of which we know nothing, so that no mail waits for it.

        What nobody waits for any more is asked about no more.
        """
        now = self._clock()
        due = sa.select(Row).where(Row.state == "asking", Row.due_at <= now).order_by(Row.due_at, Row.id)
        is_late = sa.or_(Row.ended_at.is_not(None), Row.until < now + LEAST)
        async with self._db.read() as session:
            if await session.scalar(due.limit(1)) is None:
                return
        async with self._db.write() as session:
            for row in await session.scalars(due.where(is_late).with_for_update(skip_locked=True)):
                row.turn, row.state, row.due_at = row.turn + 1, "failed", None
            waiting = due.where(~is_late).limit(AT_ONCE).with_for_update(skip_locked=True)
            rows = (await session.scalars(waiting)).all()
            for row in rows:
                row.turn, row.due_at = row.turn + 1, now + ASKED_AGAIN
            mails = [_mail(row) for row in rows]
        known = await asyncio.gather(*(self._knowing.by_sources(mail.address) for mail in mails))
        for mail, found in zip(mails, known, strict=True):
            if found != "asking":  # else it is due again
                await self._end(mail, Ended(found, after=timedelta(0) if found == "known" else None))

    def close(self) -> None:
        """Let the mail that is under way come to its end, and begin no other."""
        self._is_closing = True

    async def one(self, line: Line) -> bool:
        """See to the mail that is due for longest. False: there is none. Raises `Away`."""
        mail = await self._take()
        if mail is None:
            return False
        prepared = await self._prepare(mail)
        if isinstance(prepared, Ended):
            await self._end(mail, prepared)
            return True

        async def begin() -> bool:
            now = self._clock()
            return await self._note(mail, {"handed_at": now, **prepared.proofs}, until=now)

        try:
            if await line.hand(mail.address, prepared.message, begin):
                await self._end(mail, Ended(prepared.state, tried=True))
        except Away:
            await self._end(mail, Ended(mail.state, after=timedelta(0)))
            raise
        except Lost as error:
            log.warning("mail with a code lost sight of", mail=mail.id)
            await self._end(mail, Ended("unknown", tried=True))
            raise Away(str(error)) from error
        except Declined as error:
            await self._decline(mail, error)
        return True

    async def _is_any_due(self, now: datetime) -> bool:
        due = sa.select(sa.literal(1)).where(Row.due_at <= now, Row.state != "asking").limit(1)
        async with self._db.read() as session:
            return await session.scalar(due) is not None

    async def _take(self) -> Mail | None:
        now = self._clock()
        due = sa.select(Row).where(Row.due_at <= now, Row.state != "asking").order_by(Row.due_at, Row.id).limit(1)
        async with self._db.write() as session:
            row = await session.scalar(due.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.turn, row.due_at = row.turn + 1, now + LASTS
            if row.ended_at is not None or row.until - now < LEAST:
                row.state, row.due_at = "failed", None
            return _mail(row)

    async def _prepare(self, mail: Mail) -> Ready | Ended:
        now = self._clock()
        if mail.state == "failed":
            return Ended("failed")
        found = "known" if mail.state == "known" else await self._knowing.by_rows(mail.address, mail.kind, now)
        if not isinstance(found, AtProvider) and found != "known":
            return Ended(found, after=timedelta(0) if found == "asking" else None)
        try:
            return self._written(mail, found)
        except Exception:  # of ours: the others' mails go on
            log.exception("mail with a code not written", mail=mail.id)
            return Ended("failed")

    def _written(self, mail: Mail, found: AtProvider | Literal["known"]) -> Ready:
        name = f"{mail.id}.{mail.turn}"
        if isinstance(found, AtProvider):
            way = self._titles.get(found.provider) or USUAL_TITLE
            letter = self._letters.to_provider(name, mail.address, mail.asker, way=way)
            return Ready(message=letter.as_bytes(), state="elsewhere", proofs={})
        code, token = new_code(), secrets.token_urlsafe(32)
        letter = self._letters.with_code(name, mail.address, mail.asker, code=code, token=token)
        proofs = {"code": self._digits.proof(mail.id, code), "link": hash_of(token)}
        return Ready(message=letter.as_bytes(), state="sent", proofs=proofs)

    async def _decline(self, mail: Mail, error: Declined) -> None:
        """Try again in a while, unless the server never will. What it says may repeat the mail, and is not kept."""
        log.warning("mail with a code not taken", mail=mail.id, is_final=error.is_final)
        if error.is_final or mail.tries >= len(PAUSES):
            await self._end(mail, Ended("failed", tried=True))
        else:
            await self._end(mail, Ended(mail.state, after=timedelta(seconds=PAUSES[mail.tries]), tried=True))

    async def _end(self, mail: Mail, ended: Ended) -> None:
        due_at = self._clock() + ended.after if ended.after is not None else None
        await self._note(mail, {"state": ended.state, "due_at": due_at, "tries": mail.tries + ended.tried})

    async def _note(self, mail: Mail, values: dict[str, Any], *, until: datetime | None = None) -> bool:
        """Write it down, if the mail is still ours; `until`: and if somebody still waits for it then."""
        waits = (Row.ended_at.is_(None), Row.until > until) if until else ()
        mine = sa.update(Row).where(Row.id == mail.id, Row.turn == mail.turn, *waits)
        async with self._db.write() as session:
            return await session.scalar(mine.values(**values).returning(Row.id)) is not None


def _mail(row: Row) -> Mail:
    kind: Kind = row.kind  # type: ignore[assignment]  # as it was written
    state: State = row.state  # type: ignore[assignment]  # as it was written
    asker = Asker(at=row.made_at, device=row.device, language=row.language)
    return Mail(id=row.id, address=row.address, kind=kind, state=state, asker=asker, turn=row.turn, tries=row.tries)
