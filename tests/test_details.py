"""Details of a person in the back offices of the sandbox: read, changed once, and never another one's."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from msgspec import Struct
from support_sandbox import HUBSPOT_TOKEN, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox

from connectors.actions import Change, Done
from connectors.addresses import AddressPolicy
from connectors.config import decode_config
from connectors.contract import BackOffice, Connector
from connectors.details import COMPANYS, PROOF, DetailName, Held
from connectors.errors import NotAllowed, NotFound, NotSent, Refused, Unavailable
from connectors.sandbox.faults import Fault, Seen, Switch
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot import connector as hubspot
from connectors.vendors.odoo import connector as odoo
from connectors.vendors.request_tracker import connector as request_tracker
from connectors.vendors.zendesk import connector as zendesk
from gateway.outbox.references import new_reference

MAIL, JOSEPH = "maya@alderlane.example", "joseph@alderlane.example"
MOST = 200


class Far(Struct, frozen=True, kw_only=True):
    """A back office: somebody there, their customer, somebody else's, and what is known of them."""

    connector: Connector[Any]
    settings: dict[str, Any]
    customer: str
    person: str
    stranger: str
    held: dict[DetailName, str]
    locked: dict[DetailName, str]
    address: Callable[[RunningSandbox], str]
    switch: Callable[[RunningSandbox], Switch]
    writes: Callable[[Seen], bool]


OFFICES = {
    "hubspot": Far(
        connector=hubspot,
        settings={"access_token": HUBSPOT_TOKEN},
        customer="company:9010",
        person="contact:501",
        stranger="company:9030",
        held={
            "first_name": "Maya",
            "last_name": "Okafor",
            "job_title": "Owner",
            "email": MAIL,
            "phone": "+353 1 555 0142",
            "mobile": "+353 86 555 0142",
            "street": "14 Alder Lane",
            "zip": "D08 X2Y4",
            "city": "Dublin",
        },
        locked={"email": PROOF},
        address=lambda sandbox: sandbox.hubspot_url,
        switch=lambda sandbox: sandbox.site.hubspot_switch,
        writes=lambda seen: seen.method == "PATCH",
    ),
    "odoo": Far(
        connector=odoo,
        settings={"database": ODOO_DATABASE, "login": ODOO_LOGIN, "api_key": ODOO_KEY},
        customer="10",
        person="11",
        stranger="30",
        held={
            "name": "Maya Okafor",
            "job_title": "Owner",
            "email": MAIL,
            "phone": "0113 496 0142",
            "mobile": "",
            "street": "14 Market Street",
            "zip": "LS1 0XX",
            "city": "Leeds",
        },
        locked={"email": PROOF, "street": COMPANYS, "zip": COMPANYS, "city": COMPANYS},
        address=lambda sandbox: sandbox.odoo_url,
        switch=lambda sandbox: sandbox.site.odoo_switch,
        writes=lambda seen: b'"write"' in seen.body,
    ),
    "zendesk": Far(
        connector=zendesk,
        settings={"email": "portal@kestrel.example", "api_token": "sandbox0zendesk0token0sandbox0zendesk0to"},
        customer="organization:360001000010",
        person="user:360002000031",
        stranger="organization:360001000030",
        held={"name": "Maya Okafor", "email": MAIL, "phone": "+44 113 496 0142"},
        locked={"email": PROOF},
        address=lambda sandbox: sandbox.zendesk_url,
        switch=lambda sandbox: sandbox.site.zendesk_switch,
        writes=lambda seen: seen.method == "PUT",
    ),
    "request_tracker": Far(
        connector=request_tracker,
        settings={"token": RT_TOKEN, "queue": "Customers", "changes_details": True},
        customer=JOSEPH,
        person=JOSEPH,
        stranger="joneill",
        held={
            "name": "Joseph Hale",
            "email": JOSEPH,
            "phone": "0113 496 0142",
            "mobile": "",
            "street": "",
            "zip": "",
            "city": "",
        },
        locked={"email": PROOF},
        address=lambda sandbox: sandbox.rt_url,
        switch=lambda sandbox: sandbox.site.rt_switch,
        writes=lambda seen: seen.method == "PUT",
    ),
}


async def at_once(_: float) -> None:
    """Wait for nothing."""


