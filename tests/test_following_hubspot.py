"""HubSpot's feed over the sandbox's account: what is followed is what the reads of all customers give."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from support_following import Follower, play_staff, read_all
from support_sandbox import RunningSandbox
from test_sandbox_hubspot import opened

from connectors.errors import AccessDenied
from connectors.sandbox.hubspot import changes
from connectors.sandbox.hubspot.seed import TYPES
from connectors.sandbox.hubspot.store import Store
from connectors.vendors.hubspot import connector
from connectors.vendors.hubspot.api import HubSpot

MOMENT = timedelta(milliseconds=1)
FEED = connector.feeds["orders"]
PIPELINE = {"hs_pipeline": "14a2e10e-5471-408a-906e-c51f3b04369e", "hs_total_price": "10.00", "hs_currency_code": "EUR"}


@pytest.fixture
def store(sandbox: RunningSandbox) -> Store:
    return sandbox.site.hubspot


@pytest.fixture
async def office(sandbox: RunningSandbox) -> AsyncIterator[HubSpot]:
    async with opened(sandbox) as office:
        yield office


def ago(minutes: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


def sell(store: Store, now: datetime, owner: tuple[str, str] | None = ("companies", "9010"), **more: str) -> str:
    """Make an order, and give its id."""
    order = changes.create(store, "orders", {**PIPELINE, **more}, now)
    if owner:
        store.associate(("orders", order.id), owner, TYPES["orders", owner[0]])
    return order.id


async def everybodys(office: HubSpot, store: Store) -> dict[str, object]:
    companies = [f"company:{key}" for key in store.objects["companies"]]
    contacts = [f"contact:{key}" for key in store.objects["contacts"]]
    return dict(await read_all(connector.reads["orders"], office, *companies, *contacts))


def owned(following: Follower) -> dict[str, object]:
    return {key: each for key, each in following.answers.items() if each.owners}


async def test_begins_with_all_that_there_is(office: HubSpot, store: Store) -> None:
    following = Follower(FEED, office, ago(60 * 24 * 5000))
    await following.look()
    assert owned(following) == await everybodys(office, store)
    assert {key.partition("-")[0] for key in following.answers} == {"order", "deal"}
    assert "order-54805204447" in following.gone  # archived, in the seed
    told = [each for each in following.answers.values() if "company:9060" not in each.owners]  # theirs is a canary
    assert "INTERNAL-CANARY" not in repr(told)


async def test_tells_what_was_made_changed_emptied_and_deleted(office: HubSpot, store: Store) -> None:
    following = Follower(FEED, office, ago(30))
    kept, changed, emptied, deleted = (sell(store, ago(20)) for _ in range(4))
    await following.look()
    assert following.answers.keys() == {f"order-{key}" for key in (kept, changed, emptied, deleted)}
    changes.change(store, "orders", changed, {"hs_fulfillment_status": "Shipped"}, ago(10))
    changes.change(store, "orders", emptied, {"hs_total_price": None}, ago(10))
    changes.archive(store, "orders", deleted, ago(10))
    await following.look()
    assert {key: each.record.state for key, each in following.answers.items()} == {
        f"order-{kept}": "unknown",
        f"order-{changed}": "on_its_way",
    }
    assert {f"order-{emptied}", f"order-{deleted}"} <= following.gone


async def test_tells_of_what_came_back_from_the_archive(office: HubSpot, store: Store) -> None:
    following = Follower(FEED, office, ago(30))
    key = sell(store, ago(20))
    changes.archive(store, "orders", key, ago(19))
    await following.look()
    changes.restore(store, "orders", key, ago(18))
    await following.look()
    assert following.answers.keys() == {f"order-{key}"}


async def test_goes_through_the_archive_a_page_with_each_look(office: HubSpot, store: Store) -> None:
    made = [sell(store, ago(20)) for _ in range(250)]
    following = Follower(FEED, office, ago(30))
    await following.look()
    for key in made[::2]:
        changes.archive(store, "orders", key, ago(10))
    await following.look()
    assert len(following.answers) == 151  # the hundredth of the page has long been there
    await following.look()
    assert following.answers.keys() == {f"order-{key}" for key in made[1::2]}


async def test_loses_none_of_many_that_change_at_the_same_time(office: HubSpot, store: Store) -> None:
    """More of one instant than a page holds, in the order in which the search happens to give them."""
    before, after = (sell(store, ago(20) - MOMENT)), sell(store, ago(20) + MOMENT)
    at = ago(20)
    made = {before, after, *(sell(store, at) for _ in range(330))}
    following = Follower(FEED, office, ago(30))
    assert 4 <= await following.look() <= 7
    assert following.answers.keys() == {f"order-{key}" for key in made}


async def test_neither_loses_nor_loops_over_what_changes_between_two_pages(office: HubSpot, store: Store) -> None:
    made = [sell(store, ago(20) + MOMENT * place) for place in range(250)]
    following = Follower(FEED, office, ago(30))
    assert await following.page()
    changes.change(store, "orders", made[0], {"hs_fulfillment_status": "Delivered"}, ago(10))
    changes.archive(store, "orders", made[240], ago(10))
    await following.look()
    await following.look()
    assert following.answers.keys() == {f"order-{key}" for key in made} - {f"order-{made[240]}"}
    assert following.answers[f"order-{made[0]}"].record.state == "delivered"


async def test_finds_what_turns_up_late(office: HubSpot, store: Store) -> None:
    """The search knows of the newest, and moments later of one that was changed before it."""
    following = Follower(FEED, office, ago(30))
    late, newest = sell(store, ago(20)), sell(store, ago(20) + FEED.lag - MOMENT)
    kept = store.objects["orders"].pop(late)
    await following.look()
    assert following.answers.keys() == {f"order-{newest}"}
    store.objects["orders"][late] = kept
    await following.look()
    assert following.answers.keys() == {f"order-{newest}", f"order-{late}"}


async def test_finds_what_turned_up_late_in_a_look_of_many_pages(office: HubSpot, store: Store) -> None:
    """The end is far ahead of what the first page could know."""
    start = ago(25)
    made = [sell(store, start + timedelta(milliseconds=100) * place) for place in range(250)]
    following = Follower(FEED, office, ago(30))
    assert await following.page()
    late = sell(store, start + timedelta(seconds=1))  # behind the first page, and not known when it was made
    later = start + timedelta(seconds=26)  # and time goes on, for minutes
    made += [sell(store, later + timedelta(milliseconds=500) * place) for place in range(600)]
    await following.look()
    await following.look()
    assert following.answers.keys() == {f"order-{key}" for key in (*made, late)}


async def test_finds_nothing_that_is_too_new_and_all_of_it_in_time(office: HubSpot, store: Store) -> None:
    store.found_after = timedelta(minutes=15)
    following = Follower(FEED, office, ago(30))
    early, late = sell(store, ago(20)), sell(store, ago(10))
    await following.look()
    assert following.answers.keys() == {f"order-{early}"}
    store.found_after = timedelta(0)
    await following.look()
    assert following.answers.keys() == {f"order-{early}", f"order-{late}"}


async def test_tells_what_staff_do_on_their_own_page(office: HubSpot, sandbox: RunningSandbox) -> None:
    following = Follower(FEED, office, ago(0.5))
    await play_staff(f"{sandbox.url}/control/hubspot/orders/54805204417", stage="Delivered")
    await following.look()
    assert {key: each.record.state for key, each in following.answers.items()} == {"order-54805204417": "delivered"}


async def test_reads_again_what_may_be_associated_a_little_later(office: HubSpot, store: Store) -> None:
    following = Follower(FEED, office, ago(30))
    key = sell(store, ago(20), owner=None)
    await following.look()
    assert following.answers[f"order-{key}"].owners == frozenset()
    store.associate(("orders", key), ("companies", "9010"), TYPES["orders", "companies"])
    await following.look()
    assert following.answers[f"order-{key}"].owners == {"company:9010"}


async def test_asks_little_while_nothing_changes(office: HubSpot, store: Store, sandbox: RunningSandbox) -> None:
    sell(store, ago(20))
    following = Follower(FEED, office, ago(30))
    for _ in range(3):
        await following.look()
    before, cursor = len(sandbox.hubspot_seen), following.cursor
    await following.look()
    assert len(sandbox.hubspot_seen) - before == 4
    assert following.cursor == cursor


async def test_is_stopped_by_a_token_that_dies_on_the_way_and_goes_on_with_the_next(
    office: HubSpot, store: Store
) -> None:
    made = [sell(store, ago(20) + MOMENT * place) for place in range(250)]
    following = Follower(FEED, office, ago(30))
    assert await following.page()
    tokens, store.tokens = store.tokens, {}
    with pytest.raises(AccessDenied):
        await following.page()
    store.tokens = tokens
    await following.look()
    assert following.answers.keys() == {f"order-{key}" for key in made}


@pytest.mark.parametrize("seed", range(6))
async def test_ends_in_the_same_state_as_the_reads_whatever_happens(office: HubSpot, store: Store, seed: int) -> None:
    """A history by chance, followed in several looks: all of it, and nothing else."""
    some, clock = Random(seed), ago(60)
    following = Follower(FEED, office, ago(60 * 24 * 5000))
    for _ in range(6):
        for _ in range(some.randrange(200)):
            clock += timedelta(milliseconds=some.choice([0, 0, 0, 1, 1500]))
            happen(store, some, clock)
            if some.random() < 0.02:
                clock += MOMENT  # nothing is written in a moment that was told
                await following.page()
        clock += MOMENT
        await following.look()
    for _ in range(1 + sum(each.archived for each in store.objects["orders"].values()) // 100):
        await following.look()
    assert owned(following) == await everybodys(office, store)


def happen(store: Store, some: Random, now: datetime) -> None:
    """Let one thing happen to an account that its date of change tells."""
    type_ = some.choice(["orders", "orders", "deals"])
    living = [key for key, each in store.objects[type_].items() if not each.archived]
    key = some.choice(living)
    match some.choice(["create", "create", "create", "change", "move", "empty", "archive", "restore"]):
        case "create":
            owner = some.choice([("companies", "9010"), ("companies", "9030"), ("contacts", "501")])
            sell(store, now, owner, hs_order_name=f"#{some.randrange(10_000)}")
        case "change":
            status = some.choice(["Packing", "Shipped", "Delivered", "Cancelled"])
            changes.change(
                store, "orders", some.choice(list(store.objects["orders"])), {"hs_fulfillment_status": status}, now
            )
        case "move" if type_ == "deals":
            stages = [stage["label"] for stage in changes.stages_of(store, type_, store.objects[type_][key])]
            changes.move(store, type_, key, some.choice(stages), now)
        case "empty":
            price = some.choice([None, "12.00"])
            changes.change(store, type_, key, {"hs_total_price" if type_ == "orders" else "amount": price}, now)
        case "archive" if len(living) > 3:
            changes.archive(store, type_, key, now)
        case "restore":
            if archived := [key for key, each in store.objects[type_].items() if each.archived]:
                changes.restore(store, type_, some.choice(archived), now)
