"""Whether a solved ticket helped: a comment, which RT shows to staff alone.

RT hides comments from an account without ShowTicketComments, and then none of ours would be found again. So it is for
an admin to say that the account has the right.
"""

from connectors.actions import Action, Done, Rating, looking
from connectors.decode import decode_json
from connectors.errors import NotAllowed
from connectors.records import Record, Ticket
from connectors.vendors.request_tracker.actions import FOUND_WITHIN, SOLVED, EventRow, done_with, person_of, sendable
from connectors.vendors.request_tracker.api import REST, RequestTracker, walk
from connectors.vendors.request_tracker.ours import holds, subject_of
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import find_ticket


def suits(config: RequestTrackerConfig, record: Record) -> bool:
    return config.asks_if_solved and isinstance(record, Ticket) and record.vendor_state == SOLVED


async def rate(office: RequestTracker, asked: Rating) -> Done:
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        if not ticket.takes_comments:
            raise NotAllowed("RT: the token's account may not comment. It needs CommentOnTicket")
    note = {
        "Subject": subject_of(asked.reference, person_of(asked) or asked.customer),
        "Content": sendable(asked.note),
        "ContentType": "text/plain",
    }
    path = f"/ticket/{ticket.id}/comment"
    response = await office.http.post(f"{REST}{path}", json=note)
    decode_json(response.content, list[str], f"RT {path}")
    return done_with(ticket.id)


async def find_rating(office: RequestTracker, asked: Rating) -> Done | None:
    """Look for the subject of the comment in the history."""
    ticket = await find_ticket(office, asked.ticket, asked.customer)
    history = await walk(office, EventRow, f"/ticket/{ticket.id}/history", "Type,Data")
    is_there = any(row.Type == "Comment" and holds(row.Data or "", asked.reference) for row in history)
    return done_with(ticket.id) if is_there else None


to_rate: Action[RequestTrackerConfig, Rating] = Action(
    do=rate, find=find_rating, found_within=FOUND_WITHIN, suits=suits
)
