"""What customers can have done: a ticket, for the company that they are or act for, and in a contact's name.

HubSpot remembers no key of a request, and its search learns of a ticket late. So we look among the tickets that are
associated with the customer: our reference ends the text of each that we made.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from msgspec import Struct

from connectors.actions import Action, Done, NewTicket, looking
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.vendors.hubspot.api import BATCH, HubSpot, Id, read_all
from connectors.vendors.hubspot.associations import all_ids, customer_of
from connectors.vendors.hubspot.people import CompanyProperties, fetch_person
from connectors.vendors.hubspot.pipelines import stages
from connectors.vendors.hubspot.settings import HubSpotConfig

FOUND_WITHIN = timedelta(minutes=2)  # since they were asked: we give up sooner than they do
PATH = "/crm/v3/objects/tickets"
# HubSpot's numbers for what a ticket is associated with.
# https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide#association-type-id-values
TYPES = {"companies": 339, "contacts": 16}


class Made(Struct):
    id: Id


class TicketProperties(Struct):
    content: str | None = None


async def make_ticket(office: HubSpot, asked: NewTicket) -> Done:
    with looking():
        whose = await _whose(office, asked)
        stage = await _first_stage(office)
    ticket = {
        "properties": {
            "subject": " ".join(asked.subject.split()),
            "content": f"{asked.text}\n\n{_mark(asked)}",
            "hs_pipeline": office.config.ticket_pipeline,
            "hs_pipeline_stage": stage,
        },
        "associations": [_associated(object_type, key) for object_type, key in whose],
    }
    response = await office.http.post(PATH, json=ticket)
    return _done(decode_json(response.content, Made, f"HubSpot {PATH}").id)


async def find_made(office: HubSpot, asked: NewTicket) -> Done | None:
    """Look through the customer's tickets, the latest first. Staff may have written below our reference."""
    ids = sorted(await all_ids(office, customer_of(asked.customer), "tickets"), key=int, reverse=True)
    for start in range(0, len(ids), BATCH):
        for row in await read_all(office, TicketProperties, "tickets", ids[start : start + BATCH]):
            if _mark(asked) in (row.properties.content or ""):
                return _done(row.id)
    return None


async def _whose(office: HubSpot, asked: NewTicket) -> list[tuple[str, str]]:
    """Name the customer, if HubSpot has them still, and the first contact of who asks that acts for them."""
    customer = customer_of(asked.customer)
    if customer[0] == "contacts":
        await fetch_person(office, asked.customer)
        return [customer]
    if not await read_all(office, CompanyProperties, "companies", [customer[1]]):
        raise NotFound("HubSpot: no such company")
    for person in asked.persons:
        with suppress(NotFound):
            if asked.customer in (await fetch_person(office, person)).customers:
                return [customer, customer_of(person)]
    return [customer]


async def _first_stage(office: HubSpot) -> str:
    """Give the first stage that open tickets are in. Accounts rename them, so the name says nothing."""
    pipeline = office.config.ticket_pipeline
    known = [stage for (of, _), stage in (await stages(office, "tickets")).items() if of == pipeline]
    taking = sorted((each for each in known if each.takes_tickets), key=lambda each: each.display_order)
    if not taking:
        raise BadResponse(f"HubSpot: no pipeline {pipeline} of tickets, or none of its stages is open")
    return taking[0].id


def _associated(object_type: str, key: str) -> dict[str, Any]:
    label = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TYPES[object_type]}
    return {"to": {"id": key}, "types": [label]}


def _mark(asked: NewTicket) -> str:
    return f"[{asked.reference}]"


def _done(ticket: str) -> Done:
    return Done(record=ticket, number=ticket)


new_ticket: Action[HubSpotConfig, NewTicket] = Action(do=make_ticket, find=find_made, found_within=FOUND_WITHIN)
