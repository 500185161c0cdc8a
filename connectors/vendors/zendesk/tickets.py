"""Tickets of an organization or of a requester.

The status is a category: where an account has statuses of its own, each belongs to one. Tickets that were closed 120
days ago are archived: Zendesk leaves them out of an organization's list, and not out of a requester's.

No list can be asked for what is open, so all of it is read. The search could tell, and finds what is archived; but it
is minutes late, and a request that was just made, or answered, would be missing or wrong.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.errors import NotFound
from connectors.records import Message, Origin, Ticket, TicketState
from connectors.vendors.zendesk.api import (
    Id,
    Instant,
    Paged,
    Zendesk,
    as_id,
    get,
    get_page,
    organization,
    tickets_of,
    user,
)
from connectors.vendors.zendesk.comments import read_messages

STATES: Mapping[str, TicketState] = {
    "new": "received",
    "open": "working",
    "pending": "awaiting_customer",
    "hold": "working",  # waits for somebody else than the customer
    "solved": "solved",
    "closed": "solved",
}
CLOSED, DELETED = "closed", "deleted"


class TicketRow(Struct):
    """A ticket without its description: that is the first comment, even where this is an internal one."""

    id: Id
    status: str
    is_public: bool
    requester_id: Id
    created_at: Instant
    updated_at: Instant
    subject: str | None = None
    organization_id: Id | None = None
    tags: list[str] = []

    @property
    def owners(self) -> frozenset[str]:
        """Whose it is. Who reads along or works on it owns nothing."""
        requester = user(self.requester_id)
        return frozenset([requester, organization(self.organization_id)] if self.organization_id else [requester])

    @property
    def people(self) -> tuple[str, ...]:
        """Who asked. Those in copy and followers only read along."""
        return (user(self.requester_id),)

    @property
    def shown(self) -> bool:
        return self.is_public and self.status != DELETED


class TicketPage(Paged):
    tickets: list[TicketRow]


class OneTicket(Struct):
    ticket: TicketRow


async def read_tickets(office: Zendesk, query: Query) -> Page[Ticket]:
    """Read one page, newest first."""
    page = await get_page(office, TicketPage, tickets_of(query.customer), query.cursor, sort="-id")
    return Page(tuple(answer_of(office, row, query.asked_at) for row in page.tickets if row.shown), page.cursor)


async def fetch_ticket(office: Zendesk, query: RecordQuery) -> Answer[Ticket]:
    row = await find_ticket(office, query.id, query.customer)
    return answer_of(office, row, query.asked_at, await read_messages(office, row.id, row.requester_id))


async def find_ticket(office: Zendesk, key: str, customer: str) -> TicketRow:
    """Find a ticket of a customer's. Raises `NotFound`."""
    row = (await get(office, OneTicket, f"/tickets/{as_id(key)}")).ticket
    if not row.shown or customer not in row.owners:
        raise NotFound("Zendesk: no such ticket of this customer's")
    return row


def answer_of(
    office: Zendesk, row: TicketRow, asked_at: datetime, messages: tuple[Message, ...] | None = None
) -> Answer[Ticket]:
    changed = row.updated_at.astimezone(UTC)
    ticket = Ticket(
        origin=Origin(source=office.source, id=str(row.id), changed_at=changed, fetched_at=asked_at),
        number=str(row.id),
        vendor_state=row.status,
        people=row.people,
        state=STATES.get(row.status, "unknown"),
        subject=row.subject or "",
        created_at=row.created_at.astimezone(UTC),
        messages=messages,
    )
    return Answer(row.owners, ticket)
