"""Mails: one for a change, to whoever may see it and wants to hear of it, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_feeds import EVERY, START, Ledger, Ticking, link, process
from support_mails import SENDER, World, add_member, mail_world, sink

from cache.client import Client
from connectors.contract import Answer, BackOffice, Page, Query, RecordQuery
from connectors.errors import Unavailable
from connectors.records import Message, Origin, Record, Ticket, TicketState
from gateway.mails.choices import Stop
from gateway.mails.preparing import TOO_LATE
from gateway.mails.sending import PAUSES
from gateway.mails.turns import LASTS
from gateway.message_rules import Choice, Rules, save_rules
from gateway.records.database import Database
from gateway.records.mail_tables import BookRow, MailRow
from gateway.records.tables import Link, Member, Membership, Person
from gateway.rights import OWN, Rights

MINUTE = timedelta(minutes=1)
OFTEN = 0.7
Look = Callable[[], Awaitable[None]]


@pytest.fixture
async def world(database: Database, redis: Client) -> AsyncIterator[World]:
    async with mail_world(database, redis) as made:
        yield made


async def test_sends_one_mail_for_a_new_invoice(world: World) -> None:
    world.ledger.put("1", "7", 10)
    await world.begin()
    assert world.server.mails == []  # the first sync is no news
    world.ledger.put("2", "7", 20)
    world.ledger.put("3", "8", 20)  # nobody there
    await world.look()
    assert world.server.subjects == [("maya@customer.example", "New invoice 2")]
    for _ in range(3):
        world.ledger.put("2", "7", 20)  # told again, and changed in what is no news
        await world.look()
    assert len(world.server.mails) == 1
    assert await world.states() == ["sent"]


async def test_says_where_it_is_and_no_amount(world: World) -> None:
    await world.begin()
    world.ledger.put("2", "7", 4711)
    await world.look()
    ((to, mail),) = world.server.mails
    assert (to, mail["From"]) == ("maya@customer.example", "Kestrel & Moor <portal@kestrel.example>")
    assert mail["Reply-To"] == SENDER.reply_to
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    ((row),) = await world.rows()
    assert mail["Message-ID"] == f"<{row.id}@portal.example>"
    text, html = (part.get_content() for part in mail.iter_parts())
    for part in (text, html):
        assert "https://portal.example/open/acme-7/invoices/ledger/2" in part
        assert mail["List-Unsubscribe"].strip("<>") in part
        assert "4711" not in part
    stop = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert world.stops.read(stop) == Stop(row.member_id, "invoice_new")


async def test_tells_nobody_again_after_redis_lost_everything(world: World, redis: Client) -> None:
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.look()
    await redis.flushall()
    world.ledger.put("3", "7", 30)  # nobody follows it
    await world.look()
    await world.view("7")
    await world.look()
    await world.here.sweeping.sweep("ledger")
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 2", "New invoice 3"]


async def test_reads_what_is_not_kept_when_a_feed_tells_of_it(world: World, redis: Client) -> None:
    """After a flush nobody has looked yet: the mail waits for nobody."""
    await world.begin()
    await redis.flushall()
    await world.look()
    world.ledger.put("3", "7", 30)
    await world.look()
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 3"]


async def test_sends_one_mail_however_many_look(world: World, database: Database, redis: Client) -> None:
    await world.begin()
    others = [world.another() for _ in range(3)]
    for number in range(10):
        world.ledger.put(f"n{number}", "7", number)
    await world.follow()
    await asyncio.gather(*(each.noticing.turn() for each in (world, *others)))
    await asyncio.gather(*(each.mailing.turn() for each in (world, *others)))
    await world.noticing.turn()
    await world.mailing.turn()
    assert sorted(subject for _, subject in world.server.subjects) == [f"New invoice n{number}" for number in range(10)]


async def test_looks_at_a_list_once_more_that_was_written_meanwhile(world: World) -> None:
    """Two looks at once: the second finds another book than it has read, and leaves it."""
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.follow()
    note = world.here.want("7").note
    await asyncio.gather(*(world.noticing._look_at([note]) for _ in range(5)))
    await world.mailing.turn()
    assert len(world.server.mails) == 1


async def test_tells_who_may_see_it_and_nobody_else(world: World, database: Database) -> None:
    await world.begin()
    own = await add_member(database, "acme-7", "own", OWN)
    named = {"fact": "f", "decided_by": "d", "decided_at": world.clock.now}
    async with database.write() as session:  # somebody over there, whom this bill does not name
        session.add(Person(member_id=own, source="ledger", person="5", **named))
    await add_member(database, "acme-7", "nothing", Rights(invoices="none"))
    await add_member(database, "acme-7", "silent", email=None)
    await add_member(database, "acme-7", "strange", email="a\nb@customer.example")
    await add_member(database, "acme-8", "eve")
    gone = await add_member(database, "acme-7", "gone")
    async with database.write() as session:
        await session.execute(sa.update(Member).where(Member.id == gone).values(disabled_at=world.clock.now))
    world.ledger.put("2", "7", 20)
    await world.look()
    assert world.server.subjects == [("maya@customer.example", "New invoice 2")]
    assert sorted(await world.states()) == ["dropped", "dropped", "sent"]


@pytest.mark.parametrize(
    "taken", [sa.delete(Membership), sa.update(Member).values(disabled_at=START)], ids=["rights", "login"]
)
async def test_asks_again_when_it_is_sent_whether_they_may_see_it(
    taken: sa.Executable, world: World, database: Database
) -> None:
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.follow()
    await world.noticing.turn()
    async with database.write() as session:
        await session.execute(taken)
    await world.mailing.turn()
    assert (world.server.mails, await world.states()) == ([], ["dropped"])


async def test_sends_no_news_that_is_none_any_more(world: World) -> None:
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.follow()
    await world.noticing.turn()
    world.ledger.delete("2")
    await world.follow()
    await world.mailing.turn()
    assert (world.server.mails, await world.states()) == ([], ["dropped"])


async def test_sends_what_is_wanted(world: World) -> None:
    await world.begin()
    (maya,) = [member async for member in _members(world.database)]
    await world.choices.choose(maya, {"invoice_new": Choice(mail="none")}, BY)
    world.ledger.put("2", "7", 20)
    await world.look()
    assert await world.states() == []
    await world.choices.choose(maya, {"invoice_new": Choice()}, BY)
    world.ledger.put("3", "7", 20)
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 3"]
    assert "invoice_new" in (await world.choices.of(maya)).wanted
    await world.choices.stop(Stop(maya, "invoice_new"), BY)
    await world.choices.stop(Stop("nobody", "invoice_new"), BY)
    assert "invoice_new" not in (await world.choices.of(maya)).wanted


async def test_tries_again_what_the_server_could_not_take_now(world: World) -> None:
    await world.begin()
    world.server.rcpt, world.server.data = ["451 4.3.0 later"], ["452 4.2.2 full"]
    world.ledger.put("2", "7", 20)
    await world.look()
    assert (world.server.mails, await world.states()) == ([], ["waiting"])
    await world.look()
    assert world.server.mails == []  # a pause
    world.clock.now += timedelta(seconds=PAUSES[0])
    await world.look()
    assert world.server.mails == []
    world.clock.now += timedelta(seconds=PAUSES[1])
    await world.look()
    assert await world.states() == ["sent"]
    assert len(world.server.mails) == 1


async def test_gives_up_at_last(world: World) -> None:
    await world.begin()
    world.server.rcpt = ["451 later"] * 20
    world.ledger.put("2", "7", 20)
    await world.look()
    for pause in (*PAUSES, 1):
        world.clock.now += timedelta(seconds=pause)
        await world.mailing.turn()
    assert await world.states() == ["failed"]


async def test_stops_at_an_address_that_there_is_not(world: World) -> None:
    await world.begin()
    world.server.rcpt = ["550 5.1.1 no such user"]
    world.ledger.put("2", "7", 20)
    await world.look()
    (maya,) = [member async for member in _members(world.database)]
    assert await world.states() == ["failed"]
    assert (await world.choices.of(maya)).refused
    world.ledger.put("3", "7", 20)
    await world.look()
    assert await world.states() == ["failed"]  # and nobody is asked again
    await world.choices.try_again(maya, BY)
    world.ledger.put("4", "7", 20)
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 4"]


@pytest.mark.parametrize("answer", ["550 5.7.1 not from here", "554 no"])
async def test_blames_no_address_for_a_rule(answer: str, world: World) -> None:
    await world.begin()
    world.server.data = [answer]
    world.ledger.put("2", "7", 20)
    world.ledger.put("3", "7", 20)
    await world.look()
    assert sorted(await world.states()) == ["failed", "sent"]


async def test_sends_no_second_mail_where_an_answer_was_lost(world: World) -> None:
    await world.begin()
    world.server.data = ["drop"]
    world.ledger.put("2", "7", 20)
    await world.look()
    assert await world.states() == ["unknown"]
    for _ in range(5):
        world.clock.now += timedelta(hours=1)
        await world.look()
    assert len(world.server.mails) == 1
    world.ledger.put("3", "7", 20)
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 2", "New invoice 3"]


async def test_sends_no_second_mail_where_a_process_died(world: World, database: Database) -> None:
    """It had begun to go out. One that had not is sent by the next process."""
    await world.begin()
    world.ledger.put("2", "7", 20)
    world.ledger.put("3", "7", 20)
    await world.follow()
    await world.noticing.turn()
    (first,), (second,) = [await world.mailing.turns.take() for _ in range(2)]
    assert await world.mailing.turns.begin([first])
    await world.mailing.turn()
    assert world.server.mails == []
    world.clock.now += LASTS
    await world.mailing.turn()
    assert sorted(await world.states()) == ["sent", "unknown"]
    assert len(world.server.mails) == 1
    assert not await world.mailing.turns.begin([second])  # it comes back too late


async def test_waits_for_a_server_that_is_away(world: World) -> None:
    await world.begin()
    world.server.rcpt = ["drop"]
    world.ledger.put("2", "7", 20)
    await world.look()
    assert (world.server.mails, await world.states()) == ([], ["waiting"])
    world.server.mail = ["535 5.7.8 who are you"]
    await world.look()
    assert await world.states() == ["waiting"]  # it is not the mail's fault
    asked = world.server.connections
    await world.mailing.turn()
    assert world.server.connections == asked  # it is left alone for a while
    world.clock.now += MINUTE
    await world.mailing.turn()
    assert await world.states() == ["sent"]
    assert (await world.rows())[0].tries == 1


async def test_sends_nothing_that_is_long_past(world: World) -> None:
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.follow()
    await world.noticing.turn()
    world.clock.now += TOO_LATE + MINUTE
    await world.mailing.turn()
    assert (world.server.mails, await world.states()) == ([], ["failed"])


async def test_tells_of_nothing_that_happened_while_nobody_looked_for_long(world: World) -> None:
    """Mails were off for a month."""
    await world.begin()
    world.ledger.put("2", "7", 20)
    world.clock.now += timedelta(days=30)
    await world.view("7")
    await world.look()
    assert world.server.mails == []
    world.ledger.put("3", "7", 20)
    await world.look()
    assert [subject for _, subject in world.server.subjects] == ["New invoice 3"]


async def test_begins_anew_with_another_account(world: World, database: Database) -> None:
    """What was another account's customer is theirs now: its past is no news to them."""
    await world.begin()
    await add_member(database, "acme-8", "eve")
    world.ledger.put("2", "7", 20)
    async with database.write() as session:
        await session.execute(sa.update(Link).where(Link.customer == "7").values(account_id="acme-8"))
    await world.follow()
    await world.here.sweeping.sweep("ledger")
    await world.noticing.turn()
    await world.mailing.turn()
    assert world.server.mails == []


