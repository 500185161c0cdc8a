"""Tickets that customers open in the sandbox's HubSpot: once, for who they are and act for, however late its search."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace
from support_feeds import Ticking
from support_outbox import Given, Losing, send_all_though_answers_are_lost
from support_sandbox import HUBSPOT_TOKEN, RunningSandbox

from connectors.actions import Done, NewTicket
from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.errors import BadResponse, NotFound, NotSent, Unavailable
from connectors.sandbox.faults import Fault
from connectors.sandbox.hubspot.store import Record
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot import connector
from connectors.vendors.hubspot.api import HubSpot
from connectors.vendors.hubspot.settings import HubSpotConfig
from gateway.access import LinkRef
from gateway.offices import Office
from gateway.outbox.references import new_reference
from gateway.records.database import Database

BAKERY, HOTEL, MAYA, JOSEPH = "company:9010", "company:9030", "contact:501", "contact:502"
HOSTILE = "<script>alert(1)</script> 'Zoë' \\ \"x\"\n{{contact.email}} &amp; 漢字 [2222-2222-2222]"
ACTION = connector.actions["new_ticket"]


async def at_once(_: float) -> None:
    """Wait for nothing."""


class World(Struct):
    sandbox: RunningSandbox
    office: HubSpot
    clock: Ticking

    async def find(self, asked: NewTicket) -> Done | None:
        assert ACTION.find is not None
        return await ACTION.find(self.office, asked)

    @property
    def tickets(self) -> list[Record]:
        """Those that were not there before, by their ids."""
        seeded = {"2210045501"}
        return [each for each in self.sandbox.site.hubspot.objects["tickets"].values() if each.id not in seeded]

    @property
    def texts(self) -> list[str]:
        return [(each.properties["content"] or "").rpartition("\n\n")[0] for each in self.tickets]

    @property
    def written(self) -> int:
        return sum(seen.path.endswith("/objects/tickets") for seen in self.sandbox.hubspot_seen)

    def associated(self, ticket: str, to: str) -> list[str]:
        return [str(each["toObjectId"]) for each in self.sandbox.site.hubspot.associated(("tickets", ticket), to)]


def new(text: str = "Hello.", customer: str = BAKERY, persons: tuple[str, ...] = (MAYA,)) -> NewTicket:
    reference, subject = new_reference(), "Where\r\n is it?"
    return NewTicket(reference=reference, customer=customer, persons=persons, subject=subject, text=text)


@pytest.fixture
async def world(sandbox: RunningSandbox) -> AsyncIterator[World]:
    clock, tokens = Ticking(), MemoryTokens()
    config = HubSpotConfig(base_url=sandbox.hubspot_url, access_token=Secret(HUBSPOT_TOKEN))
    async with open_client(
        sandbox.hubspot_url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, tokens),
        sleep=at_once,
        timer=lambda: clock().timestamp(),
    ) as http:
        yield World(sandbox, HubSpot(source="crm", http=http, config=config, tokens=tokens), clock)


async def test_opens_a_ticket_for_the_company_in_the_name_of_the_contact(world: World) -> None:
    asked = new(HOSTILE)
    assert await world.find(asked) is None
    done = await ACTION.do(world.office, asked)
    assert await world.find(asked) == done
    assert await world.find(new()) is None

    (ticket,) = world.tickets
    assert (ticket.id, done.number) == (done.record, done.record)
    assert ticket.properties["subject"] == "Where is it?"
    assert ticket.properties["content"] == f"{HOSTILE}\n\n[{asked.reference}]"
    assert (ticket.properties["hs_pipeline"], ticket.properties["hs_pipeline_stage"]) == ("0", "1")
    assert world.associated(ticket.id, "companies") == ["9010"]
    assert world.associated(ticket.id, "contacts") == ["501"]


@pytest.mark.parametrize(
    ("customer", "persons"),
    [(BAKERY, ()), (HOTEL, (MAYA,)), (BAKERY, ("contact:1", BAKERY)), (MAYA, ()), (MAYA, (MAYA,))],
)
async def test_opens_one_in_nobodys_name_else(world: World, customer: str, persons: tuple[str, ...]) -> None:
    asked = new(customer=customer, persons=persons)
    assert await world.find(asked) is None
    assert await ACTION.do(world.office, asked) == await world.find(asked)
    one, none = ("contacts", "companies") if customer == MAYA else ("companies", "contacts")
    assert world.associated(world.tickets[0].id, one)
    assert not world.associated(world.tickets[0].id, none)


async def test_finds_a_ticket_that_the_search_does_not_know_yet(world: World) -> None:
    world.sandbox.site.hubspot.found_after = timedelta(hours=1)
    asked = new()
    assert await ACTION.do(world.office, asked) == await world.find(asked)


async def test_finds_a_ticket_below_whose_text_staff_have_written(world: World) -> None:
    asked = new()
    done = await ACTION.do(world.office, asked)
    world.tickets[0].properties["content"] = f"{world.tickets[0].properties['content']}\nRang her back."
    assert await world.find(asked) == done


@pytest.mark.parametrize("customer", ["company:1", "contact:1", "deal:1", "company:9010/../9030"])
async def test_opens_none_for_who_is_not_there(world: World, customer: str) -> None:
    with pytest.raises(NotFound):
        await ACTION.do(world.office, new(customer=customer))
    assert world.written == 0


async def test_opens_none_in_a_pipeline_that_is_not_there(world: World) -> None:
    office = replace(world.office, config=replace(world.office.config, ticket_pipeline="77"))
    with pytest.raises(NotSent):
        await ACTION.do(office, new())
    assert world.written == 0


async def test_says_what_has_not_gone_out_and_what_may_have(world: World) -> None:
    asked = new()
    world.sandbox.hubspot_fault(Fault(kind="unavailable"))
    with pytest.raises(NotSent):
        await ACTION.do(world.office, asked)
    assert world.tickets == []
    world.clock.now += timedelta(hours=1)  # until it is asked again
    world.sandbox.hubspot_fault(Fault(kind="lost"))
    with pytest.raises(Unavailable) as raised:
        await ACTION.do(world.office, asked)
    assert not isinstance(raised.value, NotSent)
    assert await world.find(asked)
    assert world.texts == ["Hello."]


async def nobody(*_: object) -> None:
    """Hear how a try has ended."""


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_opens_each_once_though_every_fifth_answer_is_lost(world: World, database: Database, seed: int) -> None:
    world.sandbox.site.hubspot.found_after = timedelta(seconds=30)
    texts = [f"{number}: {HOSTILE}" for number in range(25)]
    losing = Losing(
        office=Office(name="crm", title="CRM", connector=connector, promises={}, version="1", opened=world.office),
        link=LinkRef("crm", BAKERY),
        person=MAYA,
        share=0.2,
        fault=world.sandbox.hubspot_fault,
        written=lambda: world.written,
    )
    given: list[Given] = [("new_ticket", {"subject": "Hello", "text": text}, ()) for text in texts]
    await send_all_though_answers_are_lost(database, world.clock, seed, losing, given)
    assert Counter(world.texts) == Counter(texts)


async def test_takes_an_answer_that_names_no_ticket_for_no_answer(world: World) -> None:
    """Then it may be there, and is looked for."""
    world.sandbox.site.hubspot.pipelines["tickets"] = []
    with pytest.raises(NotSent) as raised:
        await ACTION.do(world.office, new(persons=(JOSEPH,)))
    assert isinstance(raised.value.__cause__, BadResponse)
