"""Invoices: the list, one of them, and its PDF."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from connectors.records import Invoice, Order
from gateway.home import Item, totals
from gateway.languages import gettext, gettext_noop, ngettext, pgettext
from gateway.statuses import is_overdue, is_to_pay, status_of
from web.portal.asking_form import place_of
from web.portal.files import stream_file
from web.portal.fitting import reading
from web.portal.listing import Depth, Empty, Filters, PageNumber, Question, make_listing
from web.portal.paths import FileId, RecordId, SourceName
from web.portal.visit import Visit, elsewhere, items_of, only
from web.words import number

Show = Literal["to-pay", "paid", "all"]

FILTERS: Filters[Invoice] = {
    "to-pay": (lambda: pgettext("invoices", "To pay"), is_to_pay),
    "paid": (
        lambda: pgettext("invoices", "Paid"),
        lambda invoice: invoice.state == "paid" and not invoice.is_credit_note,
    ),
    "all": (lambda: pgettext("invoices", "All"), lambda _: True),
}
CAPTIONS: Mapping[Show, str] = {
    "to-pay": gettext_noop("Invoices: to pay"),
    "paid": gettext_noop("Invoices: paid"),
    "all": gettext_noop("Invoices: all"),
}


@get("/invoices")
async def show_invoices(
    visit: NamedDependency[Visit],
    show: FromQuery[Show] = "to-pay",
    q: Question = "",
    page: PageNumber = 1,
    depth: Depth = 1,
) -> Response[bytes]:
    visit.require("invoices")
    parts = await visit.parts(deep="invoices", depth=depth)
    about = only(parts, "invoices")
    every = sorted(items_of(parts, Invoice), key=_newest_first)
    if show == "to-pay":
        every.sort(key=_longest_due_first)
    listing = make_listing(
        "/invoices", every, FILTERS, about=about, show=show, question=q, page=page, depth=depth, noun="invoice"
    )
    known = visit.knows(about)
    said = _lede([item.record for item in every], visit.today, known=known)
    return visit.page(
        "invoices.html",
        area="invoices",
        parts=parts,
        about=about,
        lede=visit.lede("invoices", said, every, known=known),
        listing=listing,
        caption=gettext(CAPTIONS[show]),
        totals=totals((item.record for item in listing.chosen), visit.today) if show == "to-pay" else (),
        empty=visit.empty("invoices", _empty(show, q, known=known), every, known=known),
    )


@get("/invoices/{source:str}/{record:str}")
async def show_invoice(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[bytes]:
    item = await visit.one(Invoice, source, record)
    parts = await visit.parts("orders")
    number = item.record.order_number
    orders = (order for order in items_of(parts, Order) if order.part.source == source)
    return visit.page(
        "invoice.html",
        area="invoices",
        parts=parts,
        about=[item.part],
        record=item.record,
        reading=await reading(visit, item),
        ask_about=place_of(item),
        elsewhere=elsewhere(parts, item),
        status=status_of(item.record, visit.today),
        to_pay=is_to_pay(item.record),
        order=next((order for order in orders if order.record.number == number), None),
    )


@get("/invoices/{source:str}/{record:str}/files/{file:str}")
async def get_invoice_file(visit: NamedDependency[Visit], source: SourceName, record: RecordId, file: FileId) -> Stream:
    return await stream_file(visit, "invoices", source, record, file)


def _longest_due_first(item: Item[Invoice]) -> tuple[date, str]:
    return item.record.due_on or date.max, item.record.number


def _newest_first(item: Item[Invoice]) -> tuple[int, str]:
    issued_on = item.record.issued_on or date.max
    return -issued_on.toordinal(), item.record.number


def _lede(invoices: list[Invoice], today: date, *, known: bool) -> str:
    """Say how things stand in a sentence, and never more than is known."""
    overdue = sum(is_overdue(invoice, today) for invoice in invoices)
    coming = sum(map(is_to_pay, invoices)) - overdue
    said = []
    if overdue:
        said.append(ngettext("{n} is overdue.", "{n} are overdue.", overdue, n=number(overdue).capitalize()))
    if coming:
        n = number(coming).capitalize()
        said.append(ngettext("{n} is open and not yet due.", "{n} are open and not yet due.", coming, n=n))
    if said:
        return " ".join(said)
    return gettext("Nothing to pay.") if known else gettext("We can’t say yet what is open.")


def _empty(show: Show, question: str, *, known: bool) -> Empty:
    if not known:
        return Empty(
            gettext_noop("We can’t say yet"),
            gettext_noop("The invoices have not reached us. Look again in a minute."),
        )
    if question:
        return Empty(
            gettext_noop("Nothing found"),
            gettext_noop("No invoice here has all of these words. Try fewer of them, or look under All."),
        )
    if show == "to-pay":
        return Empty(
            gettext_noop("Nothing to pay"),
            gettext_noop("New invoices appear here as soon as they are written."),
        )
    return Empty(
        gettext_noop("None yet"),
        gettext_noop("Your invoices appear here as soon as they are written."),
    )
