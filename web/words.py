"""How figures, dates and ages are written on pages."""

from connectors.records import Line, Money
from gateway.languages import by_voice, whole, writing
from gateway.languages.writing import day, full_day, long_day, moment, number, short_day, size, written

__all__ = ["day", "full_day", "long_day", "moment", "number", "short_day", "size", "whole", "written"]


def money(value: Money) -> str:
    """Write an amount with its currency, to that currency's own places."""
    return writing.money(value.amount, value.currency)


def quantity(line: Line) -> str:
    return "" if line.quantity is None else writing.decimal(line.quantity)


@by_voice
def count(many: int, one: str, more: str) -> str:
    """Write "1 invoice" or "3 invoices"."""
    return f"{whole(many)} {one if many == 1 else more}"
