"""A statement for a spreadsheet: CSV by RFC 4180, in which no cell of others' making is a formula."""

import csv
import re
from datetime import date
from io import StringIO

from connectors.records import Invoice
from gateway.home import Item
from gateway.statements import Statement, is_counted
from gateway.statuses import is_to_pay, status_of
from web.papers.wording import NOT_WHOLE, Said

BOM = "\ufeff"  # or Excel takes UTF-8 for the machine's own code page
HEAD = (
    *("Type", "Number", "Issued", "Due", "Status", "Currency", "Amount", "Still open", "To pay", "Added up"),
    *("Order", "Your reference", "Source", "Read at", "Note"),
)
# Where a cell begins that some program takes for a formula: also one that ends cells at other signs than we.
FORMULA = re.compile(r"""(^|[,;|\n])(?=[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
UNSEEN = re.compile(r"[\0-\x09\x0b-\x1f\x7f]")  # all but the end of a line


def table_of(statement: Statement, said: Said, today: date) -> bytes:
    """Write a row for each entry, under a row for each thing that is missing."""
    out = StringIO(newline="")
    writer = csv.writer(out)  # its usual dialect is the RFC's
    writer.writerow(HEAD)
    for gap in said.gaps:
        writer.writerow(_note("Not complete", f"{NOT_WHOLE} {gap}"))
    for item in statement.items:
        writer.writerow(_row(item, today))
    for remark in said.remarks:
        writer.writerow(_note("Note", remark))
    return (BOM + out.getvalue()).encode()


def harmless(text: str) -> str:
    """Keep a text from being taken for a formula, however a program divides the line."""
    return FORMULA.sub(r"\1'", UNSEEN.sub(" ", text))


def _row(item: Item[Invoice], today: date) -> list[str]:
    invoice = item.record
    return [
        "Credit note" if invoice.is_credit_note else "Invoice",
        harmless(invoice.number),
        _day(invoice.issued_on),
        _day(invoice.due_on),
        status_of(invoice, today).label,
        harmless(invoice.total.currency),
        f"{invoice.total.amount:f}",
        f"{invoice.open.amount:f}",
        f"{invoice.open.amount:f}" if is_to_pay(invoice) else "0",
        "yes" if is_counted(invoice) else "no",
        harmless(invoice.order_number or ""),
        harmless(invoice.reference or ""),
        harmless(item.part.title),
        item.part.fetched_at.isoformat(timespec="seconds") if item.part.fetched_at else "",
        "",
    ]


def _note(kind: str, text: str) -> list[str]:
    return [kind, *[""] * (len(HEAD) - 2), harmless(text)]


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
