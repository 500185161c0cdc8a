"""In which language the portal answers, and how a member chooses."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace
from support_portal import BAKERY, Portal, running
from support_sandbox import RunningSandbox
from support_staff import member_of, staff_at

from auth import cookies
from gateway.app import make_app
from gateway.records.database import Database
from gateway.settings import Settings
from web.portal.acting import NOBODY

MARK = "·]"  # ends each sentence of the language
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest_asyncio.fixture
async def spoken(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, pseudo_language: str
) -> AsyncIterator[Portal]:
    """The portal in English and in the language of tests."""
    settings = replace(portal_settings, languages=("en", pseudo_language))
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    async with running(portal.app):
        yield portal
    await portal.aclose()


async def choose(browser: httpx.AsyncClient, language: str) -> httpx.Response:
    page = await browser.get("/account")
    token = page.text.partition('name="_token" value="')[2].partition('"')[0]
    answer = await browser.post("/account/language", data={"_token": token, "language": language}, headers=SAME_SITE)
    session = browser.headers["cookie"].partition(";")[0]
    chosen = answer.headers.get("set-cookie", "").partition(";")[0]
    browser.headers["cookie"] = f"{session}; {chosen}"
    return answer


async def is_spoken(browser: httpx.AsyncClient, path: str = "/", **headers: str) -> bool:
    answer = await browser.get(path, headers=headers)
    said = MARK in answer.text
    assert answer.headers["content-language"] == ("en-XA" if said else "en")
    assert ('<html lang="en-XA">' in answer.text) is said
    assert "Accept-Language" in answer.headers["vary"]
    return said


async def test_answers_as_the_browser_asks(spoken: Portal) -> None:
    maya = await spoken.browser("maya", "bakery")
    for path in ("/", "/", "/invoices", "/nowhere"):  # the second is one that was kept
        assert await is_spoken(maya, path, **{"accept-language": "en-XA"})
        assert not await is_spoken(maya, path)
        assert not await is_spoken(maya, path, **{"accept-language": "de, en;q=0.1"})


async def test_answers_who_is_not_signed_in_as_the_browser_asks(spoken: Portal) -> None:
    async with spoken.stranger() as nobody:
        for path in ("/sign-in", "/nowhere", "/signed-out"):
            assert await is_spoken(nobody, path, **{"accept-language": "es, en-xa;q=0.4"})
            assert not await is_spoken(nobody, path, **{"accept-language": "es"})


async def test_keeps_what_a_member_chose_wherever_they_are_signed_in(spoken: Portal) -> None:
    maya, elsewhere = await spoken.browser("maya", "bakery"), await spoken.browser("maya", "bakery")
    assert not await is_spoken(elsewhere)
    answer = await choose(maya, "en-XA")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account#language")
    assert cookies.LANGUAGE in answer.headers["set-cookie"]
    assert await is_spoken(maya)
    assert await is_spoken(maya, "/nowhere")  # where nobody asks who it is
    assert await is_spoken(elsewhere, **{"accept-language": "en"})
    await choose(maya, "")
    assert not await is_spoken(maya)
    assert not await is_spoken(elsewhere)


async def test_answers_programs_in_english_alone(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox
) -> None:
    settings = replace(portal_settings, languages=("en", "de"))
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    async with running(portal.app):
        nobody, maya = await portal.browser("nobody", None), await portal.browser("maya", "bakery")
        assert (await choose(maya, "de")).status_code == 303
        for browser in (nobody, maya):
            for path in ("/api/v1/invoices?q=\N{EURO SIGN}", "/api/v1/home", "/api/v1/home", "/api/v1/orders/no/thing"):
                answer = await browser.get(path, headers={"accept-language": "de"})
                assert "content-language" not in answer.headers
                assert "Accept-Language" not in answer.headers.get("vary", "")
                assert answer.json().get("items", []) == []  # a German would find all of them by the sign
        assert (await nobody.get("/api/v1/home", headers={"accept-language": "de"})).json()["account"] == NOBODY
        assert '<html lang="de">' in (await maya.get("/")).text
    await portal.aclose()


@pytest.mark.parametrize("language", ["de", "../en", "EN-xa", "en-XA "])
async def test_takes_no_language_that_is_not_offered(spoken: Portal, language: str) -> None:
    maya = await spoken.browser("maya", "bakery")
    assert (await choose(maya, language)).status_code == 404
    assert not await is_spoken(maya)


async def test_leaves_staff_pages_in_english_and_shows_staff_what_the_member_reads(spoken: Portal) -> None:
    maya = await spoken.browser("maya", "bakery")
    before, after = await staff_at(spoken), await staff_at(spoken, "admin")
    before.http.headers["accept-language"] = "en-XA"
    answer = await before.get("/staff")
    assert MARK not in answer.text
    assert '<html lang="en">' in answer.text
    await before.view(await member_of(spoken), "bakery")
    assert MARK not in (await before.get("/")).text  # whatever the browser of staff asks for
    await choose(maya, "en-XA")
    await after.view(await member_of(spoken), "bakery")
    page = (await after.get("/")).text
    assert MARK in page
    told = page.partition('<aside class="viewas"')[2].partition("</aside>")[0]
    assert told.startswith(' lang="en"')
    assert "It ends by itself" in told
    assert MARK not in told


async def test_tells_staff_in_english_what_they_may_not_do(spoken: Portal) -> None:
    staff = await staff_at(spoken)
    await spoken.browser("maya", "bakery")
    staff.http.headers["accept-language"] = "en-XA"
    refused = await staff.get("/orders")
    await staff.view(await member_of(spoken), "bakery")
    for answer, title in (
        (refused, "This page is for customers"),
        (await staff.send("POST", "/account/language", language=""), "Nothing was done"),
    ):
        assert (answer.status_code, answer.headers["content-language"]) == (403, "en")
        assert '<html lang="en">' in answer.text
        assert f"<h1>{title}</h1>" in answer.text
        assert MARK not in answer.text


@pytest.mark.parametrize("offered", [("en",), ("en", "fr")])
async def test_offers_a_choice_where_there_is_one(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, offered: tuple[str, ...]
) -> None:
    settings = replace(portal_settings, languages=offered)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    async with running(portal.app):
        maya = await portal.browser("maya", "bakery")
        assert ("/account/language" in (await maya.get("/account")).text) is (len(offered) > 1)
    await portal.aclose()
