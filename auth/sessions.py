"""Who is signed in. The rows are the truth, and no write ever brings an ended one back."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from auth.hidden import Hidden
from auth.principals import Viewing
from auth.provider import MAIN
from auth.session import Session
from auth.session_rows import (
    Entry,
    Sealer,
    Trail,
    began,
    ended_by_provider,
    ended_everywhere,
    ending,
    hash_in,
    hash_of,
    look,
    may_act,
    name_of,
    of_people_at,
    person_of,
    session_of,
    switch,
    told,
)
from cache.client import Client
from cache.copies import Copies
from cache.lookups import Lookups
from gateway.records.database import Database, DatabaseDown
from gateway.records.lines import By, Line
from gateway.records.tables import Session as Row

SEEN_EVERY = timedelta(minutes=1)
SEEN_WITHIN = 0.25  # seconds; a page does not wait longer for that
SEALED_LENGTH = 8192  # the column's; a longer ID token is not kept, and the provider asks before signing out

log = structlog.get_logger()


class Sessions:
    """Sessions end when `idle` passes without a request, when `lifetime` is over, or when somebody ends them.

    An `address` is where the request came from that wants something done, for the audit trail.
    """

    def __init__(
        self,
        db: Database,
        redis: Client,
        sealer: Sealer,
        clock: Clock,
        *,
        trail: Trail,
        idle: timedelta,
        lifetime: timedelta,
    ) -> None:
        self._db = db
        self._copies = Copies(redis, "session", Session, clock)
        self._rows: Lookups[bytes, Session | None] = Lookups(self._read)
        self._unused: Lookups[bytes, Session | None] = Lookups(partial(self._read, in_use=False))
        self._sealer = sealer
        self._trail = trail
        self._clock = clock
        self._idle = idle
        self._lifetime = lifetime

    async def create(
        self,
        member_id: str,
        account_id: str | None,
        id_token: Hidden | None,
        provider_sid: str | None = None,
        provider: str = MAIN,
        *,
        address: str | None = None,
    ) -> str:
        """Begin a member's session and return its id, the cookie's value. There is no way to ask for a certain id.

        Raises `Disabled`.
        """
        row = Row(kind="member", member_id=member_id, account_id=account_id, provider=provider)
        return await self._begin(row, id_token, provider_sid, address)

    async def create_for_staff(
        self,
        staff_id: str,
        id_token: Hidden | None,
        provider_sid: str | None,
        provider: str,
        *,
        address: str | None = None,
    ) -> str:
        """Begin a session of staff and return its id."""
        row = Row(kind="staff", staff_id=staff_id, provider=provider)
        return await self._begin(row, id_token, provider_sid, address)

    async def get(self, cookie: str | None, *, in_use: bool = True) -> Session | None:
        """Find the live session of a browser, which lasts longer for that if it is `in_use`. Raises `DatabaseDown`."""
        if (id_hash := hash_in(cookie)) is None:
            return None
        copy = await self._copies.get(id_hash.hex())
        if copy is None:
            (copy,) = await (self._rows if in_use else self._unused).get([id_hash])
        return self._if_live(copy) if copy else None

    def name_of(self, cookie: str | None) -> str | None:
        """Name the session of a browser. Whether there is one is another question."""
        id_hash = hash_in(cookie)
        return id_hash.hex() if id_hash else None

    def key(self, name: str) -> str:
        """Name the copy of a session, for those who read several values in one round trip."""
        return self._copies.key(name)

    def believe(self, name: str, value: bytes | None) -> Session | None:
        """Judge what Redis held under `key`. None only means that the row has to be asked."""
        copy = self._copies.believe(name, value)
        return self._if_live(copy) if copy else None

    def doubt(self) -> None:
        """Go by the rows for a while. Those say it who read a copy's `key` themselves and had trouble with Redis."""
        self._copies.doubt()

    async def list(self, member_id: str) -> tuple[Entry, ...]:
        """Give the live sessions of a member, the last used first."""
        mine = sa.select(Row.id_hash, Row.created_at, Row.seen_at).where(Row.member_id == member_id)
        async with self._db.read() as session:
            rows = await session.execute(mine.where(*self._live(self._clock())).order_by(Row.seen_at.desc()))
            return tuple(Entry(id_hash=id_hash, created_at=began, seen_at=seen) for id_hash, began, seen in rows)

    async def end(self, cookie: str | None, *, address: str | None = None) -> Hidden | None:
        """Sign out. Gives back the ID token of the session, once."""
        if (id_hash := hash_in(cookie)) is None:
            return None
        now = self._clock()
        this = Row.id_hash == id_hash
        async with self._db.write() as session:
            sealed = await session.scalar(sa.select(Row.id_token).where(this, *self._live(now)))
            ended = await session.scalar(ending(now).where(this).returning(Row))
            if ended:
                await self._trail.record(session, told("session.ended", ended, address))
        if ended:
            await self._copies.mark_ended(id_hash.hex())
        id_token = self._sealer.open(sealed, name_of(id_hash)) if sealed else None
        return Hidden(id_token) if id_token else None

    async def renew(self, cookie: str | None, account_id: str, *, address: str | None = None) -> str | None:
        """Go on for another account, under a new id that is returned. None: nobody is signed in by this one.

        The row stays, so that whoever ends the session meanwhile ends it under either id, and no use of this makes it
        last longer.
        """

        async def change(session: AsyncSession, row: Row) -> Sequence[Line]:
            return [await switch(session, row, account_id, address)]

        return await self._go_on("member", cookie, change)

    async def view(self, cookie: str | None, viewing: Viewing | None, *, address: str | None = None) -> str | None:
        """Let one of staff look at what a member sees, or no longer; under a new id that is returned, as above.

        None: nobody of staff is signed in by this one, or the member may not act for the account.
        """

        async def change(session: AsyncSession, row: Row) -> Sequence[Line] | None:
            if viewing and not await may_act(session, viewing):
                return None
            return look(row, viewing, address)

        return await self._go_on("staff", cookie, change)

    async def _go_on(
        self, kind: str, cookie: str | None, change: Callable[[AsyncSession, Row], Awaitable[Sequence[Line] | None]]
    ) -> str | None:
        """Change a live session under a new id. What `change` gives goes to the trail; None: leave all as it is."""
        if (old := hash_in(cookie)) is None:
            return None
        renewed = secrets.token_urlsafe(32)
        new = hash_of(renewed)
        live = (Row.id_hash == old, Row.kind == kind, *self._live(self._clock()))
        async with self._db.write() as session:
            row = await session.scalar(sa.select(Row).where(*live).with_for_update())
            if row is None:
                return None
            id_token = self._sealer.open(row.id_token, name_of(old)) if row.id_token else None
            lines = await change(session, row)
            if lines is None:
                return None
            row.id_hash, row.csrf_token = new, secrets.token_urlsafe(32)
            row.id_token = self._sealed(id_token, new) if id_token else None
            names = {"session": new.hex(), "was_session": old.hex()}
            await self._trail.record(session, *(replace(line, details=line.details | names) for line in lines))
        await self._copies.mark_ended(old.hex())
        return renewed

    async def end_all(self, member_id: str, *, by: By, but: bytes | None = None) -> int:
        """Sign a member out everywhere, or everywhere but in the session of that hash. Say of how many sessions."""
        others = () if but is None else (Row.id_hash != but,)
        ends = ending(self._clock()).where(Row.member_id == member_id, *others).returning(Row.id_hash)
        async with self._db.write() as session:
            hashes = (await session.scalars(ends)).all()
            if hashes:
                line = ended_everywhere(member_id, len(hashes), by, kept_one=but is not None)
                await self._trail.record(session, line)
        await self.forget_copies(hashes)
        return len(hashes)

    async def end_at_provider(self, provider: str, issuer: str, subject: str | None, sid: str | None) -> int:
        """Sign out whom a provider has signed out, and say of how many sessions: of those only that began there.

        Sessions of that person that came without a `sid` may be the one that is meant, so they end too.
        """
        ends = ending(self._clock()).where(Row.provider == provider, of_people_at(issuer, subject))
        if sid is not None:
            named = Row.provider_sid == sid
            ends = ends.where(named if subject is None else sa.or_(named, Row.provider_sid.is_(None)))
        async with self._db.write() as session:
            ended = await session.execute(ends.returning(Row.id_hash, Row.member_id, Row.staff_id))
            rows = ended.all()
            people = [(member_id, staff_id) for _, member_id, staff_id in rows]
            await self._trail.record(session, *ended_by_provider(people, provider))
        await self.forget_copies([id_hash for id_hash, _, _ in rows])
        return len(rows)

    async def forget_copies(self, id_hashes: Sequence[bytes]) -> None:
        """Let Redis know that sessions have ended, after their rows have. Without it their copies live ten seconds."""
        await asyncio.gather(*(self._copies.mark_ended(id_hash.hex()) for id_hash in id_hashes))

    async def purge(self, older_than: timedelta) -> int:
        """Forget sessions that ended or expired so long ago, and say how many."""
        limit = self._clock() - older_than
        is_old = sa.or_(Row.ended_at < limit, Row.expires_at < limit)
        async with self._db.write() as session:
            gone = await session.scalars(sa.delete(Row).where(is_old).returning(Row.id_hash))
            return len(gone.all())

    async def _begin(self, row: Row, id_token: Hidden | None, provider_sid: str | None, address: str | None) -> str:
        cookie = secrets.token_urlsafe(32)
        row.id_hash = hash_of(cookie)
        row.csrf_token = secrets.token_urlsafe(32)
        row.id_token = self._sealed(id_token.reveal(), row.id_hash) if id_token else None
        row.provider_sid = provider_sid
        row.created_at = row.seen_at = now = self._clock()
        row.expires_at = now + self._lifetime
        async with self._db.write() as session:
            person = await person_of(session, row)
            session.add(row)
            await self._trail.record(session, began(row, person, address))
        return cookie

    def _if_live(self, session: Session) -> Session | None:
        now = self._clock()
        if session.viewing and session.viewing.until <= now:
            session = replace(session, viewing=None)
        return session if session.expires_at > now and session.seen_at > now - self._idle else None

    def _sealed(self, id_token: str, id_hash: bytes) -> str | None:
        sealed = self._sealer.seal(id_token, name_of(id_hash))
        return sealed if len(sealed) <= SEALED_LENGTH else None

    async def _read(self, id_hashes: Sequence[bytes], *, in_use: bool = True) -> Sequence[Session | None]:
        """Read rows for many requests at once. Leave copies of what is in use: others would hide the next use."""
        read_at = self._clock()
        theirs = sa.select(Row).where(Row.id_hash.in_(set(id_hashes)), *self._live(read_at))
        async with self._db.read() as session:
            rows = (await session.scalars(theirs)).all()
        due = [row.id_hash for row in rows if in_use and read_at - row.seen_at >= SEEN_EVERY]
        if due:
            rows = [*(row for row in rows if row.id_hash not in due), *await self._see(due, rows, read_at)]
        found = {row.id_hash: session_of(row) for row in rows}
        if in_use:
            await asyncio.gather(*(self._copies.put(each.id_hash.hex(), each, read_at) for each in found.values()))
        return [found.get(id_hash) for id_hash in id_hashes]

    async def _see(self, due: Sequence[bytes], rows: Sequence[Row], now: datetime) -> Sequence[Row]:
        """Write down that sessions were used, and give those that have not ended meanwhile."""
        live = (Row.id_hash.in_(due), *self._live(now))
        try:
            async with self._db.write(within=SEEN_WITHIN) as session:
                # Another process may have been first, and one write is enough.
                await session.execute(sa.update(Row).where(*live, Row.seen_at <= now - SEEN_EVERY).values(seen_at=now))
                return (await session.scalars(sa.select(Row).where(*live))).all()
        except DatabaseDown:
            log.warning("session use not written")
            return [row for row in rows if row.id_hash in due]

    def _live(self, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        return Row.ended_at.is_(None), Row.expires_at > now, Row.seen_at > now - self._idle
