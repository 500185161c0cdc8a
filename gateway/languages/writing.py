"""How figures and days are written, as the language wants it. Every format goes through Babel."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, get_currency_symbol
from msgspec import Struct

from gateway.languages import ENGLISH, by_voice, gettext, locale, whole

# Babel takes half of a page's time, and pages repeat themselves: the same days and amounts, all day long.

SPACED = "¤\xa0#,##0.00"  # where a symbol stands before the amount, Babel sets "KWD" right against it
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
YEAR = re.compile(r"[\s,]*y+$")
FIRST = re.compile(r"\b1(?= )")  # of a month, which French counts as "1er" and CLDR does not


class Days(Struct, frozen=True, kw_only=True):
    """The patterns of days, in CLDR's letters."""

    day: str  # "12 November"
    full: str  # with the year
    short: str  # "12 Nov"
    short_full: str
    long: str  # with the weekday


OURS = Days(day="d MMMM", full="d MMMM y", short="d MMM", short_full="d MMM y", long="EEEE d MMMM")  # as in Britain


@lru_cache
def _days(of: Locale) -> Days:
    if of.language == ENGLISH:
        return OURS
    short = of.datetime_skeletons
    return Days(
        day=short["MMMMd"].pattern,
        full=of.date_formats["long"].pattern,
        short=short["MMMd"].pattern,
        short_full=short["yMMMd"].pattern,
        long=YEAR.sub("", of.date_formats["full"].pattern),
    )


@by_voice
def money(amount: Decimal, currency: str) -> str:
    """Write an amount with its currency, to that currency's own places."""
    in_words = get_currency_symbol(currency, locale=locale())[-1].isalpha()
    is_tight = locale().currency_formats["standard"].pattern.startswith("¤#")
    with localcontext(prec=100):  # or an absurd amount would be an error, and not absurd
        return format_currency(amount, currency, SPACED if in_words and is_tight else None, locale=locale())


@by_voice
def decimal(number: Decimal) -> str:
    return format_decimal(number, locale=locale())


def number(count: int) -> str:
    """Write a small count as a word, as one would say it; in figures where a language has no list of such words."""
    return SMALL[count] if count < len(SMALL) and locale().language == ENGLISH else whole(count)


@by_voice
def day(value: date, today: date) -> str:
    """Write "12 November", with a year only where it isn't this one."""
    days = _days(locale())
    return _as(days.day if value.year == today.year else days.full, value)


@by_voice
def short_day(value: date, today: date) -> str:
    days = _days(locale())
    return _as(days.short if value.year == today.year else days.short_full, value)


@by_voice
def long_day(value: date) -> str:
    return _as(_days(locale()).long, value)


@by_voice
def full_day(value: date) -> str:
    return _as(_days(locale()).full, value)


def _as(pattern: str, value: date) -> str:
    said = format_date(value, pattern, locale=locale())
    return FIRST.sub("1er", said, count=1) if locale().language == "fr" else said


@by_voice
def moment(value: datetime, today: date, zone: ZoneInfo) -> str:
    """Write an instant absolutely, in the given zone: "today 10:42", "21 Nov, 09:12"."""
    local = value.astimezone(zone)
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return gettext("today {clock}", clock=clock)
    return gettext("{day}, {clock}", day=short_day(local.date(), today), clock=clock)


def written(value: datetime, zone: ZoneInfo) -> str:
    """Write an instant with all that it takes to know it elsewhere: "21 November 2026, 09:12 GMT"."""
    local = value.astimezone(zone)
    return gettext("{day}, {clock}", day=full_day(local.date()), clock=f"{local:%H:%M %Z}")


def all_of(things: Sequence[str]) -> str:
    """Write several things in a row, as one says them: "one, two and three"."""
    if len(things) > 1 and locale().language == ENGLISH:
        return f"{', '.join(things[:-1])} and {things[-1]}"  # as in Britain: no comma before "and"
    return format_list(things, locale=locale())


@by_voice
def size(octets: int) -> str:
    """Write a file's size in steps of 1,000, as phones and file lists do."""
    if octets < 1_000_000:  # noqa: PLR2004
        return gettext("{size} kB", size=whole(max(1, round(octets / 1_000))))
    return gettext("{size} MB", size=format_decimal(round(octets / 1_000_000, 1), locale=locale()))
