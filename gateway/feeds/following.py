"""Following the feeds: one look at a time, by one process, from where the last one ended.

The place lies in Redis beside the lists that it vouches for, so they are lost together. When Redis was restarted, it
may have lost a little of both: then nothing is vouched for until the changes since a checkpoint were brought in again.
"""

from datetime import timedelta
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from auth.clock import Clock
from cache.client import CacheDown, Client
from cache.marks import Marks
from connectors.contract import ChangesQuery, Feed
from connectors.errors import BadResponse, ConnectorError, RateLimited, Refused
from connectors.records import Kind
from gateway.checked import Checked, mark_of, parse_mark
from gateway.feeds.news import News
from gateway.feeds.rows import Feeds
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.offices import Office, Offices
from gateway.records.database import Database

LASTS = timedelta(seconds=30)  # a process that died is succeeded after it
CLOCKS = timedelta(minutes=15)  # that their clock may be ahead of ours when we begin

log = structlog.get_logger()


class Following:
    """Looks at the feeds of all sources."""

    def __init__(self, db: Database, redis: Client, offices: Offices, news: News, clock: Clock) -> None:
        self._db = db
        self._redis = redis
        self._marks = Marks(redis)
        self._offices = offices
        self._news = news
        self._rows = Feeds(db)
        self._clock = clock

    async def look(self, source: str, kind: Kind) -> bool:
        """Follow a feed to its end. False: it is not due, or another process does it. Raises `DatabaseDown`.

        A look that fails changes nothing but what is known of the feed: the next one begins where this one stopped.
        """
        office = await self._offices.get(source)
        feed = office.connector.feeds.get(kind) if office else None
        if office is None or feed is None or not office.is_asked:
            return False
        name, now = f"feed/{source}/{kind}", self._clock()
        turn = await take_lease(self._db, name, now, every=feed.every, lasts=LASTS)
        if turn is None:
            return False
        try:
            cursor = await self._follow(office, kind, feed, (name, turn))
        except RateLimited:  # it is as far as it may be: the next look goes on from here
            log.info("feed told to wait", source=source, kind=kind)
        except ConnectorError as error:
            if isinstance(error, Refused):  # they know the place no more
                await self._marks.drop(mark_of(office, kind))
            if await self._rows.failed(office, kind, error, self._clock()):
                log.warning("feed away", source=source, kind=kind, error=type(error).__name__, detail=str(error))
        except CacheDown:
            log.warning("feed not followed: redis is away", source=source, kind=kind)
        else:
            if cursor and await self._rows.came_to_the_end(office, kind, cursor, self._clock()):
                log.info("feed is back", source=source, kind=kind)
        await end_lease(self._db, name, turn, self._clock())
        return True

    async def _follow(self, office: Office, kind: Kind, feed: Feed[Any], lease: tuple[str, int]) -> str | None:
        """Bring in page after page, and give the place at the end. None: another process has taken the feed over."""
        checked = await self._begin(office, kind)
        while True:
            asked_at = self._clock()
            began_at = checked.began_at or asked_at
            query = ChangesQuery(since=checked.since - CLOCKS, asked_at=asked_at, cursor=checked.cursor)
            page = await feed.read(office.back_office, query)
            if page.more and page.cursor == checked.cursor:
                raise BadResponse(f"{office.name}: a page of changes that leads to itself")
            await self._news.bring_in(office, kind, page, asked_at)
            if page.more:
                checked = replace(checked, cursor=page.cursor, began_at=began_at)
            else:
                checked = replace(checked, cursor=page.cursor, began_at=None, checked_at=began_at - feed.lag)
            if not await self._note(office, kind, checked, lease):
                return None
            if not page.more:
                return page.cursor

    async def _begin(self, office: Office, kind: Kind) -> Checked:
        """Say from where to go on: from the mark, after a restart of Redis from a checkpoint, else from now."""
        checked = parse_mark(await self._marks.get(mark_of(office, kind)))
        run = await self._redis.run_id()
        if checked and checked.run == run:
            return checked
        now = self._clock()
        cursor = await self._rows.replay_from(office, kind, now) if checked else None
        since = checked.since if checked and cursor else now
        return Checked(cursor=cursor, since=since, checked_at=None, run=run)

    async def _note(self, office: Office, kind: Kind, checked: Checked, lease: tuple[str, int]) -> bool:
        """Move the mark. False: another process has taken the feed over."""
        name, turn = lease
        return await self._marks.put(mark_of(office, kind), turn, msgspec.json.encode(checked)) and await keep_lease(
            self._db, name, turn, self._clock() + LASTS
        )
