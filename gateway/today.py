"""What needs staff now, and how each source is doing. Nothing where all is well."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from auth.clock import Clock
from cache.client import Client
from gateway.conflicts import count_conflicts
from gateway.feeds.overview import FollowedKind
from gateway.identity.questions import count_questions
from gateway.offices import Offices
from gateway.outbox.stuck import Stuck, stuck
from gateway.records.database import Database
from gateway.status import SourceStatus, status

What = Literal["broken", "failing", "unknown", "not_sent", "late", "questions", "conflicts", "refused"]
FELT: frozenset[What] = frozenset({"broken", "failing", "unknown", "not_sent"})  # by customers, now


class Matter(Struct, frozen=True, kw_only=True):
    """One thing to be done, about `source` if it has one. `detail` is what the system itself says of it."""

    what: What
    source: str = ""
    title: str = ""  # of the source
    many: int = 1
    since: datetime | None = None
    detail: str = ""

    @property
    def is_felt(self) -> bool:
        return self.what in FELT


class Day(Struct, frozen=True, kw_only=True):
    """The moment's matters, the most urgent first, and all sources."""

    now: datetime
    matters: tuple[Matter, ...]
    sources: tuple[SourceStatus, ...]


class Today:
    """Looks at everything that staff may have to do something about."""

    def __init__(self, db: Database, offices: Offices, redis: Client, base_url: str, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._redis = redis
        self._base_url = base_url
        self._clock = clock

    async def look(self) -> Day:
        """Raises `DatabaseDown`."""
        now = self._clock()
        sources = await status(self._db, self._offices, self._redis, self._base_url, now)
        found = [matter for each in sources for matter in matters_of(each, now)]
        found += _of_stuck(await stuck(self._db), {each.name: each.followed.title for each in sources})
        if questions := await count_questions(self._db):
            found.append(Matter(what="questions", many=questions))
        if conflicts := await count_conflicts(self._db):
            found.append(Matter(what="conflicts", many=conflicts))
        found.sort(key=lambda matter: not matter.is_felt)
        return Day(now=now, matters=tuple(found), sources=sources)


def matters_of(source: SourceStatus, now: datetime) -> Iterator[Matter]:
    """Say what is wrong with one source, each cause once."""
    name, title = source.name, source.followed.title
    if source.broken:
        yield Matter(what="broken", source=name, title=title, detail=source.broken)
        return
    failing = [kind for kind in source.followed.kinds if kind.failing_since]
    if failing:
        first = min(failing, key=_since)
        yield Matter(what="failing", source=name, title=title, since=first.failing_since, detail=first.error or "")
    elif late := [kind for kind in source.followed.kinds if kind.checked_at and kind.is_late(now)]:
        since = min(kind.checked_at for kind in late if kind.checked_at)
        yield Matter(what="late", source=name, title=title, since=since)
    told = source.webhooks.told
    if refused := told.refused(told.lately):
        yield Matter(what="refused", source=name, title=title, many=sum(refused.values()), detail=", ".join(refused))


def _since(kind: FollowedKind) -> datetime:
    if kind.failing_since is None:
        raise TypeError("it does not fail")
    return kind.failing_since


def _of_stuck(found: Sequence[Stuck], titles: dict[str, str]) -> Iterator[Matter]:
    """Say once per source what nobody knows the end of, and what could not be sent. The oldest come first."""
    for source in dict.fromkeys(each.source for each in found):
        there = [each for each in found if each.source == source]
        title = titles.get(source, source)
        for what, state in (("unknown", "unknown"), ("not_sent", "needs_staff")):
            those = [each for each in there if each.state == state]
            if those:
                name: What = what  # type: ignore[assignment]  # two of them
                yield Matter(what=name, source=source, title=title, many=len(those), since=those[0].made_at)
