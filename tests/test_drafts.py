"""What somebody wrote while their session ended: it comes back after the next sign-in, to them alone."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
from support_door import litestar_of
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_asking import TRIES, form, send, until
from test_ordering import CATERER, QUOTE
from test_ordering import form as form_of_quote
from test_rating import PAGE as SOLVED
from test_rating import form as form_of_rating
from test_rights import SAME_SITE
from test_upload_forms import with_files

from auth import cookies
from connectors.sandbox.faults import Fault
from gateway.drafts import LONGEST, Drafts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM = "/requests/new/order"
REPLY = "/requests/helpdesk/881/reply"
WRITTEN = {"order": "erp/orders/4424", "what": "Another question", "text": "Written <before>."}


def browser_of(portal: Portal, cookie: str) -> httpx.AsyncClient:
    browser = portal.stranger()
    browser.headers["Cookie"] = f"{cookies.SESSION}={cookie}"
    return browser


async def lose(portal: Portal, path: str, written: dict[str, str]) -> tuple[str, httpx.Response]:
    """Write while the session ends. Gives its cookie, which the browser keeps, and the answer."""
    cookie = await portal.sign_in("maya", "bakery")
    browser = browser_of(portal, cookie)
    fields = {**await form(browser), **written}
    await portal.sessions.end(cookie)
    return cookie, await browser.post(path, data=fields, headers=SAME_SITE)


async def sign_in_again(portal: Portal, old: str, subject: str = "maya", account: str = "bakery") -> httpx.AsyncClient:
    """Do as the callback does."""
    new = await portal.sign_in(subject, account)
    drafts: Drafts = litestar_of(portal.app).state.drafts
    names = [portal.sessions.name_of(each) for each in (old, new)]
    await drafts.take_over(names[0] or "", names[1] or "")
    return browser_of(portal, new)


async def test_brings_a_request_back(portal: Portal) -> None:
    old, answer = await lose(portal, FORM, WRITTEN)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={FORM}%3Fdraft%3D1")
    browser = await sign_in_again(portal, old)
    page = f"{FORM}?draft=1"
    for _ in range(2):  # it is still there when the page is loaded again
        shown = (await browser.get(page)).text
        assert "Written &lt;before&gt;." in shown
        assert "You were signed out while you wrote." in shown
    fields = await form(browser, page)
    assert fields["order"] == "erp/orders/4424"
    assert "location" in (await send(browser, {**fields, "text": "Now."})).headers
    assert "Written" not in (await browser.get(page)).text


async def test_brings_the_words_of_an_answer_with_files_back(portal: Portal) -> None:
    cookie = await portal.sign_in("maya", "bakery")
    await portal.sessions.end(cookie)
    fields = {"_token": "x", "nonce": "x" * 20, "text": "Written <before>."}
    parts: list[Any] = [
        *((name, (None, value)) for name, value in fields.items()),
        ("files", ("a.pdf", b"%PDF-" + b"x" * 500_000)),
    ]
    answer = await browser_of(portal, cookie).post(REPLY, files=parts, headers=SAME_SITE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={REPLY}%3Fdraft%3D1")
    browser = await sign_in_again(portal, cookie)
    shown = (await browser.get(REPLY.removesuffix("/reply") + "?draft=1")).text
    assert "Written &lt;before&gt;." in shown
    assert "%PDF" not in shown


async def test_brings_an_answer_back(portal: Portal) -> None:
    old, answer = await lose(portal, REPLY, WRITTEN)
    assert answer.headers["location"] == f"/sign-in?next={REPLY}%3Fdraft%3D1"
    browser = await sign_in_again(portal, old)
    page = (await browser.get(f"{REPLY}?draft=1")).headers["location"]
    assert page == "/requests/helpdesk/881?draft=1#answer"
    assert "Written &lt;before&gt;." in (await browser.get(page)).text
    assert "Written" not in (await browser.get("/requests/helpdesk/881")).text


async def lost(
    portal: Portal, path: str, written: dict[str, str], account: str = "bakery"
) -> tuple[httpx.AsyncClient, str]:
    """Send a form to `path` when the session is over, and sign in again. Gives the browser, and where it is led to."""
    old = await portal.sign_in("maya", account)
    await portal.sessions.end(old)
    answer = await browser_of(portal, old).post(path, data={"_token": "x", **written}, headers=SAME_SITE)
    assert answer.headers["location"] == f"/sign-in?next={path}%3Fdraft%3D1"
    browser = await sign_in_again(portal, old, "maya", account)
    page = f"{path}?draft=1"
    while place := (await browser.get(page)).headers.get("location"):
        page = place.partition("#")[0]
    return browser, page


async def test_brings_back_what_was_said_of_whether_it_helped(portal: Portal) -> None:
    said = {"nonce": "x" * 43, "helped": "no", "comment": "<Hot>"}
    browser, page = await lost(portal, f"{SOLVED}/rate", said)
    shown = (await browser.get(page)).text
    assert '"2000" aria-invalid="true"' in shown, "beside what says that it was not sent"
    assert "You were signed out while you wrote." in shown
    assert "&lt;Hot&gt;</textarea>" in shown
    again = {**await form_of_rating(browser), "helped": "no", "comment": "Hot."}
    assert (await browser.post(f"{SOLVED}/rate", data=again, headers=SAME_SITE)).status_code == 303
    assert "You were signed out while you wrote." not in (await browser.get(page)).text


async def test_brings_back_why_a_quote_is_declined(portal: Portal) -> None:
    await portal.link("maya", "caterer", CATERER)
    said = {"nonce": "x" * 43, "total": "1", "currency": "EUR", "reason": "Too <dear>."}
    browser, page = await lost(portal, f"{QUOTE}/decline", said, "caterer")
    shown = (await browser.get(page)).text
    assert "You were signed out while you wrote." in shown
    assert "Too &lt;dear&gt;.</textarea>" in shown
    again = {**await form_of_quote(browser, f"{QUOTE}/decline"), "reason": "Dear."}
    assert (await browser.post(f"{QUOTE}/decline", data=again, headers=SAME_SITE)).status_code == 303
    assert "Too" not in (await browser.get(page, follow_redirects=True)).text


async def test_brings_back_what_a_request_was_to_say_instead(portal: Portal, sandbox: RunningSandbox) -> None:
    sandbox.rt_fault(Fault(kind="unavailable"))
    first = await portal.browser("maya", "bakery")
    sent = (await send(first, {**await form(first), **WRITTEN})).headers["location"]
    browser, page = await lost(portal, f"{sent}/correct", {"subject": "Ours", "text": "Better <words>."})
    assert page == f"{sent}?draft=1"
    shown = await until(browser, page, "You were signed out while you wrote.")  # while it is tried it stays as it is
    assert "Better <words>.</textarea>" in shown
    again = {"_token": re.findall(r'name="_token" value="([^"]*)"', shown)[0], "subject": "Ours", "text": "Best."}
    for _ in range(TRIES):
        answer = await browser.post(f"{sent}/correct", data=again, headers=SAME_SITE)
        assert answer.headers["location"] == sent
        if "Best." in (await browser.get(sent)).text:
            break
    assert "Better" not in (await browser.get(page)).text


@pytest.mark.parametrize("step", ["check", "send"])
async def test_brings_back_what_details_were_to_be(portal: Portal, step: str) -> None:
    await portal.sign_in("maya", "bakery")
    await portal.tie("maya", "erp", "11")
    written = {"source": "erp", "person": "11", "phone": "+44 20 <1>"}
    browser, page = await lost(portal, f"/account/details/{step}", written)
    assert page == "/account/details/edit?source=erp&person=11&draft=1"
    shown = unescape((await browser.get(page)).text)
    assert "You were signed out while you wrote." in shown
    assert 'value="+44 20 <1>"' in shown
    assert "You were signed out" not in (await browser.get(page.replace("person=11", "person=21"))).text
    token = re.findall(r'name="_token" value="([^"]*)"', shown)[0]
    data = {**written, "_token": token, "phone": "1234"}
    looked = unescape((await browser.post("/account/details/check", data=data, headers=SAME_SITE)).text)
    (sends,) = re.findall(r'action="/account/details/send">(.*?)</form>', looked, re.DOTALL)
    data = dict(re.findall(r'name="(\w+)" value="([^"]*)"', sends))
    assert (await browser.post("/account/details/send", data=data, headers=SAME_SITE)).status_code == 303
    assert "<1>" not in unescape((await browser.get(page)).text)


@pytest.mark.parametrize("letter", ["x", "Щ", "漢"])
async def test_brings_back_as_much_as_a_form_can_hold(portal: Portal, letter: str) -> None:
    cookie = await portal.sign_in("maya", "bakery")
    await portal.sessions.end(cookie)
    fields = {"_token": "x", "nonce": "x" * 20, "text": letter * 20_000}
    answer = await browser_of(portal, cookie).post(REPLY, headers=SAME_SITE, **with_files(fields, ("", b"")))
    assert answer.headers["location"] == f"/sign-in?next={REPLY}%3Fdraft%3D1"
    browser = await sign_in_again(portal, cookie)
    assert letter * 20_000 in (await browser.get(REPLY.removesuffix("/reply") + "?draft=1")).text


@pytest.mark.parametrize(("subject", "account"), [("ines", "hotel"), ("maya", "annex")])
async def test_gives_it_to_nobody_else(portal: Portal, subject: str, account: str) -> None:
    await portal.link("maya", "annex", ("erp", "31"), ("helpdesk", "annex@customer.example"))
    old, _ = await lose(portal, FORM, {**WRITTEN, "order": ""})
    browser = await sign_in_again(portal, old, subject, account)
    shown = await browser.get(f"{FORM}?draft=1")
    assert shown.status_code == 200
    assert "Written" not in shown.text


async def test_gives_it_to_no_other_browser(portal: Portal) -> None:
    await lose(portal, FORM, WRITTEN)
    browser = await sign_in_again(portal, await portal.sign_in("maya", "bakery"))
    assert "Written" not in (await browser.get(f"{FORM}?draft=1")).text


async def test_keeps_nothing_of_strangers(portal: Portal) -> None:
    stranger = browser_of(portal, "A" * 43)
    answer = await stranger.post(FORM, data=WRITTEN, headers=SAME_SITE)
    assert answer.headers["location"] == "/sign-in"
    cookie = await portal.sign_in("maya", "bakery")
    await portal.sessions.end(cookie)
    long = with_files({"_token": "x", "nonce": "x" * 20, "text": "x" * LONGEST})
    answer = await browser_of(portal, cookie).post(FORM, headers=SAME_SITE, **long)
    assert answer.headers["location"] in {"/sign-in", f"/sign-in?next={FORM}%3Fdraft%3D1"}
    shown = await (await sign_in_again(portal, cookie)).get(f"{FORM}?draft=1")
    assert "x" * 100 not in shown.text
    answer = await browser_of(portal, cookie).post(FORM, data=WRITTEN, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    answer = await browser_of(portal, cookie).post("/account/sign-out-elsewhere", data=WRITTEN, headers=SAME_SITE)
    assert answer.headers["location"] == "/sign-in"


async def test_is_unreadable_where_it_lies(portal: Portal) -> None:
    await lose(portal, FORM, WRITTEN)
    redis = portal._redis
    (name,) = await redis.keys("*:draft:*")
    assert "Written" not in str(await redis.get(name))
    assert 0 < await redis.ttl(name) <= 1800
