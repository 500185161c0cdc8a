"""Whether a solved request helped: asked on its page, told to staff alone, and once."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import httpx
import pytest
from msgspec.structs import replace
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_actions import DESKS, HOSTILE, World, opened
from test_rights import SAME_SITE

from connectors.actions import Rating
from connectors.config import decode_config
from connectors.errors import NotFound, NotSent, Unavailable
from connectors.sandbox.faults import Fault
from gateway.outbox.references import new_reference
from web.portal.satisfaction import LONGEST_COMMENT

PAGE = "/requests/helpdesk/860"
OPEN, REJECTED = "/requests/helpdesk/874", "/requests/helpdesk/852"
TRIES = 200


@pytest.fixture(params=[name for name, desk in DESKS.items() if "rate" in desk.connector.actions])
async def world(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> AsyncIterator[World]:
    async with opened(sandbox, request.param) as world:
        yield world


def rating(world: World, ticket: str, *, helped: bool = True, comment: str = "") -> Rating:
    desk = world.desk
    return Rating(
        reference=new_reference(),
        customer=desk.customer,
        persons=(desk.person,),
        ticket=ticket,
        helped=helped,
        comment=comment,
    )


def notes(world: World) -> list[str]:
    return [text for text, is_public in world.desk.texts(world.sandbox) if not is_public]


async def test_writes_a_note_that_no_customer_sees(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    before = (await world.ticket(ticket)).messages
    asked = rating(world, ticket, comment=HOSTILE)
    assert await world.find("rate", asked) is None
    done = await world.act("rate", asked)
    assert await world.find("rate", asked) == done
    assert await world.find("rate", rating(world, ticket)) is None
    (note,) = notes(world)
    assert note.startswith("The customer says: solved.\n\n")
    assert "<script>alert(1)</script>" in note
    assert asked.reference in note
    assert (await world.ticket(ticket)).messages == before
    await world.act("rate", rating(world, ticket, helped=False))
    assert notes(world)[1].startswith("The customer says: not solved.")


async def test_rates_no_ticket_of_somebody_elses(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    written = len(world.written)
    for foreign in (replace(rating(world, ticket), customer=world.desk.other), rating(world, "999999")):
        with pytest.raises(NotFound):
            await world.act("rate", foreign)
    assert len(world.written) == written


async def test_says_of_a_note_whether_it_can_have_gone_out(world: World) -> None:
    ticket = (await world.act("new_ticket", world.new())).record
    world.fault(Fault(kind="unavailable"))
    with pytest.raises(NotSent):
        await world.act("rate", rating(world, ticket))
    world.clock.now += timedelta(hours=1)  # until it is asked again
    world.fault(Fault(kind="none"))
    await world.act("rate", rating(world, ticket))  # Zendesk has the tag now
    world.fault(Fault(kind="lost"))
    lost = rating(world, ticket)
    with pytest.raises(Unavailable) as raised:
        await world.act("rate", lost)
    assert not isinstance(raised.value, NotSent)
    assert await world.find("rate", lost)
    assert len(notes(world)) == 2


async def test_tags_the_ticket_in_zendesk_and_spoils_placeholders(sandbox: RunningSandbox) -> None:
    async with opened(sandbox, "zendesk") as world:
        ticket = (await world.act("new_ticket", world.new(route="slicer"))).record
        tags = []
        for helped in (True, False, False, True):
            await world.act("rate", rating(world, ticket, helped=helped, comment="{{{ticket.id}}} {%if%}"))
            tags.append(sandbox.site.zendesk.tickets[int(ticket)]["tags"])
        assert not [note for note in notes(world) if "{{" in note or "{%" in note]
    solved, not_solved = ["slicer", "hallway_solved"], ["slicer", "hallway_not_solved"]
    assert tags == [solved, not_solved, not_solved, solved]


async def test_is_offered_where_it_can_be_done_and_the_settings_say_so(world: World) -> None:
    ticket = await world.ticket((await world.act("new_ticket", world.new())).record)
    action, settings = world.desk.connector.actions["rate"], {"base_url": world.desk.address(world.sandbox)}
    solved = "resolved" if "request" in world.desk.connector.name else "solved"
    for asks in (True, False):
        config = decode_config(world.desk.connector.config, {**settings, **world.desk.settings, "asks_if_solved": asks})
        for state in (solved, "closed", "rejected", "open"):
            record = replace(ticket, vendor_state=state)
            assert action.suits(config, record) is (asks and state == solved)


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def form(browser: httpx.AsyncClient, page: str = PAGE) -> dict[str, str]:
    text = unescape((await browser.get(page)).text)
    (found,) = re.findall(rf'<form[^>]* action="{page}/rate"[^>]*>(.*?)</form>', text, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))


async def rate(browser: httpx.AsyncClient, fields: dict[str, str], page: str = PAGE) -> httpx.Response:
    return await browser.post(f"{page}/rate", data=fields, headers=SAME_SITE)


async def until_shown(browser: httpx.AsyncClient, text: str) -> str:
    for _ in range(TRIES):
        page = unescape((await browser.get(PAGE)).text)
        if text in page:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(f"never shown: {text}")


def told(sandbox: RunningSandbox) -> list[str]:
    """List what the helpdesk's staff read of it."""
    return [
        part["Content"].decode()
        for part in sandbox.site.rt.attachments.values()
        if part["Content"] and part["Content"].startswith(b"The customer says")
    ]


