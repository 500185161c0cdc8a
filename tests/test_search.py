"""Finding one's own records by what one remembers."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.records import Invoice, Line, Money, Order, Origin, Record, Shipment, Ticket
from gateway.languages import speaking
from gateway.search import LONGEST, finds, words_of

AT = datetime(2026, 11, 12, 9, 0, tzinfo=UTC)
ORIGIN = Origin(source="s", id="1", fetched_at=AT)
INVOICE = Invoice(
    origin=ORIGIN,
    number="INV/2026/00093",
    vendor_state="x",
    state="open",
    total=Money("EUR", Decimal(2480)),
    open=Money("EUR", Decimal("1240.5")),
    issued_on=date(2026, 10, 1),
    due_on=date(2026, 11, 12),
    order_number="S00042",
    lines=(Line(text="Water softener"),),
)
ORDER = Order(
    origin=ORIGIN,
    number="S00042",
    vendor_state="x",
    state="packed",
    total=Money("JPY", Decimal(1500)),
    shipments=(Shipment(number="OUT/7", state="packed", tracking_number="1Z999"),),
)
TICKET = Ticket(origin=ORIGIN, number="881", vendor_state="x", state="working", subject="Größe der Tür", created_at=AT)


@pytest.mark.parametrize(
    ("question", "record"),
    [
        ("00093", INVOICE),
        ("inv/2026", INVOICE),
        ("softener 2480", INVOICE),
        ("€2,480.00", INVOICE),
        ("2,480", INVOICE),
        ("1240.50", INVOICE),
        ("12 november", INVOICE),
        ("2026-11-12", INVOICE),
        ("s00042", INVOICE),
        ("1z999", ORDER),
        ("1,500", ORDER),
        ("GRÖSSE tür", TICKET),
        ("881", TICKET),
    ],
)
def test_finds_a_record_by_what_it_says(question: str, record: Record) -> None:
    assert finds(words_of(question), record)


@pytest.mark.parametrize("question", ["00094", "softener 99", "13 november", "GBP", "vendor", "x"])
def test_wants_every_word_and_reads_nothing_hidden(question: str) -> None:
    assert not finds(words_of(question), INVOICE)


def test_takes_long_and_empty_questions_calmly() -> None:
    assert words_of("") == ()
    assert len(words_of("a " * 10_000)) <= LONGEST


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("de", "2.480,00"),
        ("de", "2.480,00\xa0€"),
        ("de", "2.480"),
        ("de", "1240,5 softener"),
        ("de", "1240.50"),
        ("de", "12. November"),
        ("fr", "2\u202f480,00"),
        ("fr", "12 novembre 2026"),
        ("fr", "1er octobre"),
        ("fr", "1er oct."),
        ("de", "12. Nov."),
        ("fr", "12 november"),
    ],
)
def test_finds_a_record_as_the_reader_writes_days_and_amounts(language: str, question: str) -> None:
    with speaking(language):
        assert finds(words_of(question), INVOICE)


@pytest.mark.parametrize("question", ["2.481", "2.480,01", "1240,6", "13. November", "12. Dezember"])
def test_takes_no_other_day_or_amount_for_one(question: str) -> None:
    with speaking("de"):
        assert not finds(words_of(question), INVOICE)


@pytest.mark.parametrize("question", ["9\u202f480,00", "9\xa0480", "2er novembre"])
def test_takes_no_part_of_an_amount_or_a_day_for_it(question: str) -> None:
    with speaking("fr"):
        assert finds(words_of("2\xa0480,00 €"), INVOICE)
        assert not finds(words_of(question), INVOICE)


def test_reads_amounts_as_they_are_written_here() -> None:
    assert not finds(words_of("2.480,00"), INVOICE)
    assert finds(words_of("2,480.00"), INVOICE)
