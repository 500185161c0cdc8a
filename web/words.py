"""How figures, dates and ages are written. English for now; every format goes through Babel."""

from datetime import date, datetime
from decimal import localcontext
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from connectors.records import Line, Money

# Babel takes half of a page's time, and pages repeat themselves: the same days and amounts, all day long.
cached = lru_cache(maxsize=10_000)

LOCALE = "en"
SPACED = "¤\xa0#,##0.00"  # Babel sets "KWD" right against its amount
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@cached
def money(value: Money) -> str:
    """Write an amount with its currency, to that currency's own places."""
    is_word = get_currency_symbol(value.currency, locale=LOCALE)[-1].isalpha()
    with localcontext(prec=100):  # or an absurd amount would be an error, and not absurd
        return format_currency(value.amount, value.currency, SPACED if is_word else None, locale=LOCALE)


def quantity(line: Line) -> str:
    return "" if line.quantity is None else format_decimal(line.quantity, locale=LOCALE)


def whole(count: int) -> str:
    """Write a count in figures: "1,204"."""
    return format_decimal(count, locale=LOCALE)


def number(count: int) -> str:
    """Write a small count as a word, as one would say it."""
    return SMALL[count] if count < len(SMALL) else whole(count)


@cached
def count(many: int, one: str, more: str) -> str:
    """Write "1 invoice" or "3 invoices"."""
    return f"{whole(many)} {one if many == 1 else more}"


@cached
def day(value: date, today: date) -> str:
    """Write "12 November", with a year only where it isn't this one."""
    return format_date(value, "d MMMM" if value.year == today.year else "d MMMM y", locale=LOCALE)


@cached
def short_day(value: date, today: date) -> str:
    return format_date(value, "d MMM" if value.year == today.year else "d MMM y", locale=LOCALE)


@cached
def long_day(value: date) -> str:
    return format_date(value, "EEEE d MMMM", locale=LOCALE)


@cached
def moment(value: datetime, today: date, zone: ZoneInfo) -> str:
    """Write an instant absolutely, in the given zone: "today 10:42", "21 Nov, 09:12"."""
    local = value.astimezone(zone)
    clock = f"{local:%H:%M}"
    return f"today {clock}" if local.date() == today else f"{short_day(local.date(), today)}, {clock}"


def full_day(value: date) -> str:
    return format_date(value, "d MMMM y", locale=LOCALE)


def written(value: datetime, zone: ZoneInfo) -> str:
    """Write an instant with all that it takes to know it elsewhere: "21 November 2026, 09:12 GMT"."""
    local = value.astimezone(zone)
    return f"{full_day(local.date())}, {local:%H:%M %Z}"


def size(octets: int) -> str:
    """Write a file's size in steps of 1,000, as phones and file lists do."""
    if octets < 1_000_000:  # noqa: PLR2004
        return f"{max(1, round(octets / 1_000))} kB"
    return f"{format_decimal(round(octets / 1_000_000, 1), locale=LOCALE)} MB"
