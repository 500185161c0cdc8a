"""What the things in a list are called, where they are counted."""

from typing import Literal

from gateway.languages import ngettext
from web.words import whole

Noun = Literal["order", "invoice", "request", "document"]


def how_many(noun: Noun, many: int) -> str:
    """Write "1 invoice" or "3 invoices"."""
    n = whole(many)
    match noun:
        case "order":
            return ngettext("{n} order", "{n} orders", many, n=n)
        case "invoice":
            return ngettext("{n} invoice", "{n} invoices", many, n=n)
        case "request":
            return ngettext("{n} request", "{n} requests", many, n=n)
        case "document":
            return ngettext("{n} document", "{n} documents", many, n=n)


def which(noun: Noun, first: int, last: int, many: int) -> str:
    """Write "51 to 100 of 1,204 invoices"."""
    values = {"first": first, "last": last, "n": whole(many)}
    match noun:
        case "order":
            return ngettext("{first} to {last} of {n} order", "{first} to {last} of {n} orders", many, **values)
        case "invoice":
            return ngettext("{first} to {last} of {n} invoice", "{first} to {last} of {n} invoices", many, **values)
        case "request":
            return ngettext("{first} to {last} of {n} request", "{first} to {last} of {n} requests", many, **values)
        case "document":
            return ngettext("{first} to {last} of {n} document", "{first} to {last} of {n} documents", many, **values)
