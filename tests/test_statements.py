"""A statement says what the list of invoices says, to the cent, on the page, as a table and on paper."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader
from support_hostile import attacks

from connectors.records import Invoice, Money, Origin
from gateway import languages
from gateway.account_view import Part
from gateway.home import totals
from gateway.languages import speaking
from gateway.statements import Period, Statement, make_statement
from web import words
from web.papers import sheet as sheets
from web.papers.sheet import NotSet, Printer, Sheet, sheet_of
from web.papers.table import head, table_of
from web.papers.wording import said_of
from web.portal.statements import form_of
from web.portal.visit import items_of
from web.spreadsheets import BOM

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
YEAR = Period(date(2026, 1, 1), TODAY)
FORMULAS = (
    *("=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "a\n=1", "a;=1", "a\t+1", "a|@1", "'=1", "\uff1d1", ';"=1'),
)


def invoice(number: str, amount: str, **fields: Any) -> Invoice:
    currency = fields.pop("currency", "EUR")
    left = fields.pop("left", amount)
    values = {
        "origin": Origin(source="erp", id=number, fetched_at=NOW),
        "number": number,
        "vendor_state": "v",
        "state": "open",
        "total": Money(currency, Decimal(amount)),
        "open": Money(currency, Decimal(left)),
        "issued_on": date(2026, 5, 1),
    }
    return Invoice(**{**values, **fields})


def part(*invoices: Invoice, **fields: Any) -> Part:
    values = {"kind": "invoices", "source": "erp", "customer": "1", "title": "Books", "promise": timedelta(minutes=1)}
    return Part(**{**values, "records": invoices, "fetched_at": NOW, "state": "on_time", **fields})


def statement(*parts: Part, period: Period = YEAR) -> Statement:
    return make_statement(items_of(parts, Invoice), parts, period)


def rows_of(made: Statement) -> list[dict[str, str]]:
    text = table_of(made, said_of(made, own_only=False, written=str), TODAY).decode()
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline="")))


def papers(made: Statement) -> list[dict[str, str]]:
    return [row for row in rows_of(made) if row["Type"] in {"Invoice", "Credit note"}]


def sheet(made: Statement, **fields: str) -> Sheet:
    values = {"business": "Kestrel", "accent": "#155470", "account": "Bakery", "made": "today"}
    return sheet_of(made, said_of(made, own_only=False, written=str), TODAY, **{**values, **fields})


async def text_of(made: Statement, **fields: str) -> str:
    """The text of the PDF, without the places where a long word may be broken."""
    pdf = PdfReader(io.BytesIO(await Printer().print(sheet(made, **fields))))
    return "\n".join(page.extract_text() for page in pdf.pages).replace("\u200b", "")


def test_adds_up_what_was_invoiced_what_was_settled_and_what_is_open() -> None:
    made = statement(
        part(
            invoice("1", "100.00", left="40.00", state="part_paid"),
            invoice("2", "50.00", left="0", state="paid"),
            invoice("3", "-20.00", left="-5.00", is_credit_note=True),
            invoice("4", "7.77", state="cancelled"),
            invoice("5", "8.88", state="unknown"),
            invoice("6", "9.99", issued_on=date(2025, 12, 31)),
            invoice("7", "3.00", issued_on=None),
            invoice("8", "1.00", currency="GBP"),
        )
    )
    euro, pounds = made.sums
    assert [item.record.number for item in made.items] == ["1", "2", "3", "4", "5", "8"]
    assert (euro.count, pounds.count, made.undated) == (5, 1, 1)
    figures = (euro.invoiced, euro.credit_notes, euro.settled, euro.left, euro.to_pay)
    assert [str(each.amount) for each in figures] == ["150.00", "-20.00", "95.00", "35.00", "40.00"]
    assert euro.to_pay_before == Money("EUR", Decimal("9.99"))
    assert euro.to_pay_in_all == Money("EUR", Decimal("52.99"))
    assert pounds.invoiced == Money("GBP", Decimal("1.00"))


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        ({"fetched_at": None, "state": "down", "records": ()}, "Shop has not answered, so what comes from there"),
        ({"older": "further"}, "Older invoices of Shop have not been read yet."),
        ({"state": "down"}, "Shop can’t be reached. Its figures are those of"),
    ],
)
async def test_says_in_words_that_it_is_not_complete(lacking: dict[str, Any], says: str) -> None:
    shop = part(invoice("2", "2.00"), **{"source": "shop", "title": "Shop", **lacking})
    made = statement(part(invoice("1", "1.00")), shop)
    assert not made.is_whole
    assert rows_of(made)[0]["Type"] == "Not complete"
    assert says in rows_of(made)[0]["Note"]
    text = " ".join((await text_of(made)).split())
    assert "This statement is not complete." in text
    assert says in text
    assert statement(part(invoice("1", "1.00"))).is_whole


def test_claims_no_sum_over_all_while_that_is_not_known() -> None:
    made = statement(part(invoice("1", "1.00"), older="further", all_open=False))
    assert (made.sums[0].to_pay_before, made.sums[0].to_pay_in_all) == (None, None)
    assert "To pay in all" not in " ".join(figure.label for figure in sheet(made).currencies[0].figures)


@pytest.mark.parametrize("word", FORMULAS)
def test_makes_no_cell_a_formula_however_the_line_is_divided(word: str) -> None:
    shop = part(invoice(word, "-1.00", left="-1.00", order_number=word, reference=word, currency=word), title=word)
    text = table_of(made := statement(shop), said_of(made, own_only=False, written=str), TODAY).decode()
    for delimiter in ",;\t|":
        cells = [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]
        assert [cell for cell in cells if is_formula(cell)] == []
    assert papers(made)[0]["Amount"] == "-1.00", "a number stays one"


@pytest.mark.parametrize("word", FORMULAS)
def test_makes_no_cell_a_formula_by_what_staff_say_of_a_status(word: str, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: languages.know({}))  # it is of the process
    languages.know({"de": {"Open": word}})
    with speaking("de"):
        made = statement(part(invoice("1", "1.00", state="open")))
        text = table_of(made, said_of(made, own_only=False, written=str), TODAY).decode().removeprefix(BOM)
        status = list(csv.reader(io.StringIO(text, newline="")))[1][4]
    assert word[-1] in status
    assert not is_formula(status)


def is_formula(cell: str) -> bool:
    begins = cell[:1] in {"\t", "\r"} or cell.lstrip(' "\n')[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20")
    return begins and not re.fullmatch(r"-?\d+(\.\d+)?", cell)


def test_gives_the_table_as_the_standard_has_it() -> None:
    made = statement(part(invoice('say "hi", you', "1234.50", reference="two\nlines")))
    raw = table_of(made, said_of(made, own_only=False, written=str), TODAY)
    assert raw.startswith(b"\xef\xbb\xbfType,Number,")
    assert raw.endswith(b"\r\n")
    assert b'"say ""hi"", you"' in raw
    (row,) = papers(made)
    assert list(row) == head()
    assert (row["Number"], row["Amount"], row["Your reference"]) == ('say "hi", you', "1234.50", "two\nlines")


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, None, ("2026-01-01", "2026-11-22")),
        ("", "", ("None", "2026-11-22")),
        ("2026-03-01", "", ("2026-03-01", "2026-11-22")),
        ("2027-03-01", "", ("2027-03-01", "2027-03-01")),
        (" 2026-03-01", "2026-03-01 ", ("2026-03-01", "2026-03-01")),
    ],
)
def test_takes_this_year_unless_told(first: str | None, last: str | None, days: tuple[str, str]) -> None:
    period = form_of(first, last, TODAY).period
    assert period
    assert (str(period.first), str(period.last)) == days


NUMBERS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=8)
CENTS = st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100)
STATES = st.sampled_from(["open", "part_paid", "paid", "credited", "cancelled", "unknown"])
DAYS = st.one_of(st.none(), st.dates(date(2025, 10, 1), date(2027, 1, 31)))


@st.composite
def invoices(draw: st.DrawFn) -> list[Invoice]:
    found = []
    for place in range(draw(st.integers(0, 12))):
        total, is_credit_note = draw(CENTS), draw(st.booleans())
        left = draw(st.one_of(st.just(total), st.just(Decimal(0)), CENTS))
        sign, state = (-1 if is_credit_note else 1), draw(STATES)
        found.append(
            invoice(
                draw(NUMBERS),
                str(total * sign),
                left=str(left * sign),
                currency=draw(st.sampled_from(["EUR", "GBP", "KWD"])),
                state=state,
                is_credit_note=is_credit_note,
                issued_on=draw(DAYS),
                due_on=draw(DAYS),
                origin=Origin(source="erp", id=str(place), fetched_at=NOW),
            )
        )
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(invoices(), st.booleans())
async def test_says_the_same_in_all_its_forms(every: list[Invoice], of_all_time: bool) -> None:  # noqa: FBT001
    period = Period(None, date.max) if of_all_time else YEAR
    made = statement(part(*every), period=period)
    rows, text = papers(made), " ".join((await text_of(made)).split())
    assert len(rows) == len(made.items)
    dated = [each for each in every if each.issued_on is not None]
    for total in totals(every, TODAY):  # what the list says is what the statement names as all
        (sums,) = (each for each in made.sums if each.currency == total.to_pay.currency)
        assert sums.to_pay_in_all == total.to_pay
    if of_all_time:
        listed = {total.to_pay.currency: total.to_pay for total in totals(dated, TODAY)}
        assert {each.currency: each.to_pay for each in made.sums if each.currency in listed} == listed
    for sums in made.sums:
        its = [row for row in rows if row["Currency"] == sums.currency]
        counted = [row for row in its if row["Added up"] == "yes"]
        amount = add_up(row["Amount"] for row in counted)
        left = add_up(row["Still open"] for row in counted)
        assert amount == sums.invoiced.amount + sums.credit_notes.amount
        assert left == sums.left.amount == amount - sums.settled.amount
        assert add_up(row["To pay"] for row in its) == sums.to_pay.amount
        paid = Money(sums.currency, -sums.settled.amount)
        for name, money in (("Invoiced", sums.invoiced), ("Paid or settled so far", paid), ("To pay", sums.to_pay)):
            assert f"{name} {words.money(money)}".replace("\xa0", " ") in text
    for item in made.items:
        assert item.record.total is not None
        assert words.money(item.record.total).replace("\xa0", " ") in text


def add_up(amounts: Any) -> Decimal:
    return sum(map(Decimal, amounts), Decimal())


async def test_prints_every_word_and_obeys_none() -> None:
    evil = [
        '#eval("1")', "#panic()", "*bold*", "$x^2$", "= Heading", "<label>", "@ref", '#read("/etc/passwd")', "`raw`",
        "/* gone */", "// gone", "\\u{41}", "#set page(width: 1cm)", '"] + panic() + ["', '#import "@preview/x:1.0.0"',
    ]  # fmt: skip
    made = statement(part(*(invoice(word, "1.00", reference=word) for word in evil)))
    text = await text_of(made, account=evil[0], business=evil[1])
    squeezed = re.sub(r"\s", "", text)
    assert [word for word in evil if re.sub(r"\s", "", word) not in squeezed] == []
    assert "root:" not in text


async def test_prints_all_published_attacks() -> None:
    """Whatever the words are, there is a PDF, and nothing in it but text: no script, no link, no file."""
    hostile = attacks()
    for start in range(0, len(hostile), sheets.MOST):
        crowd = hostile[start : start + sheets.MOST]
        made = statement(part(*(invoice(word, "1.00", reference=word) for word in crowd)))
        raw = await Printer().print(sheet(made, account=crowd[0], business=crowd[-1]))
        assert len(papers(made)) == len(crowd)
        assert [name for name in (b"/JavaScript", b"/URI", b"/Launch", b"/EmbeddedFile") if name in raw] == []
        assert len(PdfReader(io.BytesIO(raw)).pages) > 5


async def test_gives_up_on_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "SECONDS", 0.01)
    with pytest.raises(NotSet, match="not set within"):
        await Printer().print(sheet(statement(part(invoice("1", "1.00")))))


async def test_says_what_failed_to_set() -> None:
    with pytest.raises(NotSet, match="color"):
        await Printer().print(replace(sheet(statement(part(invoice("1", "1.00")))), accent="no colour"))
