"""Asking for a code, and taking it: in the browser that asked, once, and not for long.

For an address that nobody knows all is the same, in what is done and in what is said: only no mail ever comes.
"""

import re
import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from auth.mailbox import VerifiedMailbox
from auth.principals import Kind
from gateway.keyring import Keyring
from gateway.records.code_tables import SignInCode as Row
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.sign_in_codes.digits import Digits
from gateway.sign_in_codes.rows import AT_ONCE, GUESSES, LIFETIME, hash_of, live

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits


class Wish(Struct, frozen=True, kw_only=True):
    """Who wants to sign in, and where to afterwards. Whoever reads the mail is told of `device`, in `language`."""

    address: str
    kind: Kind
    return_to: str
    device: str | None
    language: str | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """A sign-in that is under way."""

    address: str
    kind: Kind
    return_to: str
    device: str | None
    until: datetime


class Entered(Struct, frozen=True, kw_only=True):
    """A sign-in that has come to its end: the code is used up."""

    mailbox: VerifiedMailbox
    kind: Kind
    return_to: str


class Wrong(Struct, frozen=True):
    """A code that is not it, and how many more may be tried."""

    left: int


class Elsewhere(Struct, frozen=True):
    """A link that is good, in another browser than this."""

    device: str | None


class Codes:
    """The sign-ins under way. A `cookie` is what the browser brings, a `token` what its link held."""

    def __init__(self, db: Database, keyring: Keyring, clock: Clock) -> None:
        self._db = db
        self._digits = Digits(keyring)
        self._clock = clock

    async def ask(self, wish: Wish, cookie: str | None) -> str:
        """Note that a code is wanted, and give the cookie for the browser: always a new one. Raises `DatabaseDown`.

        What the browser asked before, for the same address, stays good beside it: mails may come late.
        """
        new, now = secrets.token_urlsafe(32), self._clock()
        row = Row(
            id=new_id(),
            browser=hash_of(new),
            kind=wish.kind,
            address=wish.address,
            return_to=wish.return_to,
            device=wish.device,
            language=wish.language,
            made_at=now,
            until=now + LIFETIME,
            guesses=0,
            state="waiting",
            due_at=now,
            turn=0,
            tries=0,
        )
        before = _of(cookie)
        async with self._db.write() as session:
            mine = sa.select(Row).where(before, *live(now)).order_by(Row.id.desc())
            alike = 1
            for old in await session.scalars(mine.with_for_update()):
                if (old.address, old.kind) == (wish.address, wish.kind) and alike < AT_ONCE:
                    alike += 1
                    old.browser = row.browser
                else:
                    old.ended_at, old.due_at = now, None
            session.add(row)
        return new

    async def under_way(self, cookie: str | None) -> Asked | None:
        """Say what this browser waits for. Raises `DatabaseDown`."""
        mine = sa.select(Row).where(_of(cookie), *live(self._clock())).order_by(Row.id.desc()).limit(1)
        async with self._db.read() as session:
            row = await session.scalar(mine)
        return _asked(row) if row else None

    async def take(self, cookie: str | None, code: str) -> Entered | Wrong | None:
        """Take a code that was typed. None: nothing is under way in this browser. Raises `DatabaseDown`.

        The guess is counted before it is looked at, by a write for which whoever guesses at the same time has to wait.
        """
        now = self._clock()
        mine = sa.update(Row).where(_of(cookie), *live(now))
        guess = mine.values(guesses=Row.guesses + 1).returning(Row)
        async with self._db.write() as session:
            rows = list(await session.scalars(guess))
            right = [row for row in rows if self._digits.is_proof(row.code, row.id, code)]
            if right:
                return await self._end(session, right[0], now)
        return Wrong(max(GUESSES - row.guesses for row in rows)) if rows else None

    async def of_link(self, cookie: str | None, token: str) -> Asked | Elsewhere | None:
        """Look at what a link would do, and change nothing: mail servers open links before people do.

        None: it does nothing any more. Raises `DatabaseDown`.
        """
        async with self._db.read() as session:
            row = await session.scalar(sa.select(Row).where(_at(token), *live(self._clock())))
            mine = await session.scalar(sa.select(Row.id).where(_at(token), _of(cookie)))
        if row is None:
            return None
        return _asked(row) if mine else Elsewhere(row.device)

    async def take_link(self, cookie: str | None, token: str) -> Entered | None:
        """Take a link, in the browser that asked for it and in no other. Raises `DatabaseDown`."""
        now = self._clock()
        mine = sa.select(Row).where(_at(token), _of(cookie), *live(now)).with_for_update()
        async with self._db.write() as session:
            row = await session.scalar(mine)
            return await self._end(session, row, now) if row else None

    async def _end(self, session: AsyncSession, row: Row, now: datetime) -> Entered | None:
        """Use it up, with all that is under way in its browser: one sign-in is enough."""
        mine = sa.update(Row).where(Row.browser == row.browser, Row.ended_at.is_(None))
        ended = await session.scalars(mine.values(ended_at=now, due_at=None).returning(Row.id))
        if row.id not in set(ended):
            return None
        kind: Kind = row.kind  # type: ignore[assignment]  # as it was written
        return Entered(mailbox=VerifiedMailbox(row.address), kind=kind, return_to=row.return_to)


def _of(cookie: str | None) -> sa.ColumnElement[bool]:
    """Rows of this browser. What cannot be a cookie of ours is asked for all the same, and finds none."""
    return Row.browser == hash_of(cookie if cookie and SECRET.fullmatch(cookie) else "")


def _at(token: str) -> sa.ColumnElement[bool]:
    return Row.link == hash_of(token if SECRET.fullmatch(token) else "")


def _asked(row: Row) -> Asked:
    kind: Kind = row.kind  # type: ignore[assignment]  # as it was written
    values: dict[str, Any] = {"address": row.address, "return_to": row.return_to, "device": row.device}
    return Asked(kind=kind, until=row.until, **values)
