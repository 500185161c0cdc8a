"""Help as customers read it: found, read, answered; and nothing at all where there are no articles."""

import asyncio
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest_asyncio
from support_portal import BAKERY, BASE, Portal, running
from support_sandbox import RunningSandbox
from support_staff import staff_at

from auth.clock import utc_now
from gateway.app import make_app
from gateway.help.article import Article
from gateway.help.overview import Searched, rated, searches
from gateway.help.shelf import put
from gateway.records.database import Database
from gateway.settings import Settings

OK = 200
ARTICLES = (
    Article(
        name="late",
        title="When does my order come?",
        summary="Two days from our shelf to your door.",
        html='<h2>The carrier</h2><p onclick="x()">Needs two days.<script>alert(1)</script></p>'
        '<a href="/sign-out">out</a><img src=x onerror=alert(1)>',
        subjects=("topic:order", "orders", "orders/confirmed"),
    ),
    Article(name="pay", title="How to pay an invoice", html="<p>By bank transfer.</p>", subjects=("invoices",)),
    Article(name="zahlen", title="Rechnung bezahlen", html="<p>Per Überweisung.</p>", language="de"),
)


@pytest_asyncio.fixture
async def helped(database: Database, portal_settings: Settings, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    """The portal with a bakery, and articles."""
    await put(database, "", ARTICLES, utc_now())
    made = Portal(make_app(portal_settings), database, portal_settings)
    await made.connect(sandbox)
    await made.link("maya", "bakery", *BAKERY)
    async with running(made.app):
        yield made
    await made.aclose()


@pytest_asyncio.fixture
async def maya(helped: Portal) -> AsyncIterator[httpx.AsyncClient]:
    async with await helped.browser("maya", "bakery") as browser:
        browser.headers["Origin"] = BASE
        for _ in range(200):  # the portal looks in a moment whether there are any
            if (await browser.get("/help")).status_code == OK:
                break
            await asyncio.sleep(0.05)
        yield browser


def token(page: str) -> str:
    return page.partition('name="_token" value="')[2].partition('"')[0]


async def test_lists_finds_and_shows_articles(maya: httpx.AsyncClient) -> None:
    page = (await maya.get("/help")).text
    assert page.index("How to pay") < page.index("When does my order come?") < page.index("Rechnung"), "in German"
    page = (await maya.get("/help", headers={"accept-language": "de"})).text
    assert page.index("Rechnung") < page.index("How to pay") < page.index("When does my order come?")
    assert 'lang="de"' in page
    found = (await maya.get("/help?q=door")).text
    assert '<a href="/help/late?q=door">' in found
    assert "How to pay" not in found
    shown = await maya.get("/help/late?q=door")
    assert "<h2>The carrier</h2>" in shown.text
    assert "What else was found" in shown.text
    for danger in ("alert(1)", "onclick", '/sign-out">out', "<img"):
        assert danger not in shown.text.partition("<article")[2].partition("</article>")[0]
    assert (await maya.get("/help/nothing")).status_code == 404
    assert (await maya.get("/help/..%2flate")).status_code == 404
    assert "No article has these words" in (await maya.get("/help?q=zeppelin")).text
    odd = "<script>'\"&q="
    assert "<script>'" not in (await maya.get("/help", params={"q": odd})).text


async def test_is_linked_from_every_page(maya: httpx.AsyncClient) -> None:
    for path in ("/", "/orders", "/account", "/requests/new"):
        page = (await maya.get(path)).text
        assert '<a href="/help">Help</a></footer>' in page
        assert "Look it up in Help" in page or path == "/orders"


async def test_counts_what_answered_and_what_did_not(helped: Portal, maya: httpx.AsyncClient) -> None:
    csrf = token((await maya.get("/help/late?q=door")).text)
    sent = await maya.post("/help/late/answer", data={"_token": csrf, "answer": "yes"})
    assert "Thank you" in (await maya.get(sent.headers["location"])).text
    sent = await maya.post("/help/late/answer", data={"_token": csrf, "answer": "no", "q": "door"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/help/late?said=no&q=door#answer")
    assert "Then ask us" in (await maya.get(sent.headers["location"])).text
    done = await maya.post("/help/pay/answer", data={"_token": csrf, "answer": "yes", "leave": "true"})
    assert done.headers["location"] == "/"
    assert (await maya.post("/help/pay/answer", data={"answer": "yes"})).status_code == 403
    assert (await maya.post("/help/none/answer", data={"_token": csrf, "answer": "yes"})).status_code == 404
    assert (await maya.post("/help/pay/answer", data={"_token": csrf, "answer": "maybe"})).status_code == 404
    for _ in range(30):
        await maya.post("/help/zahlen/answer", data={"_token": csrf, "answer": "yes"})
    await maya.get("/help?q=Zeppelin")
    await maya.get("/help?q=Zeppelin", headers={"HX-Request": "true"})
    for _ in range(100):  # they are written in a moment
        found = (await searches(helped.database))[0]
        if len(found) > 1:
            break
        await asyncio.sleep(0.1)
    said = {each.name: (each.yes, each.no) for each in (await rated(helped.database))[0]}
    assert said["late"] == (1, 1)
    assert said["pay"] == (1, 0)
    assert 10 < said["zahlen"][0] < 20, "not over and over"
    assert found == (
        Searched(words="zeppelin", times=1, empty=1, unanswered=0),
        Searched(words="door", times=0, empty=0, unanswered=1),
    )


async def test_shows_nothing_about_help_where_there_are_no_articles(portal: Portal) -> None:
    async with await portal.browser("maya", "bakery") as browser:
        for path in ("/", "/account", "/requests/new", "/requests/new/order", "/orders/erp/4424"):
            page = (await browser.get(path)).text
            assert 'href="/help' not in page
            assert "Good to know" not in page
        for path in ("/help", "/help/late"):
            assert (await browser.get(path)).status_code == 404


async def test_says_before_sending_what_may_answer_it(helped: Portal, maya: httpx.AsyncClient) -> None:
    page = (await maya.get("/requests/new/order")).text
    assert "This article may answer it" in page
    assert 'formaction="/help/late/answer"' in page
    assert "How to pay" not in page
    page = (await maya.get("/requests/new/dispute?about=erp/invoices/2093")).text
    assert "How to pay" in page, "about the record"
    assert "This may already answer it" in page, "and the record's own status"
    about_order = (await maya.get("/requests/new?about=erp/orders/4424")).text
    assert "When does my order come?" in about_order
    assert "When does my order come?" not in (await maya.get("/requests/new")).text
    csrf = token(page)
    sent = {"_token": csrf, "nonce": "x" * 32, "subject": "bank transfer", "text": ""}
    again = await maya.post("/requests/new/something-else", data=sent)
    assert again.status_code in {404, 422}


async def test_says_so_while_it_is_written(helped: Portal, maya: httpx.AsyncClient) -> None:
    csrf = token((await maya.get("/requests/new/something-else")).text)

    async def fits(topic: str, **written: str) -> str:
        answer = await maya.post(f"/requests/fitting?topic={topic}", data={"_token": csrf, **written})
        assert answer.status_code == OK
        return answer.text

    assert "may answer" not in await fits("something-else", subject="Zeppelin")
    assert "How to pay" in await fits("something-else", subject="Paying an invoice")
    assert "How to pay" in await fits("something-else", text="by which bank transfer?")
    assert "When does" in await fits("delivery", order="erp/orders/4424")
    assert (await maya.post("/requests/fitting?topic=none", data={"_token": csrf})).status_code == 404
    assert (await maya.post("/requests/fitting?topic=order")).status_code == 403
    of_others = {"_token": csrf, "order": "erp/orders/4457"}
    assert (await maya.post("/requests/fitting?topic=order", data=of_others)).status_code in {404, 503}


async def test_looks_up_what_was_chosen_in_the_words_of_the_reader(helped: Portal, maya: httpx.AsyncClient) -> None:
    damaged = Article(name="schaden", title="Es ist etwas beschädigt", html="<p>Was tun?</p>", language="de")
    await put(helped.database, "", [*ARTICLES, damaged], utc_now())
    csrf = token((await maya.get("/requests/new/delivery")).text)
    for language, is_found in (("de", True), ("en", False)):
        answer = await maya.post(
            "/requests/fitting?topic=delivery",
            data={"_token": csrf, "what": "Something is damaged"},
            headers={"accept-language": language},
        )
        assert ("Es ist etwas beschädigt" in answer.text) is is_found


async def test_offers_at_most_two_articles_about_a_record(helped: Portal, maya: httpx.AsyncClient) -> None:
    assert "When does my order come?" in (await maya.get("/orders/erp/4424")).text
    assert "How to pay an invoice" in (await maya.get("/invoices/erp/2093")).text
    assert "Good to know" not in (await maya.get("/requests/helpdesk/881")).text


async def test_shows_staff_what_was_looked_for_in_vain(helped: Portal, maya: httpx.AsyncClient) -> None:
    await maya.get("/help", params={"q": "=cmd() <b>zeppelin</b>"})
    sam = await staff_at(helped)
    for _ in range(100):
        page = (await sam.get("/staff/help")).text
        if "zeppelin" in page:
            break
        await asyncio.sleep(0.1)
    assert "cmd b zeppelin b" in page
    assert "cmd b zeppelin b,1,1,0" in (await sam.get("/staff/help.csv")).text
    assert "How to pay" in (await sam.get("/staff/help/articles")).text
    assert "How to pay an invoice,pay,,0,0" in (await sam.get("/staff/help/articles.csv")).text
    assert 'href="/staff/help"' in unescape((await sam.get("/staff/requests")).text)
    reader = await staff_at(helped, "read-only")
    for path in ("/staff/help", "/staff/help.csv", "/staff/help/articles", "/staff/help/articles.csv"):
        assert (await reader.get(path)).status_code == 403
