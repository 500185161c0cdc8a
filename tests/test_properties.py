"""What back offices tell of a customer, by which customers are sorted."""

import httpx
import pytest
from support_portal import LAX
from support_sandbox import RunningSandbox
from test_details import OFFICES

from auth.clock import utc_now
from connectors.config import decode_config
from connectors.contract import BackOffice
from connectors.errors import NotFound
from connectors.properties import told
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot.properties import read_properties
from connectors.vendors.hubspot.settings import HubSpotConfig
from gateway.segments import Known, Rule

SAID: dict[str, dict[str, tuple[str, ...] | None]] = {  # None: they have no such property
    "hubspot": {"industry": ("FOOD_PRODUCTION",), "numberofemployees": ("12",), "nothing_like_it": None},
    "odoo": {"category_id": ("Retail",), "city": ("Leeds",), "parent_id": (), "x_nothing_like_it": None},
}


@pytest.mark.parametrize("vendor", sorted(SAID))
async def test_tells_what_it_is_asked_for(vendor: str, sandbox: RunningSandbox) -> None:
    far = OFFICES[vendor]
    connector = far.connector
    config = decode_config(connector.config, {**far.settings, "base_url": far.address(sandbox)})
    tokens = MemoryTokens()
    assert connector.properties
    assert all(map(connector.properties.takes, (*connector.properties.known, *SAID[vendor])))
    assert not connector.properties.takes("no, it is not")
    async with open_client(connector.base_url(config), policy=LAX, auth=connector.auth(config, tokens)) as http:
        office = BackOffice(source=vendor, http=http, config=config, tokens=tokens)
        names = {name for name in SAID[vendor] if vendor != "hubspot" or "like" not in name}  # the sandbox refuses it
        wanted = {name: SAID[vendor][name] for name in names if SAID[vendor][name] is not None}
        assert await connector.properties.read(office, far.customer, names) == wanted
        with pytest.raises(NotFound):
            await connector.properties.read(office, "999999" if vendor == "odoo" else "company:999999", {"industry"})


async def test_does_not_say_that_they_lack_what_hubspot_does_not_know() -> None:
    """It answers null for what has no value, and leaves out what it does not have."""
    answer = httpx.Response(
        200, json={"id": "9010", "properties": {"industry": "FOOD", "type": None, "name": "Bakery"}}
    )
    config = decode_config(HubSpotConfig, OFFICES["hubspot"].settings)
    async with httpx.AsyncClient(base_url="https://x.test", transport=httpx.MockTransport(lambda _: answer)) as http:
        office = BackOffice(source="crm", http=http, config=config, tokens=MemoryTokens())
        found = await read_properties(office, "company:9010", {"industry", "type", "renamed"})
    assert found == {"industry": ("FOOD",), "type": ()}
    rule = Rule(source="crm", property="renamed", how="is", values=("x",))
    now = utc_now()
    assert rule.holds({"crm": (Known(found, now),)}, now) is None


def test_makes_texts_of_whatever_comes() -> None:
    assert told(["  a\n b ", None, False, 7, ""]) == ("a b", "7")
    assert told(False) == told(None) == told("") == ()
    assert told("x" * 999) == ("x" * 200,)
