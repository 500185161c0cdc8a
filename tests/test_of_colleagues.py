"""What a colleague handed in is shown as theirs, and only they are offered to take it back."""

from html import unescape
from typing import Any

import httpx
import pytest
from support_handed import add_handed
from support_portal import BAKERY, Portal

from connectors.actions import ActionName
from gateway.outbox.states import State

TICKET, PAST = "/requests/helpdesk/881", "/orders/erp/4424"
TOTAL = {"order": "4424", "total": "1", "currency": "EUR", "reason": ""}
CASES: dict[ActionName, tuple[str, dict[str, Any], str, str, str]] = {
    "reply": ("helpdesk", {"ticket": "881", "text": "On Monday."}, TICKET, "<b>You</b>", "<b>Your side</b>"),
    "accept": ("erp", TOTAL, PAST, "You accepted this quote", "A colleague of yours accepted this quote"),
    "decline": ("erp", TOTAL, PAST, "You declined this quote", "A colleague of yours declined this quote"),
    "order_again": (
        "erp",
        {"order": "4424"},
        PAST,
        "You asked for all of it again",
        "A colleague of yours asked for all of it again",
    ),
}


@pytest.fixture
async def joseph(portal: Portal) -> httpx.AsyncClient:
    await portal.sign_in("maya", "bakery")
    await portal.link("joseph", "bakery", *BAKERY)
    return await portal.browser("joseph", "bakery")


def pending(page: str) -> str:
    """Take what is on its way, and not the conversation itself."""
    return page.partition('id="pending"')[2].partition('id="answer"')[0] or page


@pytest.mark.parametrize("action", CASES)
@pytest.mark.parametrize("state", ["waiting", "needs_you"])
async def test_names_who_handed_it_in_and_offers_it_to_them_alone(
    portal: Portal, joseph: httpx.AsyncClient, action: ActionName, state: State
) -> None:
    source, asked, page, mine, theirs = CASES[action]
    await add_handed(portal, "hers", action, asked, state, source=source)
    maya = await portal.browser("maya", "bakery")
    hers, his = [pending(unescape((await each.get(page)).text)) for each in (maya, joseph)]
    assert mine in hers
    assert theirs not in hers
    assert "Take it back" in hers
    assert theirs in his
    assert mine not in his
    assert "ake it back" not in his


@pytest.mark.parametrize("action", ["reply", "accept"])
async def test_says_of_what_was_declined_whose_turn_it_is(
    portal: Portal, joseph: httpx.AsyncClient, action: ActionName
) -> None:
    source, asked, page, *_ = CASES[action]
    await add_handed(portal, "hers", action, asked, "needs_you", source=source)
    said = {
        "reply": "This could not be taken as it is. Whoever sent it can send it again.",
        "accept": "Nothing was ordered: the quote is not what it was when it was accepted. Look again.",
    }[action]
    assert said in unescape((await joseph.get(page)).text)
