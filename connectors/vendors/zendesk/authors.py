"""In whose name something is written: an end user's, never an agent's."""

from collections.abc import Collection
from contextlib import suppress

from connectors.actions import Asked
from connectors.errors import NotAllowed, NotFound
from connectors.vendors.zendesk.api import Zendesk, organization_key, person_key
from connectors.vendors.zendesk.users import fetch_person


def _users(customer: str, persons: Collection[str]) -> list[str]:
    """Give the end users who may be the ones who ask: the customer first, who may be one."""
    return [name for name in (customer, *persons) if not organization_key(name)]


def is_known(customer: str, persons: Collection[str]) -> bool:
    """Whether one of them is an end user, whose words it can be."""
    return bool(_users(customer, persons))


async def author_of(office: Zendesk, asked: Asked) -> int:
    """Say who asks: an end user who is the customer, or acts for them still."""
    names = _users(asked.customer, asked.persons)
    if not names:
        raise NotAllowed("Zendesk: the login is tied to no user of theirs. Tie it to one, so that it may write")
    for name in names:
        with suppress(NotFound):
            if asked.customer in (await fetch_person(office, name)).customers:
                return int(person_key(name))
    raise NotFound("Zendesk: no such person acts for this customer")
