"""What needs staff now, and how each source is doing. Nothing where all is well."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from auth.clock import Clock
from cache.client import Client
from gateway.adoption import count_refused
from gateway.asked_desk import count_received
from gateway.audit_checking import wrong_in
from gateway.conflicts import count_conflicts
from gateway.identity.questions import count_questions
from gateway.mails.desk import count_stopped
from gateway.matters import Matter
from gateway.offices import Offices
from gateway.outbox.claims import claims_now
from gateway.outbox.states import State
from gateway.outbox.stuck import Backlog, backlogs
from gateway.records.database import Database
from gateway.records.tables import Link, Member
from gateway.repairs import repairs_of
from gateway.status import SourceStatus, status
from gateway.webhooks.desk import count_dead


class Beginning(Struct, frozen=True, kw_only=True):
    """How far a new portal is: whether some customer is linked, and whether one has ever been here."""

    is_linked: bool = True
    is_visited: bool = True


class Day(Struct, frozen=True, kw_only=True):
    """The moment's matters, the most urgent first, and all sources."""

    now: datetime
    matters: tuple[Matter, ...]
    sources: tuple[SourceStatus, ...]
    beginning: Beginning = Beginning()


class Today:
    """Looks at everything that staff may have to do something about."""

    def __init__(self, db: Database, offices: Offices, redis: Client, base_url: str, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._redis = redis
        self._base_url = base_url
        self._clock = clock

    async def look(self) -> Day:
        """Look at everything. Raises `DatabaseDown`."""
        day = await self.look_at_sources()
        found = [Matter(what="tampered", detail=wrong)] if (wrong := await wrong_in(self._db)) else []
        found += [matter for each in day.sources for matter in repairs_of(each, day.now)]
        titles = {each.name: each.followed.title for each in day.sources}
        claims = (await claims_now(self._db, day.now)).values()
        claimed = Counter((each.source, each.state) for each in claims)
        found += _of_outbox(await backlogs(self._db), claimed, titles)
        for source, dead in sorted((await count_dead(self._db)).items()):
            found.append(Matter(what="given_up", title=titles.get(source, source), many=dead, source=source))
        if questions := await count_questions(self._db):
            found.append(Matter(what="questions", many=questions))
        if mails := await count_stopped(self._db):
            found.append(Matter(what="mails", many=mails))
        if invitations := await count_refused(self._db):
            found.append(Matter(what="invitations", many=invitations))
        if documents := await count_received(self._db):
            found.append(Matter(what="documents", many=documents))
        if conflicts := await count_conflicts(self._db):
            found.append(Matter(what="conflicts", many=conflicts))
        found.sort(key=lambda matter: not matter.is_felt)
        return replace(day, matters=tuple(found), beginning=await self._beginning())

    async def look_at_sources(self) -> Day:
        """Look at the sources alone. Raises `DatabaseDown`."""
        now = self._clock()
        sources = await status(self._db, self._offices, self._redis, self._base_url, now)
        return Day(now=now, matters=(), sources=sources)

    async def _beginning(self) -> Beginning:
        linked, visited = sa.select(Link.source), sa.select(Member.id).where(Member.last_visit_at.is_not(None))
        async with self._db.read() as session:
            found = (await session.execute(sa.select(sa.exists(linked), sa.exists(visited)))).one()
        return Beginning(is_linked=bool(found[0]), is_visited=bool(found[1]))


def _of_outbox(
    backlogs_of: Mapping[str, Backlog], claimed: Mapping[tuple[str, State], int], titles: Mapping[str, str]
) -> Iterator[Matter]:
    """Say once per source, also of one that there is no more, what nobody knows the end of and what was not sent.

    What somebody looks after needs nobody else.
    """
    for source, backlog in sorted(backlogs_of.items()):
        title = titles.get(source, source)
        unknown = backlog.unknown - claimed.get((source, "unknown"), 0)
        not_sent = backlog.not_sent - claimed.get((source, "needs_staff"), 0)
        if unknown > 0:
            yield Matter(what="unknown", title=title, many=unknown)
        if not_sent > 0:
            yield Matter(what="not_sent", title=title, many=not_sent)
