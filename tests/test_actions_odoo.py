"""What of customers' requests is Odoo's own: files apart, stages, versions, and an app that may not be there."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from msgspec.structs import replace
from support_outbox import Given, Losing, send_all_though_answers_are_lost
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_uploads import PDF
from test_actions import HOSTILE, World, opened
from test_rights import SAME_SITE

from connectors.actions import Attached
from connectors.config import decode_config
from connectors.errors import NotAllowed, NotFound, NotSent, Unavailable
from connectors.sandbox.faults import Fault
from connectors.sandbox.odoo import rpc
from connectors.sandbox.odoo.store import Row
from connectors.vendors.odoo import connector
from gateway.access import LinkRef
from gateway.offices import Office
from gateway.records.database import Database

FILES = tuple(Attached(name, "application/pdf", PDF) for name in ("a.pdf", "b.pdf"))
TRIES = 200
AWAITING, DONE, WITH_THE_MAKER, CUSTOMER = 3, 4, 7, "10"


@pytest.fixture
async def world(sandbox: RunningSandbox) -> AsyncIterator[World]:
    async with opened(sandbox, "odoo") as world:
        yield world


def rows(world: World, model: str) -> dict[int, Row]:
    return world.sandbox.site.odoo.rows[model]


def said(world: World, ticket: str) -> list[Row]:
    messages = rows(world, "mail.message").values()
    return [row for row in messages if (row["model"], row["res_id"]) == ("helpdesk.ticket", int(ticket))]


def bodies(world: World, method: str) -> list[bytes]:
    asked = world.desk.switch(world.sandbox).seen
    return [seen.body for seen in asked if f'"{method}"'.encode() in seen.body]


async def test_names_the_contact_whom_the_ticket_is_of(world: World) -> None:
    ticket = rows(world, "helpdesk.ticket")[int((await world.act("new_ticket", world.new())).record)]
    assert (ticket["partner_id"], ticket["partner_name"]) == (11, "Maya Okafor")
    assert ticket["partner_email"] == "maya@alderlane.example"
    assert ticket["stage_id"] == 1


async def test_speaks_for_nobody_who_acts_for_another_customer(world: World) -> None:
    done = await world.act("new_ticket", world.new(persons=("21", "1")))
    assert rows(world, "helpdesk.ticket")[int(done.record)]["partner_id"] == int(CUSTOMER)
    await world.act("reply", world.reply(done.record, persons=("21", "1")))
    assert [row["author_id"] for row in said(world, done.record)] == [int(CUSTOMER)]
    with pytest.raises(NotFound):
        await world.act("new_ticket", world.new(customer="11", persons=()))  # a contact is no customer
    with pytest.raises(NotFound):
        await world.act("new_ticket", world.new(customer="999999", persons=()))


async def test_takes_no_ticket_for_whole_whose_files_are_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = world.new(files=FILES)
    without = replace(asked, files=())  # as it is when it is looked for
    with monkeypatch.context() as patch:
        patch.setattr("connectors.vendors.odoo.requests.say", fails)
        with pytest.raises(Unavailable) as raised:
            await world.act("new_ticket", asked)
    assert not isinstance(raised.value, NotSent)
    assert await world.find("new_ticket", without) is None
    done = await world.act("new_ticket", asked)
    assert await world.find("new_ticket", without) == done
    assert await world.act("new_ticket", asked) == done
    assert len(bodies(world, "create")) == 1 + 2 * len(FILES)  # one ticket
    (message,) = said(world, done.record)
    assert (message["author_id"], message["subtype_id"], message["message_type"]) == (11, 1, "comment")
    assert [name for name, *_ in await world.files(done.record)] == ["a.pdf", "b.pdf"]


async def fails(*_: object, **__: object) -> None:
    raise NotAllowed("not this account")


async def test_has_sent_nothing_when_a_file_did_not_arrive(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new("First."))).record
    world.fault(Fault(kind="lost"))
    with pytest.raises(NotSent):
        await world.act("new_ticket", world.new(files=FILES))
    with pytest.raises(NotSent):
        await world.act("reply", world.reply(ticket, files=FILES))
    assert world.texts == ["First."]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_brings_every_ticket_with_its_files_once(world: World, database: Database, seed: int) -> None:
    losing = Losing(
        office=Office(name="desk", title="D", connector=connector, promises={}, version="1", opened=world.office),
        link=LinkRef("desk", CUSTOMER),
        person=world.desk.person,
        share=0.8,
        fault=lambda fault: world.fault(replace(fault, share=0.3)),  # a file's, the ticket's, or the message's
        written=lambda: len(world.written),
    )
    given: list[Given] = [("new_ticket", {"subject": "Hello", "text": f"{n}."}, list(FILES)) for n in range(10)]
    await send_all_though_answers_are_lost(database, world.clock, seed, losing, given)
    made = [key for key, row in rows(world, "helpdesk.ticket").items() if row["name"] == "Hello"]
    assert len(made) == len(given)
    assert [len(said(world, str(key))) for key in made] == [1] * len(given)


@pytest.mark.parametrize(
    ("stage", "after"), [(AWAITING, "working"), (DONE, "working"), (WITH_THE_MAKER, "unknown"), (1, "received")]
)
async def test_wakes_what_waits_for_the_customer(world: World, stage: int, after: str) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    rows(world, "helpdesk.ticket")[int(ticket)] |= {"stage_id": stage, "closed": stage == DONE}
    await world.act("reply", world.reply(ticket))
    assert (await world.ticket(ticket)).state == after


async def test_leaves_nothing_open_of_a_reply_whose_ticket_could_not_be_woken(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    await world.act("solve", world.move(ticket))
    for stage in rows(world, "helpdesk.ticket.stage").values():
        stage["closed"] = True
    asked = world.reply(ticket, "Still.")
    with pytest.raises(Unavailable) as raised:
        await world.act("reply", asked)
    assert not isinstance(raised.value, NotSent)
    assert await world.find("reply", asked)


async def test_chooses_a_stage_of_the_tickets_own(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new(route="Repairs"))).record
    stages = rows(world, "helpdesk.ticket.stage")
    rows(world, "res.company")[2] = {"id": 2, "name": "Another"}
    for key, change in ((4, {"team_ids": [2]}), (5, {"company_id": 2}), (6, {"team_ids": [1], "company_id": 1})):
        stages[key] |= change
    await world.act("solve", world.move(ticket))
    assert rows(world, "helpdesk.ticket")[int(ticket)]["stage_id"] == 6
    await world.act("reopen", world.move(ticket))
    stages[6]["team_ids"] = [2]
    with pytest.raises(NotAllowed, match="no stage for this ticket"):
        await world.act("solve", world.move(ticket))
    assert (await world.ticket(ticket)).state == "working"


@pytest.mark.parametrize(("serie", "told"), [("16.0", False), ("17.0", True), ("saas~18.2", True), ("19.0", True)])
async def test_tells_odoo_that_it_is_html_where_odoo_asks(
    world: World, monkeypatch: pytest.MonkeyPatch, serie: str, *, told: bool
) -> None:
    monkeypatch.setitem(rpc.VERSION, "server_serie", serie)
    ticket = (await world.act("new_ticket", world.new())).record
    await world.act("reply", world.reply(ticket, f"{HOSTILE}\0"))
    (sent,) = bodies(world, "message_post")
    assert (b'"body_is_html"' in sent) is told
    assert b"u0000" not in sent
    assert b"&lt;script&gt;" in sent


async def test_makes_no_ticket_where_there_is_no_app(world: World) -> None:
    world.sandbox.reset(helpdesk=False)
    with pytest.raises(NotAllowed, match="helpdesk_mgmt"):
        await world.act("new_ticket", world.new())
    with pytest.raises(NotFound):
        await world.act("reply", world.reply("9"))
    assert world.written == []


async def test_takes_new_requests_where_the_settings_say_so(world: World) -> None:
    settings: dict[str, Any] = {"base_url": world.sandbox.odoo_url, **world.desk.settings}
    for takes in (True, False):
        config = decode_config(connector.config, {**settings, "takes_requests": takes})
        assert {name for name, action in connector.actions.items() if not action.set_up(config)} == (
            set() if takes else {"new_ticket"}
        )


async def test_answers_a_request_of_odoos_on_its_page(portal: Portal, sandbox: RunningSandbox) -> None:
    maya = await portal.browser("maya", "bakery")
    page = unescape((await maya.get("/requests/erp/12")).text)
    assert "To answer" not in page
    assert "Open it again" in page
    (found,) = re.findall(r'<form[^>]* action="/requests/erp/12/reply"[^>]*>(.*?)</form>', page, re.DOTALL)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', found))
    answer = await maya.post("/requests/erp/12/reply", data={**fields, "text": "<b>Wider</b>"}, headers=SAME_SITE)
    assert answer.status_code == 303
    for _ in range(TRIES):
        messages = sandbox.site.odoo.rows["mail.message"].values()
        if any("&lt;b&gt;Wider&lt;/b&gt;" in (row["body"] or "") for row in messages):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("never arrived")


async def test_offers_no_new_request_where_no_source_takes_one(portal: Portal) -> None:
    await portal.link("otto", "catering", ("erp", "20"))
    otto = await portal.browser("otto", "catering")
    assert "New requests can’t be sent from here." in unescape((await otto.get("/requests/new")).text)
