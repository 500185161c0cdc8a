"""Your details: what each source says of the member, changed after a second look, and never another one's."""

import asyncio
import re
from html import unescape
from typing import Any

import httpx
import pytest
from support_door import litestar_of
from support_portal import HOTEL, Portal
from support_sandbox import RunningSandbox
from test_rights import SAME_SITE, text_of

from connectors.details import COMPANYS, LONGEST, PROOF
from connectors.sandbox.faults import Fault
from gateway import languages
from gateway.account_view import Elsewhere
from gateway.languages import speaking

PAGE = "/account/details"
EDIT = f"{PAGE}/edit?source=erp&person=11"
WHOSE = {"source": "erp", "person": "11"}
TRIES = 200
ALSO = '{% from "macros.html" import also %}{{ also(elsewhere, "invoice") }}'


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    await portal.sign_in("maya", "bakery")
    await portal.tie("maya", "erp", "11")
    await portal.tie("maya", "erp", "21")  # at the caterer, who is no customer of this account
    await portal.tie("maya", "helpdesk", "maya@alderlane.example")
    return await portal.browser("maya", "bakery")


def partner(sandbox: RunningSandbox, key: int = 11) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.site.odoo.rows["res.partner"][key]
    return found


async def token(browser: httpx.AsyncClient) -> str:
    return str(re.findall(r'data-token="([^"]+)"', (await browser.get(PAGE)).text)[0])


async def check(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    data = {**WHOSE, "_token": await token(browser), **fields}
    return await browser.post(f"{PAGE}/check", data=data, headers=SAME_SITE)


def form_of(page: httpx.Response) -> dict[str, str]:
    """Take what the last look's form would send."""
    (found,) = re.findall(rf'<form[^>]* action="{PAGE}/send">(.*?)</form>', page.text, re.DOTALL)
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', found)}


async def send(browser: httpx.AsyncClient, fields: dict[str, str]) -> httpx.Response:
    return await browser.post(f"{PAGE}/send", data=fields, headers=SAME_SITE)


async def until_told(browser: httpx.AsyncClient, words: str, times: int = 1) -> str:
    for _ in range(TRIES):
        page = text_of((await browser.get(PAGE)).text)
        if page.count(words) >= times:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(f"never told: {words}")


async def test_tells_what_each_source_knows(maya: httpx.AsyncClient) -> None:
    page = text_of((await maya.get(PAGE)).text)
    assert "Invoices Name Maya Okafor Job title Owner" in page
    assert f"E-mail maya@alderlane.example {PROOF}" in page
    assert f"Town Leeds {COMPANYS}" in page
    assert "Help desk Name Maya Okafor Write to us to have it changed." in page, "nobody has allowed more"
    assert page.count("Invoices Name Maya Okafor") == 1, "who she is at the caterer's belongs to that account"
    assert (await maya.get("/account")).text.count(f'href="{PAGE}"') == 1


async def test_changes_what_was_looked_at_twice(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = dict(re.findall(r'<input id="d-\w+" name="(\w+)" value="([^"]*)"', (await maya.get(EDIT)).text))
    assert fields == {"name": "Maya Okafor", "job_title": "Owner", "phone": "0113 496 0142", "mobile": ""}
    look = await check(maya, **{**fields, "phone": " 0113  1 ", "mobile": "<b>"})
    assert "Telephone 0113 496 0142 0113 1 Mobile nothing <b>" in text_of(look.text)
    assert partner(sandbox)["phone"] == "0113 496 0142"
    assert "data-seen" not in look.text, "news would put another page in its place"
    assert "data-seen" in (await maya.get(EDIT)).text
    answer = await send(maya, form_of(look))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#changes")
    page = await until_told(maya, "Done. Reference")
    assert "Telephone 0113 496 0142 to 0113 1 Mobile nothing to <b>" in page
    assert (partner(sandbox)["phone"], partner(sandbox)["mobile"]) == ("0113 1", "<b>")
    assert partner(sandbox)["name"] == "Maya Okafor"


async def test_calls_sources_as_staff_say_them_to_customers(portal: Portal, maya: httpx.AsyncClient) -> None:
    templates = litestar_of(portal.app).state.view._templates
    languages.know({"en": {"Invoices": "Our books"}})
    try:
        await send(maya, form_of(await check(maya, phone="1")))
        await until_told(maya, "Done. Reference")
        pages = [(await maya.get(PAGE)).text, (await maya.get(EDIT)).text, (await check(maya, phone="2")).text]
        with speaking("en"):
            also = templates.render_str(ALSO, "also.html", elsewhere=[Elsewhere("erp", "Invoices", "7")])
    finally:
        languages.know({})
    assert [text_of(page.partition("<main")[2]).count("Our books") for page in pages] == [2, 1, 1]
    assert '<a class="link" href="/invoices/erp/7">Our books</a>' in also
    assert 'aria-label="Change what Our books knows of you"' in pages[0]


async def test_takes_two_clicks_for_one(maya: httpx.AsyncClient) -> None:
    fields = form_of(await check(maya, phone="1"))
    assert {(await send(maya, fields)).status_code for _ in range(5)} == {303}
    assert (await until_told(maya, "Done.")).count("Reference") == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "Nothing is different yet."),
        ({"name": " ", "phone": "1"}, "Write what you are called."),
        ({"phone": "9" * (LONGEST + 1)}, "Shorten it."),
        ({"email": "eve@evil.example", "street": "1 Elsewhere"}, "Nothing is different yet."),
    ],
    ids=["nothing", "no name", "long", "locked"],
)
async def test_says_what_is_wrong_and_keeps_what_was_written(
    maya: httpx.AsyncClient, sandbox: RunningSandbox, fields: dict[str, str], problem: str
) -> None:
    answer = await check(maya, **fields)
    assert answer.status_code == 422
    assert problem in answer.text
    if "phone" in fields:
        assert f'value="{fields["phone"]}"' in answer.text
    assert partner(sandbox)["phone"] == "0113 496 0142"


