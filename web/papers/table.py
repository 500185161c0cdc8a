"""A statement for a spreadsheet."""

from datetime import date
from itertools import chain

from connectors.records import Invoice, Money
from gateway.home import Item
from gateway.statements import Statement, currency_of, is_counted
from gateway.statuses import is_to_pay, status_of
from web.papers.wording import NOT_WHOLE, Said
from web.spreadsheets import harmless, spreadsheet

HEAD = (
    *("Type", "Number", "Issued", "Due", "Status", "Currency", "Amount", "Still open", "To pay", "Added up"),
    *("Order", "Your reference", "Source", "Read at", "Note"),
)


def table_of(statement: Statement, said: Said, today: date) -> bytes:
    """Write a row for each entry, under a row for each thing that is missing."""
    gaps = (_note("Not complete", f"{NOT_WHOLE} {gap}") for gap in said.gaps)
    entries = (_row(item, today) for item in statement.items)
    remarks = (_note("Note", remark) for remark in said.remarks)
    return spreadsheet(HEAD, chain(gaps, entries, remarks))


def _row(item: Item[Invoice], today: date) -> list[str]:
    invoice = item.record
    return [
        "Credit note" if invoice.is_credit_note else "Invoice",
        harmless(invoice.number),
        _day(invoice.issued_on),
        _day(invoice.due_on),
        status_of(invoice, today).label,
        harmless(currency_of(invoice.total)),
        _amount(invoice.total),
        _amount(invoice.open),
        _amount(invoice.open) if is_to_pay(invoice) or invoice.open is None else "0",
        "yes" if is_counted(invoice) else "no",
        harmless(invoice.order_number or ""),
        harmless(invoice.reference or ""),
        harmless(item.part.title),
        item.part.fetched_at.isoformat(timespec="seconds") if item.part.fetched_at else "",
        "",
    ]


def _note(kind: str, text: str) -> list[str]:
    return [kind, *[""] * (len(HEAD) - 2), harmless(text)]


def _amount(money: Money | None) -> str:
    return f"{money.amount:f}" if money else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
