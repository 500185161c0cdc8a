"""While nobody knows whether a try has worked nothing can be changed, and no page offers it."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
from support_handed import REQUEST, add_handed, turn_all
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_rights import SAME_SITE

from auth.clock import utc_now
from connectors.actions import ActionName
from connectors.sandbox.faults import Fault

SAYS = "It may have arrived already: we are finding out. You cannot change it meanwhile."
TICKET, ORDER = "/requests/helpdesk/881", "/orders/erp/4424"
CHANGE = {"person": "11", "before": {"phone": "1"}, "after": {"phone": "2"}}
CASES: dict[ActionName, tuple[str, dict[str, Any], str]] = {
    "new_ticket": ("helpdesk", REQUEST, "/requests/sent/doubted"),
    "reply": ("helpdesk", {"ticket": "881", "text": "On Monday."}, TICKET),
    "solve": ("helpdesk", {"ticket": "881"}, TICKET),
    "order_again": ("erp", {"order": "4424"}, ORDER),
    "change_details": ("erp", CHANGE, "/account/details"),
}


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    await portal.sign_in("maya", "bakery")
    await portal.tie("maya", "erp", "11")
    return await portal.browser("maya", "bakery")


@pytest.mark.parametrize("action", CASES)
@pytest.mark.parametrize("in_doubt", [False, True], ids=["waiting", "in doubt"])
async def test_offers_a_change_only_where_it_can_be_made(
    portal: Portal, maya: httpx.AsyncClient, action: ActionName, *, in_doubt: bool
) -> None:
    source, asked, page = CASES[action]
    await add_handed(portal, "doubted", action, asked, source=source, in_doubt=in_doubt)
    shown = unescape((await maya.get(page)).text)
    assert (SAYS in shown) is in_doubt
    assert ("Take it back" in shown) is not in_doubt
    assert (f"{page}/correct" in shown) is (action == "new_ticket" and not in_doubt)


async def test_offers_no_other_rating_meanwhile(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    page = "/requests/helpdesk/860"
    shown = unescape((await maya.get(page)).text)
    (found,) = re.findall(rf'<form[^>]* action="{page}/rate">(.*?)</form>', shown, re.DOTALL)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))
    sandbox.rt_fault(Fault(kind="unavailable"))
    await maya.post(f"{page}/rate", data={**fields, "helped": "yes"}, headers=SAME_SITE)
    await turn_all(portal, "waiting", in_doubt_since=utc_now())
    shown = unescape((await maya.get(page)).text)
    assert "You said: it’s solved" in shown
    assert SAYS in shown
    assert f'action="{page}/rate"' not in shown
