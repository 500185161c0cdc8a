"""Who changes something, or takes it back, when it is on its way already reads so, and loses no word."""

import re
from html import unescape
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from support_handed import REQUEST, add_handed, turn_all
from support_portal import Portal
from test_rights import SAME_SITE

from connectors.actions import ActionName
from gateway.outbox.desk import Desk, TooLate
from gateway.outbox.states import State

TICKET, ORDER, DETAILS = "/requests/helpdesk/881", "/orders/erp/4424", "/account/details"
CHANGE = {"person": "11", "before": {"phone": "1"}, "after": {"phone": "2"}}
TAKEN_BACK: dict[ActionName, tuple[str, dict[str, Any], str]] = {
    "new_ticket": ("helpdesk", REQUEST, "/requests/sent/late/back"),
    "reply": ("helpdesk", {"ticket": "881", "text": "On Monday."}, f"{TICKET}/reply/late/back"),
    "order_again": ("erp", {"order": "4424"}, f"{ORDER}/handed/late/back"),
    "change_details": ("erp", CHANGE, f"{DETAILS}/late/back"),
}
NOT_TAKEN = "It was on its way already, so this change was not taken."
STAYS = "It was on its way already, so it could not be taken back."
FINDING_OUT = "It may have arrived already: we are finding out. You cannot change it meanwhile."


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    await portal.sign_in("maya", "bakery")
    await portal.tie("maya", "erp", "11")
    return await portal.browser("maya", "bakery")


async def post(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    token = re.findall(r'data-token="([^"]+)"', (await browser.get(DETAILS)).text)[0]
    return await browser.post(path, data={"_token": token, **fields}, headers=SAME_SITE)


@pytest.mark.parametrize(
    ("state", "in_doubt", "said"),
    [
        ("sending", True, NOT_TAKEN),
        ("sent", True, NOT_TAKEN),
        ("needs_staff", False, NOT_TAKEN),
        ("waiting", True, FINDING_OUT),
        ("cancelled", False, "You took it back meanwhile, so this change was not taken."),
    ],
)
async def test_gives_back_a_correction_that_came_too_late(
    portal: Portal, maya: httpx.AsyncClient, state: State, said: str, *, in_doubt: bool
) -> None:
    await add_handed(portal, "late", "new_ticket", REQUEST, state, in_doubt=in_doubt)
    answer = await post(maya, "/requests/sent/late/correct", subject="Both", text="And the <other> one.")
    shown = unescape(answer.text)
    assert answer.status_code == 409
    assert said in shown
    assert 'role="alert"' in answer.text
    assert "And the &lt;other&gt; one." in answer.text
    assert "My order." in shown, "what we have of it"
    kept = unescape((await maya.get("/requests/sent/late")).text)
    assert "My order." in kept
    assert "<other>" not in kept


async def test_takes_the_same_correction_twice_for_one(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "late", "new_ticket", REQUEST)
    fields = {"subject": "Both", "text": "And the other one."}
    assert (await post(maya, "/requests/sent/late/correct", **fields)).status_code == 303
    await turn_all(portal, "sending")
    assert (await post(maya, "/requests/sent/late/correct", **fields)).status_code == 303


async def test_gives_a_correction_back_to_be_sent_again_where_it_can_be(
    portal: Portal, maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was on its way for a moment, and is not any more."""
    await add_handed(portal, "late", "new_ticket", REQUEST)
    monkeypatch.setattr(Desk, "correct", AsyncMock(side_effect=TooLate))
    answer = await post(maya, "/requests/sent/late/correct", subject="Both", text="And the other one.")
    assert answer.status_code == 409
    assert re.search(r"<textarea[^>]*>And the other one\.</textarea>", answer.text)


async def test_leads_from_a_refused_correction_to_an_answer(portal: Portal, maya: httpx.AsyncClient) -> None:
    await add_handed(portal, "late", "new_ticket", REQUEST, "sent", record="881")
    await maya.get("/requests")
    answer = await post(maya, "/requests/sent/late/correct", subject="Both", text="And the other one.")
    assert f'href="{TICKET}#answer"' in unescape(answer.text)


@pytest.mark.parametrize("action", TAKEN_BACK)
@pytest.mark.parametrize(
    ("state", "in_doubt", "said"), [("sending", True, STAYS), ("sent", True, STAYS), ("waiting", True, FINDING_OUT)]
)
async def test_says_that_it_is_too_late_to_take_it_back(
    portal: Portal, maya: httpx.AsyncClient, action: ActionName, state: State, said: str, *, in_doubt: bool
) -> None:
    source, asked, path = TAKEN_BACK[action]
    await add_handed(portal, "late", action, asked, state, source=source, in_doubt=in_doubt)
    answer = await post(maya, path)
    assert answer.status_code == 409
    assert (await maya.get(path)).status_code == 303, "whoever loads the address again is led back"
    assert re.search(rf'role="alert">.*{re.escape(said)}', unescape(answer.text))


@pytest.mark.parametrize("action", TAKEN_BACK)
async def test_takes_two_clicks_to_take_it_back_for_one(
    portal: Portal, maya: httpx.AsyncClient, action: ActionName
) -> None:
    source, asked, path = TAKEN_BACK[action]
    await add_handed(portal, "late", action, asked, source=source)
    assert [(await post(maya, path)).status_code for _ in range(2)] == [303, 303]
