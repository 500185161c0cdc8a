"""A request that the helpdesk has closed for good: nothing is offered that can't be done, but a way to ask anew."""

from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_door import litestar_of
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_actions import MOVES, opened
from test_asking import form as form_of
from test_asking import until
from test_replies import form
from test_rights import SAME_SITE

from connectors.actions import ActionName
from gateway.records.outbox_tables import OutboxRow

ZENDESK = """
[sources.desk]
connector = "zendesk"
title = "Zendesk"
[sources.desk.settings]
base_url = "ZENDESK"
email = "portal@kestrel.example"
api_token = { env = "ZENDESK_TOKEN" }
"""
CLOSED, SOLVED = "/requests/desk/7052", "/requests/desk/7060"
ABOUT = "/requests/new?about=desk/tickets/7052"
ANEW = "/requests/new/something-else"


@pytest.fixture
async def maya(portal: Portal, sandbox: RunningSandbox) -> httpx.AsyncClient:
    """Somebody whose requests are in a Zendesk, too."""
    more = ZENDESK.replace('"ZENDESK"', f'"{sandbox.zendesk_url}"')
    await portal.connect(sandbox, more, ZENDESK_TOKEN="sandbox0zendesk0token0sandbox0zendesk0to")
    litestar_of(portal.app).state.offices.look_again()
    await portal.link("maya", "bakery", ("desk", "organization:360001000010"))
    await portal.tie("maya", "desk", "user:360002000031")
    return await portal.browser("maya", "bakery")


async def kept(portal: Portal) -> int:
    async with portal.database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow)) or 0


async def test_says_that_it_is_closed_and_leads_to_a_new_request_about_it(maya: httpx.AsyncClient) -> None:
    page = unescape((await maya.get(CLOSED)).text)
    assert "This one is closed for good." in page
    assert f'href="{ABOUT}">Write to us about it anew.</a>' in page
    assert "Open it again" not in page
    assert f'action="{CLOSED}/' not in page
    solved = unescape((await maya.get(SOLVED)).text)
    assert "closed for good" not in solved
    assert "Open it again" in solved
    assert f'action="{SOLVED}/reply"' in solved


async def test_sends_a_new_request_that_names_the_closed_one(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    topics = unescape((await maya.get(ABOUT)).text)
    assert "Ask about request 7052" in topics
    assert f'href="{ANEW}?about=desk/tickets/7052"' in topics
    fields = await form_of(maya, f"{ANEW}?about=desk/tickets/7052")
    assert fields["subject"] == "Discount of 90 %"
    answer = await maya.post(ANEW, data={**fields, "text": "Once more, please."}, headers=SAME_SITE)
    assert answer.status_code == 303
    await until(maya, answer.headers["location"], "See the request")
    async with portal.database.read() as session:
        (asked,) = await session.scalars(sa.select(OutboxRow.asked))
    assert asked["subject"] == "Discount of 90 %"
    assert asked["text"] == "Request 7052\n\nOnce more, please."


async def test_takes_no_answer_that_comes_all_the_same(portal: Portal, maya: httpx.AsyncClient) -> None:
    """The page was open while the helpdesk closed it."""
    fields = await form(maya, SOLVED)
    said = {**fields, "text": "It <smokes> again."}
    for address, sent in (("reply", said), ("move/reopen", fields), ("move/solve", fields)):
        answer = await maya.post(f"{CLOSED}/{address}", data=sent, headers=SAME_SITE)
        page = unescape(answer.text)
        assert answer.status_code == 409
        assert "This one is closed for good." in page
        assert ABOUT in page
        assert ("It <smokes> again." in page) is (address == "reply")
        assert "<smokes>" not in answer.text
    assert await kept(portal) == 0


async def test_knows_what_zendesk_has_closed(sandbox: RunningSandbox) -> None:
    names: list[ActionName] = ["reply", *MOVES]
    async with opened(sandbox, "zendesk") as world:
        ticket = await world.ticket((await world.act("new_ticket", world.new())).record)
        for name in names:
            action = world.desk.connector.actions[name]
            for state in ("new", "open", "pending", "hold", "solved", "closed"):
                suits = action.suits(world.office.config, replace(ticket, vendor_state=state))
                assert suits is (state != "closed")