async def test_waits_for_a_source_that_does_not_answer(world: World, redis: Client) -> None:
    await world.begin()
    world.ledger.put("2", "7", 20)
    await world.follow()
    await world.noticing.turn()
    await redis.flushall()
    world.ledger.fails = Unavailable("away")
    await world.mailing.turn()
    assert await world.states() == ["waiting"]
    world.ledger.fails = None
    world.clock.now += timedelta(days=1)
    await world.here.sweeping.sweep("ledger")
    await world.mailing.turn()
    assert await world.states() == ["sent"]


async def test_forgets_books_with_their_customers(world: World, database: Database) -> None:
    await world.begin()
    async with database.write() as session:
        await session.execute(sa.delete(Link).where(Link.customer == "7"))
    async with database.read() as session:
        assert list(await session.scalars(sa.select(BookRow.customer))) == ["8"]


async def happen(world: World, chance: Random, made: list[str]) -> None:
    """Let something happen."""
    match chance.randrange(9):
        case 0 | 1:
            made.append(f"n{len(made)}")
            world.ledger.put(made[-1], "7", len(made))
        case 2 if made:
            world.ledger.put(chance.choice(made), "7", chance.randrange(100))
        case 3:
            await world.redis.flushall()
        case 4:
            await world.view("7")
        case 5:
            world.ledger.overlap = chance.randrange(4)
        case 6:
            world.ledger.fails = chance.choice([None, Unavailable("away")])
        case 7:
            world.server.rcpt = chance.choice([[], ["451 later"], ["drop"]])
        case _:
            await world.here.sweeping.sweep("ledger")


