"""The marks by which staff count segments: they follow all that a segment depends on, and nobody sees more by them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_db import SORTS_IN_ENGLISH
from support_moves import Stock
from test_moves import merged, parted

from auth.clock import utc_now
from gateway.access import LinkRef
from gateway.piecemeal import PIECE
from gateway.records.database import Database
from gateway.records.status_tables import CustomerFacts, SegmentDue, SegmentMark
from gateway.records.tables import Account, Link
from gateway.seeing.marking import Marking
from gateway.seeing.marks import piece
from gateway.seeing.members import Sizes, every_member, members_of, sizes_of
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, TRUSTED, Policy, Rule, Seen, Segment
from gateway.sorting import sort

Db = Database


def rule(source: str, value: str) -> Rule:
    return Rule(source=source, property="tier", how="is", values=(value,))


GOLD = Segment(name="gold", title="Gold", rule=rule("erp", "gold"), seen=Seen())
OLD = Segment(name="old", title="Old", rule=rule("helpdesk", "old"), seen=Seen())
POLICY = Policy(segments=(GOLD, OLD))


async def facts(db: Db, source: str, customer: str, *tiers: str, hours: float = 0) -> None:
    told = {"facts": {"tier": list(tiers)}, "read_at": utc_now() - timedelta(hours=hours), "asked": "tier"}
    async with db.write() as session:
        await session.merge(CustomerFacts(source=source, customer=customer, tried_at=utc_now(), **told))


async def publish(db: Db, policy: Policy) -> None:
    seen = (await POLICIES.live(db)).number
    await POLICIES.publish(db, policy, trail=TRAIL, by=BY, now=utc_now(), seen=seen)


async def write(db: Db, statement: Any, rows: list[dict[str, Any]] | None = None) -> None:
    async with db.write() as session:
        await session.execute(statement, rows)


@pytest_asyncio.fixture
async def firms(database_with_sources: Db) -> Db:
    """Alder is gold, birch is old, of cedar nothing is known, and dogwood is no customer anywhere."""
    db, stock = database_with_sources, Stock(database_with_sources)
    for name, number in (("alder", "1"), ("birch", "2"), ("cedar", "3")):
        await stock.account(name)
        await stock.link(name, "erp", number)
        await stock.link(name, "helpdesk", number)
    await stock.account("dogwood")
    await facts(db, "erp", "1", "gold")
    await facts(db, "helpdesk", "1", "old")
    await facts(db, "erp", "2", "tin")
    await facts(db, "helpdesk", "2", "old")
    await publish(db, POLICY)
    return db


async def marked(db: Db, policy: Policy = POLICY, *, later: timedelta = timedelta()) -> Sizes:
    await Marking(db, lambda: utc_now() + later).turn()
    return await sizes_of(db, policy)


async def names(db: Db, segment: str, policy: Policy = POLICY, **more: Any) -> list[str]:
    return [each.id for each in (await members_of(db, policy, segment, **more)).found]


async def test_counts_by_what_is_known(firms: Db) -> None:
    before = await sizes_of(firms, POLICY)
    assert before == Sizes(sure={}, unsure=0, left=before.left)
    assert before.left >= 4, "they wait for their marks, and nobody is counted anywhere"
    assert await marked(firms) == Sizes(sure={"gold": 1, "old": 1}, unsure=2)
    assert await names(firms, "gold") == ["alder", "cedar", "dogwood"]
    assert await names(firms, "old", unsure=True) == ["cedar", "dogwood"]
    assert await names(firms, "old", words="BIR") == ["birch"]
    assert [each.id async for each in every_member(firms, POLICY, EVERYBODY)] == ["cedar", "dogwood"]
    assert (await marked(firms)).left == 0


@pytest.mark.parametrize("database_url", [SORTS_IN_ENGLISH], indirect=True)
async def test_counts_where_the_database_sorts_like_a_dictionary(firms: Db) -> None:
    assert await marked(firms) == Sizes(sure={"gold": 1, "old": 1}, unsure=2)
    assert await names(firms, "gold") == ["alder", "cedar", "dogwood"]


Change = Callable[[Db], Awaitable[Any]]
CHANGES: dict[str, tuple[Change, Sizes]] = {
    "other facts": (lambda db: facts(db, "erp", "1", "tin"), Sizes(sure={"old": 2}, unsure=2)),
    "the first facts": (lambda db: facts(db, "erp", "3", "gold"), Sizes(sure={"gold": 2, "old": 1}, unsure=1)),
    "facts gone": (
        lambda db: write(db, sa.delete(CustomerFacts).where(CustomerFacts.customer == "1")),
        Sizes(sure={"old": 1}, unsure=3),
    ),
    "a new link": (lambda db: Stock(db).link("alder", "erp", "9"), Sizes(sure={"old": 1}, unsure=3)),
    "a link gone": (
        lambda db: write(db, sa.delete(Link).where(Link.source == "erp", Link.customer == "1")),
        Sizes(sure={"old": 1}, unsure=3),
    ),
    "a link of another": (
        lambda db: write(db, sa.update(Link).where(Link.customer == "1").values(account_id="dogwood")),
        Sizes(sure={"gold": 1, "old": 1}, unsure=2),
    ),
    "a new account": (lambda db: Stock(db).account("elm"), Sizes(sure={"gold": 1, "old": 1}, unsure=3)),
    "an account gone": (
        lambda db: write(db, sa.delete(Account).where(Account.id == "alder")),
        Sizes(sure={"old": 1}, unsure=2),
    ),
    "a merge": (lambda db: merged(db, "alder", "dogwood"), Sizes(sure={"gold": 1, "old": 1}, unsure=1)),
    "a split": (
        lambda db: parted(db, "alder", "elm", LinkRef("erp", "1")),
        Sizes(sure={"gold": 1, "old": 1}, unsure=3),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_follows_what_changes(firms: Db, what: str) -> None:
    change, then = CHANGES[what]
    assert await marked(firms) == Sizes(sure={"gold": 1, "old": 1}, unsure=2)
    await change(firms)
    assert (await sizes_of(firms, POLICY)).left or what == "an account gone"
    assert await marked(firms) == then
    async with firms.read() as session:
        accounts = list(await session.scalars(sa.select(Account.id).where(Account.merged_into.is_(None))))
        _, sorted_now = await sort(session, accounts, POLICY)
    for segment in ("gold", "old", EVERYBODY):
        assert await names(firms, segment) == sorted(each for each in accounts if segment in sorted_now[each])


async def test_is_found_by_a_new_name(firms: Db) -> None:
    await marked(firms)
    async with firms.write() as session:
        (await session.get_one(Account, "alder")).name = "Zelkova"
    await marked(firms)
    assert await names(firms, "gold") == ["cedar", "dogwood", "alder"], "in its new place"
    assert await names(firms, "gold", words="zelk") == ["alder"]


async def test_follows_the_draft_and_not_what_is_shown(firms: Db) -> None:
    await marked(firms)

    async def draft(policy: Policy, seen: int) -> None:
        await POLICIES.change_draft(firms, lambda _: policy, trail=TRAIL, by=BY, now=utc_now(), seen=seen)

    other = Policy(segments=(OLD, GOLD))
    await draft(other, 0)
    assert (await sizes_of(firms, other)).left >= 4
    assert await marked(firms, other) == Sizes(sure={"old": 2}, unsure=2)
    assert await names(firms, "gold", other) == ["cedar", "dogwood"], "who is old for certain is not gold"
    same = Policy(segments=(OLD, Segment(name="gold", title="Best", rule=GOLD.rule, seen=Seen(topics=()))))
    await draft(same, 1)
    assert await sizes_of(firms, same) == Sizes(sure={"old": 2}, unsure=2), "nobody is to be sorted again"
    await draft(Policy(), 2)
    assert await marked(firms, Policy()) == Sizes(sure={EVERYBODY: 4})
    assert await names(firms, EVERYBODY, Policy(), page=2, size=3) == ["dogwood"]
    assert await names(firms, EVERYBODY, Policy(), words="CED") == ["cedar"]
    async with firms.read() as session:
        assert not list(await session.scalars(sa.select(SegmentMark.account_id)))
        assert not list(await session.scalars(sa.select(SegmentDue.id)))


async def test_knows_for_a_day(firms: Db) -> None:
    await facts(firms, "erp", "1", "gold", hours=20)
    assert await marked(firms) == Sizes(sure={"gold": 1, "old": 1}, unsure=2)
    assert await marked(firms, later=timedelta(hours=5)) == Sizes(sure={"old": 1}, unsure=3)
    await facts(firms, "erp", "1", "gold")
    assert await marked(firms, later=TRUSTED - timedelta(hours=1)) == Sizes(sure={"gold": 1, "old": 1}, unsure=2)
    assert await marked(firms, later=TRUSTED + timedelta(hours=1)) == Sizes(sure={}, unsure=4)


async def test_lets_nobody_see_more(firms: Db) -> None:
    """What a customer sees is decided by the facts alone, whatever the marks say."""
    await marked(firms)
    async with firms.write() as session:
        gold = await session.scalar(sa.select(SegmentMark.held).where(SegmentMark.account_id == "alder"))
        await session.execute(sa.update(SegmentMark).values(held=gold, until=None))
        await session.execute(sa.delete(SegmentDue))
    async with firms.read() as session:
        _, segments = await sort(session, ["alder", "birch", "cedar"])
    assert segments == {"alder": ("gold",), "birch": ("old",), "cedar": ("gold", "old", EVERYBODY)}
    assert await names(firms, "gold") == ["alder", "cedar", "dogwood"], "nor does a wrong mark show birch among them"


async def test_gives_each_customer_to_one_page(firms: Db) -> None:
    known = [(f"z{number:02}", f"Name {97 * number % 50}") for number in range(40)]
    rows = [{"id": id_, "name": name, "created_at": utc_now()} for id_, name in known]
    await write(firms, sa.insert(Account), rows)
    links = [{"source": "erp", "customer": id_, "account_id": id_} for id_, _ in known]
    proof = {"fact": "", "decided_by": "", "decided_at": utc_now()}
    await write(firms, sa.insert(Link), [link | proof for link in links])
    for id_, _ in known[::3]:
        await facts(firms, "erp", id_, "gold" if id_ < "z20" else "tin")
    await marked(firms)
    for more in ({}, {"words": "name"}, {"unsure": True}):
        every = [each.id async for each in every_member(firms, POLICY, "gold", **more)]
        pages = [await members_of(firms, POLICY, "gold", page=page, size=7, **more) for page in range(1, 9)]
        assert [each.id for page in pages for each in page.found] == every
        assert {page.count for page in pages} == {len(every)}
        assert len(every) > 14


async def test_leaves_many_to_others_and_says_so(firms: Db) -> None:
    rows = [{"id": f"z{number:04}", "name": "z", "created_at": utc_now()} for number in range(PIECE + 1)]
    await write(firms, sa.insert(Account), rows)
    marking = Marking(firms, utc_now)
    await marking.catch_up()
    assert (await sizes_of(firms, POLICY)).left > PIECE, "who looks does not wait for so many"
    await marking.turn()
    await facts(firms, "erp", "1", "tin")
    await marking.catch_up()
    assert await sizes_of(firms, POLICY) == Sizes(sure={"old": 2}, unsure=PIECE + 3)


async def test_goes_on_while_accounts_are_noted_more_than_once(firms: Db) -> None:
    await marked(firms)
    await write(firms, sa.insert(SegmentDue), [{"account_id": each} for each in ("alder", "alder", "birch")])
    async with firms.write() as session:
        assert await piece(session, utc_now(), most=2)
    async with firms.write() as session:
        assert not await piece(session, utc_now(), most=2)
        assert not list(await session.scalars(sa.select(SegmentDue.id)))
