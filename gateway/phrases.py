"""What staff have said in other languages: kept in the rows, and known to every process within seconds."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from gateway import languages
from gateway.audit import Trail
from gateway.offices import LOOK_EVERY
from gateway.records.database import Database, DatabaseDown
from gateway.records.language_tables import PhraseBook, PhraseRow
from gateway.records.lines import By, Line
from gateway.records.upsert import insert
from gateway.rounds import Rounds

NAMED = 20  # of those that were changed, in the audit trail


class PhrasesChanged(Exception):  # noqa: N818  # says what is the matter
    """Somebody else has changed the phrases of this language since they were looked at."""


class Book(Struct, frozen=True, kw_only=True):
    """The phrases of one language, by what staff wrote. `version` 0: there are none yet."""

    version: int = 0
    said: Mapping[str, str] = {}


def key_of(original: str) -> str:
    return hashlib.sha256(original.encode()).hexdigest()


async def read_book(db: Database, language: str) -> Book:
    """Raises `DatabaseDown`."""
    async with db.read() as session:
        version = await session.scalar(sa.select(PhraseBook.version).where(PhraseBook.language == language))
        rows = await session.scalars(sa.select(PhraseRow).where(PhraseRow.language == language))
        return Book(version=version or 0, said={row.original: row.said for row in rows})


async def save(
    db: Database, language: str, wanted: Mapping[str, str], *, seen: int, trail: Trail, by: By, now: datetime
) -> int:
    """Say these phrases so from now on; an empty one is as without staff again. Gives how many have changed.

    Raises `PhrasesChanged` where the version `seen` is past.
    """
    async with db.write() as session:
        await session.execute(insert(session, PhraseBook).values(language=language, version=0).on_conflict_do_nothing())
        book = await session.get_one(PhraseBook, language, with_for_update=True)
        if book.version != seen:
            raise PhrasesChanged
        rows = {row.key: row for row in await session.scalars(_of(language, wanted))}
        changed: list[str] = []
        for original, said in wanted.items():
            row = rows.get(key_of(original))
            if said == (row.said if row else ""):
                continue
            changed.append(original)
            if row is None:
                row = PhraseRow(language=language, key=key_of(original), original=original)
                session.add(row)
            if said:
                row.said, row.changed_by, row.changed_at = said, by.who, now
            else:
                await session.delete(row)
        if changed:
            book.version += 1
            told = {"language": language, "version": book.version, "changed": len(changed), "phrases": changed[:NAMED]}
            await trail.record(
                session, Line(what="phrases.changed", by=by, about="phrases", details=told, owner=by.who)
            )
        return len(changed)


def _of(language: str, originals: Mapping[str, str]) -> sa.Select[PhraseRow]:
    keys: Sequence[str] = [key_of(original) for original in originals]
    return sa.select(PhraseRow).where(PhraseRow.language == language, PhraseRow.key.in_(keys))


class Phrases:
    """Tells this process what staff have said, and looks for a change every few seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._versions: Mapping[str, int] | None = None
        self._rounds = Rounds("phrases", self.look, every=LOOK_EVERY, delay=LOOK_EVERY)

    async def look(self) -> None:
        """Look at once. Raises `DatabaseDown`."""
        async with self._db.read() as session:
            versions = {row.language: row.version for row in await session.scalars(sa.select(PhraseBook))}
            if versions == self._versions:
                return
            written: dict[str, dict[str, str]] = {language: {} for language in versions}
            for row in await session.scalars(sa.select(PhraseRow)):
                written.setdefault(row.language, {})[row.original] = row.said
        self._versions = versions
        languages.know(written)

    async def start(self) -> None:
        with suppress(DatabaseDown):  # staff have said nothing, until it is back
            await self.look()
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.stop()
