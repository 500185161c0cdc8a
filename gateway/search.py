"""Finding one's own records by what one remembers: a number, a word, an amount, a date."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_symbol, get_decimal_symbol

from connectors.records import Invoice, Line, Money, Order, Record, Ticket
from gateway.languages import ENGLISH, locale, writing

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
LONGEST = 100  # characters of a question
# What is within an amount divides no words: "2,480.00" in English, "2.480,00" or "2 480,00" (with a space that breaks
# no line) where a comma stands before the cents.
WORD = re.compile(r"(?:[^\s,;]|(?<=\d),(?=\d{3}(?!\d)))+")
WORD_WITH_CENTS = re.compile(r"(?:[^\s,;]|(?<=\d),(?=\d{1,3}(?!\d))|(?<=\d)[\u202f\xa0](?=\d{3}(?!\d)))+")
AMOUNT = re.compile(r"[^\w.,]*(\d{1,3}(?:,\d{3})*(?:\.\d+)?|\d+(?:\.\d+)?)[^\w.,]*")
AMOUNT_WITH_CENTS = re.compile(r"[^\w.,]*(\d{1,3}(?:[.\u202f\xa0]\d{3})*(?:,\d+)?|\d+(?:,\d+)?)[^\w.,]*")
THOUSANDS = re.compile(r"[.\u202f\xa0]")


def words_of(question: str) -> tuple[str, ...]:
    """Split a question. Every word has to be found; a question without words finds everything."""
    word = WORD_WITH_CENTS if _has_comma(locale()) else WORD
    return tuple(word.findall(question[:LONGEST].casefold()))


def finds(words: Iterable[str], record: Record) -> bool:
    words = tuple(words)
    if not words:
        return True
    haystack = " ".join(_texts(record)).casefold()
    return all(word in haystack or _plain_amount(word) in haystack for word in words)


def _texts(record: Record) -> Iterator[str]:
    yield record.number
    match record:
        case Order():
            yield from filter(None, (record.title, record.reference))
            yield from (
                *_money(record.total),
                *_day(record.ordered_at),
                *_day(record.expected_on),
                *_lines(record.lines),
            )
            for shipment in record.shipments:
                yield from filter(None, (shipment.number, shipment.tracking_number, shipment.carrier))
        case Invoice():
            yield from filter(None, (record.order_number, record.reference))
            yield from (*_money(record.total), *_money(record.open))
            yield from (*_day(record.issued_on), *_day(record.due_on), *_lines(record.lines))
        case Ticket():
            yield record.subject
            yield from _day(record.created_at)


def _money(money: Money | None) -> Iterator[str]:
    """An amount as it may be typed: 2480, 2480.00, EUR."""
    if money is None:
        return
    yield money.currency
    if (spoken := locale()).language != ENGLISH:
        yield _symbol(money.currency, spoken)  # a word of its own there: "2.480,00 €"
    yield f"{money.amount:f}"
    yield f"{money.amount:.2f}"


def _day(day: date | datetime | None) -> Iterator[str]:
    if day is not None:
        yield f"{day:%Y-%m-%d}"
        yield f"{day.day} {MONTHS[day.month - 1]} {day.year}"
        if locale().language != ENGLISH:
            plain = date(day.year, day.month, day.day)
            yield writing.full_day(plain)
            yield writing.short_day(plain, plain)


def _lines(lines: Iterable[Line]) -> Iterator[str]:
    return (line.text for line in lines)


def _plain_amount(word: str) -> str:
    """Read "€2,480.00" as 2480.00, or "2.480,00"; a word that is no amount stays as it is."""
    if _has_comma(locale()):
        amount = AMOUNT_WITH_CENTS.fullmatch(word)
        return THOUSANDS.sub("", amount[1]).replace(",", ".") if amount else word
    amount = AMOUNT.fullmatch(word)
    return amount[1].replace(",", "") if amount else word


@lru_cache
def _has_comma(spoken: Locale) -> bool:
    """Whether a language writes a comma before the cents."""
    return get_decimal_symbol(spoken) == ","


@lru_cache
def _symbol(currency: str, spoken: Locale) -> str:
    return str(get_currency_symbol(currency, locale=spoken))
