"""Tickets of the community's `helpdesk_mgmt` app, where it is installed. The Enterprise app has other fields: none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words
from connectors.errors import NotFound
from connectors.records import Message, Ticket, TicketState
from connectors.vendors.odoo import values
from connectors.vendors.odoo.messages import author_name, read_messages
from connectors.vendors.odoo.models import Domain, Leaf, Row, as_key, fields_of, newest, one
from connectors.vendors.odoo.partners import Partner, partners, people
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Moment, Ref, Text, given

MODEL = "helpdesk.ticket"
STATES: Mapping[str, TicketState] = {
    "New": "received",
    "In Progress": "working",
    "Awaiting": "awaiting_customer",
    "Done": "solved",
    "Cancelled": "solved",
    "Rejected": "solved",
}
SOLVED = done_words("tickets", STATES)
# In a stage that means it, or in none, or in one of their own that does not close a ticket.
OPEN: Domain = (
    "|",
    ("stage_id", "=", False),
    "|",
    ("stage_id.name", "in", [name for name in STATES if name not in SOLVED]),
    "&",
    ("stage_id.name", "not in", SOLVED),
    ("stage_id.closed", "=", False),
)


class TicketRow(Row):
    number: Text
    name: Text
    partner_id: Ref
    commercial_partner_id: Ref
    stage_id: Ref
    closed: bool
    create_date: Moment
    write_date: Moment


class WholeTicketRow(TicketRow):
    description: Text


R = TypeVar("R", bound=TicketRow)


async def read_tickets(office: Odoo, query: Query) -> Page[Ticket]:
    theirs = _theirs(query.customer)
    if not await is_installed(office):
        return Page(())
    wanted = [*theirs, *(OPEN if query.only_open else ())]
    rows, cursor = await newest(office, TicketRow, MODEL, wanted, query.cursor)
    return Page(await answers_of(office, rows, query.asked_at), cursor)


async def fetch_ticket(office: Odoo, query: RecordQuery) -> Answer[Ticket]:
    row = await find_ticket(office, query.id, query.customer)
    said = await read_messages(office, MODEL, row.id, query.customer)
    askers = await partners(office, [row.partner_id])
    return _answer(office, row, askers, query.asked_at, (*_first_message(row, askers), *said))


async def find_ticket(office: Odoo, key: str, customer: str) -> WholeTicketRow:
    return await _find(office, WholeTicketRow, key, customer)


async def find_own(office: Odoo, row: type[R], key: str, customer: str) -> R:
    """Find a ticket that is the customer's, to do something with it. Raises `NotFound`."""
    found = await _find(office, row, key, customer)
    if customer not in values.owners(found.commercial_partner_id):
        raise NotFound(f"Odoo {MODEL}: no such ticket of this customer's")
    return found


async def _find(office: Odoo, row: type[R], key: str, customer: str) -> R:
    theirs = _theirs(customer)
    if not await is_installed(office):
        raise NotFound(f"Odoo has no {MODEL} of helpdesk_mgmt")
    return await one(office, row, MODEL, theirs, key)


def state_of(row: TicketRow) -> TicketState:
    return STATES.get(_stage(row), "solved" if row.closed else "unknown")


async def answers_of(office: Odoo, rows: Sequence[TicketRow], asked_at: datetime) -> tuple[Answer[Ticket], ...]:
    askers = await partners(office, (row.partner_id for row in rows))
    return tuple(_answer(office, row, askers, asked_at) for row in rows)


async def is_installed(office: Odoo) -> bool:
    wanted = {"number", "closed", "commercial_partner_id"}
    return await fields_of(office, MODEL, wanted) == wanted


def _theirs(customer: str) -> list[Leaf]:
    return [("commercial_partner_id", "=", as_key(customer))]


def _first_message(row: WholeTicketRow, askers: Mapping[int, Partner]) -> tuple[Message, ...]:
    """The description is what the customer wrote first; Odoo keeps it apart from the messages."""
    if not (body := given(row.description)):
        return ()
    author = author_name(askers.get(values.key(row.partner_id)))
    at = values.in_utc(row.create_date)
    return (Message(id="description", author=author, from_customer=True, at=at, body=body, media_type="text/html"),)


def _answer(
    office: Odoo,
    row: TicketRow,
    askers: Mapping[int, Partner],
    asked_at: datetime,
    messages: tuple[Message, ...] | None = None,
) -> Answer[Ticket]:
    ticket = Ticket(
        origin=values.origin(office, row.id, row.write_date, asked_at),
        number=given(row.number) or str(row.id),
        vendor_state=_stage(row),
        people=people(row.partner_id, askers),
        state=state_of(row),
        subject=given(row.name) or "",
        created_at=values.in_utc(row.create_date),
        messages=messages,
    )
    return Answer(values.owners(row.commercial_partner_id), ticket)


def _stage(row: TicketRow) -> str:
    return "" if isinstance(row.stage_id, bool) else row.stage_id[1]
