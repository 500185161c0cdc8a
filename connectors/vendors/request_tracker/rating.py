"""Whether a solved ticket helped: a comment, which RT shows to staff alone.

RT hides comments from an account without ShowTicketComments, and then none of ours would be found again. So it is for
an admin to say that the account has the right.
"""

from connectors.actions import Action, Done, Rating, looking
from connectors.errors import NotAllowed
from connectors.records import Record, Ticket
from connectors.vendors.request_tracker.actions import FOUND_WITHIN, SOLVED, find_written, write
from connectors.vendors.request_tracker.api import RequestTracker
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import find_ticket


def suits(config: RequestTrackerConfig, record: Record) -> bool:
    return config.asks_if_solved and isinstance(record, Ticket) and record.vendor_state == SOLVED


async def rate(office: RequestTracker, asked: Rating) -> Done:
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        if not ticket.takes_comments:
            raise NotAllowed("RT: the token's account may not comment. It needs CommentOnTicket")
    return await write(office, "comment", ticket.id, asked, asked.note)


async def find_rating(office: RequestTracker, asked: Rating) -> Done | None:
    return await find_written(office, "comment", asked)


to_rate: Action[RequestTrackerConfig, Rating] = Action(
    do=rate, find=find_rating, found_within=FOUND_WITHIN, suits=suits
)
