"""Asking every source whom it knows by what is proven of a login. One that does not answer in time has said nothing."""

import asyncio

import structlog

from connectors.contract import Facts
from connectors.errors import BadResponse, ConnectorError
from gateway.identity.mailboxes import folded, is_free, is_plain
from gateway.identity.matching import Answer, Proven
from gateway.offices import Office, Offices

MOST = 500  # candidates of one source: more are no answer to who somebody is

log = structlog.get_logger()


async def ask_all(offices: Offices, proven: Proven, within: float) -> tuple[Answer, ...]:
    """Ask all sources at once, each for `within` seconds at most. Raises `DatabaseDown`."""
    facts = _facts(proven)
    if facts == Facts():
        return ()
    known, broken = await offices.all(), await offices.broken()
    lost = [Answer(name, None) for name in broken.keys() - known.keys()]
    answers = await asyncio.gather(*(_ask(office, facts, within) for office in known.values()))
    return tuple(sorted([*lost, *answers], key=lambda answer: answer.source))


def _facts(proven: Proven) -> Facts:
    """Ask for nothing that is not plain: no source has to understand it."""
    if proven.email is None or not is_plain(proven.email):
        return Facts(external_id=proven.number)
    email = folded(proven.email)
    domain = None if is_free(email) else email.rpartition("@")[2]
    return Facts(email=email, external_id=proven.number, domain=domain)


async def _ask(office: Office, facts: Facts, within: float) -> Answer:
    try:
        async with asyncio.timeout(within):
            candidates = await office.connector.find(office.back_office, facts)
        if len(candidates) > MOST:
            raise BadResponse(f"{len(candidates)} candidates")  # noqa: TRY301  # told like every other failure
    except (ConnectorError, TimeoutError) as error:
        log.warning("source silent about a person", source=office.name, reason=type(error).__name__)
        return Answer(office.name, None)
    except Exception as error:  # noqa: BLE001  # a connector's mistake must link nobody, and keep nobody out
        log.error("connector failed", source=office.name, reason=type(error).__name__)  # noqa: TRY400  # may quote
        return Answer(office.name, None)
    return Answer(office.name, candidates)
