"""Places in a list of changes: a cursor leads back to its place, and looks overlap by what may come late."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.contract import ChangesQuery
from connectors.errors import BadResponse
from connectors.feeds import EARLIEST, LARGEST, Place, place_of, read_place

LAG = timedelta(minutes=1)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
INSTANTS = st.datetimes(EARLIEST.replace(tzinfo=None), datetime.max, timezones=st.just(UTC))  # noqa: DTZ901  # any


def query(cursor: str | None) -> ChangesQuery:
    return ChangesQuery(since=NOON, asked_at=NOON + timedelta(days=9), cursor=cursor)


@given(at=INSTANTS, after=st.integers(0, LARGEST), newest=st.none() | INSTANTS)
def test_finds_the_way_back(at: datetime, after: int, newest: datetime | None) -> None:
    place = Place(at, after, newest)
    assert place_of(query(place.cursor)) == read_place(place.cursor) == place


def test_begins_where_it_is_told_to_and_writes_utc() -> None:
    east = ChangesQuery(since=NOON.astimezone(timezone(timedelta(hours=5))), asked_at=NOON)
    assert place_of(east).cursor == "2026-11-22T12:00:00Z/0"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00Z/",
        "2026-11-22T12:00:00Z/-1",
        "2026-11-22T12:00:00Z/01",
        "2026-11-22T12:00:00Z/9223372036854775808",
        "2026-11-22T12:00:00Z/٣",
        "2026-11-22T12:00:00Z/7\n",
        "2026-11-22T12:00:00Z/7/",
        "2026-13-22T12:00:00Z/7",
        "2026-11-22T12:00:00Z/7/2026-11-22T25:00:00Z",
        "....................../7",
    ],
)
def test_refuses_any_other_cursor(cursor: str) -> None:
    with pytest.raises(BadResponse, match="cursor"):
        place_of(query(cursor))


def test_rests_the_lag_before_the_end() -> None:
    assert Place(NOON).at_rest(NOON + LAG, LAG) == Place(NOON)
    assert Place(NOON, 7).at_rest(NOON + LAG, LAG) == Place(NOON)


def test_rests_the_lag_before_what_was_newest_when_a_long_look_began() -> None:
    later = NOON + timedelta(hours=1)
    assert Place(later, 7, newest=NOON).at_rest(later, LAG) == Place(NOON - LAG)
    assert Place(later, 7, newest=NOON).at_rest(None, LAG) == Place(NOON - LAG)
    assert Place(NOON, 7, newest=later).at_rest(None, LAG) == Place(NOON - LAG)


def test_stays_where_nothing_has_changed() -> None:
    assert Place(NOON).at_rest(None, LAG) == Place(NOON)


def test_begins_with_the_era_of_computers() -> None:
    ancient = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))  # not to be written in UTC at all
    assert Place(NOON).behind(ancient).at == EARLIEST
    assert Place(NOON).at_rest(ancient, LAG).at == EARLIEST


@pytest.mark.parametrize("size", [1, 2, 3, 60])
def test_loses_nothing_that_turns_up_within_the_lag(size: int) -> None:
    for seed in range(20):
        some = Random(seed)
        changed = [NOON + timedelta(seconds=some.randrange(40)) for _ in range(60)]
        rows = [(at, key, at + timedelta(seconds=some.randrange(10))) for key, at in enumerate(changed, 1)]
        assert followed(rows, size) == set(range(1, 61)), f"seed {seed}"


def followed(rows: list[tuple[datetime, int, datetime]], size: int) -> set[int]:
    """Follow rows of (changed at, id, there from), a page a second, until all of them have long been there."""
    place, found = Place(NOON), set[int]()
    for clock in range(300):
        there = sorted((at, key) for at, key, since in rows if since <= NOON + timedelta(seconds=clock))
        page = [row for row in there if row > (place.at, place.after)][:size]
        found |= {key for _, key in page}
        if len(page) == size:
            place = replace(place, newest=place.newest or there[-1][0]).behind(*page[-1])
        else:
            place = place.at_rest(page[-1][0] if page else None, timedelta(seconds=9))
    return found
