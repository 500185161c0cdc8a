"""Whether a solved ticket helped: an internal note, and a tag that reports and triggers of theirs can go by.

Zendesk's own rating is taken from an end user's session alone. A note is an agent's, in whose words Zendesk puts in
what placeholders stand for: those of a customer are spoiled.
"""

import re
from typing import Any

from connectors.actions import Action, Done, Rating, looking
from connectors.records import Record, Ticket
from connectors.vendors.zendesk.actions import FOUND_WITHIN, MARK, change, find_reply
from connectors.vendors.zendesk.api import API, Zendesk
from connectors.vendors.zendesk.settings import ZendeskConfig
from connectors.vendors.zendesk.tickets import find_ticket

HELPED, NOT_HELPED = "hallway_solved", "hallway_not_solved"
PLACEHOLDER = re.compile(r"\{(?=[{%])")


def suits(config: ZendeskConfig, record: Record) -> bool:
    """Leave out what is closed: nobody can change that any more."""
    return config.asks_if_solved and isinstance(record, Ticket) and record.vendor_state == "solved"


async def rate(office: Zendesk, asked: Rating) -> Done:
    """Tag the ticket, which comes to the same however often it is done, and then write the note."""
    with looking():
        ticket = await find_ticket(office, asked.ticket, asked.customer)
        tag, other = (HELPED, NOT_HELPED) if asked.helped else (NOT_HELPED, HELPED)
        tags = f"{API}/tickets/{ticket.id}/tags"
        if other in ticket.tags:
            await office.http.request("DELETE", tags, json={"tags": [other]})
        if tag not in ticket.tags:
            await office.http.put(tags, json={"tags": [tag]})
    changes: dict[str, Any] = {
        "comment": {"body": PLACEHOLDER.sub("{ ", asked.note), "public": False},
        "metadata": {"custom": {MARK: asked.reference}},
    }
    return await change(office, ticket, changes)


to_rate: Action[ZendeskConfig, Rating] = Action(do=rate, find=find_reply, found_within=FOUND_WITHIN, suits=suits)
