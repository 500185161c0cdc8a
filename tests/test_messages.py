"""Messages as members want them: at once, together at one hour, not at night, or in the inbox alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support_audit import BY, TRAIL
from support_mails import UTC_ZONE, World, add_member, mail_world

from cache.client import Client
from gateway.access import scope_of
from gateway.account_view import AccountViews
from gateway.asked import accept, ask, refuse
from gateway.events import Event, Topic
from gateway.links import Login
from gateway.mails.choices import OwnTimes, Stop
from gateway.mails.messages import Messages, posts_of
from gateway.mails.own import OwnNews
from gateway.mails.queue import Queue
from gateway.mails.subjects import Subjects
from gateway.mails.times import Times
from gateway.message_rules import Choice, Rules, RulesChanged, rules_of, save_rules
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.ids import new_id
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Membership
from gateway.rights import OWN, Rights

HOUR = timedelta(hours=1)
MAYA = "maya".ljust(26, "0")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])


@pytest_asyncio.fixture
async def news_world(database: Database, redis: Client) -> AsyncIterator[World]:
    async with mail_world(database, redis) as made:
        await made.begin()
        yield made


def messages_of(world: World) -> Messages:
    views = AccountViews(world.here.offices, world.here.supply, budget=1.0)
    return Messages(world.database, views, world.clock, UTC_ZONE)


async def inbox(world: World, member: str = MAYA, account: str = "acme-7") -> list[str]:
    views = AccountViews(world.here.offices, world.here.supply, budget=1.0)
    scope = await scope_of(world.database, member, account)
    assert scope
    listed = await messages_of(world).of(scope, await views.of(scope))
    return [each.subject.said.past for each in listed.messages]


async def unread(world: World, member: str = MAYA, account: str = "acme-7") -> int:
    scope = await scope_of(world.database, member, account)
    assert scope
    async with world.database.read() as session:
        return (await posts_of(session, [scope], world.clock.now))[scope].unread


async def rule(world: World, rules: Rules) -> None:
    seen = (await rules_of(world.database)).version
    await save_rules(world.database, rules, seen=seen, trail=TRAIL, by=BY, now=world.clock.now)


async def test_gathers_what_comes_with_the_mail_of_the_day(news_world: World) -> None:
    world = news_world
    hour = (world.clock.now + 3 * HOUR).hour
    await world.choices.choose(MAYA, {"invoice_new": Choice(mail="daily")}, BY, OwnTimes(daily_at=hour))
    for number in range(3):
        world.ledger.put(f"n{number}", "7", number)
        await world.look()
    assert world.server.mails == []
    world.clock.now += 3 * HOUR
    await world.look()
    ((_, mail),) = world.server.mails
    assert mail["Subject"] == "New invoice n0, and 2 more"
    text, html = (part.get_content() for part in mail.iter_parts())
    for number in range(3):
        for part in (text, html):
            assert f"https://portal.example/open/acme-7/invoices/ledger/n{number}" in part
    token = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert world.stops.read(token) == Stop(MAYA, "daily")
    assert await world.states() == ["sent"] * 3
    await world.choices.stop(Stop(MAYA, "daily"), BY)
    assert (await world.choices.of(MAYA)).way("invoice_new") == "none"
    assert (await world.choices.of(MAYA)).way("invoice_overdue") == "at_once", "only what came with it"


async def test_leaves_out_of_the_mail_of_the_day_what_is_no_news_any_more(news_world: World) -> None:
    world = news_world
    hour = (world.clock.now + 3 * HOUR).hour
    await world.choices.choose(MAYA, {"invoice_new": Choice(mail="daily")}, BY, OwnTimes(daily_at=hour))
    world.ledger.put("n0", "7", 1)
    world.ledger.put("n1", "7", 1)
    await world.look()
    world.ledger.delete("n0")
    world.clock.now += 3 * HOUR
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice n1"]
    assert sorted(await world.states()) == ["dropped", "sent"]


async def test_sends_the_mail_of_the_day_once_though_its_answer_was_lost(news_world: World) -> None:
    world = news_world
    hour = (world.clock.now + HOUR).hour
    await world.choices.choose(MAYA, {"invoice_new": Choice(mail="daily")}, BY, OwnTimes(daily_at=hour))
    world.ledger.put("n0", "7", 1)
    world.ledger.put("n1", "7", 1)
    await world.look()
    world.server.data = ["drop"]
    world.clock.now += HOUR
    await world.look()
    assert await world.states() == ["unknown"] * 2
    world.clock.now += HOUR
    await world.look()
    assert len(world.server.mails) == 1


async def test_sends_nothing_at_night(news_world: World) -> None:
    world = news_world
    now = world.clock.now.hour
    times = OwnTimes(zone="UTC", quiet=True, quiet_from=now, quiet_until=(now + 2) % 24)
    await world.choices.choose(MAYA, {}, BY, times)
    world.ledger.put("2", "7", 1)
    await world.look()
    assert (world.server.mails, await world.states()) == ([], ["waiting"])
    assert await unread(world) == 1, "the inbox wakes nobody"
    world.clock.now += 2 * HOUR
    await world.look()
    assert len(world.server.mails) == 1


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), ZONES, st.integers(0, 23), st.integers(0, 23))  # noqa: DTZ001  # made aware below
def test_knows_when_it_is_quiet(at: datetime, zone: str, begins: int, ends: int) -> None:
    """What waits is out within a day and an hour, in an hour that is not quiet; also where clocks are changed."""
    times, now = Times(zone=zone, quiet_from=begins, quiet_until=ends, daily_at=begins), at.replace(tzinfo=UTC)
    left = times.quiet_for(now)
    if begins == ends:
        assert left is None
    if left:
        assert timedelta() < left <= timedelta(hours=25)
        assert times.quiet_for(now + left) is None
    daily = times.daily_in(now)
    assert timedelta() < daily <= timedelta(hours=25)
    assert (now + daily).astimezone(ZoneInfo(zone)).hour in {begins, (begins + 1) % 24}


async def test_keeps_an_inbox_for_those_who_want_no_mail(news_world: World) -> None:
    world = news_world
    await world.choices.choose(MAYA, {"invoice_new": Choice(mail="none")}, BY)
    silent = await add_member(world.database, "acme-7", "silent", email=None)
    world.ledger.put("2", "7", 1)
    await world.look()
    assert world.server.mails == []
    assert await inbox(world) == await inbox(world, silent) == ["New invoice 2"]
    await world.choices.choose(MAYA, {"invoice_new": Choice(inbox=False)}, BY)
    assert await inbox(world) == []
    assert (await unread(world), await unread(world, silent)) == (0, 1)


async def test_shows_in_the_inbox_what_is_theirs_to_see_now(news_world: World) -> None:
    world = news_world
    for number in ("2", "3"):
        world.ledger.put(number, "7", 1)
        await world.look()
    assert await inbox(world) == ["New invoice 3", "New invoice 2"]
    world.ledger.delete("2")
    await world.follow()
    assert await unread(world) == 2
    assert await inbox(world) == ["New invoice 3"]
    assert await unread(world) == 1, "what is gone is not counted either"
    async with world.database.write() as session:
        await session.execute(sa.update(Membership).values(rights={"invoices": "none"}))
    assert (await inbox(world), await unread(world)) == ([], 0)


async def test_counts_for_nobody_what_colleagues_were_told(news_world: World) -> None:
    world = news_world
    own = await add_member(world.database, "acme-7", "own", OWN)
    for number in ("2", "3"):
        world.ledger.put(number, "7", 1)
        await world.look()
    assert (await unread(world), await unread(world, own)) == (2, 0), "how many there are is not theirs to know"
    assert (await inbox(world, own), await unread(world, own)) == ([], 0)
    async with world.database.write() as session:
        one = sa.select(sa.func.min(MailRow.id)).where(MailRow.member_id == own).scalar_subquery()
        theirs = {"handed_at": world.clock.now, "read_at": None}
        await session.execute(sa.update(MailRow).where(MailRow.id == one).values(theirs))
    assert await unread(world, own) == 1, "what a mail told them counts"


async def test_counts_nothing_that_the_inbox_cannot_show(news_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = news_world
    world.ledger.put("2", "7", 1)
    await world.look()

    async def cut(*_: object) -> str:
        return "not listed"

    monkeypatch.setattr(Subjects, "_of_record", cut)
    assert await unread(world) == 1
    assert (await inbox(world), await unread(world)) == ([], 0)


async def test_marks_what_was_read(news_world: World) -> None:
    world = news_world
    other = await add_member(world.database, "acme-7", "other")
    for number in range(3):
        world.ledger.put(f"n{number}", "7", number)
        await world.look()
    scope = await scope_of(world.database, MAYA, "acme-7")
    assert scope
    first = (await world.rows())[0]
    assert await messages_of(world).mark(scope, [row.id for row in await world.rows() if row.member_id == other]) == 0
    assert await messages_of(world).mark(scope, [first.id] if first.member_id == MAYA else None) >= 1
    await messages_of(world).mark(scope)
    assert (await unread(world), await unread(world, other)) == (0, 3)


async def test_asks_for_documents_once_and_again_after_a_refusal(news_world: World) -> None:
    world = news_world
    own = await add_member(world.database, "acme-7", "own", OWN)
    await add_member(world.database, "acme-7", "blind", Rights(documents="none"))
    news = OwnNews(world.database, Queue(), world.clock)

    async def look() -> list[tuple[str, str]]:
        for _ in range(3):
            await news.turn()
        await world.mailing.turn()
        told, world.server.mails = world.server.subjects, []
        return sorted(told)

    told = {"trail": TRAIL, "by": BY, "now": world.clock.now}
    asked = {**told, "account": "acme-7", "due_on": None}
    id_ = await ask(world.database, label="Trade licence", login=None, **asked)  # type: ignore[arg-type]
    assert await look() == [("maya@customer.example", "We need a document: Trade licence")]
    assert await inbox(world) == ["We asked you for this: Trade licence"]
    mine = await ask(
        world.database,
        label="Card",
        login=Login("https://login.example", "own"),
        **asked,  # type: ignore[arg-type]
    )
    assert await look() == [("own@customer.example", "We need a document: Card")]
    world.clock.now += HOUR
    async with world.database.write() as session:
        await session.execute(sa.update(AskedDocument).values(state="received"))
    await refuse(world.database, trail=TRAIL, by=BY, id_=id_, reason="Too dark", now=world.clock.now)
    await accept(world.database, trail=TRAIL, by=BY, id_=mine, now=world.clock.now)
    assert await look() == [("maya@customer.example", "We need a document: Trade licence")]
    assert (await inbox(world))[0] == "We asked for this again: Trade licence"
    assert await inbox(world, own) == ["We asked you for this: Card"]


@pytest.mark.parametrize(("days", "told"), [(6, 1), (8, 0)])
async def test_tells_of_a_document_though_nothing_ran_for_days(news_world: World, days: int, told: int) -> None:
    world = news_world
    asked = {"trail": TRAIL, "by": BY, "now": world.clock.now, "account": "acme-7", "due_on": None}
    await ask(world.database, label="Trade licence", login=None, **asked)  # type: ignore[arg-type]
    world.clock.now += timedelta(days=days)
    await OwnNews(world.database, Queue(), world.clock).turn()
    await world.mailing.turn()
    assert len(world.server.mails) == told


async def test_tells_who_sent_it_that_it_could_not_be_taken(news_world: World) -> None:
    world = news_world
    await add_member(world.database, "acme-7", "other")
    asked = {"reference": "R", "customer": "7", "subject": "An oven", "text": "hot"}
    row = {"account_id": "acme-7", "member_id": MAYA, "source": "ledger", "made_at": world.clock.now, "tries": 1}
    async with world.database.write() as session:
        for id_, action, more in (("a", "new_ticket", {}), ("b", "rate", {"ticket": "1", "score": "good"})):
            nonce = new_id()
            session.add(
                OutboxRow(
                    id=id_,
                    reference=id_,
                    nonce=nonce,
                    action=action,
                    asked={**asked, **more},
                    state="needs_you",
                    turn=1,
                    tried_at=world.clock.now,
                    **row,
                )
            )
    news = OwnNews(world.database, Queue(), world.clock)
    for _ in range(3):
        await news.turn()
    await world.mailing.turn()
    assert world.server.subjects == [("maya@customer.example", "Your help needed: An oven")]
    assert "https://portal.example/open/acme-7/requests/sent/a" in world.server.raw[0].decode()


async def test_says_nothing_of_what_a_customer_solved(news_world: World) -> None:
    world = news_world
    row = {"account_id": "acme-7", "member_id": MAYA, "source": "ledger", "tries": 1, "turn": 1, "state": "sent"}
    async with world.database.write() as session:
        session.add(
            OutboxRow(
                id="a", reference="a", nonce="a", action="solve", asked={"ticket": "1"}, made_at=world.clock.now, **row
            )
        )
    events = [Event(names=("request_solved",), record=record, about="x") for record in ("1", "2")]
    async with world.database.write() as session:
        await Queue().tell(session, Topic("acme-7", "ledger", "tickets"), events, world.clock.now)
    assert [row.record for row in await world.rows()] == ["2"]


@pytest.mark.parametrize(
    ("then", "state", "is_told"),
    [
        ("reopen", "sent", True),
        ("reopen", "cancelled", False),
        ("reopen", "needs_you", False),
        ("solve", "sent", False),
    ],
)
async def test_says_solved_to_who_had_it_opened_again(
    news_world: World, then: str, state: str, *, is_told: bool
) -> None:
    world = news_world
    row = {"account_id": "acme-7", "member_id": MAYA, "source": "ledger", "tries": 1, "turn": 1}
    moves = [("solve", "sent"), (then, state)]
    async with world.database.write() as session:
        for number, (action, becomes) in enumerate(moves):
            id_, at = str(9 - number), world.clock.now + number * HOUR
            asked = {"ticket": "1"}
            session.add(
                OutboxRow(
                    id=id_, reference=id_, nonce=id_, action=action, asked=asked, state=becomes, made_at=at, **row
                )
            )
    world.clock.now += 2 * HOUR
    event = Event(names=("request_solved",), record="1", about="x")
    async with world.database.write() as session:
        await Queue().tell(session, Topic("acme-7", "ledger", "tickets"), [event], world.clock.now)
    assert [row.record for row in await world.rows()] == ["1"] * is_told


async def test_goes_by_what_staff_say(news_world: World) -> None:
    world = news_world
    await rule(world, Rules(off=frozenset({"invoice_new"})))
    world.ledger.put("2", "7", 1)
    await world.look()
    assert (world.server.mails, await inbox(world), await unread(world)) == ([], [], 0)
    await rule(world, Rules(amounts=True))
    world.ledger.put("3", "7", 4711)
    await world.look()
    assert await inbox(world) == ["New invoice 3", "New invoice 2"]
    ((_, mail),) = world.server.mails
    assert "4,711.00" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    with pytest.raises(RulesChanged):
        await save_rules(world.database, Rules(), seen=0, trail=TRAIL, by=BY, now=world.clock.now)


async def test_holds_no_message_twice(news_world: World, database: Database) -> None:
    """The row is the promise: a second one of the same event cannot be written."""
    news_world.ledger.put("2", "7", 1)
    await news_world.look()
    (row,) = await news_world.rows()
    same = {column.key: getattr(row, column.key) for column in sa.inspect(MailRow).column_attrs if column.key != "id"}
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as session:
            session.add(MailRow(id=new_id(), **same))