@pytest.mark.parametrize("seed", range(6))
async def test_tells_of_all_and_of_each_once(seed: int, world: World) -> None:
    """A random history: changes, repeats, pages, sweeps, flushes, a source and a mail server that fail."""
    chance = Random(seed)
    await world.begin()
    made: list[str] = []
    for _ in range(40):
        await happen(world, chance, made)
        world.clock.now += chance.choice([EVERY, MINUTE, timedelta(hours=1)])
        if chance.random() < OFTEN:
            await world.look()
    world.ledger.fails, world.server.rcpt = None, []
    await world.redis.flushall()
    for _ in range(4):
        world.clock.now += timedelta(hours=8)
        await world.here.sweeping.sweep("ledger")
        await world.look()
    told = sorted(f"New invoice {key}" for key in made)
    assert sorted(world.server.subjects) == [("maya@customer.example", subject) for subject in told]


async def _members(database: Database) -> AsyncIterator[str]:
    async with database.read() as session:
        for member in await session.scalars(sa.select(Member.id).where(Member.subject == "maya")):
            yield member


def test_holds_nothing_of_a_record() -> None:
    assert not {"subject", "body", "address", "number"} & set(MailRow.__table__.columns.keys())


class Desk(Ledger):
    """A help desk: its list tells no messages."""

    def __init__(self, clock: Ticking) -> None:
        super().__init__(clock)
        self.messages: dict[str, list[Message]] = {}
        self.state: TicketState = "working"

    def say(self, key: str, text: str, *, customer: bool = False) -> None:
        self.put(key, "7", 0)
        said = Message(
            id=text, author="A", from_customer=customer, at=self._changed[key], body=text, media_type="text/plain"
        )
        self.messages.setdefault(key, []).append(said)

    def ticket(self, key: str, asked_at: datetime, *, is_whole: bool) -> Ticket:
        origin = Origin(source="ledger", id=key, changed_at=self._changed[key], fetched_at=asked_at)
        messages = tuple(self.messages[key]) if is_whole else None
        return Ticket(
            origin=origin,
            number=key,
            state=self.state,
            vendor_state="v",
            subject=f"Oven {key}",
            created_at=START,
            messages=messages,
        )

    async def list_tickets(self, office: BackOffice[Any], query: Query) -> Page[Record]:
        self._ask("list")
        mine = self.of(query.customer)
        its = (self.ticket(key, query.asked_at, is_whole=False) for key in mine)
        return Page(tuple(Answer(frozenset({query.customer}), each) for each in its))

    async def one_ticket(self, office: BackOffice[Any], query: RecordQuery) -> Answer[Record]:
        self._ask(query.id)
        return Answer(frozenset({"7"}), self.ticket(query.id, query.asked_at, is_whole=True))


