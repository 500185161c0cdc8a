"""Staff say what statuses mean: in a draft, which is tried on real records, published, and gone back from."""

import re
from html import unescape
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from support_portal import BAKERY, Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at

from gateway.records.tables import AuditLine

EDIT = "/staff/statuses/edit"
BILL = {"source": "erp", "kind": "invoices", "status": "not_paid"}
WORDS = {**BILL, "label": "Waiting for your bank", "meaning": "We have sent it.", "mails": "on"}


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return unescape(found[1])


async def form(staff: Staff, **place: str) -> str:
    query = "&".join(f"{name}={quote(value)}" for name, value in place.items())
    answer = await staff.get(f"{EDIT}?{query}")
    assert answer.status_code == 200
    return answer.text


async def save(staff: Staff, **words: str) -> None:
    page = await form(staff, **{name: words[name] for name in BILL})
    answer = await staff.send("POST", EDIT, version=hidden(page, "version"), **words)
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/statuses"), answer.text


async def tried(staff: Staff) -> str:
    answer = await staff.get("/staff/statuses/rehearsal")
    assert answer.status_code == 200
    return answer.text


async def publish(staff: Staff, page: str | None = None, mails: str = "no") -> int:
    page = page or await tried(staff)
    fields = {name: hidden(page, name) for name in ("draft", "live")}
    return (await staff.send("POST", "/staff/statuses/rehearsal", mails=mails, **fields)).status_code


async def lines(portal: Portal) -> list[str]:
    async with portal.database.read() as session:
        told = await session.scalars(sa.select(AuditLine.what).order_by(AuditLine.number))
        return [what for what in told if what.startswith("statuses.")]


async def test_changes_what_customers_read_once_it_is_published(portal: Portal) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    assert "Open" in (await maya.get("/invoices")).text
    await maya.get("/")
    home = (await maya.get("/")).text
    assert (await maya.get("/")).text == home, "from here on it comes out of what is kept"
    await save(staff, **WORDS)
    assert "Waiting for your bank" not in (await maya.get("/invoices")).text, "nobody reads a draft"
    page = text_of(await tried(staff))
    assert "Waiting for your bank We have sent it." in page
    assert "for example INV-" in page
    figures = re.search(r"Records read differently (\d+) Customers (\d+)", page)
    assert figures
    assert int(figures[1]) > 0
    assert figures[2] == "1"
    assert await publish(staff) == 303
    for path in (
        "/invoices",
        "/invoices/erp/2098",
        "/search?q=INV-2098",
        "/api/v1/invoices",
        "/invoices/statement.csv",
    ):
        assert "Waiting for your bank" in (await maya.get(path)).text, path
    assert "Overdue" in (await maya.get("/invoices")).text, "no word of staff's speaks against a day"
    assert (await staff.get("/staff/statuses/rehearsal")).headers["location"] == "/staff/statuses", "no draft is left"
    page = text_of((await staff.get("/staff/statuses/versions")).text)
    assert "Version 1 Live" in page
    version = (await staff.get("/staff/statuses/versions/0")).text
    answer = await staff.send("POST", "/staff/statuses/versions/0", live=hidden(version, "live"))
    assert answer.status_code == 303
    assert "Waiting for your bank" not in (await maya.get("/invoices")).text
    assert await lines(portal) == [
        f"statuses.{what}" for what in ("drafted", "rehearsed", "rehearsed", "published")
    ] + ["statuses.published"]


async def test_changes_home_and_what_is_kept_of_it(portal: Portal) -> None:
    """What a status means decides what needs the customer: also on pages of which finished pieces are kept."""
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    for _ in range(3):
        before = (await maya.get("/")).text
    assert "Over to you" not in (await maya.get("/requests?show=all")).text
    await save(staff, source="helpdesk", kind="tickets", status="open", means="awaiting_customer", label="Over to you")
    page = await tried(staff)
    assert re.search(r"Begin to need them (\d+)", text_of(page))[1] != "0"  # type: ignore[index]
    assert await publish(staff, page) == 303
    after = (await maya.get("/")).text
    assert after != before
    assert "Over to you" in after
    assert (await maya.get("/")).text == after
    assert "Over to you" in (await maya.get("/requests?show=all")).text


async def test_gives_words_to_what_nobody_knows(portal: Portal, sandbox: RunningSandbox) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    sandbox.site.odoo.rows["account.move"][2098]["payment_state"] = "wait/bank_9"
    assert "To be confirmed" in (await maya.get("/invoices?show=all")).text
    page = text_of((await staff.get("/staff/statuses")).text)
    assert "wait/bank_9 Invoices in Invoices, on 1 record since yesterday. Customers read “To be confirmed”" in page
    assert "parts-ordered" in page
    await save(staff, **{**BILL, "status": "wait/bank_9"}, means="open", mails="on")
    assert "wait/bank_9 Invoices in Invoices, on" not in text_of((await staff.get("/staff/statuses")).text)
    assert await publish(staff) == 303
    seen = (await maya.get("/invoices/erp/2098")).text
    assert "It is not paid yet." in seen
    assert "bank_9" not in seen


