"""What was declined counts among what needs whoever sent it, on Home and among the requests, until it is put right."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
from support_handed import REQUEST, add_handed, turn_all
from support_portal import BAKERY, HOTEL, Portal
from test_rights import SAME_SITE, text_of

from connectors.actions import ActionName

CHANGE = {"person": "11", "before": {"phone": "1"}, "after": {"phone": "2"}}
ANSWER = {"order": "4424", "total": "1", "currency": "EUR", "reason": ""}
CASES: dict[ActionName, tuple[str, dict[str, Any], str, str]] = {
    "new_ticket": ("helpdesk", REQUEST, "/requests/sent/late", "Where is it?"),
    "reply": ("helpdesk", {"ticket": "881", "text": "On Monday."}, "/requests/helpdesk/881", "Your answer: "),
    "solve": ("helpdesk", {"ticket": "881"}, "/requests/helpdesk/881", "Delivery at the Market Street shop"),
    "order_again": ("erp", {"order": "4424"}, "/orders/erp/4424", "Order SO-4424"),
    "accept": ("erp", ANSWER, "/orders/erp/4424", "Your answer: Order SO-4424"),
    "change_details": ("erp", CHANGE, "/account/details", "Your details"),
}
SAYS = "It could not be taken as it is. Change it, or take it back."


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    await portal.sign_in("maya", "bakery")
    await portal.tie("maya", "erp", "11")
    return await portal.browser("maya", "bakery")


def declined(page: str) -> list[tuple[str, str]]:
    """List what was declined, each with where it leads."""
    return re.findall(
        r"<h3>([^<]*)</h3>\s*<p>" + re.escape(SAYS) + r'</p>\s*<div[^>]*><a [^>]*href="([^"]*)"', unescape(page)
    )


async def home(browser: httpx.AsyncClient) -> str:
    return (await browser.get("/")).text


@pytest.mark.parametrize("action", CASES)
async def test_asks_for_it_on_home_until_it_is_taken_back(
    portal: Portal, maya: httpx.AsyncClient, action: ActionName
) -> None:
    source, asked, page, title = CASES[action]
    await add_handed(portal, "late", action, asked, "needs_you", source=source)
    await home(maya)
    shown = await home(maya)
    ((said, place),) = declined(shown)
    assert title in said
    assert place == page
    assert "Nothing needs you" not in shown
    there = unescape((await maya.get(place)).text)
    (path,) = re.findall(r'action="([^"]*/back)"', there)
    token = re.findall(r'data-token="([^"]+)"', there)[0]
    assert (await maya.post(path, data={"_token": token}, headers=SAME_SITE)).status_code == 303
    assert declined(await home(maya)) == []


async def test_counts_it_in_the_headline_and_beside_the_area(portal: Portal, maya: httpx.AsyncClient) -> None:
    browser = await portal.browser("maya", "bakery")
    before = text_of(await home(maya))
    await add_handed(portal, "late", "new_ticket", REQUEST, "needs_you")
    after = text_of(await home(browser))
    for page, things, requests in ((before, "Three", 2), (after, "Four", 3)):
        assert f"{things} things need you" in page
        assert f"Requests {requests} need you" in page


async def test_asks_nobody_else_and_for_nothing_that_is_not_theirs_any_more(
    portal: Portal, maya: httpx.AsyncClient
) -> None:
    await portal.link("joseph", "bakery", *BAKERY)
    await portal.link("maya", "hotel", *HOTEL)
    await add_handed(portal, "late", "new_ticket", REQUEST, "needs_you")
    await add_handed(portal, "gone", "new_ticket", REQUEST, "needs_you", customer="somebody@else.example")
    await add_handed(portal, "rated", "rate", {"ticket": "860", "helped": True}, "needs_you")
    for subject, account in (("joseph", "bakery"), ("maya", "hotel"), ("ines", "hotel")):
        browser = await portal.browser(subject, account)
        assert declined(await home(browser)) == []
        assert declined((await browser.get("/requests")).text) == []
    assert [place for _, place in declined(await home(maya))] == ["/requests/sent/late"]


async def test_asks_no_more_once_a_quote_was_answered_again(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "first", "accept", ANSWER, "needs_you", source="erp")
    await add_handed(portal, "second", "accept", ANSWER, "sent", source="erp")
    assert declined(await home(maya)) == []


async def test_says_so_at_the_head_of_the_requests(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "late", "reply", CASES["reply"][1], "needs_you")
    await add_handed(portal, "later", "new_ticket", REQUEST, "needs_you")
    page = (await maya.get("/requests")).text
    (lede,) = re.findall(r'<p class="lede">([^<]*)</p>', page)
    assert "Two things you sent could not be taken as they are." in unescape(lede)
    assert "need do nothing" not in lede
    assert [place for _, place in declined(page)] == ["/requests/helpdesk/881"], "the other one is under what was sent"
    assert 'href="/requests/sent/later"' in unescape(page)
    await turn_all(portal, "sent")
    other = await portal.browser("maya", "bakery")
    assert "could not be taken" not in unescape((await other.get("/requests")).text)


async def test_leaves_out_what_another_version_wrote(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "late", "reply", {"of": "881"}, "needs_you")
    page = await maya.get("/")
    assert page.status_code == 200
    assert declined(page.text) == []
