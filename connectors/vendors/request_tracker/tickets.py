"""Tickets of a requestor. Deleted ones are gone, and what is no ticket (a reminder, an approval) is staff's own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

from msgspec import Struct, field

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.errors import BadResponse, NotFound
from connectors.records import Message, Origin, Ticket, TicketState
from connectors.vendors.request_tracker.api import (
    PER_PAGE,
    Instant,
    Key,
    Listing,
    Ref,
    RequestTracker,
    as_number,
    get,
    quoted,
)
from connectors.vendors.request_tracker.conversation import read_messages
from connectors.vendors.request_tracker.ours import NAME

STATES: Mapping[str, TicketState] = {
    "new": "received",
    "open": "working",
    "stalled": "awaiting_customer",
    "resolved": "solved",
    "rejected": "solved",
}
FIELDS = "Type,Subject,Status,Created,LastUpdated,Requestor"
OPEN = "Status = '__Active__'"  # RT's own name for every status, of any lifecycle, that is not a last one


class Hyperlink(Struct):
    """What can be done with a ticket, or what it has to do with. An address, where it is one, is RT's word for it."""

    ref: str
    address: str = field(name="_url", default="")


class TicketRow(Struct):
    """A ticket. `links` are known of a single one alone."""

    id: Key
    Type: str
    Subject: str
    Status: str
    Created: Instant
    LastUpdated: Instant
    Requestor: list[Ref]
    links: list[Hyperlink] = field(name="_hyperlinks", default_factory=list)

    @property
    def people(self) -> tuple[str, ...]:
        """Who asked. Those in copy only read along, and a group is nobody."""
        return tuple(dict.fromkeys(str(who.id) for who in self.Requestor if who.type == "user" and who.id))

    @property
    def owners(self) -> frozenset[str]:
        return frozenset(self.people)

    @property
    def shown(self) -> bool:
        return self.Type == "ticket" and self.Status != "deleted"

    @property
    def takes_replies(self) -> bool:
        """Whether the token's account may reply to it."""
        return any(link.ref == "correspond" for link in self.links)

    @property
    def takes_comments(self) -> bool:
        """Whether the token's account may write to staff on it."""
        return any(link.ref == "comment" for link in self.links)

    @property
    def is_of_ours(self) -> bool:
        """Whether it refers to a request of the portal's."""
        return any(link.ref == "refers-to" and link.address.startswith(NAME) for link in self.links)


async def read_tickets(office: RequestTracker, query: Query) -> Page[Ticket]:
    """Read one page, newest first, cut by id: whatever is added or edited meanwhile, none is lost or doubled."""
    before = int(as_number(query.cursor)) if query.cursor else None
    conditions = [
        f"Requestor.Name = {quoted(query.customer)}",
        *([OPEN] if query.only_open else []),
        *([f"id < {before}"] if before is not None else []),
    ]
    params = {
        "query": " AND ".join(conditions),
        "fields": FIELDS,
        "orderby": "id",
        "order": "DESC",
        "per_page": str(PER_PAGE),
    }
    listing = await get(office, Listing[TicketRow], "/tickets", params)
    ids = [int(row.id) for row in listing.items]
    if any(later >= earlier for earlier, later in pairwise(ids if before is None else [before, *ids])):
        raise BadResponse("RT /tickets: rows in another order than asked for")
    answers = tuple(answer_of(office, row, query.asked_at) for row in listing.items if row.shown)
    return Page(answers, str(ids[-1]) if ids and listing.may_go_on else None)


async def fetch_ticket(office: RequestTracker, query: RecordQuery) -> Answer[Ticket]:
    row = await find_ticket(office, query.id, query.customer)
    messages = await read_messages(office, str(row.id), row.people, is_of_ours=row.is_of_ours)
    return answer_of(office, row, query.asked_at, messages)


async def find_ticket(office: RequestTracker, key: str, customer: str) -> TicketRow:
    """Find a ticket of a customer's; a merged one under the id of the one that is left. Raises `NotFound`."""
    row = await get(office, TicketRow, f"/ticket/{as_number(key)}")
    if not row.shown or customer not in row.owners:
        raise NotFound("RT: no such ticket of this customer's")
    return row


def answer_of(
    office: RequestTracker, row: TicketRow, asked_at: datetime, messages: tuple[Message, ...] | None = None
) -> Answer[Ticket]:
    changed = row.LastUpdated.astimezone(UTC)
    ticket = Ticket(
        origin=Origin(source=office.source, id=str(row.id), changed_at=changed, fetched_at=asked_at),
        number=str(row.id),
        vendor_state=row.Status,
        people=row.people,
        state=STATES.get(row.Status, "unknown"),
        subject=row.Subject,
        created_at=row.Created.astimezone(UTC),
        messages=messages,
    )
    return Answer(row.owners, ticket)
