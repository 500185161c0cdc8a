"""What customers can have done: a ticket, a public reply, and to close a ticket or open it again.

All of it is in the name of an end user. In the words of an agent Zendesk would put in what placeholders stand for, and
customers could ask for more than is theirs: so who is tied to no user sends nothing.

Zendesk remembers for two hours which key a ticket came with. What came later, or is no ticket, we look for: the
reference is the external id of a ticket, and it is in the metadata that a reply's audit keeps.
"""

from datetime import timedelta
from typing import Any

from msgspec import Struct

from connectors.actions import Action, Done, Move, NewTicket, Rating, Reply, looking
from connectors.decode import decode_json
from connectors.records import Record, Ticket
from connectors.vendors.zendesk.api import API, Id, Paged, Zendesk, organization_key, walk
from connectors.vendors.zendesk.authors import author_of, is_known
from connectors.vendors.zendesk.settings import ZendeskConfig
from connectors.vendors.zendesk.tickets import CLOSED, STATES, TicketRow, find_ticket
from connectors.vendors.zendesk.uploading import upload

FOUND_WITHIN = timedelta(minutes=2)  # since they were asked: we give up sooner than they do
MARK = "hallway_reference"
AWAITING = frozenset({"pending", "solved"})  # which a customer's reply opens again


class Made(Struct):
    id: Id


class OneMade(Struct):
    ticket: Made


class MadePage(Paged):
    tickets: list[Made]


class Metadata(Struct):
    custom: Any = None  # an object, and where there is nothing not always


class Audit(Struct):
    metadata: Metadata


class AuditPage(Paged):
    audits: list[Audit]


def is_not_closed(config: ZendeskConfig, record: Record) -> bool:  # noqa: ARG001  # of `Action.suits`
    """Leave out what is closed: nobody can change that any more."""
    return isinstance(record, Ticket) and record.vendor_state != CLOSED


async def make_ticket(office: Zendesk, asked: NewTicket) -> Done:
    """Make a ticket of the person's, for the organization that the customer is. The same twice is made once."""
    with looking():
        requester = await author_of(office, asked)
    uploads = await upload(office, asked.files)
    ticket: dict[str, Any] = {
        "subject": " ".join(asked.subject.split()),
        "comment": {"body": asked.text, "public": True, "author_id": requester, **uploads},
        "requester_id": requester,
        "external_id": asked.reference,
    }
    if key := organization_key(asked.customer):
        ticket["organization_id"] = key
    if asked.route:
        ticket["tags"] = ["_".join(asked.route.split())]  # triggers go by it
    response = await office.http.post(
        f"{API}/tickets", json={"ticket": ticket}, headers={"Idempotency-Key": asked.reference}
    )
    return done_with(decode_json(response.content, OneMade, "Zendesk /tickets").ticket.id)


async def find_made(office: Zendesk, asked: NewTicket) -> Done | None:
    async for page in walk(office, MadePage, "/tickets", external_id=asked.reference):
        for row in page.tickets:
            return done_with(row.id)
    return None


async def reply(office: Zendesk, asked: Reply) -> Done:
    """Say something in public. It wakes a ticket that waits for the customer, as the customer's mail would."""
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        author = await author_of(office, asked)
    uploads = await upload(office, asked.files)
    changes: dict[str, Any] = {
        "comment": {"body": asked.text, "public": True, "author_id": author, **uploads},
        "metadata": {"custom": {MARK: asked.reference}},
    }
    if ticket.status in AWAITING:
        changes["status"] = "open"
    return await change(office, ticket, changes)


async def find_reply(office: Zendesk, asked: Reply | Rating) -> Done | None:
    ticket = await find_ticket(office, asked.ticket, asked.customer)
    async for page in walk(office, AuditPage, f"/tickets/{ticket.id}/audits"):
        kept = (audit.metadata.custom for audit in page.audits)
        if any(isinstance(each, dict) and each.get(MARK) == asked.reference for each in kept):
            return done_with(ticket.id)
    return None


async def solve(office: Zendesk, asked: Move) -> Done:
    return await _move(office, asked, "solved", is_solved=True)


async def reopen(office: Zendesk, asked: Move) -> Done:
    return await _move(office, asked, "open", is_solved=False)


async def _move(office: Zendesk, asked: Move, status: str, *, is_solved: bool) -> Done:
    """Give it a status, unless it has one to the same effect."""
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
    if (STATES.get(ticket.status) == "solved") is is_solved:
        return done_with(ticket.id)
    return await change(office, ticket, {"status": status})


async def change(office: Zendesk, ticket: TicketRow, changes: dict[str, Any]) -> Done:
    path = f"/tickets/{ticket.id}"
    response = await office.http.put(f"{API}{path}", json={"ticket": changes})
    return done_with(decode_json(response.content, OneMade, f"Zendesk {path}").ticket.id)


def done_with(ticket: int) -> Done:
    return Done(record=str(ticket), number=str(ticket))


new_ticket: Action[ZendeskConfig, NewTicket] = Action(
    do=make_ticket, find=find_made, found_within=FOUND_WITHIN, takes_files=True, takes=is_known
)
public_reply: Action[ZendeskConfig, Reply] = Action(
    do=reply, find=find_reply, found_within=FOUND_WITHIN, takes_files=True, takes=is_known, suits=is_not_closed
)
to_solve: Action[ZendeskConfig, Move] = Action(do=solve, same_twice=True, suits=is_not_closed)
to_reopen: Action[ZendeskConfig, Move] = Action(do=reopen, same_twice=True, suits=is_not_closed)