@asynccontextmanager
async def desk_world(database: Database, redis: Client) -> AsyncIterator[tuple[Desk, World, Look]]:
    """Maya, and a help desk. The last one goes on to the next day, looks and sends mails."""
    clock = Ticking()
    desk = Desk(clock)
    office = desk.office()
    reads = {"reads": {"tickets": desk.list_tickets}, "fetch": {"tickets": desk.one_ticket}, "feeds": {}}
    office = replace(office, promises={"tickets": 60}, connector=replace(office.connector, **reads))
    await link(database, "7", "8")
    await add_member(database, "acme-7", "maya")
    async with sink() as server, process(database, redis, office, clock) as here:
        world = World(database, redis, desk, clock, here=here, server=server)

        async def look() -> None:
            clock.now += timedelta(days=1)
            await here.sweeping.sweep("ledger")
            await world.noticing.turn()
            await world.mailing.turn()

        yield desk, world, look


async def test_reads_what_was_answered(database: Database, redis: Client) -> None:
    """And asks only about what may have an answer, once."""
    async with desk_world(database, redis) as (desk, world, look):
        server = world.server
        desk.say("1", "help", customer=True)
        desk.say("2", "help too", customer=True)
        await look()
        asked = len(desk.asked)
        desk.say("1", "here you are")
        desk.say("2", "and another thing", customer=True)
        await look()
        assert sorted(desk.asked[asked:]) == ["1", "2", "list", "list"]
        assert server.subjects == [("maya@customer.example", "We answered: Oven 1")]
        for _ in range(3):
            desk.put("1", "7", 0)  # an internal note
            await look()
        assert len(server.mails) == 1
        desk.say("1", "and more")
        await look()
        assert [subject for _, subject in server.subjects] == ["We answered: Oven 1"] * 2


async def test_calls_an_answer_an_answer_where_nobody_wants_to_hear_that_it_waits(
    database: Database, redis: Client
) -> None:
    async with desk_world(database, redis) as (desk, world, look):
        await add_member(database, "acme-7", "zoe")
        desk.say("1", "help", customer=True)
        await look()
        await world.choices.stop(Stop("maya".ljust(26, "0"), "request_waits"), BY)
        desk.state = "awaiting_customer"
        desk.say("1", "which one?")
        await look()
        answered, asked = "We answered: Oven 1", "We need your answer: Oven 1"
        assert dict(world.server.subjects) == {"maya@customer.example": answered, "zoe@customer.example": asked}
        off = Rules(off=frozenset({"request_waits"}))
        await save_rules(database, off, seen=0, trail=TRAIL, by=BY, now=world.clock.now)
        desk.say("1", "this one?")
        await look()
        assert [subject for _, subject in world.server.subjects[2:]] == [answered] * 2
