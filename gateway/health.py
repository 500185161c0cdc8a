"""Whether this process can do its work. What people are told of it names no address, no version and no error."""

import asyncio
from typing import Literal

import sqlalchemy as sa
import structlog
from msgspec import Struct

from cache.client import CacheDown, Client
from gateway.records import migrate
from gateway.records.database import Database, DatabaseDown

ANSWER_WITHIN = 2.0  # seconds; whoever asks has a limit too, and a late answer is none

log = structlog.get_logger()


class Health(Struct, frozen=True):
    """Pages work without the cache, only slower; without the database they do not."""

    database: Literal["ok", "away", "not migrated"]
    cache: Literal["ok", "away"]

    @property
    def is_ready(self) -> bool:
        return self.database == "ok"


class Readiness:
    """Looks after the two stores of one process."""

    def __init__(self, db: Database, database_url: str, redis: Client) -> None:
        self._db = db
        self._url = database_url
        self._redis = redis
        self._migrated = False  # once true, it stays: nothing migrates backwards

    async def look(self) -> Health:
        database, cache = await asyncio.gather(self._database(), self._cache())
        return Health(database, cache)

    async def _database(self) -> Literal["ok", "away", "not migrated"]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                async with self._db.read() as session:
                    await session.execute(sa.text("SELECT 1"))
                if not self._migrated:
                    self._migrated = not await asyncio.to_thread(migrate.pending, self._url)
        except (DatabaseDown, TimeoutError) as error:
            log.warning("database away", reason=str(error))
            return "away"
        except migrate.MigrationError as error:
            log.warning("database not migrated", reason=str(error))
            return "not migrated"
        return "ok" if self._migrated else "not migrated"

    async def _cache(self) -> Literal["ok", "away"]:
        try:
            await self._redis.ping()
        except CacheDown:
            return "away"
        return "ok"
