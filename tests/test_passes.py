"""A pass loses nothing: whatever commits late, changes at once with others, or changes while it is under way."""

from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import pytest

from connectors.contract import ChangesQuery
from connectors.errors import BadResponse
from connectors.passes import Pass, clock_of, place_of

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
LAG = timedelta(seconds=60)
PAGE = 3


class Table:
    """Rows by id, each with when its last transaction began, to the second, and the version that this one wrote."""

    def __init__(self, seed: int) -> None:
        self.now = START
        self.rows: dict[int, tuple[datetime, int]] = {}
        self._random = Random(seed)
        self._open: list[tuple[datetime, datetime, list[int]]] = []  # commits at, began at, writes to
        self._versions = 0

    def wait(self, *, busy: bool) -> None:
        """Let up to ten seconds go by. Some transactions end, each as late as it may, and some begin."""
        self.now += timedelta(seconds=self._random.random() * 10)
        for end, began, ids in [each for each in self._open if each[0] <= self.now]:
            self._open.remove((end, began, ids))
            for key in ids:
                self._versions += 1
                self.rows[key] = began.replace(microsecond=0), self._versions
        if busy:
            for _ in range(self._random.randrange(3)):
                ids = self._random.choices(range(1, 30), k=self._random.choice([1, 1, 1, 12]))
                takes = self._random.choice([0.1, 1, LAG.total_seconds() - 1])
                self._open.append((self.now + timedelta(seconds=takes), self.now, ids))

    @property
    def latest(self) -> datetime | None:
        return max((at for at, _ in self.rows.values()), default=None)


def look(table: Table, known: dict[int, int], cursor: str | None, *, clock: bool, busy: bool) -> tuple[str, int]:
    """Follow to the end, with some time between two pages. Give the cursor and how many rows were told."""
    told, more = 0, True
    while more:
        place = place_of(ChangesQuery(since=START, asked_at=START, cursor=cursor))
        found = sorted(key for key, (at, _) in table.rows.items() if at >= place.since and key > place.after)
        if found and not place.after:
            place = place.begun(table.latest, table.now if clock else None, LAG)
        page, more = found[:PAGE], len(found) > PAGE
        known |= {key: table.rows[key][1] for key in page}
        told += len(page)
        cursor = place.cursor(after=page[-1] if more else None)
        table.wait(busy=busy)
    assert cursor is not None
    return cursor, told


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("clock", [True, False])
def test_tells_every_version_that_lasts(seed: int, clock: bool) -> None:  # noqa: FBT001  # a case
    table, known, cursor = Table(seed), dict[int, int](), None
    for quiet in (12, 14, 16, 40):
        for _ in range(20):
            cursor, _ = look(table, known, cursor, clock=clock, busy=True)
        for _ in range(quiet):
            cursor, told = look(table, known, cursor, clock=clock, busy=False)
    assert known == {key: version for key, (_, version) in table.rows.items()}
    assert (told == 0) is clock, "with a clock over there, what was told for good is told no more"


def test_is_not_blinded_by_a_row_from_the_future() -> None:
    table, known, cursor = Table(0), dict[int, int](), None
    table.rows[99] = START + timedelta(days=900), 0
    for version in range(1, 40):
        table.wait(busy=False)
        table.rows[7] = table.now.replace(microsecond=0), version
        cursor, _ = look(table, known, cursor, clock=True, busy=False)
        assert known == {7: version, 99: 0}


@pytest.mark.parametrize("year", [1, 9999])
def test_reads_no_end_of_time(year: int) -> None:
    end = datetime(year, 12 if year > 1 else 1, 31 if year > 1 else 1, 23, 59, 59, tzinfo=UTC)
    place = Pass(since=datetime(1, 1, 1, tzinfo=UTC), newest=end, seen=datetime(1, 1, 1, tzinfo=UTC))
    with pytest.raises(BadResponse):
        place.begun(end, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) if year > 1 else None, timedelta(days=2))


def test_begins_where_it_is_told_to() -> None:
    query = ChangesQuery(since=START.astimezone(), asked_at=START + timedelta(days=9))
    assert place_of(query) == Pass(since=START)
    place = Pass(since=START, after=7, until=START, newest=START, seen=START)
    assert place_of(ChangesQuery(since=START, asked_at=START, cursor=place.cursor(after=7))) == place


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "{}",
        '{"since": "2026-11-22T10:00:00"}',
        '{"since": "now"}',
        '{"since": "2026-11-22T10:00:00Z", "after": "a"}',
    ],
)
def test_takes_no_cursor_but_its_own(cursor: str) -> None:
    with pytest.raises(BadResponse):
        place_of(ChangesQuery(since=START, asked_at=START, cursor=cursor))


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        ("Sun, 22 Nov 2026 10:00:00 GMT", START),
        ("", None),
        ("soon", None),
        ("Sun, 99 Nov 2026 10:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
    ],
)
def test_reads_the_clock_of_an_answer(date: str, clock: datetime | None) -> None:
    assert clock_of(httpx.Response(200, headers={"Date": date} if date else {})) == clock
