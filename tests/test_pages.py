"""Every page, through the real connectors, over a sandbox that behaves as the vendors do."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pytest
import sqlalchemy as sa
import time_machine
from support_portal import BAKERY, BASE, HOTEL, Portal, running, settings_for
from support_sandbox import RunningSandbox

from auth import cookies
from auth.clock import utc_now
from connectors.sandbox.faults import Fault
from gateway.app import make_app
from gateway.records.tables import UsageEvent

PAGES = ("/", "/invoices", "/invoices?show=all", "/invoices?show=paid", "/requests", "/account")


def text_of(html: str) -> str:
    return " ".join("".join(html5lib.parse(html, namespaceHTMLElements=False).itertext()).split())


def links_of(html: str) -> set[str]:
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return {str(link.get("href")) for link in tree.iter("a") if str(link.get("href")).startswith("/")}


def link_called(text: str, html: str) -> str | None:
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return next((str(link.get("href")) for link in tree.iter("a") if "".join(link.itertext()) == text), None)


def amounts(text: str) -> list[str]:
    return re.findall(r"[€£]\d[\d,]*\.\d\d", text)


def classes(node: Element) -> set[str]:
    return set(str(node.get("class", "")).split())


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


@pytest.fixture
async def ines(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("ines", "hotel")


async def test_every_link_of_the_portal_leads_somewhere(maya: httpx.AsyncClient) -> None:
    seen = {"/sign-in"}  # where a page leads whose session has ended: nobody answers there in this portal
    waiting = {"/"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = await maya.get(path)
        if answer.status_code == 303:
            waiting |= {answer.headers["location"]} - seen
            continue
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            waiting |= {urlsplit(link)._replace(fragment="").geturl() for link in links_of(answer.text)} - seen
    assert len([path for path in seen if path.startswith("/invoices/erp/")]) > 10
    assert len([path for path in seen if path.startswith("/requests/helpdesk/")]) > 5


async def test_says_first_what_needs_the_customer(maya: httpx.AsyncClient) -> None:
    page = text_of((await maya.get("/")).text)
    assert re.search(r"(One thing needs|\w+ things need) you", page)
    assert "Delivery at the Market Street shop" in page
    assert "Overdue" in page
    assert "From Invoices," in page
    assert "From Help desk," in page


async def test_counts_equal_the_lists_they_lead_to(maya: httpx.AsyncClient) -> None:
    for show in ("to-pay", "paid", "all"):
        html = (await maya.get(f"/invoices?show={show}")).text
        tree = html5lib.parse(html, namespaceHTMLElements=False)
        (tab,) = (link for link in tree.iter("a") if link.get("aria-current") == "true")
        rows = [row for row in tree.iter("tr") if row.find("td") is not None]
        assert int("".join(tab.itertext()).split()[-1]) == len(rows)


async def test_never_adds_euros_to_pounds(maya: httpx.AsyncClient) -> None:
    page = text_of((await maya.get("/invoices")).text)
    assert "To pay in EUR" in page
    assert "To pay in GBP" in page


async def test_pages_a_long_history(ines: httpx.AsyncClient) -> None:
    first = await ines.get("/invoices?show=all")
    second = await ines.get("/invoices?show=all&page=2")
    assert "1 to 50 of" in text_of(first.text)
    shown = [{link for link in links_of(page.text) if link.startswith("/invoices/erp/")} for page in (first, second)]
    assert shown[0]
    assert shown[1]
    assert not shown[0] & shown[1]


async def test_reads_older_ones_when_asked(
    portal: Portal, ines: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.pull.LATEST", 10_000)
    count = int(re.search(r"of (\d+) invoices", text_of((await ines.get("/invoices?show=all")).text))[1])  # type: ignore[index]
    to_pay = text_of((await ines.get("/invoices")).text)
    await portal.forget_records()
    monkeypatch.setattr("gateway.pull.LATEST", 50)
    monkeypatch.setattr("gateway.pull.MAX_PAGES", 2)
    assert amounts(text_of((await ines.get("/invoices")).text)) == amounts(to_pay)  # an old bill is still a bill
    address: str | None = "/invoices?show=all"
    seen: set[str] = set()
    pages = 0
    while address is not None:
        page = (await ines.get(address)).text
        seen |= {link for link in links_of(page) if re.fullmatch("/invoices/erp/[0-9]+", link)}
        address = link_called("Next", page) or link_called("Read older ones", page)
        pages += 1
    assert pages > 5
    assert len(seen) == count


async def test_finds_a_request_and_filters_by_what_is_done(maya: httpx.AsyncClient) -> None:
    shown = {
        show: {link for link in links_of((await maya.get(f"/requests?show={show}")).text) if link.count("/") > 2}
        for show in ("open", "solved", "all")
    }
    assert shown["open"]
    assert shown["solved"]
    assert shown["open"] | shown["solved"] == shown["all"]
    assert not shown["open"] & shown["solved"]
    assert "Delivery at the Market Street shop" in (await maya.get("/requests?show=all&q=market+street")).text
    assert "Nothing found" in (await maya.get("/requests?q=nosuchword")).text


async def test_gives_an_invoice_as_a_file_that_cannot_act(maya: httpx.AsyncClient) -> None:
    overview = await maya.get("/invoices?show=all")
    path = next(link for link in sorted(links_of(overview.text)) if "/files/" in link)
    answer = await maya.get(path)
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cache-control"] == "no-store"


async def test_shows_only_the_public_conversation_and_nothing_that_acts(maya: httpx.AsyncClient) -> None:
    for link in links_of((await maya.get("/requests")).text):
        if link.startswith("/requests/"):
            html = (await maya.get(link)).text
            assert "INTERNAL-CANARY" not in html
            assert "onerror" not in html
            scripts = re.findall(r"<script[^>]*", unescape(html))
            assert all(script.startswith('<script src="/static/') for script in scripts), "only our own"


async def test_keeps_every_page_of_a_stranger_shut(portal: Portal) -> None:
    stranger = portal.stranger()
    for path in (*PAGES, "/invoices/erp/1", "/requests/helpdesk/881", "/invoices/erp/1/files/pdf"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path
        assert "set-cookie" not in answer.headers


async def test_answers_not_found_for_what_is_anothers(maya: httpx.AsyncClient, ines: httpx.AsyncClient) -> None:
    own = links_of((await maya.get("/invoices?show=all")).text) | links_of((await maya.get("/requests")).text)
    records = sorted(link for link in own if link.count("/") >= 3)
    assert len(records) > 10
    for link in records:
        answer = await ines.get(link)
        assert answer.status_code == 404, link
        assert "There is nothing here" in text_of(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/invoices/erp/..%2f..%2fetc",
        "/invoices/nope/1",
        "/invoices/erp/1'--",
        "/invoices/erp/%00",
        "/invoices?show=mine",
        "/invoices?page=0",
        "/invoices?page=x",
        "/requests/helpdesk/{{7*7}}",
        "/requests/helpdesk/881/files/%2e%2e",
        "/nowhere",
    ],
)
async def test_answers_not_found_for_nonsense(maya: httpx.AsyncClient, path: str) -> None:
    answer = await maya.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in text_of(answer.text)
    assert "Traceback" not in answer.text


async def test_shows_a_login_without_links_nothing_at_all(portal: Portal, sandbox: RunningSandbox) -> None:
    nobody = await portal.browser("nobody", None)
    for path in PAGES:
        answer = await nobody.get(path)
        assert answer.status_code == 200
        assert not [link for link in links_of(answer.text) if link.count("/") >= 3]
    assert "Nothing is linked to you yet" in text_of((await nobody.get("/")).text)
    assert (await nobody.get("/invoices/erp/1")).status_code == 404
    assert sandbox.odoo_seen == []
    assert sandbox.rt_seen == []


async def test_does_not_believe_a_session_about_an_account_that_was_taken_away(portal: Portal) -> None:
    stray = await portal.browser("stray", "bakery")  # a session that names an account, without a membership
    assert (await stray.get("/")).status_code == 200
    assert not [link for link in links_of((await stray.get("/invoices")).text) if link.count("/") >= 3]


async def test_one_source_down_changes_only_its_own_parts(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    sandbox.odoo_fault(Fault(kind="unavailable"))
    page = await maya.get("/")
    assert page.status_code == 200
    said = text_of(page.text)
    assert "Invoices can’t be reached right now." in said
    assert "Delivery at the Market Street shop" in said
    invoices = text_of((await maya.get("/invoices")).text)
    assert "We can’t say yet what is open." in invoices
    assert "Nothing to pay" not in invoices
    assert not re.search(r"To pay \d", invoices), "nobody can count what nobody has seen"
    assert "0 invoices" not in invoices


EVERY_KIND_OF_PAGE = (
    *("/", "/orders?show=all", "/invoices?show=all", "/invoices", "/requests?show=all", "/documents", "/search?q=a"),
    *("/orders/", "/invoices/", "/requests/"),  # the first record of each list
)


@pytest.mark.parametrize("path", EVERY_KIND_OF_PAGE)
async def test_every_figure_says_where_it_is_from_and_when(maya: httpx.AsyncClient, path: str) -> None:
    if path.endswith("/") and path != "/":
        shown = await maya.get(f"{path[:-1]}?show=all")
        path = min(link for link in links_of(shown.text) if re.match(rf"{path}[\w-]+/\w", link))
    main = next(html5lib.parse((await maya.get(path)).text, namespaceHTMLElements=False).iter("main"))
    around = {child: parent for parent in main.iter() for child in parent}
    figures = [node for node in main.iter() if is_figure(node, around)]
    assert figures
    for figure in figures:
        group = figure
        while not stamps_in(group):
            assert group is not main, f"{path}: {''.join(figure.itertext())} does not say where it is from"
            group = around[group]
        assert all(list(stamp.iter("time")) for stamp in stamps_in(group)), path


def is_figure(node: Element, around: dict[Element, Element]) -> bool:
    """Whether it is an amount, a status or a day of a record's: neither today's date nor the age in a stamp."""
    if not classes(node) & {"money", "chip"} and (node.tag != "time" or "data-age" in node.attrib):
        return False
    while node in around:
        node = around[node]
        if "page-head" in classes(node) and not [inner for inner in node.iter() if classes(inner) & {"money", "chip"}]:
            return False
    return True


def stamps_in(node: Element) -> list[Element]:
    return [inner for inner in node.iter() if "stamp" in classes(inner)]


async def test_a_dead_source_changes_only_its_own(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    def of_the_desk(page: str) -> set[str]:
        tree = html5lib.parse(page, namespaceHTMLElements=False)
        return {
            re.sub(r"\d\d:\d\d", "", "".join(node.itertext()))
            for node in tree.iter()
            if (node.tag == "li" and any("/helpdesk/" in str(link.get("href")) for link in node.iter("a")))
            or node.get("data-source") == "helpdesk"
        }

    paths = ("/", "/requests?show=all")
    before = [of_the_desk((await maya.get(path)).text) for path in paths]
    assert all(before)
    sandbox.odoo_fault(Fault(kind="unavailable"))
    with time_machine.travel(utc_now() + timedelta(minutes=6), tick=True):
        after = [(await maya.get(path)).text for path in paths]
    assert [of_the_desk(page) for page in after] == before
    assert all("Invoices can’t be reached right now. You see what we knew" in text_of(page) for page in after)
    assert all("The rest is not affected." in text_of(page) for page in after)


async def test_promises_nothing_of_the_rest_when_there_is_none(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    sandbox.odoo_fault(Fault(kind="unavailable"))
    sandbox.rt_fault(Fault(kind="unavailable"))
    home = text_of((await maya.get("/")).text)
    assert "Two sources can’t be reached right now." in home
    assert "missing on this page: Invoices; Help desk. Look again" in home
    assert "Look again in a minute." in home
    assert "not affected" not in home


async def test_switches_between_the_accounts_of_one_person_and_nowhere_else(portal: Portal) -> None:
    await portal.link("owner", "bakery", BAKERY[0])
    await portal.link("owner", "hotel", HOTEL[0])
    both = await portal.browser("owner", "bakery")
    html = (await both.get("/invoices")).text
    assert "Hotel" in html
    fields = {"_token": str(re.search(r'data-token="([^"]+)"', html)[1])}  # type: ignore[index]
    same_site = {"Sec-Fetch-Site": "same-origin"}
    elsewhere = await both.post("/account/use", data={**fields, "account": "cafe"}, headers=same_site)
    assert elsewhere.status_code == 404
    moved = await both.post("/account/use", data={**fields, "account": "hotel"}, headers=same_site)
    assert (moved.status_code, moved.headers["location"]) == (303, "/")
    assert (await both.get("/")).status_code == 303, "the old session has ended"
    both.headers["Cookie"] = moved.headers["set-cookie"].partition(";")[0]
    page = await both.get("/invoices")
    assert "1 to 50 of" in text_of((await both.get("/invoices?show=all")).text)
    assert not links_of(page.text) & {link for link in links_of(html) if link.count("/") >= 3}


async def test_never_fills_a_page_of_one_account_with_another(maya: httpx.AsyncClient) -> None:
    page = (await maya.get("/invoices?show=all")).text
    assert """hx-headers='{"X-Account": "bakery"}'""" in page or "hx-get" not in page
    other = await maya.get("/invoices", headers={"HX-Request": "true", "X-Account": "hotel"})
    assert (other.text, other.headers["hx-refresh"]) == ("", "true")
    same = await maya.get("/invoices", headers={"HX-Request": "true", "X-Account": "bakery"})
    assert "INV" in same.text


async def test_sends_the_guarding_headers_with_every_answer(portal: Portal, maya: httpx.AsyncClient) -> None:
    stranger = portal.stranger()
    answers = [await maya.get(path) for path in (*PAGES, "/nowhere", "/static/tokens.css", "/healthz")]
    answers += [await stranger.get(path) for path in ("/", "/sign-in", "/auth/callback", "/nowhere")]
    answers += [await maya.post("/sign-out"), await maya.put("/"), await maya.request("BREW", "/")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        if "/static/" not in str(answer.url):
            assert answer.headers["cache-control"] == "no-store", answer.url
        assert answer.status_code < 500


async def test_keeps_markup_inline_free(maya: httpx.AsyncClient) -> None:
    for path in PAGES:
        tree = html5lib.parse((await maya.get(path)).text, namespaceHTMLElements=False)
        for node in tree.iter():
            assert node.get("style") is None
            assert not [name for name in node.attrib if str(name).startswith("on")]
            assert node.tag != "style"
            assert node.tag != "script" or node.get("src")


async def test_writes_down_what_was_viewed_and_left(portal: Portal, maya: httpx.AsyncClient) -> None:
    token = str(re.search(r'data-token="([^"]+)"', (await maya.get("/invoices")).text)[1])  # type: ignore[index]
    same_site = {"Sec-Fetch-Site": "same-origin"}
    left = await maya.post("/usage/left", data={"page": "invoices", "_token": token}, headers=same_site)
    assert left.status_code == 204
    assert await written(portal, 2) == {("viewed", "invoices", "bakery"), ("left", "invoices", "bakery")}


async def test_says_in_words_that_the_database_is_away(redis_url: str, tmp_path: Path) -> None:
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none", redis_url, tmp_path))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with (
        running(app),
        httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Accept": "text/html"}) as browser,
    ):
        answer = await browser.get("/", headers={"Cookie": f"{cookies.SESSION}={'x' * 43}"})
    assert answer.status_code == 503
    assert "Nothing of yours is lost" in text_of(answer.text)
    assert answer.headers["retry-after"] == "5"


async def written(portal: Portal, count: int) -> set[tuple[str, str, str | None]]:
    """Wait for usage events: they are written once a second."""
    for _ in range(100):
        async with portal.database.read() as session:
            events = await session.execute(sa.select(UsageEvent.name, UsageEvent.page, UsageEvent.account_id))
            found = {(name, page, account) for name, page, account in events.all()}
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_page_counts_what_needs_the_customer(portal: Portal) -> None:
    await portal.link("maya", "bakery", ("erp", "20"))  # to whom a quote was sent
    maya = await portal.browser("maya", "bakery")
    home = (await maya.get("/")).text
    assert home.count("See the quote")
    counts = {
        "Orders": home.count("See the quote"),
        "Invoices": home.count("See the invoice"),
        "Requests": home.count("Read our question"),
    }
    for page in ("/", "/orders", "/invoices/erp/2093", "/account"):
        text = (await maya.get(page)).text
        for name, count in counts.items():
            assert len(re.findall(rf'>{name}<span class="count"[^>]*>{count}<', text)) == 2, (page, name)
