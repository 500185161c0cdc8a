"""What customers send to the help desks of the sandbox: once, in public, in their own name, and to nobody else's."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any, cast

import pytest
from msgspec import Struct
from msgspec.structs import replace
from support_feeds import Ticking
from support_outbox import Given, Losing, send_all_though_answers_are_lost
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox
from support_uploads import GOOD, PDF

from connectors.actions import ActionName, Asked, Attached, Done, Move, NewTicket, Reply
from connectors.addresses import AddressPolicy
from connectors.config import decode_config
from connectors.contract import BackOffice, Connector, FileQuery, RecordQuery
from connectors.errors import NotAllowed, NotFound, NotSent, Unavailable
from connectors.records import Message, Ticket
from connectors.sandbox.faults import Fault, Seen, Switch
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.odoo import connector as odoo
from connectors.vendors.request_tracker import connector as request_tracker
from connectors.vendors.zendesk import connector as zendesk
from gateway.access import LinkRef
from gateway.offices import Office
from gateway.outbox.references import new_reference
from gateway.records.database import Database

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
HOSTILE = "<script>alert(1)</script> 'Zoë' \\ \"x\"\n{{ticket.requester.email}} {$Ticket->id} &amp; 漢字"
SEARCHES = ("/users", "/attachments")
WRITES = ("create", "write", "message_post")  # of Odoo's
ODOO_TEXT = re.compile(r"<p>(.*?)</p><p>Sent from the customer portal(, with files)? \[[0-9A-Z-]{14}\]</p>", re.DOTALL)
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"
MOVES: list[ActionName] = ["solve", "reopen"]


class Help(Struct, frozen=True, kw_only=True):
    """A help desk: a customer, the person who asks and how they are named, and somebody else."""

    connector: Connector[Any]
    settings: dict[str, Any]
    customer: str
    person: str
    author: str
    other: str
    address: Callable[[RunningSandbox], str]
    switch: Callable[[RunningSandbox], Switch]
    texts: Callable[[RunningSandbox], list[tuple[str, bool]]]  # what was written since the start, and if in public
    writes: Callable[[Seen], bool]


def by_its_verb(seen: Seen) -> bool:
    """Say whether it asks for a change. Request Tracker is searched with POST, too."""
    return seen.method != "GET" and not seen.path.endswith(SEARCHES)


def by_its_method(seen: Seen) -> bool:
    """Say whether it asks Odoo for a change. A file that no message names yet is none."""
    return any(f'"{name}"'.encode() in seen.body for name in WRITES) and b'"ir.attachment"' not in seen.body


def odoo_texts(sandbox: RunningSandbox) -> list[tuple[str, bool]]:
    """Give what ends with our reference. To staff a note is what to customers is a comment."""
    rows = sandbox.site.odoo.rows
    said = [(row["description"], True) for row in rows["helpdesk.ticket"].values()]
    said += [(row["body"] or "", row["subtype_id"] == 1) for row in rows["mail.message"].values()]
    found = [(ODOO_TEXT.fullmatch(text), public) for text, public in said]
    return [(unescape(match[1].replace("<br>", "\n")), public) for match, public in found if match]


def rt_texts(sandbox: RunningSandbox) -> list[tuple[str, bool]]:
    store = sandbox.site.rt
    said = (row for row in store.transactions.values() if row["Creator"] == "hallway")
    public = {row["id"]: row["Type"] in ("Create", "Correspond") for row in said if row["Type"] != "Status"}
    return [
        (part["Content"].decode(), public[part["TransactionId"]])
        for part in store.attachments.values()
        if part["TransactionId"] in public and part["Content"] is not None and not part.get("Filename")
    ]


def zendesk_texts(sandbox: RunningSandbox) -> list[tuple[str, bool]]:
    store = sandbox.site.zendesk
    new = (row for row in store.comments.values() if row["created_at"] > store.opened_at)
    return [(row["text"], row["public"]) for row in new]


DESKS = {
    "request_tracker": Help(
        connector=request_tracker,
        settings={"token": RT_TOKEN, "queue": "Customers"},
        customer="maya@alderlane.example",
        person="maya@alderlane.example",
        author="maya@alderlane.example",
        other="joneill",
        address=lambda sandbox: sandbox.rt_url,
        switch=lambda sandbox: sandbox.site.rt_switch,
        texts=rt_texts,
        writes=by_its_verb,
    ),
    "zendesk": Help(
        connector=zendesk,
        settings={"email": "portal@kestrel.example", "api_token": "sandbox0zendesk0token0sandbox0zendesk0to"},
        customer="organization:360001000010",
        person="user:360002000031",
        author="Maya Okafor",
        other="user:9007199254740993",
        address=lambda sandbox: sandbox.zendesk_url,
        switch=lambda sandbox: sandbox.site.zendesk_switch,
        texts=zendesk_texts,
        writes=by_its_verb,
    ),
    "odoo": Help(
        connector=odoo,
        settings={"database": ODOO_DATABASE, "login": ODOO_LOGIN, "api_key": ODOO_KEY, "takes_requests": True},
        customer="10",
        person="11",
        author="Maya Okafor",
        other="20",
        address=lambda sandbox: sandbox.odoo_url,
        switch=lambda sandbox: sandbox.site.odoo_switch,
        texts=odoo_texts,
        writes=by_its_method,
    ),
}


async def at_once(_: float) -> None:
    """Wait for nothing."""


class World(Struct):
    """The sandbox, one of its help desks, and our side of it."""

    sandbox: RunningSandbox
    desk: Help
    office: BackOffice[Any]
    clock: Ticking

    async def act(self, action: ActionName, asked: Asked) -> Done:
        done: Done = await self.desk.connector.actions[action].do(self.office, asked)
        return done

    async def find(self, action: ActionName, asked: Asked) -> Done | None:
        find = self.desk.connector.actions[action].find
        assert find is not None
        return await find(self.office, asked)

    async def ticket(self, key: str) -> Ticket:
        query = RecordQuery(id=key, customer=self.desk.customer, asked_at=datetime.now(UTC))
        record = (await self.desk.connector.fetch["tickets"](self.office, query)).record
        assert isinstance(record, Ticket)
        return record

    async def files(self, key: str) -> list[tuple[str, str, bytes]]:
        """Open every file that the conversation shows."""
        found = []
        for ref in [file for message in (await self.ticket(key)).messages or () for file in message.files]:
            query = FileQuery(record=key, file=ref.id, customer=self.desk.customer)
            async with self.desk.connector.files["tickets"](self.office, query) as stream:
                found.append((stream.name, stream.media_type, b"".join([chunk async for chunk in stream.chunks])))
        return found

    async def latest(self, key: str) -> Message:
        messages = (await self.ticket(key)).messages
        assert messages
        return messages[-1]

    def new(self, text: str = "Hello.", **more: Any) -> NewTicket:
        asked = NewTicket(
            reference=new_reference(),
            customer=self.desk.customer,
            persons=(self.desk.person,),
            subject="Where is it?",
            text=text,
        )
        return replace(asked, **more)

    def reply(self, ticket: str, text: str = "Hello?", **more: Any) -> Reply:
        asked = Reply(
            reference=new_reference(),
            customer=self.desk.customer,
            persons=(self.desk.person,),
            ticket=ticket,
            text=text,
        )
        return replace(asked, **more)

    def move(self, ticket: str, **more: Any) -> Move:
        asked = Move(reference=new_reference(), customer=self.desk.customer, persons=(self.desk.person,), ticket=ticket)
        return replace(asked, **more)

    @property
    def texts(self) -> list[str]:
        """What was written, all of it in public."""
        assert all(public for _, public in self.desk.texts(self.sandbox))
        return [text for text, _ in self.desk.texts(self.sandbox)]

    def fault(self, fault: Fault) -> None:
        self.desk.switch(self.sandbox).fault = fault

    @property
    def written(self) -> list[str]:
        """List what asked for a change."""
        return [seen.path for seen in self.desk.switch(self.sandbox).seen if self.desk.writes(seen)]


@asynccontextmanager
async def opened(sandbox: RunningSandbox, name: str) -> AsyncIterator[World]:
    desk, clock, tokens = DESKS[name], Ticking(), MemoryTokens()
    config = decode_config(desk.connector.config, {"base_url": desk.address(sandbox), **desk.settings})
    async with open_client(
        desk.connector.base_url(config),
        policy=LOOPBACK,
        auth=desk.connector.auth(config, tokens),
        sleep=at_once,
        timer=lambda: clock().timestamp(),
    ) as http:
        yield World(sandbox, desk, BackOffice(source="desk", http=http, config=config, tokens=tokens), clock)


@pytest.fixture(params=DESKS)
async def world(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> AsyncIterator[World]:
    async with opened(sandbox, request.param) as world:
        yield world


@pytest.fixture
async def account(sandbox: RunningSandbox) -> AsyncIterator[World]:
    async with opened(sandbox, "zendesk") as world:
        yield world


async def test_brings_a_ticket_where_staff_want_it(sandbox: RunningSandbox) -> None:
    async with opened(sandbox, "request_tracker") as world:
        store = sandbox.site.rt
        known = {row["Name"]: row["id"] for row in store.queues.values()}
        assert len(known) > 1
        for queue, key in known.items():
            done = await world.act("new_ticket", world.new(route=queue))
            assert store.tickets[int(done.record)]["Queue"] == key
        done = await world.act("new_ticket", world.new(route="Nowhere"))
        assert store.tickets[int(done.record)]["Queue"] == known["Customers"]
    async with opened(sandbox, "zendesk") as world:
        done = await world.act("new_ticket", world.new(route="field service"))
        assert sandbox.site.zendesk.tickets[int(done.record)]["tags"] == ["field_service"]
    async with opened(sandbox, "odoo") as world:
        for team, key in (("Repairs", 1), ("Nowhere", None)):
            done = await world.act("new_ticket", world.new(route=team))
            assert sandbox.site.odoo.rows["helpdesk.ticket"][int(done.record)].get("team_id") == key


async def test_opens_a_ticket_of_the_customers_and_replies_to_it(world: World) -> None:
    asked = world.new(HOSTILE)
    assert await world.find("new_ticket", asked) is None
    done = await world.act("new_ticket", asked)
    assert await world.find("new_ticket", asked) == done
    answer = world.reply(done.record, f"Again: {HOSTILE}")
    assert await world.find("reply", answer) is None
    assert await world.act("reply", answer) == done
    assert await world.find("reply", answer) == done
    assert await world.find("reply", world.reply(done.record)) is None

    assert world.texts == [HOSTILE, f"Again: {HOSTILE}"]
    ticket = await world.ticket(done.record)
    assert (ticket.subject, ticket.number) == ("Where is it?", done.number)
    assert [(each.author, each.from_customer) for each in ticket.messages or ()] == [(world.desk.author, True)] * 2
    for message in ticket.messages or ():
        assert HOSTILE in message.body if message.media_type == "text/plain" else ESCAPED in message.body


async def test_sends_files_byte_for_byte(world: World) -> None:
    files = tuple(Attached(f"Zoë's {name}", "application/octet-stream", content) for name, content in GOOD.items())
    done = await world.act("new_ticket", world.new(files=files[:5]))
    await world.act("reply", world.reply(done.record, files=files[5:]))
    assert await world.files(done.record) == [(file.name, file.media_type, file.content) for file in files]
    assert world.desk.texts(world.sandbox)[0] == ("Hello.", True)


async def test_has_sent_nothing_when_a_file_did_not_arrive(account: World) -> None:
    """Zendesk takes files first: what is lost there is found nowhere."""
    ticket = (await account.act("new_ticket", account.new("First."))).record
    pdf = (Attached("a.pdf", "application/pdf", PDF),)
    account.fault(Fault(kind="lost"))
    for action, asked in (("new_ticket", account.new(files=pdf)), ("reply", account.reply(ticket, files=pdf))):
        with pytest.raises(NotSent):
            await account.act(cast("ActionName", action), asked)
    assert account.texts == ["First."]


async def test_sends_nothing_to_a_ticket_of_somebody_elses(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    before = len(world.written)
    foreign: list[tuple[ActionName, Asked]] = [
        ("reply", world.reply(ticket, customer=world.desk.other, persons=())),
        *((name, world.move(ticket, customer=world.desk.other)) for name in MOVES),
        ("reply", world.reply("999999")),
        ("reply", world.reply(f"{ticket}/../1")),
    ]
    for action, asked in foreign:
        with pytest.raises(NotFound):
            await world.act(action, asked)
    assert len(world.written) == before
    assert world.texts == ["Hello."]


async def test_makes_no_ticket_for_nobody(world: World) -> None:
    nobody = "user:1" if world.desk.connector is zendesk else "nobody' OR id > 0 OR Name = '"
    with pytest.raises(NotFound):
        await world.act("new_ticket", world.new(customer=nobody, persons=()))
    assert world.written == []


async def test_solves_a_ticket_and_opens_it_again(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    for action, state in (("solve", "solved"), ("solve", "solved"), ("reopen", "working"), ("reopen", "working")):
        assert (await world.act(cast("ActionName", action), world.move(ticket))).record == ticket
        assert (await world.ticket(ticket)).state == state
    assert len(world.written) == 3
    await world.act("solve", world.move(ticket))
    await world.act("reply", world.reply(ticket))
    assert (await world.ticket(ticket)).state == "working"


async def test_says_what_has_not_gone_out_and_what_may_have(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new("First."))).record
    acts: list[tuple[ActionName, Asked]] = [("new_ticket", world.new("New.")), ("reply", world.reply(ticket, "Reply."))]
    world.fault(Fault(kind="unavailable"))
    for action, asked in acts:
        with pytest.raises(NotSent):
            await world.act(action, asked)
    assert world.texts == ["First."]
    world.clock.now += timedelta(hours=1)  # until it is asked again
    world.fault(Fault(kind="lost"))
    for action, asked in acts:
        written = len(world.written)
        with pytest.raises(Unavailable) as raised:
            await world.act(action, asked)
        assert not isinstance(raised.value, NotSent)
        assert len(world.written) == written + 1
        assert await world.find(action, asked)
    assert sorted(world.texts) == ["First.", "New.", "Reply."]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_does_everything_once_though_every_fifth_answer_is_lost(
    world: World, database: Database, seed: int
) -> None:
    desk = world.desk
    ticket = (await world.act("new_ticket", world.new("Mine."))).record
    texts = [f"{number}: {HOSTILE}" for number in range(30)]
    given: list[Given] = []
    for number, text in enumerate(texts):
        files = [Attached(f"{number}.pdf", "application/pdf", PDF)] * (number % 3)
        answer: Given = ("reply", {"ticket": ticket, "text": text}, files)
        given.append(answer if number % 2 else ("new_ticket", {"subject": "Hello", "text": text}, ()))
    losing = Losing(
        office=Office(
            name="desk", title="Desk", connector=desk.connector, promises={}, version="1", opened=world.office
        ),
        link=LinkRef("desk", desk.customer),
        person=desk.person,
        share=0.2,
        fault=world.fault,
        written=lambda: len(world.written),
    )
    await send_all_though_answers_are_lost(database, world.clock, seed, losing, given)
    assert Counter(world.texts) == Counter(["Mine.", *texts])
    world.fault(Fault(kind="none"))
    arrived = Counter(name for name, _, content in await world.files(ticket) if content == PDF)
    assert arrived == Counter({f"{number}.pdf": number % 3 for number in range(1, 30, 2) if number % 3})


@pytest.mark.parametrize(
    ("persons", "requestors"),
    [
        ((), ["joneill"]),
        (("maya@alderlane.example",), ["joneill", "maya@alderlane.example"]),
        (("joseph@alderlane.example", "maya@alderlane.example"), ["joneill"]),
        (("joneill", "maya@alderlane.example"), ["joneill"]),
    ],
    ids=["nobody", "one", "any", "the-customer"],
)
async def test_lets_nobody_join_a_ticket_in_request_tracker_who_may_act_for_another_customer(
    sandbox: RunningSandbox, persons: tuple[str, ...], requestors: list[str]
) -> None:
    async with opened(sandbox, "request_tracker") as world:
        done = await world.act("new_ticket", world.new(customer="joneill", persons=persons))
    assert sandbox.site.rt.tickets[int(done.record)]["Requestor"] == requestors


async def test_asks_zendesk_for_a_ticket_twice_and_gets_one(account: World) -> None:
    asked = account.new()
    assert await account.act("new_ticket", asked) == await account.act("new_ticket", asked)
    assert account.texts == ["Hello."]


async def test_writes_to_zendesk_in_the_name_of_a_user_of_the_customers_alone(account: World) -> None:
    ticket = (await account.act("new_ticket", account.new("Mine."))).record
    strangers = ("user:9007199254740993", "user:360002000023", "user:1")
    for persons, error in (((), NotAllowed), *(((each,), NotFound) for each in strangers), (strangers, NotFound)):
        with pytest.raises(error):
            await account.act("new_ticket", account.new(persons=persons))
        with pytest.raises(error):
            await account.act("reply", account.reply(ticket, persons=persons))
    assert account.texts == ["Mine."]
    await account.act("reply", account.reply(ticket, "Found.", persons=(*strangers, account.desk.person)))
    assert account.texts == ["Mine.", "Found."]


async def test_says_of_every_word_to_zendesk_that_it_is_public(account: World) -> None:
    ticket = (await account.act("new_ticket", account.new())).record
    await account.act("reply", account.reply(ticket))
    bodies = [seen.body for seen in account.desk.switch(account.sandbox).seen if seen.method in ("POST", "PUT")]
    assert [b'"public":true' in body.replace(b" ", b"") for body in bodies] == [True, True]
