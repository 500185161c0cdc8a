"""Whether a source knows a customer by an id, before somebody is tied to it."""

import asyncio
from datetime import datetime

from connectors.contract import Query
from connectors.errors import ConnectorError, NotFound
from gateway.links import LinkError
from gateway.offices import Offices

PATIENCE = 10.0  # seconds for one answer


async def check_customer(offices: Offices, source: str, customer: str, now: datetime) -> None:
    """Look for anything of the customer's. A source that there is not is left to whoever links.

    Raises `LinkError` where nothing is found, and where the source cannot be asked.
    """
    office = await offices.get(source)
    if office is None:
        return
    for read in office.connector.reads.values():
        try:
            async with asyncio.timeout(PATIENCE):
                page = await read(office.back_office, Query(customer=customer, asked_at=now))
        except NotFound:
            continue
        except (ConnectorError, TimeoutError):
            raise LinkError(
                f"{source!r} could not be asked whether it knows customer {customer!r}: try again, or see "
                "`hallway sources test`; if you are certain of the id, add --unchecked"
            ) from None
        if any(customer in answer.owners for answer in page.answers):
            return
    word = office.connector.scope.customer
    word = word if word.startswith("the ") else f"the {word}"
    raise LinkError(
        f"{source!r} has nothing of customer {customer!r}: look at the id, which is {word} there; "
        "if the customer is new and has no records yet, add --unchecked"
    )
