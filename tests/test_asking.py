"""A new request from the page: a short form, kept at once, sent once, and shown until the helpdesk has it."""

import asyncio
import re
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_rights import SAME_SITE

from auth.clock import utc_now
from connectors.sandbox.faults import Fault
from gateway.records.outbox_tables import OutboxRow
from gateway.statuses import ORDERS
from gateway.topics.changes import apply, plan
from gateway.topics.file import parse

ORDER = "erp/orders/4424"
FORM = "/requests/new/order"
TRIES = 200
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WRITTEN = {"order": ORDER, "what": "When it comes", "text": "Can it come\r\non <Monday>?"}


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def form(browser: httpx.AsyncClient, page: str = FORM) -> dict[str, str]:
    """Take what the form holds."""
    text = (await browser.get(page)).text.replace("&#x2f;", "/")
    action = re.escape(page.partition("?")[0])
    (found,) = re.findall(rf'<form[^>]* action="{action}"[^>]*>(.*?)</form>', text, re.DOTALL)
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', found))
    fields |= {name: value for value, name in re.findall(r'<input[^>]* value="([^"]*)"[^>]* name="(\w+)"', found)}
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', found, re.DOTALL):
        fields[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    return {name: unescape(value) for name, value in fields.items()}


async def send(browser: httpx.AsyncClient, fields: dict[str, str], page: str = FORM) -> httpx.Response:
    return await browser.post(page, data=fields, headers=SAME_SITE)


async def until(browser: httpx.AsyncClient, page: str, text: str) -> str:
    for _ in range(TRIES):
        shown = unescape((await browser.get(page)).text)
        if text in shown:
            return shown
        await asyncio.sleep(0.05)
    raise AssertionError(f"never shown: {text}")


async def test_keeps_a_request_at_once_and_leads_to_it_in_the_helpdesk(maya: httpx.AsyncClient) -> None:
    answer = await send(maya, {**await form(maya), **WRITTEN})
    assert answer.status_code == 303
    page = answer.headers["location"]
    shown = (await maya.get(page)).text
    assert "When it comes: SO-4424" in shown
    assert "on &lt;Monday&gt;?" in shown
    (reference,) = re.findall(r"Reference <b>([0-9A-Z-]{14})</b>", shown)
    shown = await until(maya, page, "See the request")
    (href,) = re.findall(r'href="(/requests/helpdesk/\d+)"', shown)
    request = (await maya.get(href)).text
    assert "When it comes: SO-4424" in request
    assert "Order: SO-4424" in request
    assert reference not in (await maya.get("/requests")).text


async def test_takes_two_clicks_for_one(portal: Portal, maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), **WRITTEN}
    answers = await asyncio.gather(*(send(maya, fields) for _ in range(20)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    async with portal.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow)) == 1
    assert "location" in (await send(maya, {**await form(maya), **WRITTEN})).headers


@pytest.mark.parametrize(
    ("page", "wrong", "problem"),
    [
        (FORM, {"text": " "}, "Fill this in."),
        (FORM, {"what": "Nonsense"}, "Choose one of these."),
        (FORM, {"text": "x" * 10_001}, "Shorten it."),
        ("/requests/new/call-back", {"phone": "none"}, "Write a phone number"),
        ("/requests/new/something-else", {"subject": "x" * 201}, "Shorten it."),
    ],
)
@SQLITE
async def test_says_what_is_wrong_and_keeps_what_was_written(
    portal: Portal, maya: httpx.AsyncClient, page: str, wrong: dict[str, str], problem: str
) -> None:
    written = {**await form(maya, page), **WRITTEN, "subject": "Ours", "phone": "020 7946 0182", "when": "Any time"}
    answer = await send(maya, {**written, "text": "Keep <this>.", **wrong}, page)
    assert answer.status_code == 422
    shown = unescape(answer.text)
    assert problem in shown
    assert "Nothing was sent yet." in shown
    assert "Keep &lt;this&gt;." in answer.text or "text" in wrong
    assert page == FORM or "020 7946 0182" in shown
    assert page != FORM or f'value="{ORDER}" selected' in shown
    assert 'aria-invalid="true"' in answer.text
    async with portal.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow)) == 0


