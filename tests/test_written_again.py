"""An answer that was taken back is in the form again, for who wrote it, to be changed and sent."""

import re
from html import unescape

import httpx
import pytest
from support_handed import add_file, add_handed
from support_portal import BAKERY, Portal
from test_rights import SAME_SITE

TICKET = "/requests/helpdesk/881"
REPLY = {"ticket": "881", "text": "On <Monday>.\nOr later."}
SAYS = "You took this back, and it was not sent. Change it and send it again."
FILES = "Choose your files again: they were not kept."


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def take_back(browser: httpx.AsyncClient, page: str = TICKET) -> str:
    """Do what the button does, and give the address that it leads to."""
    shown = unescape((await browser.get(page)).text)
    ((path, token),) = re.findall(r'action="([^"]*/back)"><input[^>]*name="_token" value="([^"]*)"', shown)
    answer = await browser.post(path, data={"_token": token}, headers=SAME_SITE)
    assert answer.status_code == 303
    return answer.headers["location"]


def written(page: str) -> str:
    (text,) = re.findall(r'<textarea id="text"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return unescape(text)


@pytest.mark.parametrize("file", ["plan.txt", None])
async def test_fills_the_form_with_an_answer_that_was_taken_back(
    portal: Portal, maya: httpx.AsyncClient, file: str | None
) -> None:
    await add_handed(portal, "hers", "reply", REPLY, "needs_you")
    if file:
        await add_file(portal, "hers", file)
    page = unescape((await maya.get(await take_back(maya))).text)
    assert written(page) == REPLY["text"]
    assert SAYS in page
    assert (FILES in page) is (file is not None)
    assert 'id="pending"' not in page
    assert written((await maya.get(TICKET)).text) == ""


async def test_fills_it_for_nobody_else_and_nowhere_else(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "hers", "reply", REPLY, "needs_you")
    place = (await take_back(maya)).removeprefix(TICKET)
    await portal.link("joseph", "bakery", *BAKERY)
    joseph = await portal.browser("joseph", "bakery")
    for browser, page in ((joseph, TICKET), (maya, "/requests/helpdesk/860"), (maya, "/requests/helpdesk/874")):
        assert written((await browser.get(f"{page}{place}")).text) == ""


async def test_fills_it_with_nothing_that_stands_there_still(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "hers", "reply", REPLY, "needs_you")
    place = await take_back(maya)
    await add_handed(portal, "next", "reply", REPLY, "needs_you")
    assert written((await maya.get(place.replace("hers", "next"))).text) == ""
    assert written((await maya.get(place.replace("hers", "none"))).text) == ""


async def test_leads_back_from_taking_back_that_it_is_solved(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "hers", "solve", {"ticket": "881"}, "needs_you")
    page = (await maya.get(await take_back(maya))).text
    assert written(page) == ""
    assert SAYS not in page
