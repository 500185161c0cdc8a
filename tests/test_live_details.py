"""Details of a person in a real Request Tracker and a real Tryton, by accounts that may change them and others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support_rt import RequestTracker
from support_tryton import Tryton

from connectors.actions import Change
from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret
from connectors.contract import BackOffice, Connector
from connectors.errors import NotAllowed, NotFound, Refused
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import connector as rt
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.tryton import connector as tryton_connector
from connectors.vendors.tryton.settings import TrytonConfig
from gateway.outbox.references import new_reference

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
DORA, EMIL = "dora@initrode.example", "emil@initrode.example"
HOSTILE = "Zoë <b> O'Neill \\ 漢字"
Office = BackOffice[Any]


@asynccontextmanager
async def opened(connector: Connector[Any], config: Config, url: str) -> AsyncIterator[Office]:
    async with open_client(
        url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, MemoryTokens()),
        deadline=30.0,
    ) as http:
        yield BackOffice(source="far", http=http, config=config, tokens=MemoryTokens())


@asynccontextmanager
async def as_account(server: RequestTracker, account: str, *, changes: bool = True) -> AsyncIterator[Office]:
    server.insert(HERE / account)
    token = Secret((server.folder / "token").read_text())
    config = RequestTrackerConfig(base_url=server.url, token=token, changes_details=changes)
    async with opened(rt, config, server.url) as office:
        yield office


@pytest.fixture(scope="module")
def server(request_tracker: RequestTracker) -> RequestTracker:
    for name in (DORA, EMIL):
        request_tracker.user(name)
    request_tracker.call("PUT", f"/user/{DORA}", {"WorkPhone": "0113 1", "City": "Leeds", "Comments": "pays late"})
    return request_tracker


@pytest_asyncio.fixture
async def portal(tryton: Tryton) -> AsyncIterator[Office]:
    key = Secret(tryton.portal_key)
    config = TrytonConfig(base_url=tryton.url, database=tryton.database, application_key=key)
    async with opened(tryton_connector, config, tryton.url) as office:
        yield office


async def held(connector: Connector[Any], office: Office, person: str) -> dict[str, str]:
    assert connector.details is not None
    return {name: value for name, value in (await connector.details(office, person)).values.items() if value}


async def change(
    connector: Connector[Any], office: Office, whose: tuple[str, str], before: dict[str, str], after: dict[str, str]
) -> None:
    customer, person = whose
    named: dict[str, Any] = {"customer": customer, "persons": (person,), "person": person}
    asked = Change(reference=new_reference(), before=before, after=after, **named)
    await connector.actions["change_details"].do(office, asked)


async def test_changes_a_users_details(server: RequestTracker) -> None:
    async with as_account(server, "rt_changer.pl") as office:
        known = {"name": "dora", "email": DORA, "phone": "0113 1", "city": "Leeds"}
        assert await held(rt, office, DORA) == known
        before = {"name": "dora", "phone": "0113 1", "mobile": "", "street": "", "zip": "", "city": "Leeds"}
        after = {"name": HOSTILE, "phone": "", "mobile": "07700 1", "street": HOSTILE, "zip": "LS1", "city": "York"}
        for _ in range(2):
            await change(rt, office, (DORA, DORA), before, after)
        now = {name: value for name, value in after.items() if value} | {"email": DORA}
        assert await held(rt, office, DORA) == now
        with pytest.raises(Refused):
            await change(rt, office, (DORA, DORA), {"city": "Leeds"}, {"city": "Hull"})
        for customer, person in ((EMIL, DORA), (DORA, EMIL), (DORA, "dora' OR Name = 'root")):
            with pytest.raises(NotFound):
                await change(rt, office, (customer, person), {"city": "York"}, {"city": "Hull"})
        assert await held(rt, office, DORA) == now
        assert server.call("GET", f"/user/{DORA}", {})["Comments"] == "pays late"


async def test_shows_and_changes_nothing_that_an_admin_did_not_allow(server: RequestTracker) -> None:
    server.call("PUT", f"/user/{EMIL}", {"MobilePhone": "07700 2"})
    async with as_account(server, "rt_sender.pl", changes=False) as office:
        assert rt.details is not None
        known = await rt.details(office, EMIL)
        assert known.values == {"name": "emil", "email": EMIL}
        assert known.locked.keys() == known.values.keys()
        for name in ("name", "mobile"):
            with pytest.raises(Refused):
                await change(rt, office, (EMIL, EMIL), {name: known.values.get(name, "")}, {name: "1"})


async def test_says_that_an_account_may_not_change_users(server: RequestTracker) -> None:
    async with as_account(server, "rt_sender.pl") as office:
        before = await held(rt, office, EMIL)
        with pytest.raises(NotAllowed):
            await change(rt, office, (EMIL, EMIL), {"phone": ""}, {"phone": "0113 2"})
        assert await held(rt, office, EMIL) == before
        assert server.call("GET", f"/user/{EMIL}", {}).get("WorkPhone") in (None, "")


def address(tryton: Tryton, value: str) -> str:
    """Give the id of an address of a party's."""
    (found,) = tryton.rpc("model.party.contact_mechanism.search_read", [["value", "=", value]], 0, None, None, ["id"])
    return str(found["id"])


async def test_changes_the_name_beside_an_address(portal: Office, tryton: Tryton) -> None:
    bob, party = address(tryton, "bob@globe-rigging.example"), str(tryton.ids["bob"])
    assert await held(tryton_connector, portal, bob) == {"email": "bob@globe-rigging.example"}
    for _ in range(2):
        await change(tryton_connector, portal, (party, bob), {"name": ""}, {"name": HOSTILE})
    assert (await held(tryton_connector, portal, bob))["name"] == HOSTILE
    with pytest.raises(Refused):
        await change(tryton_connector, portal, (party, bob), {"name": ""}, {"name": "Bob"})
    for name in ("email", "phone"):
        with pytest.raises(Refused):
            await change(tryton_connector, portal, (party, bob), {name: ""}, {name: "x@y.example"})
    with pytest.raises(NotFound):
        await change(tryton_connector, portal, (str(tryton.ids["ann"]), bob), {"name": HOSTILE}, {"name": "Bob"})
    await change(tryton_connector, portal, (party, bob), {"name": HOSTILE}, {"name": ""})
    assert await held(tryton_connector, portal, bob) == {"email": "bob@globe-rigging.example"}