@SQLITE
async def test_fills_in_what_it_knows(maya: httpx.AsyncClient) -> None:
    call = await maya.get("/requests/call-back")
    assert call.headers["location"] == "/requests/new/call-back"
    assert (await form(maya, "/requests/new/call-back"))["who"] == "Maya"
    page = f"{FORM}?about={ORDER}"
    assert (await form(maya, page))["order"] == ORDER
    shown = unescape((await maya.get(page)).text)
    assert "This may already answer it" in shown
    assert ORDERS["on_its_way"].meaning in shown
    assert "SO-4424, on its way, expected " in shown


@SQLITE
async def test_attaches_the_record_where_no_question_asks_for_it(maya: httpx.AsyncClient) -> None:
    page = "/requests/new/something-else"
    fields = await form(maya, f"{page}?about=erp/invoices/2093")
    assert fields["about"] == "erp/invoices/2093"
    sent = await send(maya, {**fields, "subject": "Ours", "text": "Hello."}, page)
    assert "Invoice INV-2093\n\nHello." in unescape((await maya.get(sent.headers["location"])).text)


@SQLITE
async def test_leads_from_a_record_to_what_can_be_asked_about_it(maya: httpx.AsyncClient) -> None:
    for record, about, topics in (
        ("/orders/erp/4424", ORDER, ["order", "delivery", "call-back", "something-else"]),
        ("/invoices/erp/2093", "erp/invoices/2093", ["invoice", "dispute", "call-back", "something-else"]),
    ):
        link = f"/requests/new?about={about}"
        assert f'href="{link}"' in unescape((await maya.get(record)).text)
        shown = unescape((await maya.get(link)).text)
        assert re.findall(r'href="/requests/new/([a-z-]+)\?', shown) == topics


async def test_is_about_no_record_of_another_account(portal: Portal, maya: httpx.AsyncClient) -> None:
    ines = await portal.browser("ines", "hotel")
    fields = {**await form(ines), "what": "When it comes", "text": "Where is it?"}
    for about in (ORDER, "erp/invoices/2093", "erp/orders/1", "nowhere/orders/1", "helpdesk/tickets/881", "x"):
        assert (await ines.get(f"/requests/new?about={about}")).status_code == 404
        assert (await ines.get(f"{FORM}?about={about}")).status_code == 404
        assert (await send(ines, {**fields, "order": about})).status_code == 404
        assert (await send(ines, {**fields, "about": about})).status_code == 404
    sent = (await send(maya, {**await form(maya), **WRITTEN})).headers["location"]
    for change in ("", "/back", "/correct"):
        assert (await ines.get(sent + change)).status_code == 404
    token = {"_token": fields["_token"], "subject": "Theirs", "text": "Theirs."}
    for change in ("/back", "/correct"):
        assert (await send(ines, token, sent + change)).status_code == 404
    assert "Theirs" not in (await maya.get(sent)).text
    assert (await maya.get("/requests/sent/nothing")).status_code == 404


@SQLITE
async def test_refuses_a_form_from_elsewhere(portal: Portal, maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), **WRITTEN}
    assert (await maya.post(FORM, data=fields, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await send(maya, {**fields, "_token": "x"})).status_code == 403
    assert (await send(maya, {**fields, "nonce": "short"})).status_code == 404
    assert (await maya.get("/requests/new/nothing")).status_code == 404
    async with portal.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow)) == 0