async def test_leaves_alone_what_somebody_else_changed_meanwhile(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = form_of(await check(maya, phone="1"))
    partner(sandbox)["phone"] = "0113 2"
    await send(maya, fields)
    await until_told(maya, "Not changed.")
    assert partner(sandbox)["phone"] == "0113 2"


async def test_changes_neither_what_is_locked_nor_somebody_elses(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = form_of(await check(maya, phone="1"))
    for whose in ({"person": "13"}, {"source": "crm"}, {"source": "helpdesk"}, {"person": ""}):
        assert (await send(maya, {**fields, **whose})).status_code == 404, whose
        assert (await check(maya, phone="1", **whose)).status_code == 404, whose
    assert (await send(maya, {**fields, "customer": "30"})).status_code == 404
    assert (await check(maya, phone="1", person="21")).status_code == 404
    for long in ({"phone": "9" * (LONGEST + 1)}, {"was_name": "Maya Okafor", "name": ""}):
        assert (await send(maya, {**fields, **long})).status_code == 404
    for address in ("source=erp&person=13", "source=erp&person=21", "source=helpdesk&person=maya@alderlane.example"):
        assert (await maya.get(f"{PAGE}/edit?{address}")).status_code == 404
    await portal.link("ines", "hotel", *HOTEL)
    ines = await portal.browser("ines", "hotel")
    assert "Maya" not in (await ines.get(PAGE)).text
    assert (await send(ines, {**fields, "_token": await token(ines)})).status_code == 404
    forged = {"was_email": "maya@alderlane.example", "email": "eve@evil.example", "was_street": "14 Market Street"}
    for more in ({**forged, "street": "1 Elsewhere"}, {"person": "21"}):  # which its form would never send
        nonce = form_of(await check(maya, phone="1"))["nonce"]
        assert (await send(maya, {**fields, **more, "nonce": nonce})).status_code == 303
    await until_told(maya, "Not changed.", times=2)
    assert {partner(sandbox, key).get("phone") for key in (11, 13, 21)} == {"0113 496 0142", None}
    assert partner(sandbox)["email"] == "maya@alderlane.example"


async def test_refuses_a_form_from_elsewhere_and_leads_back(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = form_of(await check(maya, phone="1"))
    assert (await maya.post(f"{PAGE}/send", data=fields, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await send(maya, {**fields, "_token": "x"})).status_code == 403
    assert (await send(maya, {**fields, "nonce": "short"})).status_code == 404
    for step in ("check", "send"):
        assert (await maya.get(f"{PAGE}/{step}")).headers["location"] == PAGE
    assert partner(sandbox)["phone"] == "0113 496 0142"


async def offered_back(browser: httpx.AsyncClient) -> str:
    """Give the address that takes it back, offered between two tries: while one is under way there is none."""
    for _ in range(TRIES):
        if offered := re.findall(rf'action="({PAGE}/\w+/back)"', (await browser.get(PAGE)).text):
            return str(offered[0])
        await asyncio.sleep(0.05)
    raise AssertionError("never offered")


async def test_keeps_a_change_while_the_source_is_away_and_lets_it_be_taken_back(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = form_of(await check(maya, phone="1"))
    again = form_of(await check(maya, phone="2"))
    sandbox.odoo_fault(Fault(kind="unavailable"))
    assert (await send(maya, fields)).status_code == 303
    page = await until_told(maya, "Received. It is on its way.")
    assert "This system has not answered." in page
    assert "Help desk Name Maya Okafor" in page
    assert (await maya.get(EDIT)).status_code == 503
    back = await offered_back(maya)
    await portal.link("ines", "hotel", *HOTEL)
    ines = await portal.browser("ines", "hotel")
    assert (await ines.post(back, data={"_token": await token(ines)}, headers=SAME_SITE)).status_code == 404
    for _ in range(TRIES):  # meanwhile it may be on its way again
        answer = await maya.post(back, data={"_token": await token(maya)}, headers=SAME_SITE)
        if answer.status_code == 303:
            break
        assert answer.status_code == 409
        await asyncio.sleep(0.05)
    assert "Reference" not in (await maya.get(PAGE)).text
    assert (await send(maya, again)).status_code == 303, "and another one may follow"
    assert "Telephone 0113 496 0142 to 2" in await until_told(maya, "Received. It is on its way.")
