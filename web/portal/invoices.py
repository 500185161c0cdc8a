"""Invoices: the list, one of them, and its PDF."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from connectors.records import Invoice
from gateway.home import Item, totals
from gateway.statuses import is_overdue, is_to_pay, status_of
from web.portal.files import stream_file
from web.portal.paths import FileId, RecordId, SourceName
from web.portal.visit import Visit, items_of, only
from web.words import count, number

Show = Literal["to-pay", "paid", "all"]
PER_PAGE = 50

FILTERS: dict[Show, tuple[str, Callable[[Invoice], bool]]] = {
    "to-pay": ("To pay", is_to_pay),
    "paid": ("Paid", lambda invoice: invoice.state == "paid" and not invoice.is_credit_note),
    "all": ("All", lambda _: True),
}


class Tab(Struct, frozen=True):
    name: Show
    label: str
    count: int


class Pages(Struct, frozen=True, kw_only=True):
    """Which of the pages is shown. `newer` and `older` are page numbers, None at either end."""

    said: str
    newer: int | None
    older: int | None


class Empty(Struct, frozen=True):
    title: str
    text: str


@get("/invoices")
async def show_invoices(
    visit: NamedDependency[Visit],
    show: FromQuery[Show] = "to-pay",
    page: Annotated[int, QueryParameter(ge=1, le=1000)] = 1,
) -> Response[str]:
    parts = await visit.parts()
    about = only(parts, "invoices")
    every = sorted(items_of(parts, Invoice), key=_newest_first)
    chosen = [item for item in every if FILTERS[show][1](item.record)]
    if show == "to-pay":
        chosen.reverse()  # the longest due first
    known = all(part.fetched_at for part in about)
    shown = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    return visit.page(
        "invoices.html",
        area="invoices",
        parts=parts,
        about=about,
        lede=_lede([item.record for item in every], visit.today, known=known),
        tabs=[
            Tab(name, label, sum(map(test, (item.record for item in every)))) for name, (label, test) in FILTERS.items()
        ],
        show=show,
        caption=f"Invoices: {FILTERS[show][0].lower()}",
        items=shown,
        totals=totals((item.record for item in chosen), visit.today) if show == "to-pay" else (),
        empty=_empty(show, known=known),
        pages=_pages(len(chosen), page, complete=all(part.complete for part in about)),
    )


@get("/invoices/{source:str}/{record:str}")
async def show_invoice(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[str]:
    item = await visit.one(Invoice, source, record)
    return visit.page(
        "invoice.html",
        area="invoices",
        parts=await visit.parts(),
        about=[item.part],
        record=item.record,
        status=status_of(item.record, visit.today),
    )


@get("/invoices/{source:str}/{record:str}/files/{file:str}")
async def get_invoice_file(visit: NamedDependency[Visit], source: SourceName, record: RecordId, file: FileId) -> Stream:
    return await stream_file(visit, "invoices", source, record, file)


def _newest_first(item: Item[Invoice]) -> tuple[int, str]:
    issued_on = item.record.issued_on or date.max
    return -issued_on.toordinal(), item.record.number


def _lede(invoices: list[Invoice], today: date, *, known: bool) -> str:
    """Say how things stand in a sentence, and never more than is known."""
    overdue = sum(is_overdue(invoice, today) for invoice in invoices)
    coming = sum(map(is_to_pay, invoices)) - overdue
    said = [
        f"{number(many).capitalize()} {'is' if many == 1 else 'are'} {what}."
        for many, what in ((overdue, "overdue"), (coming, "open and not yet due"))
        if many
    ]
    if said:
        return " ".join(said)
    return "Nothing to pay." if known else "We can’t say yet what is open."


def _empty(show: Show, *, known: bool) -> Empty:
    if not known:
        return Empty("We can’t say yet", "The invoices have not reached us. Look again in a minute.")
    if show == "to-pay":
        return Empty("Nothing to pay", "New invoices appear here as soon as they are written.")
    return Empty("None yet", "Your invoices appear here as soon as they are written.")


def _pages(total: int, page: int, *, complete: bool) -> Pages:
    first, last = (page - 1) * PER_PAGE + 1, min(page * PER_PAGE, total)
    said = (
        count(total, "invoice", "invoices")
        if total <= PER_PAGE
        else f"{first} to {last} of {count(total, 'invoice', 'invoices')}"
    )
    return Pages(
        said=said if complete else f"{said}; older ones are not read yet",
        newer=page - 1 if page > 1 else None,
        older=page + 1 if last < total else None,
    )
