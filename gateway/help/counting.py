"""What customers searched for, and whether articles answered it: counted without knowing who, and written in a moment.

Addresses and numbers are left out of what is kept: a question may hold somebody's. Words are kept for 90 days.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from gateway.help.words import words_in
from gateway.keeping import KeptFor, always
from gateway.records.database import Database
from gateway.records.help_tables import ArticleAnswer, HelpSearch, HelpWords
from gateway.records.upsert import insert
from gateway.rounds import Rounds, Seldom

WRITTEN_EVERY = 2.0  # seconds
PURGED_EVERY = timedelta(hours=6)
ROOM = 1000  # different searches that wait, and that a day has
LONGEST = 100
PERSONAL = re.compile(r"\S*@\S*|\S*[0-9]{4}\S*")


class Times(Struct):
    times: int = 0
    empty: int = 0
    unanswered: int = 0


class Answers(Struct):
    yes: int = 0
    no: int = 0


class HelpCounts:
    """Counts from the moment it is made; `start` it to write, and `aclose` it to write the last."""

    def __init__(self, database: Database, now: Clock, *, kept_for: KeptFor | None = None) -> None:
        self._kept_for = kept_for or always("searches")
        self._database = database
        self._now = now
        self._searches: dict[tuple[str, date], Times] = {}
        self._answers: dict[str, Answers] = {}
        self._rounds = Rounds("help counts", self._turn, every=WRITTEN_EVERY)
        self._purges = Seldom(self._purge, now, every=PURGED_EVERY)

    def searched(self, question: str, *, found: bool) -> None:
        if times := self._of(question):
            times.times += 1
            times.empty += not found

    def answered(self, name: str, question: str, *, yes: bool) -> None:
        """Count what somebody said of an article; `question` is what had led them there, if anything had."""
        answers = self._answers.setdefault(name, Answers())
        answers.yes += yes
        answers.no += not yes
        if not yes and (times := self._of(question)):
            times.unanswered += 1

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.finish(self.flush)

    async def flush(self) -> None:
        """Write what waits. What the database does not take now is lost: nothing depends on it."""
        searches, self._searches = self._searches, {}
        answers, self._answers = self._answers, {}
        if not searches and not answers:
            return
        async with self._database.write() as session:
            await _hold(session, {words for words, _ in searches})
            if answers:
                await _add_answers(session, answers)
            for day in sorted({day for _, day in searches}):
                await _add_searches(
                    session, day, {words: searches[words, each] for words, each in searches if each == day}
                )

    def _of(self, question: str) -> Times | None:
        words = " ".join(words_in(PERSONAL.sub(" ", question)))[:LONGEST].rstrip()
        if not words or len(self._searches) >= ROOM:
            return None
        return self._searches.setdefault((words, self._now().date()), Times())

    async def _turn(self) -> None:
        await self.flush()
        await self._purges.turn()

    async def _purge(self, now: datetime) -> None:
        gone = HelpSearch.day < (now - await self._kept_for()).date()
        async with self._database.write() as session:
            await _hold(session, sa.select(HelpSearch.words).where(gone))
            await session.execute(sa.delete(HelpSearch).where(gone))


async def _hold(session: AsyncSession, words: Collection[str] | sa.Select[str]) -> None:
    """Lock the sums that will change, always in the same order: processes that change the same ones wait in turn."""
    held = sa.select(HelpWords.words).where(HelpWords.words.in_(words)).order_by(HelpWords.words)
    await session.execute(held.with_for_update())


async def _add_answers(session: AsyncSession, answers: Mapping[str, Answers]) -> None:
    row = insert(session, ArticleAnswer)
    more = {"yes": ArticleAnswer.yes + row.excluded.yes, "no": ArticleAnswer.no + row.excluded.no}
    rows = [{"name": name, "yes": each.yes, "no": each.no} for name, each in sorted(answers.items())]
    await session.execute(row.on_conflict_do_update(index_elements=["name"], set_=more), rows)


async def _add_searches(session: AsyncSession, day: date, searches: Mapping[str, Times]) -> None:
    """Add to a day's rows, of which there are no more than there is room for."""
    known = set(await session.scalars(sa.select(HelpSearch.words).where(HelpSearch.day == day)))
    new = [words for words in sorted(searches) if words not in known][: max(0, ROOM - len(known))]
    rows = [
        {"words": words, "day": day, "times": each.times, "empty": each.empty, "unanswered": each.unanswered}
        for words, each in sorted(searches.items())
        if words in known or words in new
    ]
    if rows:
        row = insert(session, HelpSearch)
        columns = ("times", "empty", "unanswered")
        more = {name: getattr(HelpSearch, name) + row.excluded[name] for name in columns}
        await session.execute(row.on_conflict_do_update(index_elements=["words", "day"], set_=more), rows)
