"""Invoices: the list, one of them, and its PDF."""

from datetime import date
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from connectors.records import Invoice, Order
from gateway.home import Item, totals
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
    "to-pay": ("To pay", is_to_pay),
    "paid": ("Paid", lambda invoice: invoice.state == "paid" and not invoice.is_credit_note),
    "all": ("All", lambda _: True),
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
    nouns = ("invoice", "invoices")
    listing = make_listing(
        "/invoices", every, FILTERS, about=about, show=show, question=q, page=page, depth=depth, nouns=nouns
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
        caption=f"Invoices: {FILTERS[show][0].lower()}",
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
    said = [
        f"{number(many).capitalize()} {'is' if many == 1 else 'are'} {what}."
        for many, what in ((overdue, "overdue"), (coming, "open and not yet due"))
        if many
    ]
    if said:
        return " ".join(said)
    return "Nothing to pay." if known else "We can’t say yet what is open."


def _empty(show: Show, question: str, *, known: bool) -> Empty:
    if not known:
        return Empty("We can’t say yet", "The invoices have not reached us. Look again in a minute.")
    if question:
        return Empty("Nothing found", "No invoice here has all of these words. Try fewer of them, or look under All.")
    if show == "to-pay":
        return Empty("Nothing to pay", "New invoices appear here as soon as they are written.")
    return Empty("None yet", "Your invoices appear here as soon as they are written.")
