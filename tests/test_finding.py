"""Pages of long lists, on both databases: each row is on one page, in order, whichever end its page is counted from."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from support_invited import add_invited
from support_mails import add_member
from support_portal import Portal

from gateway.adoption import _named, adoption
from gateway.customers import PAGE, Only, _found_soon, customers_of, every_customer
from gateway.finding import page_of, some_of, stretch
from gateway.help.overview import searches
from gateway.records.database import Database
from gateway.records.help_tables import HelpSearch
from gateway.records.tables import Account, Membership
from gateway.records.upsert import insert
from gateway.rights import COMPANY

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MANY = 2 * PAGE + 5


@given(st.integers(0, 500), st.integers(1, 60))
def test_gives_each_row_to_one_page(count: int, size: int) -> None:
    rows = list(range(count))
    found = []
    for page in range(1, count // size + 3):
        offset, limit, from_end = stretch(count, page, size)
        its = (rows[::-1] if from_end else rows)[offset : offset + limit]
        found += its[::-1] if from_end else its
        assert offset <= max(count - limit, 0) / 2, "the nearer end"
    assert found == rows


@pytest_asyncio.fixture
async def crowd(database: Database) -> Database:
    """Accounts of which every third was never seen."""
    rows = [
        {"id": f"a{number:02}", "name": f"Name {97 * number % 1000}", "created_at": NOW, "seen_at": NOW}
        for number in range(MANY)
    ]
    async with database.write() as session:
        await session.execute(
            sa.insert(Account), [row | ({} if at % 3 else {"seen_at": None}) for at, row in enumerate(rows)]
        )
    return database


async def test_reads_ids_from_either_end(crowd: Database) -> None:
    async with crowd.read() as session:
        pages = [await page_of(session, Account.id, [Account.id > "a04"], page, 7) for page in range(1, 9)]
    assert {count for _, count in pages} == {MANY - 5}
    assert [id_ for ids, _ in pages for id_ in ids] == [f"a{number:02}" for number in range(MANY - 1, 4, -1)]


@pytest.mark.parametrize("only", ["", "never", "unlinked", "disabled"])
@pytest.mark.parametrize("question", ["", "name", "name 9", "nobody"])
async def test_shows_each_customer_on_one_page(crowd: Database, question: str, only: Only) -> None:
    every = [each.id async for each in every_customer(crowd, question, only)]
    pages = [await customers_of(crowd, question, page, only) for page in range(1, 5)]
    assert [each.id for page in pages for each in page.found] == every
    assert {page.count for page in pages} == {len(every)}, "also behind the last one"


async def test_counts_searches_behind_the_last_page(database: Database) -> None:
    rows = [{"words": f"w{number}", "day": NOW.date(), "times": 1, "empty": 1, "unanswered": 0} for number in range(7)]
    async with database.write() as session:
        await session.execute(sa.insert(HelpSearch), rows)
    pages = [await searches(database, page=page, size=3) for page in range(1, 5)]
    assert [each.words for found, _ in pages for each in found] == [f"w{number}" for number in range(7)]
    assert {count for _, count in pages} == {7}


async def test_adds_up_what_was_searched_for_as_it_comes_and_goes(database: Database) -> None:
    """As if all days were added up at each look."""
    random, columns = Random(1), (HelpSearch.times, HelpSearch.empty, HelpSearch.unanswered)
    days = [NOW.date() + timedelta(days=each) for each in range(3)]
    sums = sa.select(HelpSearch.words, *map(sa.func.sum, columns)).group_by(HelpSearch.words)
    for _ in range(25):
        async with database.write() as session:
            for words in random.sample("abcd", 2):
                many = {column.key: random.randrange(4) for column in columns}
                row = insert(session, HelpSearch).values(words=words, day=random.choice(days), **many)
                more = {column.key: column + many[column.key] for column in columns}
                await session.execute(row.on_conflict_do_update(index_elements=["words", "day"], set_=more))
            if random.random() < 0.3:
                await session.execute(sa.delete(HelpSearch).where(HelpSearch.day == random.choice(days)))
        async with database.read() as session:
            truth = {row[0]: tuple(map(int, row[1:])) for row in await session.execute(sums)}
        every, count = await searches(database, failed=False)
        assert {each.words: (each.times, each.empty, each.unanswered) for each in every} == truth
        assert count == len(truth)
        failed = [each for each in every if each.empty + each.unanswered]
        assert list((await searches(database))[0]) == failed
        assert failed == sorted(failed, key=lambda each: (-each.empty - each.unanswered, -each.times, each.words))


COUNTED = [  # rows, page; how many are on it, how many are counted, and whether there are more
    (1000, 1, (20, 1000, False)),
    (1001, 1, (20, 1000, True)),
    (1001, 50, (20, 1000, True)),
    (1001, 51, (1, 1001, False)),
    (1050, 52, (20, 1040, True)),
    (1050, 53, (10, 1050, False)),
    (7, 2, (0, 7, False)),
]


@pytest.mark.parametrize(("many", "page", "then"), COUNTED)
async def test_counts_what_was_searched_for_no_further_than_is_of_use(
    database: Database, many: int, page: int, then: tuple[int, int, bool]
) -> None:
    rows = [{"id": f"a{number:04}", "name": "x", "created_at": NOW} for number in range(many)]
    async with database.write() as session:
        await session.execute(sa.insert(Account), rows)
    async with database.read() as session:
        some = await some_of(session, sa.select(Account.id).order_by(Account.id), page, 20)
    assert (len(some.found), some.count, some.is_more) == then
    assert some.found == tuple(row["id"] for row in rows[(page - 1) * 20 : page * 20])


@pytest.mark.parametrize("most", [0, 5000])
async def test_finds_the_same_people_and_accounts_where_a_word_finds_many(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Few that a word finds are read first, of many each row is asked: both say the same."""
    monkeypatch.setattr("gateway.customers.MANY", most)
    monkeypatch.setattr("gateway.adoption.MANY", most)
    await add_invited(portal.database, "bakery")
    for question, accounts in (
        ("maya", ["bakery"]),
        ("bakery", ["bakery"]),
        ("30", ["hotel"]),
        ("e", ["bakery", "hotel"]),
    ):
        assert [each.id for each in (await customers_of(portal.database, question, 1)).found] == accounts
    for question, people in (("bakery", 3), ("hotel", 1), ("ann@", 1), ("nobody", 0)):
        some = await adoption(portal.database, question, NOW)
        assert (len(some.found), some.count) == (people, people)


async def test_binds_no_more_than_some_ids(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL takes no more than 65,535 of them, and few accounts may have more people than that."""
    monkeypatch.setattr("gateway.customers.MANY", 2)
    monkeypatch.setattr("gateway.adoption.MANY", 2)
    async with database.write() as session:
        for name in ("acme", "birch", "cedar"):
            session.add(Account(id=name, name=name, created_at=NOW))
    ids = [await add_member(database, "acme", f"m{number}") for number in range(3)]
    async with database.write() as session:
        its = {"rights": to_builtins(COMPANY), "created_at": NOW}
        more = [{"member_id": ids[0], "account_id": name} for name in ("birch", "cedar")]
        await session.execute(sa.insert(Membership), [row | its for row in more])
        named = await _named(session, "acme")
        for condition in (named.people, named.guests, await _found_soon(session, "m0")):
            bound = [its for its in condition.compile().params.values() if isinstance(its, list | set | tuple)]
            assert all(len(its) <= 2 for its in bound)
    assert (await adoption(database, "acme", NOW)).count == 3
    assert [each.id for each in (await customers_of(database, "m0@", 1)).found] == ["acme", "birch", "cedar"]