class World(Struct):
    sandbox: RunningSandbox
    far: Far
    office: BackOffice[Any]

    async def held(self) -> Held:
        assert self.far.connector.details is not None
        return await self.far.connector.details(self.office, self.far.person)

    async def change(self, before: Mapping[str, str], after: Mapping[str, str], **more: Any) -> Done:
        person = more.get("person", self.far.person)
        whose: dict[str, Any] = {"customer": self.far.customer, "person": person, "persons": (person,), **more}
        asked = Change(reference=new_reference(), before=dict(before), after=dict(after), **whose)
        done: Done = await self.far.connector.actions["change_details"].do(self.office, asked)
        return done

    @property
    def written(self) -> int:
        return sum(map(self.far.writes, self.far.switch(self.sandbox).seen))


@pytest.fixture(params=OFFICES)
async def world(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> AsyncIterator[World]:
    far, tokens = OFFICES[request.param], MemoryTokens()
    config = decode_config(far.connector.config, {"base_url": far.address(sandbox), **far.settings})
    async with open_client(
        far.connector.base_url(config),
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=far.connector.auth(config, tokens),
        sleep=at_once,
    ) as http:
        yield World(sandbox, far, BackOffice(source="far", http=http, config=config, tokens=tokens))


async def test_tells_what_is_known_of_a_person_and_what_is_locked(world: World) -> None:
    held = await world.held()
    assert (held.values, held.locked) == (world.far.held, world.far.locked)
    assert world.far.customer in held.customers
    assert "INTERNAL-CANARY" not in str(held)


async def test_changes_what_is_not_locked_and_nothing_else(world: World) -> None:
    free = [name for name in world.far.held if name not in world.far.locked]
    after: dict[Any, str] = {name: f"{number} Zoë <b>" for number, name in enumerate(free)}
    before: dict[Any, str] = {name: world.far.held[name] for name in free}
    done = await world.change(before, after)
    assert (await world.held()).values == world.far.held | after
    assert await world.change(before, after) == done
    assert world.written == 1  # the second one had nothing left to write


async def test_empties_a_detail(world: World) -> None:
    await world.change({"phone": world.far.held["phone"]}, {"phone": ""})
    assert (await world.held()).values == world.far.held | {"phone": ""}


async def test_leaves_alone_what_somebody_else_has_changed(world: World) -> None:
    await world.change({"phone": world.far.held["phone"]}, {"phone": "0800 1"})
    with pytest.raises(Refused):
        await world.change({"phone": world.far.held["phone"]}, {"phone": "0800 2"})
    assert (await world.held()).values["phone"] == "0800 1"
    assert world.written == 1


@pytest.mark.parametrize("name", ["email", "notes", "id", "customer", "address"])
async def test_changes_neither_what_is_locked_nor_what_is_no_detail(world: World, name: str) -> None:
    with pytest.raises(Refused):
        await world.change({name: MAIL}, {name: "eve@evil.example"})
    with pytest.raises(Refused):
        await world.change({"phone": world.far.held["phone"]}, {"phone": "9" * (MOST + 1)})
    assert world.written == 0


async def test_changes_nobody_elses_details(world: World) -> None:
    before, after = {"phone": world.far.held["phone"]}, {"phone": "1"}
    for whose, error in (
        ({"customer": world.far.stranger}, NotFound),
        ({"person": "0"}, NotFound),
        ({"person": f"{world.far.person}/../1"}, NotFound),
        ({"persons": ()}, NotAllowed),
        ({"persons": ("0",)}, NotAllowed),
    ):
        with pytest.raises(error):
            await world.change(before, after, **whose)
    assert world.written == 0


async def test_says_what_has_not_gone_out(world: World) -> None:
    world.far.switch(world.sandbox).fault = Fault(kind="unavailable")
    with pytest.raises(NotSent):
        await world.change({"phone": world.far.held["phone"]}, {"phone": "1"})
    assert world.written == 0


async def test_comes_to_the_same_after_a_lost_answer(world: World) -> None:
    before, after = {"phone": world.far.held["phone"]}, {"phone": "1"}
    world.far.switch(world.sandbox).fault = Fault(kind="lost")
    with pytest.raises(Unavailable):
        await world.change(before, after)
    world.sandbox.lift_faults()
    assert world.far.connector.actions["change_details"].same_twice
    await world.change(before, after)
    assert (await world.held()).values == world.far.held | after
    assert world.written == 1
