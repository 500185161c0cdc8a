"""What staff publish whole: a draft, which is true for nobody, and versions, of which the newest counts.

A version never changes. To go back makes a new one, which says what an old one said.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, cast

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.status_tables import DraftRow, VersionRow
from gateway.records.tables import Staff

LATEST = 50  # versions that a list shows
OVERTAKEN = "Somebody changed this after you opened it."

T = TypeVar("T")
Act = Literal["drafted", "discarded", "rehearsed", "previewed", "published"]
Told = dict[str, Any]  # a difference, as the trail has it


async def nothing(*_: object) -> list[Line]:
    """Let nothing else depend on what is published."""
    return []


class ChangedMeanwhileError(Exception):
    """Somebody else was quicker, and nothing was done."""


class Version(Struct, Generic[T], frozen=True, kw_only=True):
    """A published version. `number` 0: nothing was published yet."""

    number: int
    content: T
    restored: int | None = None
    made_at: datetime | None = None
    made_by: str = ""


class Draft(Struct, Generic[T], frozen=True, kw_only=True):
    """What is being written, and what counts until it is published. `content` None: nothing is being written."""

    version: int
    content: T | None
    live: Version[T]
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def wanted(self) -> T:
        return self.live.content if self.content is None else self.content


class Published(Struct, Generic[T], frozen=True, kw_only=True):
    """One thing that is published: what the trail calls it, in which tables it is kept, and how it is written there.

    `settle` brings in line what depends on it: it gets what counts and what is drafted after a change, and gives lines
    for the trail.

    All that writes needs to say what it has seen, and raises `ChangedMeanwhileError` where that is not so any more.
    """

    name: Literal["statuses", "visibility"]
    versions: type[VersionRow]
    drafts: type[DraftRow]
    none_yet: T  # what counts before anything is published
    read: Callable[[Any], T]
    stored: Callable[[T], Any]
    told: Callable[[T, T], list[Told]]  # what two differ in
    settle: Callable[[AsyncSession, tuple[T, T], By, datetime], Awaitable[list[Line]]] = nothing
    tells_mails: bool = False  # whether each version says if mails tell of what it changes

    @property
    def before_all(self) -> Version[T]:
        return Version(number=0, content=self.none_yet)

    async def live(self, db: Database) -> Version[T]:
        """Give the version that counts."""
        async with db.read() as session:
            return await self._newest(session)

    async def latest(self, db: Database) -> tuple[Version[T], ...]:
        """Give the latest versions, the newest first."""
        async with db.read() as session:
            rows = await session.scalars(sa.select(self.versions).order_by(self.versions.number.desc()).limit(LATEST))
            return tuple(map(self._version, rows))

    async def version(self, db: Database, number: int) -> Version[T] | None:
        """Give one version; 0 is the one before the first."""
        async with db.read() as session:
            row = await session.get(self.versions, number)
        return self._version(row) if row else (self.before_all if number == 0 else None)

    async def draft(self, db: Database) -> Draft[T]:
        published = await self.live(db)
        async with db.read() as session:
            row = await session.scalar(sa.select(self.drafts))
        if row is None:
            return Draft(version=0, content=None, live=published)
        return Draft(
            version=row.version,
            content=None if row.content is None else self.read(row.content),
            live=published,
            changed_at=row.changed_at,
            changed_by=row.changed_by,
        )

    async def wanted_in(self, session: AsyncSession) -> T:
        """Give what is being written, or else what counts."""
        content = await session.scalar(sa.select(self.drafts.content))
        return self.read(content) if content is not None else (await self._newest(session)).content

    async def change_draft(
        self,
        db: Database,
        change: Callable[[T], T],
        *,
        trail: Trail,
        by: By,
        now: datetime,
        seen: int,
        details: Callable[[list[Told]], Told] = lambda told: {"changes": told},
    ) -> None:
        """Write something else. `seen` is the draft's version when it was opened.

        A draft that says what counts already is none.
        """
        try:
            async with db.write() as session:
                row = await self._locked(session, seen)
                published = (await self._newest(session)).content
                before = published if row is None or row.content is None else self.read(row.content)
                after = change(before)
                content = self.stored(after)
                if content == self.stored(before):
                    return
                await self._keep(session, row, None if content == self.stored(published) else content, now, by)
                settled = await self.settle(session, (published, after), by, now)
                line = self._line("drafted", by, "draft", details(self.told(before, after)))
                await trail.record(session, line, *settled)
        except IntegrityError as error:  # two began to write at the same moment
            raise ChangedMeanwhileError(OVERTAKEN) from error

    async def discard_draft(self, db: Database, *, trail: Trail, by: By, now: datetime, seen: int) -> None:
        """Leave everything as it is published."""
        async with db.write() as session:
            row = await self._locked(session, seen)
            if row is None or row.content is None:
                return
            await self._keep(session, row, None, now, by)
            published = (await self._newest(session)).content
            settled = await self.settle(session, (published, published), by, now)
            await trail.record(session, self._line("discarded", by, "draft"), *settled)

    async def publish(
        self, db: Database, content: T, *, trail: Trail, by: By, now: datetime, seen: int, is_quiet: bool = True
    ) -> int:
        """Make a version of what did not come of the draft, and say which.

        `seen` is the version that counted when it was shown.
        """
        return await self._write(db, content, trail=trail, by=by, now=now, seen=seen, is_quiet=is_quiet)

    async def publish_draft(
        self, db: Database, *, trail: Trail, by: By, now: datetime, seen: int, draft: int, is_quiet: bool = True
    ) -> int:
        """Make a version of the draft, as it was when its version was `draft`."""
        return await self._write(db, None, trail=trail, by=by, now=now, seen=seen, is_quiet=is_quiet, draft=draft)

    async def restore(self, db: Database, number: int, *, trail: Trail, by: By, now: datetime, seen: int) -> int:
        """Make a new version of an old one. No mail tells of what that changes."""
        old = await self.version(db, number)
        if old is None:
            raise ChangedMeanwhileError(OVERTAKEN)
        return await self._write(db, old.content, trail=trail, by=by, now=now, seen=seen, restored=number)

    async def note_rehearsal(self, db: Database, *, trail: Trail, by: By, draft: int) -> None:
        """Write down that somebody tried the draft on customers' records."""
        async with db.write() as session:
            await trail.record(session, self._line("rehearsed", by, "draft", {"draft": draft}))

    async def note_preview(self, db: Database, *, trail: Trail, by: By, account: str) -> None:
        """Write down that somebody looked at an account's pages as they would be with the draft."""
        line = Line(what=self._what("previewed"), by=by, owner=by.who, about=f"account/{account}", account=account)
        async with db.write() as session:
            await trail.record(session, line)

    async def _write(
        self,
        db: Database,
        content: T | None,
        *,
        trail: Trail,
        by: By,
        now: datetime,
        seen: int,
        is_quiet: bool = True,
        draft: int | None = None,
        restored: int | None = None,
    ) -> int:
        number = seen + 1
        try:
            async with db.write() as session:
                before = await self._newest(session)
                if before.number != seen:
                    raise ChangedMeanwhileError(OVERTAKEN)
                after = content if content is not None else await self._taken(session, draft, now, by)
                mails = {"is_quiet": is_quiet} if self.tells_mails else {}
                session.add(
                    self.versions(
                        number=number,
                        content=self.stored(after),
                        restored=restored,
                        made_at=now,
                        made_by=by.who,
                        **mails,
                    )
                )
                await session.flush()
                settled = await self.settle(session, (after, await self.wanted_in(session)), by, now)
                details: Told = {"changes": self.told(before.content, after)}
                if self.tells_mails:
                    details["mails"] = not is_quiet
                if restored is not None:
                    details["restored"] = restored
                await trail.record(session, self._line("published", by, str(number), details), *settled)
        except IntegrityError as error:  # two published at the same moment
            raise ChangedMeanwhileError(OVERTAKEN) from error
        return number

    async def _taken(self, session: AsyncSession, version: int | None, now: datetime, by: By) -> T:
        """Take the draft, which is none any more."""
        row = await session.get(self.drafts, 1, with_for_update=True)
        if row is None or row.content is None or row.version != version:
            raise ChangedMeanwhileError(OVERTAKEN)
        content = self.read(row.content)
        await self._keep(session, row, None, now, by)
        return content

    async def _locked(self, session: AsyncSession, seen: int) -> DraftRow | None:
        row = await session.get(self.drafts, 1, with_for_update=True)
        if (row.version if row else 0) != seen:
            raise ChangedMeanwhileError(OVERTAKEN)
        return row

    async def _keep(self, session: AsyncSession, row: DraftRow | None, content: object, now: datetime, by: By) -> None:
        if row is None:
            session.add(self.drafts(id=1, version=1, content=content, changed_at=now, changed_by=by.who))
        else:
            row.version, row.content, row.changed_at, row.changed_by = row.version + 1, content, now, by.who
        await session.flush()

    async def _newest(self, session: AsyncSession) -> Version[T]:
        row = await session.scalar(sa.select(self.versions).order_by(self.versions.number.desc()).limit(1))
        return self._version(row) if row else self.before_all

    def _version(self, row: VersionRow) -> Version[T]:
        return Version(
            number=row.number,
            content=self.read(row.content),
            restored=row.restored,
            made_at=row.made_at,
            made_by=row.made_by,
        )

    def _line(self, act: Act, by: By, which: str, details: Told | None = None) -> Line:
        return Line(what=self._what(act), by=by, owner=by.who, about=f"{self.name}/{which}", details=details or {})

    def _what(self, act: Act) -> What:
        return cast("What", f"{self.name}.{act}")  # each of them is one


async def names_of(db: Database, makers: Iterable[str]) -> dict[str, str]:
    """Name who made versions: staff as people know them, others by what they are."""
    names = {each: _maker(each) for each in makers}
    ids = [who.removeprefix("staff/") for who in names if who.startswith("staff/")]
    async with db.read() as session:
        rows = await session.scalars(sa.select(Staff).where(Staff.id.in_(ids)))
        return names | {f"staff/{row.id}": row.name or row.subject for row in rows}


def _maker(who: str) -> str:
    kind, _, name = who.partition("/")
    return f"{name}, at the command line" if kind == "operator" else who
