"""What customers can have done: a ticket, a public reply, and to close a ticket or open it again.

RT remembers no key of a request, so we look for what was made. It commits when all is done, the mails that it sends
about it among that: what we gave up waiting for may show only then.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from connectors.actions import Action, Asked, Attached, Done, Move, NewTicket, Rating, Reply, looking
from connectors.decode import decode_json
from connectors.errors import AccessDenied, NotAllowed, Refused
from connectors.vendors.request_tracker.api import REST, Key, RequestTracker, quoted, walk
from connectors.vendors.request_tracker.attaching import message
from connectors.vendors.request_tracker.ours import holds, name_of, one_line, subject_of
from connectors.vendors.request_tracker.people import numbers_of
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import STATES, TicketRow, find_ticket

FOUND_WITHIN = timedelta(minutes=2)
SOLVED, OPENED = "resolved", "open"

How = Literal["correspond", "comment"]  # RT calls what came of it by the same word


class Made(Struct):
    id: Key


class EventRow(Struct):
    id: Key
    Type: str
    Data: str | None


def person_of(asked: Asked) -> str | None:
    """Say who of the persons asks. Of several no one may be a stranger to the customer, unless the customer is one."""
    if asked.customer in asked.persons:
        return asked.customer
    return asked.persons[0] if len(asked.persons) == 1 else None


async def make_ticket(office: RequestTracker, asked: NewTicket) -> Done:
    """Make a ticket whose requestors are the customer and the person. RT takes an address for whoever has it: no."""
    with looking():
        requestors = await numbers_of(office, asked.customer, person_of(asked))
    ticket = {
        "Subject": one_line(asked.subject),
        "Requestor": requestors,
        "Content": sendable(asked.text),
        "ContentType": "text/plain",
        "RefersTo": name_of(asked.reference),
    }
    if asked.route:
        with suppress(AccessDenied, Refused):  # no such queue, or not for us: better in the usual one than nowhere
            return await _make(office, {**ticket, "Queue": asked.route}, asked.files)
    return await _make(office, {**ticket, "Queue": office.config.queue}, asked.files)


async def _make(office: RequestTracker, ticket: dict[str, object], files: tuple[Attached, ...]) -> Done:
    response = await office.http.post(f"{REST}/ticket", **message(ticket, files))
    return done_with(decode_json(response.content, Made, "RT /ticket").id)


async def find_made(office: RequestTracker, asked: NewTicket) -> Done | None:
    """Look for the ticket that refers to our name, or what it was merged into."""
    query = f"RefersTo = {quoted(name_of(asked.reference))}"
    rows = await walk(office, Made, "/tickets", "Subject", query=query)
    return done_with(rows[0].id) if rows else None


async def reply(office: RequestTracker, asked: Reply) -> Done:
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        if not ticket.takes_replies:
            raise NotAllowed("RT: the token's account may not reply. It needs ReplyToTicket")
    return await write(office, "correspond", ticket.id, asked, asked.text, files=asked.files)


async def find_reply(office: RequestTracker, asked: Reply) -> Done | None:
    return await find_written(office, "correspond", asked)


async def write(
    office: RequestTracker, how: How, ticket: Key, asked: Reply | Rating, text: str, *, files: tuple[Attached, ...] = ()
) -> Done:
    """Write to a ticket. The subject says for whom, and under which reference."""
    said = {
        "Subject": subject_of(asked.reference, person_of(asked) or asked.customer),
        "Content": sendable(text),
        "ContentType": "text/plain",
    }
    path = f"/ticket/{ticket}/{how}"
    response = await office.http.post(f"{REST}{path}", **message(said, files))
    decode_json(response.content, list[str], f"RT {path}")
    return done_with(ticket)


async def find_written(office: RequestTracker, how: How, asked: Reply | Rating) -> Done | None:
    """Look for the subject in the history, where RT notes it, too. After a merge that is the other ticket's."""
    ticket = await find_ticket(office, asked.ticket, asked.customer)
    history = await walk(office, EventRow, f"/ticket/{ticket.id}/history", "Type,Data")
    is_there = any(row.Type == how.title() and holds(row.Data or "", asked.reference) for row in history)
    return done_with(ticket.id) if is_there else None


async def solve(office: RequestTracker, asked: Move) -> Done:
    return await _move(office, asked, SOLVED, is_solved=True)


async def reopen(office: RequestTracker, asked: Move) -> Done:
    return await _move(office, asked, OPENED, is_solved=False)


async def _move(office: RequestTracker, asked: Move, status: str, *, is_solved: bool) -> Done:
    """Give it a status, unless it has one to the same effect. RT answers 200 even where it does not: so we look."""
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
    if _is_solved(ticket) is not is_solved:
        await office.http.put(f"{REST}/ticket/{ticket.id}", json={"Status": status})
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        if _is_solved(ticket) is not is_solved:
            raise NotAllowed(f"RT: the status stays. The account needs ModifyTicket, and the queue a status {status}")
    return done_with(ticket.id)


def _is_solved(ticket: TicketRow) -> bool:
    return STATES.get(ticket.Status) == "solved"


def sendable(text: str) -> str:
    """Leave out what no database takes as text."""
    return text.replace("\0", "")


def done_with(ticket: Key) -> Done:
    return Done(record=str(ticket), number=str(ticket))


new_ticket: Action[RequestTrackerConfig, NewTicket] = Action(
    do=make_ticket, find=find_made, found_within=FOUND_WITHIN, takes_files=True
)
public_reply: Action[RequestTrackerConfig, Reply] = Action(
    do=reply, find=find_reply, found_within=FOUND_WITHIN, takes_files=True
)
to_solve: Action[RequestTrackerConfig, Move] = Action(do=solve, same_twice=True)
to_reopen: Action[RequestTrackerConfig, Move] = Action(do=reopen, same_twice=True)