async def test_shows_it_among_the_requests_while_the_helpdesk_is_away(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = {**await form(maya), **WRITTEN}
    sandbox.rt_fault(Fault(kind="unavailable"))
    page = (await send(maya, fields)).headers["location"]
    requests = (await maya.get("/requests")).text
    assert "Just sent" in requests
    assert f'href="{page}"' in unescape(requests)
    changed = {"_token": fields["_token"], "subject": "Another", "text": "In other words."}
    assert (await send(maya, {**changed, "text": ""}, f"{page}/correct")).status_code == 422
    await until_free(maya, changed, page)
    sandbox.lift_faults()
    await until(maya, page, "See the request")
    shown = (await maya.get("/requests")).text
    assert "Just sent" not in shown
    assert "Another" in shown


async def until_free(browser: httpx.AsyncClient, fields: dict[str, str], page: str) -> None:
    """Correct it between two tries: while one is under way nothing can be changed."""
    for _ in range(TRIES):
        answer = await send(browser, fields, f"{page}/correct")
        if answer.status_code == 303:
            assert "In other words." in (await browser.get(page)).text
            return
        assert answer.status_code == 409
        await asyncio.sleep(0.05)
    raise AssertionError("never corrected")


async def test_takes_it_back(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = {**await form(maya), **WRITTEN}
    sandbox.rt_fault(Fault(kind="unavailable"))
    page = (await send(maya, fields)).headers["location"]
    for _ in range(TRIES):
        answer = await send(maya, fields, f"{page}/back")
        if answer.status_code == 303:
            break
        assert answer.status_code == 409
        await asyncio.sleep(0.05)
    assert "Taken back" in (await maya.get(page)).text
    assert "Just sent" not in (await maya.get("/requests")).text
    sandbox.lift_faults()
    assert "Taken back" in (await maya.get(page)).text


async def test_asks_what_staff_want_asked(portal: Portal, maya: httpx.AsyncClient) -> None:
    file = """
[topics.visit]
label = "Ask for a visit"
subject = "Visit on {day}: {many}"
answer_within = 8
[[topics.visit.fields]]
name = "day"
kind = "date"
label = "Which day?"
past = false
[[topics.visit.fields]]
name = "many"
kind = "number"
label = "How many machines?"
least = 1
most = 20
[[topics.visit.fields]]
name = "alone"
kind = "yes_no"
label = "Is somebody there?"
"""
    changes = await plan(portal.database, parse(file, {}))
    await apply(portal.database, changes, utc_now(), trail=TRAIL, by=BY)
    page = "/requests/new/visit"
    fields = await form(maya, page)
    for wrong, problem in (
        ({"day": "2020-01-01"}, "Choose a day from today on."),
        ({"day": "soon"}, "Write the day as"),
        ({"many": "21"}, "Write 20 or less."),
        ({"many": "many"}, "Write a number"),
        ({"alone": "perhaps"}, "Choose yes or no."),
    ):
        answer = await send(maya, {**fields, "day": "2030-12-02", "many": "2", "alone": "no", **wrong}, page)
        assert answer.status_code == 422
        assert problem in unescape(answer.text)
    sent = await send(maya, {**fields, "day": "2030-12-02", "many": "2", "alone": "no"}, page)
    shown = unescape((await maya.get(sent.headers["location"])).text)
    assert "Visit on Monday 2 December 2030: 2" in shown
    assert "Which day? Monday 2 December 2030\nHow many machines? 2\nIs somebody there? No" in shown
    assert "We answer by " in shown
    assert (await maya.get(FORM)).status_code == 404


async def test_takes_files_along(maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), **WRITTEN}
    note = {"files": ("what came.txt", b"Two trays are bent.", "text/plain")}
    bad = {"files": ("run.exe", b"MZ", "application/octet-stream")}
    refused = await maya.post(FORM, data=fields, files=bad, headers=SAME_SITE)
    assert refused.status_code == 422
    assert "on &lt;Monday&gt;?" in refused.text
    assert 'id="files-error"' in refused.text
    missing = await maya.post(FORM, data={**fields, "what": ""}, files=note, headers=SAME_SITE)
    assert "Choose your files again" in missing.text
    sent = await maya.post(FORM, data=fields, files=note, headers=SAME_SITE)
    assert sent.status_code == 303
    page = sent.headers["location"]
    assert "what came.txt" in (await maya.get(page)).text
    (href,) = re.findall(r'href="(/requests/helpdesk/\d+)"', await until(maya, page, "See the request"))
    assert "what came.txt" in (await maya.get(href)).text
