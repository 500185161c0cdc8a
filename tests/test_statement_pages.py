"""The page of statements and its two files, over the sandbox: what they hold, and for whom."""

import csv
import io
import re
from datetime import date

import httpx
import pytest
from msgspec.structs import replace
from pypdf import PdfReader
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_pages import amounts, text_of
from test_rights import member

from connectors.sandbox.faults import Fault
from gateway.rights import COMPANY
from web.papers import sheet
from web.portal import statements

# What a page says does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PATHS = ("/invoices/statement", "/invoices/statement.csv", "/invoices/statement.pdf")
ALL = {"from": "", "to": "2099-12-31"}


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def print_of(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    return " ".join(text.replace("\u200b", "").split())


async def test_holds_what_the_list_holds(maya: httpx.AsyncClient) -> None:
    listed = text_of((await maya.get("/invoices?show=all")).text)
    to_pay = re.findall(r"To pay in (\w+), \d+ invoices? ?([€£][\d,.]+\d)", text_of((await maya.get("/invoices")).text))
    page = text_of((await maya.get("/invoices/statement", params=ALL)).text)
    rows = rows_of(await maya.get("/invoices/statement.csv", params=ALL))
    printed = print_of(await maya.get("/invoices/statement.pdf", params=ALL))
    papers = [row for row in rows if row["Number"]]
    assert len(papers) > 10
    assert [row["Number"] for row in papers if row["Number"] not in listed or row["Number"] not in printed] == []
    assert len(to_pay) == 2
    for currency, amount in to_pay:
        its = [row for row in papers if row["Currency"] == currency]
        added = f"{sum(float(row['To pay']) for row in its):,.2f}"
        assert added == amount[1:]
        assert amount in page
        assert amount in printed
    assert set(amounts(page)) <= set(amounts(printed))


async def test_names_its_files_and_lets_nobody_keep_them(maya: httpx.AsyncClient) -> None:
    days = {"from": "2026-01-01", "to": "2026-06-30"}
    for ending in ("csv", "pdf"):
        answer = await maya.get(f"/invoices/statement.{ending}", params=days)
        assert f'filename="statement-2026-01-01-to-2026-06-30.{ending}"' in answer.headers["content-disposition"]
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("31.12.2026", "", "The first day is not a date."),
        ("2026-01-01", "2026-02-30", "The last day is not a date."),
        ("2026-02-01", "2026-01-01", "The first day is after the last one."),
        ("0001-01-01", "2026-01-01", "The first day is not a date."),
        ("<b>", '"><script>', "The first day is not a date."),
    ],
)
async def test_says_what_is_wrong_with_the_days(maya: httpx.AsyncClient, first: str, last: str, says: str) -> None:
    for path in PATHS:
        answer = await maya.get(path, params={"from": first, "to": last})
        assert answer.status_code == 422
        assert says in text_of(answer.text)
        assert f'value="{first}"'.replace("<b>", "&lt;b&gt;") in answer.text, "what was written stays"
        assert "<script>" not in answer.text


async def test_is_on_the_way_from_the_list(maya: httpx.AsyncClient) -> None:
    assert 'href="/invoices/statement"' in (await maya.get("/invoices")).text
    page = (await maya.get("/invoices/statement")).text
    assert f'name="from" value="{date.today().year}-01-01"' in page  # noqa: DTZ011  # a year is enough
    assert "/invoices/statement.csv?from=" in page


@pytest.mark.parametrize("kind", ["unavailable", "hang"])
async def test_says_so_while_a_source_is_away(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox, kind: str
) -> None:
    sandbox.odoo_fault(Fault(kind="unavailable" if kind == "unavailable" else "hang"))
    page = text_of((await maya.get("/invoices/statement", params=ALL)).text)
    assert "This statement is not complete. Invoices has not answered" in page
    assert "We can’t say yet" in page
    table = await maya.get("/invoices/statement.csv", params=ALL)
    assert [row["Type"] for row in rows_of(table) if row["Type"] != "Note"] == ["Not complete"]
    assert "-not-complete.csv" in table.headers["content-disposition"]
    printed = print_of(await maya.get("/invoices/statement.pdf", params=ALL))
    assert "This statement is not complete. Invoices has not answered" in printed
    assert "No invoices in these days" not in printed
    sandbox.lift_faults()


async def test_reads_a_history_that_is_longer_than_a_list(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ines has more invoices than a list reads at once. The statement has them all, or says that it has not."""
    ines = await portal.browser("ines", "hotel")
    whole = rows_of(await ines.get("/invoices/statement.csv", params=ALL))
    monkeypatch.setattr("gateway.pull.LATEST", 20)
    await portal.forget_records()
    in_pieces = rows_of(await ines.get("/invoices/statement.csv", params=ALL))
    assert {row["Number"] for row in in_pieces} == {row["Number"] for row in whole}
    monkeypatch.setattr(statements, "DEEPEST", 2)
    part = await ines.get("/invoices/statement.csv", params=ALL)
    assert "Older invoices of Invoices have not been read yet." in rows_of(part)[0]["Note"]
    assert len(rows_of(part)) < len(whole)


async def test_belongs_to_the_area_of_invoices(portal: Portal) -> None:
    joe = await member(portal, "joe", replace(COMPANY, invoices="none"))
    ann = await member(portal, "ann", replace(COMPANY, invoices="own"))
    nobody = await portal.browser("nobody", None)
    for path in PATHS:
        assert (await joe.get(path, params=ALL)).status_code == 404
        assert (await portal.stranger().get(path, follow_redirects=False)).status_code == 303
    rows = rows_of(await ann.get("/invoices/statement.csv", params=ALL))
    assert [row["Note"] for row in rows if row["Number"]] == []
    assert "It holds only the invoices that name you." in {row["Note"] for row in rows}
    assert "only the invoices that name you" in print_of(await ann.get("/invoices/statement.pdf", params=ALL))
    assert "Nothing is linked to you yet" in text_of((await nobody.get("/invoices/statement")).text)


async def test_prefers_no_pdf_to_a_huge_one(maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST", 3)
    answer = await maya.get("/invoices/statement.pdf", params=ALL)
    assert answer.status_code == 422
    assert "are too many for one PDF" in text_of(answer.text)


async def test_says_so_when_the_pdf_could_not_be_made(maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SECONDS", 0.001)
    answer = await maya.get("/invoices/statement.pdf", params=ALL)
    assert answer.status_code == 503
    assert "The PDF could not be made just now." in text_of(answer.text)
    assert "statement.csv" in answer.text
