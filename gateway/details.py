"""What back offices know of a member themselves, and they may see: asked when somebody looks, and kept nowhere."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from connectors.details import Held
from connectors.errors import ConnectorError, NotFound
from gateway.access import LinkRef, PersonRef, Scope
from gateway.offices import Office
from gateway.shown import Shown


class Known(Struct, frozen=True, kw_only=True):
    """A person that the member is in a source, and what it says of them. None: it has not answered.

    `link` is a customer of the account's for whom they act there.
    """

    whom: PersonRef
    title: str  # what staff call the source
    held: Held | None = None
    link: LinkRef | None = None


async def details_of(
    scope: Scope, offices: Mapping[str, Office], *, within: float, only: PersonRef | None = None
) -> tuple[Known, ...]:
    """Ask the sources that tell, for `within` seconds, or about one person `only`.

    Who acts for none of the account's customers is left out.
    """
    persons = sorted((each for each in scope.persons if only in {None, each}), key=lambda at: (at.source, at.person))
    asked = [_ask(scope, offices[each.source], each, within) for each in persons if each.source in offices]
    return tuple(found for found in await asyncio.gather(*asked) if found)


async def _ask(scope: Scope, office: Office, whom: PersonRef, within: float) -> Known | None:
    links = [link for link in scope.links if link.source == whom.source]
    if office.connector.details is None or not links:
        return None
    try:
        async with asyncio.timeout(within):
            held = await office.connector.details(office.back_office, whom.person)
    except NotFound:
        return None
    except (ConnectorError, TimeoutError):
        return Known(whom=whom, title=office.title)
    link = next((link for link in links if link.customer in held.customers), None)
    shown = office.policy.seen_by(scope.segments).shown
    return Known(whom=whom, title=office.title, held=_without_hidden(held, shown), link=link) if link else None


def _without_hidden(held: Held, shown: Shown) -> Held:
    """Leave out what members do not see of themselves."""
    values = {name: value for name, value in held.values.items() if shown.shows_detail(name)}
    return replace(held, values=values, locked={name: why for name, why in held.locked.items() if name in values})
