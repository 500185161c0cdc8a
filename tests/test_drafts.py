"""What somebody wrote while their session ended: it comes back after the next sign-in, to them alone."""

from typing import Any

import httpx
import pytest
from support_door import litestar_of
from support_portal import Portal
from test_asking import form, send
from test_rights import SAME_SITE

from auth import cookies
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
    cookie, answer = await lose(portal, FORM, {"text": "x" * LONGEST})
    assert answer.headers["location"] == "/sign-in"
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
