"""What customers have said in the community's helpdesk app: a new ticket, and a public reply.

A ticket carries our reference in its description, a reply in its text: Odoo remembers no key of a request.
Of a ticket's files customers see those of public messages alone, so files come with a message of their own. That the
description names them is how a ticket is known whose message is still missing.
"""

from connectors.actions import Action, Done, NewTicket, Reply, after_it, looking
from connectors.errors import BadResponse, NotAllowed, NotFound
from connectors.vendors.odoo.again import FOUND_WITHIN
from connectors.vendors.odoo.models import Row, one, search
from connectors.vendors.odoo.partners import MODEL as PARTNER
from connectors.vendors.odoo.partners import Partner
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.speaking import as_html, author_of, is_said, is_told_html, mark, say
from connectors.vendors.odoo.stages import MovableRow, done_with, put
from connectors.vendors.odoo.tickets import MODEL, TicketRow, find_own, is_installed, state_of
from connectors.vendors.odoo.uploading import upload
from connectors.vendors.odoo.values import Text, given, owners

SENT = "Sent from the customer portal"
FILES = f"{SENT}, with files"


class Asker(Partner):
    email: Text


class MadeRow(Row):
    number: Text
    description: Text


class TeamRow(Row):
    name: str


async def make_ticket(office: Odoo, asked: NewTicket) -> Done:
    """Make a ticket, then the message with its files; what an earlier try has made of it stays."""
    with looking():
        author = await author_of(office, asked)
        values = await _ticket_of(office, asked, author)
        made = await _made(office, asked.reference)
        has_files = made is not None and await _has_files(office, made, asked)
        waiting = () if has_files else asked.files
        told = await is_told_html(office) if waiting else False
    files = await upload(office, waiting)
    if made is None:
        await execute_once(office, list[int], MODEL, "create", [values])
    with after_it():
        made = made or await _made(office, asked.reference)
        if made is None:
            raise BadResponse(f"Odoo {MODEL}.create: made no ticket that is found under its reference")
        if files:
            html = as_html(", ".join(file.name for file in waiting), f"{SENT} {mark(asked.reference)}")
            await say(office, MODEL, made.id, author, html, files, told=told)
    return done_with(made.id, made.number)


async def find_made(office: Odoo, asked: NewTicket) -> Done | None:
    """Look for the ticket, whatever has become of it, and for the message with its files if there is one to be."""
    made = await _made(office, asked.reference)
    has_all = made is not None and (
        f"{FILES} {mark(asked.reference)}" not in (given(made.description) or "")
        or await _has_files(office, made, asked)
    )
    return done_with(made.id, made.number) if made and has_all else None


async def reply(office: Odoo, asked: Reply) -> Done:
    """Say something in public. It wakes a ticket that waits for the customer, or is solved."""
    with looking():
        ticket = await find_own(office, MovableRow, asked.ticket, asked.customer)
        author = await author_of(office, asked)
        told = await is_told_html(office)
    files = await upload(office, asked.files)
    html = as_html(asked.text, f"{SENT} {mark(asked.reference)}")
    await say(office, MODEL, ticket.id, author, html, files, told=told)
    if state_of(ticket) in {"awaiting_customer", "solved"}:
        with after_it():
            await put(office, ticket, closed=False)
    return done_with(ticket.id, ticket.number)


async def find_reply(office: Odoo, asked: Reply) -> Done | None:
    ticket = await find_own(office, TicketRow, asked.ticket, asked.customer)
    is_there = await is_said(office, MODEL, ticket.id, asked.reference)
    return done_with(ticket.id, ticket.number) if is_there else None


async def _ticket_of(office: Odoo, asked: NewTicket, author: int) -> dict[str, object]:
    """Say what the ticket is made of. Raises `NotFound` for who is nobody, `NotAllowed` where there is no app."""
    asker = await one(office, Asker, PARTNER, [("active", "=", True)], str(author))
    if asked.customer not in owners(asker.commercial_partner_id):
        raise NotFound("Odoo: no such customer")
    if not await is_installed(office):
        raise NotAllowed(f"Odoo has no {MODEL} of helpdesk_mgmt. Install it, or switch new requests off")
    values: dict[str, object] = {
        "name": " ".join(asked.subject.replace("\0", "").split()),
        "description": as_html(asked.text, f"{FILES if asked.files else SENT} {mark(asked.reference)}"),
        "partner_id": asker.id,
        "partner_name": given(asker.name) or "",  # what its form fills in by itself, and its API does not
        "partner_email": given(asker.email) or "",
    }
    if asked.route:
        within = [("name", "=", asked.route)]
        for team in await search(office, TeamRow, "helpdesk.ticket.team", within, order="id", limit=1):
            values["team_id"] = team.id
    return values


async def _made(office: Odoo, reference: str) -> MadeRow | None:
    within = [("description", "ilike", mark(reference))]
    rows = await search(office, MadeRow, MODEL, within, order="id", limit=1, archived=True)
    return rows[0] if rows else None


async def _has_files(office: Odoo, made: MadeRow, asked: NewTicket) -> bool:
    return await is_said(office, MODEL, made.id, asked.reference)


def takes_requests(config: OdooConfig) -> bool:
    return config.takes_requests


new_ticket: Action[OdooConfig, NewTicket] = Action(
    do=make_ticket, find=find_made, found_within=FOUND_WITHIN, takes_files=True, set_up=takes_requests
)
public_reply: Action[OdooConfig, Reply] = Action(do=reply, find=find_reply, found_within=FOUND_WITHIN, takes_files=True)
