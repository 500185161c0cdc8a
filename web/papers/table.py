"""A statement for a spreadsheet."""

from datetime import date
from itertools import chain

from connectors.records import Invoice, Money
from gateway.home import Item
from gateway.languages import gettext, pgettext, phrase
from gateway.statements import Statement, currency_of, is_counted
from gateway.statuses import is_to_pay, status_of
from web.papers.wording import NOT_WHOLE, Said
from web.spreadsheets import harmless, spreadsheet


def table_of(statement: Statement, said: Said, today: date) -> bytes:
    """Write a row for each entry, under a row for each thing that is missing."""
    gaps = (_note(gettext("Not complete"), f"{gettext(NOT_WHOLE)} {gap}") for gap in said.gaps)
    entries = (_row(item, today) for item in statement.items)
    remarks = (_note(pgettext("a remark", "Note"), remark) for remark in said.remarks)
    return spreadsheet(head(), chain(gaps, entries, remarks))


def head() -> list[str]:
    """Name the columns."""
    return [
        pgettext("column", "Type"),
        pgettext("column", "Number"),
        gettext("Issued"),
        pgettext("invoice", "Due"),
        gettext("Status"),
        gettext("Currency"),
        gettext("Amount"),
        gettext("Still open"),
        gettext("To pay"),
        gettext("Added up"),
        pgettext("noun", "Order"),
        gettext("Your reference"),
        pgettext("column", "Source"),
        pgettext("column", "Read at"),
        pgettext("a remark", "Note"),
    ]


def _row(item: Item[Invoice], today: date) -> list[str]:
    invoice = item.record
    return [
        gettext("Credit note") if invoice.is_credit_note else gettext("Invoice"),
        harmless(invoice.number),
        _day(invoice.issued_on),
        _day(invoice.due_on),
        harmless(phrase(status_of(invoice, today).label)),
        harmless(currency_of(invoice.total)),
        _amount(invoice.total),
        _amount(invoice.open),
        _amount(invoice.open) if is_to_pay(invoice) or invoice.open is None else "0",
        gettext("yes") if is_counted(invoice) else gettext("no"),
        harmless(invoice.order_number or ""),
        harmless(invoice.reference or ""),
        harmless(phrase(item.part.title)),
        item.part.fetched_at.isoformat(timespec="seconds") if item.part.fetched_at else "",
        "",
    ]


def _note(kind: str, text: str) -> list[str]:
    return [kind, *[""] * (len(head()) - 2), harmless(text)]


def _amount(money: Money | None) -> str:
    return f"{money.amount:f}" if money else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
