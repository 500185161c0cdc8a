"""What members were shown, kept for as long as the settings say, so that staff can see the very page by its code.

A page is noted in memory while it is answered, without anything of its session, and written off the path of requests.
What does not fit is dropped and counted.
"""

import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from auth.clock import Clock
from cache.recent import Recent
from gateway.access import Scope
from gateway.account_view import Part
from gateway.keeping import KeptFor
from gateway.page_codes import make_code, spelled
from gateway.page_rows import PLACE, Age, Look, Seen, digest_of, purge, write
from gateway.records.database import Database, DatabaseDown
from gateway.rounds import Rounds, Seldom

WRITTEN_EVERY = 1.0  # seconds
BATCH = 100  # pages in one transaction
ROOM = 16 * 1024 * 1024  # bytes of pages that wait for a database that is away
AGAIN_AFTER = 600.0  # seconds until the same page, shown again, is noted again
PURGED_EVERY = timedelta(days=1)
LOOKED_EVERY = timedelta(seconds=3)  # whether they are kept for another time

log = structlog.get_logger()


class SeenPages:
    """Gives pages their codes and writes them down. `start` it, and `aclose` it to write the last ones.

    Nothing is noted where `kept_for` is no time at all. It counts until `kept_now` says another one.
    """

    def __init__(
        self,
        database: Database,
        key: bytes,
        look: Look,
        *,
        kept_for: timedelta,
        now: Clock,
        room: int = ROOM,
        kept_now: KeptFor | None = None,
    ) -> None:
        self._kept_now = kept_now
        self._database = database
        self._key = key
        self._look = msgspec.json.encode(look)
        self._kept_for = kept_for
        self._now = now
        self._room = room
        self._waiting: deque[Seen] = deque()
        self._noted: Recent[float] = Recent(10_000)  # -> when, on the clock of this process
        self._rounds = Rounds("seen pages", self._turn, every=WRITTEN_EVERY)
        self._purges = Seldom(self._purge, now, every=PURGED_EVERY)
        self._looks = Seldom(self._look_up, now, every=LOOKED_EVERY)
        self.dropped = 0
        self._told = 0

    @property
    def is_on(self) -> bool:
        return bool(self._kept_for)

    def wear(self, look: Look) -> None:
        """Say how pages look from now on."""
        self._look = msgspec.json.encode(look)

    def note(
        self,
        html: bytes,
        *,
        secret: str,
        member_id: str,
        account_id: str | None,
        path: str,
        scope: Scope | None,
        parts: Iterable[Part],
    ) -> bytes:
        """Give a finished page its code, and have it written down without its session's `secret`."""
        page = html.replace(secret.encode(), b"")
        rights = [scope.rights, scope.links, sorted(map(str, scope.persons))] if scope else None
        code = make_code(self._key, member_id, account_id, path, digest_of(page), rights)
        noted_at = self._noted.get(code)
        if noted_at is None or time.monotonic() - noted_at > AGAIN_AFTER:
            self._noted.put(code, time.monotonic())
            seen = Seen(
                code=code,
                member_id=member_id,
                account_id=account_id,
                path=path,
                at=self._now(),
                page=page,
                scope=scope,
                ages=tuple(map(_age, parts)),
            )
            self._wait(seen)
        return html.replace(PLACE.encode(), spelled(code).encode())

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        """Write what is left. What the database does not take now is lost."""
        await self._rounds.finish()
        await self.flush()
        self.dropped += len(self._waiting)
        self._tell()

    async def flush(self) -> None:
        """Write all that waits. It goes on waiting while the database is away."""
        while self._waiting:
            batch = [self._next() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await write(self._database, batch, self._look)
            except DatabaseDown:
                newer = [self._next() for _ in range(len(self._waiting))]
                for seen in (*batch, *newer):
                    self._wait(seen)
                return
            except SQLAlchemyError as error:
                for seen in batch:
                    self._drop(seen)
                log.error("seen pages refused", error=type(error).__name__)  # noqa: TRY400  # a trace shows values

    def _wait(self, seen: Seen) -> None:
        """Let a page wait; the oldest make room."""
        self._waiting.append(seen)
        self._room -= len(seen.page)
        while self._room < 0:
            self._drop(self._next())

    def _drop(self, seen: Seen) -> None:
        self._noted.drop(seen.code)  # shown again, it is noted again
        self.dropped += 1

    def _next(self) -> Seen:
        seen = self._waiting.popleft()
        self._room += len(seen.page)
        return seen

    async def _turn(self) -> None:
        await self._looks.turn()
        await self.flush()
        self._tell()
        await self._purges.turn()

    def _tell(self) -> None:
        """Log what was dropped since the last time."""
        if self.dropped > self._told:
            log.warning("seen pages dropped", count=self.dropped - self._told)
            self._told = self.dropped

    async def _look_up(self, _: datetime) -> None:
        if self._kept_now is not None:
            with suppress(DatabaseDown):  # pages that wait are kept all the same
                self._kept_for = await self._kept_now()

    async def _purge(self, now: datetime) -> None:
        await purge(self._database, now - self._kept_for)


def _age(part: Part) -> Age:
    return Age(
        kind=part.kind,
        source=part.source,
        title=part.title,
        state=part.state,
        fetched_at=part.fetched_at,
        promise=part.promise.total_seconds(),
    )
