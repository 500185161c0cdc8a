"""Zendesk's feed over the sandbox's account: what is followed is what the reads of all customers give."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from support_following import Follower, play_staff, read_all
from support_sandbox import RunningSandbox
from test_zendesk import config, opened

from connectors.contract import BackOffice
from connectors.errors import AccessDenied, NotAllowed, RateLimited
from connectors.sandbox.zendesk import changes
from connectors.sandbox.zendesk.store import Store
from connectors.vendors.zendesk import connector
from connectors.vendors.zendesk.settings import ZendeskConfig

Zendesk = BackOffice[ZendeskConfig]
ASKED = {"subject": "Oven", "comment": {"body": "Help"}}
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def store(sandbox: RunningSandbox) -> Store:
    """An account that is patient about how often it is asked."""
    sandbox.site.zendesk.exports_a_minute = 10_000
    return sandbox.site.zendesk


@pytest.fixture
async def office(sandbox: RunningSandbox) -> AsyncIterator[Zendesk]:
    async with opened(config(base_url=sandbox.zendesk_url)) as office:
        yield office


def follower(office: Zendesk, since: datetime) -> Follower:
    return Follower(connector.feeds["tickets"], office, since)


def ago(minutes: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


async def assert_all_followed(following: Follower, office: Zendesk, store: Store) -> None:
    """Compare what was followed with the lists of every customer: the same records, with the same owners."""
    listed = await read_all(connector.reads["tickets"], office, *(f"user:{key}" for key in store.users))
    assert following.answers == listed
    for organization in store.organizations:
        customer = f"organization:{organization}"
        theirs = await read_all(connector.reads["tickets"], office, customer)
        followed = {key: each for key, each in following.answers.items() if customer in each.owners}
        assert theirs.items() <= followed.items()
        assert all(store.is_archived(store.tickets[int(key)]) for key in followed.keys() - theirs.keys())


async def test_begins_with_all_that_there_is(office: Zendesk, store: Store) -> None:
    following = follower(office, ago(60 * 24 * 5000))
    await following.look()
    await assert_all_followed(following, office, store)
    assert "INTERNAL-CANARY" not in repr(following.answers)


async def test_tells_what_was_made_changed_deleted_and_made_private(office: Zendesk, store: Store) -> None:
    following = follower(office, ago(30))
    requester = next(row["id"] for row in store.users.values() if row["role"] == "end-user")
    made = [changes.create_ticket(store, {**ASKED, "requester_id": requester}, ago(20)) for _ in range(4)]
    kept, answered, deleted, hushed = (row["id"] for row in made)
    await following.look()
    assert set(following.answers) == {str(row["id"]) for row in made}
    changes.update_ticket(store, answered, {"status": "pending"}, ago(10))
    changes.delete_ticket(store, deleted, ago(10))
    changes.make_private(store, next(row["id"] for row in store.comments_on(hushed)), ago(10))
    await following.look()
    assert following.gone == {str(deleted), str(hushed)}
    assert {key: each.record.state for key, each in following.answers.items()} == {
        str(kept): "received",
        str(answered): "awaiting_customer",
    }
    changes.erase_ticket(store, deleted, ago(5))
    await following.look()
    assert set(following.answers) == {str(kept), str(answered)}


async def test_tells_of_a_ticket_that_only_a_job_has_touched(office: Zendesk, store: Store) -> None:
    old = next(row for row in store.undeleted() if row["status"] == "closed")
    following = follower(office, ago(30))
    changes.touch_ticket(store, old["id"], ago(20))
    await following.look()
    assert set(following.answers) == {str(old["id"])}
    assert following.answers[str(old["id"])].record.origin.changed_at == old["updated_at"]


async def test_loses_none_of_many_that_change_at_the_same_time(office: Zendesk, store: Store) -> None:
    """A page ends in their midst."""
    requester = next(row["id"] for row in store.users.values() if row["role"] == "end-user")
    at = ago(20)
    made = {str(changes.create_ticket(store, {**ASKED, "requester_id": requester}, at)["id"]) for _ in range(600)}
    following = follower(office, ago(30))
    assert await following.look() == 3
    assert set(following.answers) == made


async def test_neither_loses_nor_loops_over_what_changes_between_two_pages(office: Zendesk, store: Store) -> None:
    requester = next(row["id"] for row in store.users.values() if row["role"] == "end-user")
    start = ago(20)
    made = [
        changes.create_ticket(store, {**ASKED, "requester_id": requester}, start + SECOND * place)["id"]
        for place in range(300)
    ]
    following = follower(office, ago(30))
    assert await following.page()
    changes.update_ticket(store, made[0], {"status": "solved"}, ago(10))  # was told of, and is behind the border now
    changes.delete_ticket(store, made[299], ago(10))  # was not told of
    await following.look()
    assert following.gone == {str(made[299])}
    assert following.answers[str(made[0])].record.state == "solved"
    await assert_subset(following, office, store, made)


async def assert_subset(following: Follower, office: Zendesk, store: Store, made: list[int]) -> None:
    listed = await read_all(connector.reads["tickets"], office, *(f"user:{key}" for key in store.users))
    assert following.answers == {key: each for key, each in listed.items() if int(key) in made}


async def test_tells_of_what_is_new_once_its_minute_is_over(office: Zendesk, store: Store) -> None:
    """What is on its way is not passed by the cursor."""
    requester = next(row["id"] for row in store.users.values() if row["role"] == "end-user")
    following = follower(office, ago(0))
    made = changes.create_ticket(store, {**ASKED, "requester_id": requester}, ago(0))
    await following.look()
    assert following.answers == {}
    store.exported_after = timedelta(seconds=-1)
    await following.look()
    assert set(following.answers) == {str(made["id"])}


async def test_tells_what_staff_do_on_their_own_page(office: Zendesk, store: Store, sandbox: RunningSandbox) -> None:
    following = follower(office, ago(0))
    await play_staff(f"{sandbox.url}/control/zendesk/tickets/7081", status="solved")
    store.exported_after = timedelta(seconds=-1)
    await following.look()
    assert {key: each.record.state for key, each in following.answers.items()} == {"7081": "solved"}


async def test_says_that_only_admins_are_told(office: Zendesk, store: Store) -> None:
    store.caller["role"] = "agent"
    with pytest.raises(NotAllowed, match=r"answered 403\. Zendesk tells admins alone"):
        await follower(office, ago(30)).look()


async def test_is_stopped_by_a_token_that_dies_on_the_way_and_goes_on_with_the_next(
    office: Zendesk, store: Store
) -> None:
    requester = next(row["id"] for row in store.users.values() if row["role"] == "end-user")
    for _ in range(300):
        changes.create_ticket(store, {**ASKED, "requester_id": requester}, ago(20))
    following = follower(office, ago(30))
    assert await following.page()
    token, store.token = store.token, "another"
    with pytest.raises(AccessDenied) as raised:
        await following.page()
    assert not isinstance(raised.value, NotAllowed)
    store.token = token
    await following.look()
    assert len(following.answers) == 300


async def test_waits_where_it_is_asked_to(office: Zendesk, store: Store) -> None:
    store.exports_a_minute = 1
    following = follower(office, ago(30))
    await following.look()
    with pytest.raises(RateLimited) as raised:
        await following.look()
    assert 0 < (raised.value.retry_after or 0) <= 60
    assert await read_all(connector.reads["tickets"], office, *(f"user:{key}" for key in store.users))  # pages do not


@pytest.mark.parametrize("seed", range(6))
async def test_ends_in_the_same_state_as_the_reads_whatever_happens(office: Zendesk, store: Store, seed: int) -> None:
    """A history by chance, followed in several looks: all of it, and nothing else."""
    some, clock = Random(seed), ago(60)
    following = follower(office, ago(60 * 24 * 5000))
    requesters = [row["id"] for row in store.users.values() if row["role"] == "end-user"]
    for _ in range(8):
        for _ in range(some.randrange(60)):
            clock += SECOND * some.randrange(2)
            happen(store, some, requesters, clock)
            if some.random() < 0.05:
                clock += SECOND  # nothing is written in a second that was exported
                await following.page()
        clock += SECOND
        await following.look()
    await assert_all_followed(following, office, store)


def happen(store: Store, some: Random, requesters: list[int], now: datetime) -> None:
    """Let one thing happen to an account."""
    open_ones = [row["id"] for row in store.undeleted() if row["status"] != "closed"]
    match some.choice(["create", "create", "update", "requester", "private", "touch", "delete", "erase"]):
        case "create":
            made = {**ASKED, "requester_id": some.choice(requesters)}
            changes.create_ticket(store, made | {"subject": f"Oven {some.random()}"}, now)
        case "update":
            status = some.choice(["open", "pending", "hold", "solved", "closed"])
            changes.update_ticket(store, some.choice(open_ones), {"status": status}, now)
        case "requester":
            changes.update_ticket(store, some.choice(open_ones), {"requester_id": some.choice(requesters)}, now)
        case "private":
            changes.make_private(store, some.choice(store.comments_on(some.choice(open_ones)))["id"], now)
        case "touch":
            changes.touch_ticket(store, some.choice(open_ones), now)
        case "delete":
            changes.delete_ticket(store, some.choice(open_ones), now)
        case "erase":
            deleted = [key for key, row in store.tickets.items() if row["status"] == "deleted"]
            changes.erase_ticket(store, some.choice(deleted), now)
