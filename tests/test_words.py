"""How figures, dates and ages are written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connectors.records import Money
from web import words

TODAY = date(2026, 11, 22)
TOMORROW = date(2026, 11, 23)  # half an hour before midnight in London it has begun in Berlin
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("2480", "EUR", "€2,480.00"),
        ("-0.5", "GBP", "-£0.50"),
        ("1234567.891", "KWD", "KWD\xa01,234,567.891"),
        ("1500", "JPY", "¥1,500"),
        ("0.10", "USD", "$0.10"),
        ("1e27", "EUR", "€1,000,000,000,000,000,000,000,000,000.00"),
    ],
)
def test_writes_money_to_the_places_of_its_currency(amount: str, currency: str, text: str) -> None:
    assert words.money(Money(currency, Decimal(amount))) == text


def test_names_a_year_only_where_it_is_another() -> None:
    assert words.day(date(2026, 11, 12), TODAY) == "12 November"
    assert words.day(date(2025, 11, 12), TODAY) == "12 November 2025"
    assert words.short_day(date(2025, 11, 12), TODAY) == "12 Nov 2025"


def test_tells_an_instant_in_the_zone_of_the_business() -> None:
    assert words.moment(datetime(2026, 11, 22, 22, 5, tzinfo=UTC), TODAY, ZoneInfo("UTC")) == "today 22:05"
    assert words.moment(datetime(2026, 11, 22, 22, 5, tzinfo=UTC), TOMORROW, BERLIN) == "22 Nov, 23:05"
    assert words.moment(datetime(2026, 11, 22, 23, 5, tzinfo=UTC), TOMORROW, BERLIN) == "today 00:05"


@pytest.mark.parametrize(("octets", "text"), [(1, "1 kB"), (84_321, "84 kB"), (2_345_678, "2.3 MB")])
def test_writes_sizes_in_thousands(octets: int, text: str) -> None:
    assert words.size(octets) == text


def test_counts_in_words_and_in_figures() -> None:
    assert words.number(3) == "three"
    assert words.number(1300) == "1,300"
    assert words.count(1, "invoice", "invoices") == "1 invoice"
    assert words.count(0, "invoice", "invoices") == "0 invoices"
