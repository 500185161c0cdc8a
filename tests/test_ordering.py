"""Ordering again, and answering a quote: what the pages say and take, and what becomes of it in the back office."""

import asyncio
import re
from html import unescape

import httpx
import pytest
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_rights import SAME_SITE

from connectors.sandbox.faults import Fault

CATERER = ("erp", "20")
PAST, QUOTE = "/orders/erp/4419", "/orders/erp/4449"
TOTAL = "€785.60"
TRIES = 200


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    await portal.link("maya", "caterer", CATERER)
    return await portal.browser("maya", "caterer")


async def shown(browser: httpx.AsyncClient, path: str) -> str:
    return unescape((await browser.get(path)).text)


async def form(browser: httpx.AsyncClient, path: str) -> dict[str, str]:
    """Take what the form at an address holds."""
    text = await shown(browser, path)
    (found,) = re.findall(rf'<form[^>]* action="{path}">(.*?)</form>', text, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', found))


async def send(browser: httpx.AsyncClient, path: str, fields: dict[str, str]) -> httpx.Response:
    return await browser.post(path, data=fields, headers=SAME_SITE)


async def until_shown(browser: httpx.AsyncClient, path: str, text: str) -> str:
    for _ in range(TRIES):
        page = await shown(browser, path)
        if text in page:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(f"never shown: {text}")


def states(sandbox: RunningSandbox) -> dict[str, str]:
    """Say how far the caterer's orders are."""
    orders = sandbox.site.odoo.rows["sale.order"].values()
    return {row["name"]: row["state"] for row in orders if row["partner_id"] == 21}


async def test_asks_for_the_same_again_and_says_what_became_of_it(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    assert f'href="{PAST}/again"' in await shown(maya, PAST)
    page = await shown(maya, f"{PAST}/again")
    assert "Thermo box, stackable" in page
    assert "Nothing is bought yet." in page
    answer = await send(maya, f"{PAST}/again", await form(maya, f"{PAST}/again"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAST}#handed")
    page = await until_shown(maya, PAST, "We have it as ")
    (draft,) = (name for name, state in states(sandbox).items() if state == "draft")
    assert f"We have it as {draft}." in page
    assert draft not in await shown(maya, "/orders?show=all")


async def test_takes_two_clicks_for_one(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya, f"{PAST}/again")
    answers = await asyncio.gather(*(send(maya, f"{PAST}/again", fields) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {303}
    await until_shown(maya, PAST, "We have it as ")
    assert list(states(sandbox).values()).count("draft") == 1


async def test_says_what_is_not_sold_any_more(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    for product in sandbox.site.odoo.rows["product.product"].values():
        product["active"] = False
    await send(maya, f"{PAST}/again", await form(maya, f"{PAST}/again"))
    await until_shown(maya, PAST, "Something in it can’t be ordered any more.")
    assert "draft" not in states(sandbox).values()


async def test_offers_to_order_no_quote_again(maya: httpx.AsyncClient) -> None:
    assert f"{QUOTE}/again" not in await shown(maya, QUOTE)
    assert (await maya.get(f"{QUOTE}/again")).status_code == 404


async def test_asks_for_an_answer_to_a_quote_on_home(maya: httpx.AsyncClient) -> None:
    page = await shown(maya, "/")
    assert "Quote SO-4449" in page
    assert f'href="{QUOTE}"' in page
    assert page.count("Quote SO-4449") == 1  # and not among what is under way


async def test_accepts_a_quote_for_the_total_that_was_shown(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    assert TOTAL in await shown(maya, QUOTE)
    page = await shown(maya, f"{QUOTE}/accept")
    assert f"Order for {TOTAL}" in page
    answer = await send(maya, f"{QUOTE}/accept", await form(maya, f"{QUOTE}/accept"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{QUOTE}#handed")
    page = await until_shown(maya, QUOTE, "It is an order now.")
    assert states(sandbox)["SO-4449"] == "sale"
    page = await until_shown(maya, QUOTE, "Order SO-4449")
    assert f"{QUOTE}/accept" not in page
    assert (await maya.get(f"{QUOTE}/accept")).headers["location"] == QUOTE


async def test_declines_a_quote_and_says_why(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya, f"{QUOTE}/decline")
    assert (await send(maya, f"{QUOTE}/decline", {**fields, "reason": "Too <dear>."})).status_code == 303
    await until_shown(maya, QUOTE, "You need do nothing more.")
    assert states(sandbox)["SO-4449"] == "cancel"
    (said,) = (row["body"] for row in sandbox.site.odoo.rows["mail.message"].values() if row["res_id"] == 4449)
    assert "Too (dear)." in said


async def test_takes_one_answer_of_two_that_come_at_once(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    """A colleague accepts what she declines, while the back office is away: whoever was first has answered."""
    await portal.link("joseph", "caterer", CATERER)
    joseph = await portal.browser("joseph", "caterer")
    yes, no = await form(joseph, f"{QUOTE}/accept"), await form(maya, f"{QUOTE}/decline")
    sandbox.odoo_fault(Fault(kind="unavailable"))
    await asyncio.gather(send(joseph, f"{QUOTE}/accept", yes), send(maya, f"{QUOTE}/decline", no))
    page = await shown(maya, QUOTE)
    assert ("A colleague of yours accepted this quote" in page) is not ("You declined this quote" in page)
    assert f'href="{QUOTE}/accept"' not in page
    assert (await maya.get(f"{QUOTE}/accept")).headers["location"] == QUOTE


@pytest.mark.parametrize("changed", [{"total": "785.61"}, {"currency": "GBP"}], ids=["total", "currency"])
async def test_takes_no_acceptance_of_another_total(
    maya: httpx.AsyncClient, sandbox: RunningSandbox, changed: dict[str, str]
) -> None:
    answer = await send(maya, f"{QUOTE}/accept", {**await form(maya, f"{QUOTE}/accept"), **changed})
    assert answer.status_code == 422
    assert "The total has changed" in answer.text
    assert states(sandbox)["SO-4449"] == "sent"


async def test_keeps_a_reason_that_is_too_long(maya: httpx.AsyncClient) -> None:
    fields = await form(maya, f"{QUOTE}/decline")
    answer = await send(maya, f"{QUOTE}/decline", {**fields, "reason": "x" * 1001})
    assert answer.status_code == 422
    assert "x" * 1001 in answer.text


async def test_says_that_a_quote_has_changed_since(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya, f"{QUOTE}/accept")
    sandbox.odoo_fault(Fault(kind="unavailable"))
    assert (await send(maya, f"{QUOTE}/accept", fields)).status_code == 303
    sandbox.site.odoo.rows["sale.order"][4449]["amount_total"] += 1
    sandbox.lift_faults()
    page = await until_shown(maya, QUOTE, "Nothing was ordered: ")
    assert states(sandbox)["SO-4449"] == "sent"
    assert f'href="{QUOTE}/accept"' in page
    again = await send(maya, f"{QUOTE}/accept", fields)  # from a page that was open
    assert (again.status_code, again.headers["location"]) == (303, f"{QUOTE}#handed")
    assert (await shown(maya, QUOTE)).count("You accepted this quote") == 1


async def test_answers_no_quote_that_has_expired(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = await form(maya, f"{QUOTE}/accept")
    row = sandbox.site.odoo.rows["sale.order"][4449]
    row["validity_date"] = row["date_order"].date()
    await portal.forget_records()
    page = await shown(maya, QUOTE)
    assert "Our offer was valid until a day that has passed." in page
    assert f"{QUOTE}/accept" not in page
    assert (await send(maya, f"{QUOTE}/accept", fields)).headers["location"] == f"{QUOTE}#handed"
    assert "You accepted this quote" not in await shown(maya, QUOTE)
    assert "Quote SO-4449" not in (await shown(maya, "/")).partition("Under way")[0]


async def test_keeps_it_while_the_back_office_is_away_and_lets_it_be_taken_back(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = await form(maya, f"{PAST}/again")
    sandbox.odoo_fault(Fault(kind="unavailable"))
    await send(maya, f"{PAST}/again", fields)
    for _ in range(TRIES):  # just now it may be on its way
        page = await until_shown(maya, PAST, "Take it back")
        assert "Received. It is on its way to us." in page
        (back,) = re.findall(rf'action="({PAST}/handed/\w+/back)"', page)
        assert (await maya.get(back)).headers["location"] == PAST
        answer = await send(maya, back, {"_token": fields["_token"]})
        if answer.status_code == 303:
            break
        assert answer.status_code == 409
    sandbox.lift_faults()
    assert "You asked for all of it again" not in await shown(maya, PAST)
    assert "draft" not in states(sandbox).values()


async def test_answers_and_orders_nothing_of_another_account(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    ines = await portal.browser("ines", "hotel")
    token = {"_token": re.findall(r'name="_token" value="([^"]*)"', (await ines.get("/account")).text)[0]}
    for path in (f"{PAST}/again", f"{QUOTE}/accept", f"{QUOTE}/decline"):
        fields = {**await form(maya, path), **token}
        assert (await ines.get(path)).status_code == 404
        assert (await send(ines, path, fields)).status_code == 404
    assert set(states(sandbox).values()) == {"sale", "sent"}


async def test_refuses_a_form_from_elsewhere(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    for path in (f"{PAST}/again", f"{QUOTE}/accept", f"{QUOTE}/decline"):
        fields = await form(maya, path)
        assert (await maya.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
        assert (await send(maya, path, {**fields, "_token": "x"})).status_code == 403
        assert (await send(maya, path, {**fields, "nonce": "short"})).status_code in {400, 404}
    assert set(states(sandbox).values()) == {"sale", "sent"}