async def test_takes_one_answer_however_often_it_is_sent(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    assert "Did this help?" in (await maya.get(PAGE)).text
    fields = {**await form(maya), "helped": "yes", "comment": "Quick.\r\n<b>Thanks</b>"}
    answers = await asyncio.gather(*(rate(maya, fields) for _ in range(20)))
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, f"{PAGE}#rate")}
    page = await until_shown(maya, "Thank you. Our team reads it.")
    assert "You said: it’s solved" in page
    assert "Did this help?" not in page
    assert f'action="{PAGE}/rate"' not in page
    assert "Quick." not in page  # it is an internal note over there, and stays one
    assert (await rate(maya, {**fields, "helped": "no"})).status_code == 409
    assert "You said: it’s solved" in unescape((await maya.get(PAGE)).text)
    (note,) = told(sandbox)
    assert note.startswith("The customer says: solved.\n\nQuick.\n<b>Thanks</b>\n\nReference ")


async def test_lets_it_be_changed_until_it_has_gone_out(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya)
    sandbox.rt_fault(Fault(kind="unavailable"))
    await rate(maya, {**fields, "helped": "yes", "comment": "Quick."})
    assert "You said: it’s solved" in await until_shown(maya, "Quick.</textarea>")
    for _ in range(TRIES):  # while it is being tried it may have gone out
        answer = await rate(maya, {**fields, "helped": "no", "comment": "It smokes again."})
        assert answer.status_code in {303, 409}
        if answer.status_code == 303:
            break
        assert "on its way already" in answer.text
    assert "You said: it isn’t solved" in unescape((await maya.get(PAGE)).text)
    sandbox.lift_faults()
    await until_shown(maya, "Thank you. Our team reads it.")
    (note,) = told(sandbox)
    assert note.startswith("The customer says: not solved.\n\nIt smokes again.")


async def test_asks_anew_when_more_was_said(portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya)
    await rate(maya, {**fields, "helped": "yes"})
    await until_shown(maya, "You said")
    staff = httpx.AsyncClient(base_url=sandbox.rt_url, headers={"Authorization": f"token {sandbox.site.rt.token}"})
    async with staff:
        said = {"Content": "Call us any time.", "ContentType": "text/plain"}
        (await staff.post("/REST/2.0/ticket/860/correspond", json=said)).raise_for_status()
        (await staff.put("/REST/2.0/ticket/860", json={"Status": "resolved"})).raise_for_status()
    await portal.forget_records()
    await until_shown(maya, "Did this help?")
    assert (await rate(maya, {**fields, "helped": "no"})).status_code == 303  # of a page that is older than that
    assert "Did this help?" in (await maya.get(PAGE)).text
    await rate(maya, {**await form(maya), "helped": "no"})
    await until_shown(maya, "You said: it isn’t solved")


async def test_says_what_a_colleague_answered_and_not_what_they_wrote(portal: Portal, maya: httpx.AsyncClient) -> None:
    await rate(maya, {**await form(maya), "helped": "yes", "comment": "Between us."})
    await portal.link("joseph", "bakery", ("erp", "10"))
    joseph = await portal.browser("joseph", "bakery")
    page = await until_shown(joseph, "A colleague of yours said: it’s solved")
    assert "Between us." not in page
    assert f'action="{PAGE}/rate"' not in page


async def test_says_what_is_wrong_and_keeps_the_comment(maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), "helped": "no"}
    answer = await rate(maya, {**fields, "comment": "word " * (LONGEST_COMMENT // 4)})
    assert answer.status_code == 422
    assert "Write at most 2,000 characters." in answer.text
    assert "word word" in answer.text
    for wrong in ({"helped": "maybe"}, {"nonce": "short"}):
        assert (await rate(maya, {**fields, **wrong})).status_code in {400, 404, 422}
    assert (await maya.get(f"{PAGE}/rate")).headers["location"] == f"{PAGE}#rate"
    assert "Did this help?" in (await maya.get(PAGE)).text


async def test_asks_of_nothing_but_what_is_solved_and_ones_own(portal: Portal, maya: httpx.AsyncClient) -> None:
    for page in (OPEN, REJECTED):
        assert "Did this help?" not in (await maya.get(page)).text
        assert (await rate(maya, {**await form(maya), "helped": "yes"}, page)).headers["location"] == f"{page}#rate"
        assert "You said" not in (await maya.get(page)).text
    ines = await portal.browser("ines", "hotel")
    token = re.findall(r'name="_token" value="([^"]*)"', (await ines.get("/account")).text)[0]
    fields = {**await form(maya), "_token": token, "helped": "yes"}
    assert (await rate(ines, fields)).status_code == 404
    assert "Did this help?" in (await maya.get(PAGE)).text