async def test_tells_what_the_draft_leaves_without_words(portal: Portal, sandbox: RunningSandbox) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    sandbox.site.odoo.rows["account.move"][2098]["payment_state"] = "wait/bank_9"
    assert "To be confirmed" in (await maya.get("/invoices?show=all")).text
    await maya.get("/")
    await save(staff, **WORDS)
    page = await tried(staff)
    assert "Still without words" in page
    assert "wait/bank_9 Invoices in Invoices, on 1 record" in text_of(page)
    assert 'status=wait%2Fbank_9">Give it words' in unescape(page)
    await save(staff, **{**BILL, "status": "wait/bank_9"}, means="open", mails="on")
    assert "wait/bank_9 Invoices in Invoices, on" not in text_of(await tried(staff))


async def test_loses_nothing_that_was_written(portal: Portal) -> None:
    staff = await staff_at(portal, "admin")
    page = await form(staff, **BILL)
    refused = await staff.send("POST", EDIT, version=hidden(page, "version"), **{**WORDS, "label": "<b>Soon</b>"})
    assert refused.status_code == 422
    assert "The label has &lt; or &gt; in it: write plain words" in refused.text
    assert "We have sent it." in refused.text
    await save(staff, **{**WORDS, "label": "Another"})
    late = await staff.send("POST", EDIT, version=hidden(page, "version"), **WORDS)
    assert late.status_code == 409
    said = text_of(late.text)
    assert "Somebody changed this after you opened it. There it now reads “Another”" in said
    assert 'value="Waiting for your bank"' in late.text
    again = await staff.send("POST", EDIT, version=hidden(late.text, "version"), **WORDS)
    assert again.status_code == 303
    shown = await tried(staff)
    await save(staff, **{**WORDS, "label": "Quicker"})
    assert await publish(staff, shown) == 409
    assert "Quicker" in await tried(staff)
    asked = (await staff.get("/staff/statuses/discard")).text
    assert "not_paid: back to what is published" in text_of(asked)
    assert (await staff.send("POST", "/staff/statuses/discard", version=hidden(asked, "version"))).status_code == 303
    assert "Draft" not in (await staff.get("/staff/statuses")).text


async def test_goes_back_only_from_where_one_was(portal: Portal) -> None:
    staff = await staff_at(portal, "admin")
    await save(staff, **WORDS)
    assert await publish(staff) == 303
    page = (await staff.get("/staff/statuses/versions/0")).text
    await save(staff, **{**WORDS, "label": "Another"})
    assert await publish(staff) == 303
    late = await staff.send("POST", "/staff/statuses/versions/0", live=hidden(page, "live"))
    assert late.status_code == 409
    assert "Version 2 is live now, and nothing was done." in text_of(late.text)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_finds_and_exports(portal: Portal) -> None:
    staff = await staff_at(portal, "read-only")
    page = text_of((await staff.get("/staff/statuses?source=erp&q=Open")).text)
    assert "in_payment" not in page
    assert "not_paid" in page
    assert "Change" not in page, "who may only read is offered nothing else"
    table = (await staff.get("/staff/statuses.csv?source=helpdesk")).text
    assert "Help desk,Requests,open," in table
    assert "not_paid" not in table
    for path in (f"{EDIT}?source=erp&kind=invoices&status=nowhere", f"{EDIT}?source=x", "/staff/statuses/versions/7"):
        assert (await (await staff_at(portal, "admin")).get(path)).status_code == 404, path
    assert "Nothing found" in (await staff.get("/staff/statuses?q=zeppelin")).text


async def test_shows_a_customers_first_page_with_the_draft(portal: Portal) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    await save(staff, source="helpdesk", kind="tickets", status="open", means="awaiting_customer", label="Over to you")
    page = (await staff.get("/staff/statuses/preview?account=bakery")).text
    assert "Preview for Bakery. Nobody reads this yet: it is the draft." in text_of(page)
    assert "Over to you" in page
    assert 'href="/requests/' not in page, "no link of a customer's leads anywhere here"
    assert "Over to you" not in (await maya.get("/")).text
    assert (await lines(portal))[-1] == "statuses.previewed"
    assert "There is no account with this id." in (await staff.get("/staff/statuses/preview?account=nobody")).text
    assert (await (await staff_at(portal, "support")).get("/staff/statuses/preview")).status_code == 403
