"""What back offices tell of a customer, by which customers are sorted."""

from collections.abc import Mapping

import httpx
import pytest
from support_portal import LAX
from support_sandbox import RunningSandbox
from test_details import OFFICES

from auth.clock import utc_now
from connectors.config import decode_config
from connectors.contract import BackOffice
from connectors.errors import BadResponse, NotFound
from connectors.properties import told
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot.properties import read_properties
from connectors.vendors.hubspot.settings import HubSpotConfig
from connectors.vendors.tryton import connector as tryton
from connectors.vendors.tryton.settings import TrytonConfig
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


FIELDS = {"categories": "many2many", "lang": "many2one", "receivable": "numeric", "since": "date", "photo": "binary"}
DECIMAL, DAY = (
    {"__class__": "Decimal", "decimal": "12.50"},
    {"__class__": "date", "year": 2026, "month": 2, "day": 3},
)


async def in_tryton(party: dict[str, object], *names: str) -> tuple[Mapping[str, tuple[str, ...]], str]:
    """Ask a Tryton that has `FIELDS`. Gives what it told, and what it was asked for at last."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        rows: list[dict[str, object]] = [
            {"id": 1, "name": name, "ttype": ttype} for name, ttype in FIELDS.items() if name in names
        ]
        if request.url.path.endswith("party.party"):
            rows = [party]
        return httpx.Response(200, json=rows, headers={"content-range": f"records 0-{len(rows)}/{len(rows)}"})

    config = decode_config(TrytonConfig, {"base_url": "https://x.test", "database": "x", "application_key": "k" * 40})
    async with httpx.AsyncClient(base_url="https://x.test", transport=httpx.MockTransport(answer)) as http:
        office = BackOffice(source="erp", http=http, config=config, tokens=MemoryTokens())
        assert tryton.properties
        return await tryton.properties.read(office, "7", set(names)), asked[-1]


async def test_makes_words_of_what_tryton_tells() -> None:
    categories = [{"id": 3, "rec_name": "Trade / Yards"}, {"id": 4, "rec_name": "Harbours"}]
    party: dict[str, object] = {"id": 7, "categories": categories, "lang": None, "receivable": DECIMAL, "since": DAY}
    told_of, asked = await in_tryton(party, *FIELDS, "nothing_like_it")
    assert told_of == {
        "categories": ("Trade / Yards", "Harbours"),
        "lang": (),
        "receivable": ("12.50",),
        "since": ("2026-02-03",),
    }
    assert "f=categories.rec_name&f=lang.rec_name&f=receivable&f=since" in asked
    assert "photo" not in asked
    assert "nothing_like_it" not in asked, "a field that is not there would be an error"


async def test_does_not_say_that_they_lack_what_nobody_may_read_in_tryton() -> None:
    told_of, _ = await in_tryton({"id": 7, "lang": None}, "categories", "lang")
    assert told_of == {"lang": ()}


@pytest.mark.parametrize(("party", "error"), [({"id": 8}, NotFound), ({"id": 7, "lang": {"x": 1}}, BadResponse)])
async def test_believes_no_other_answer_of_tryton(party: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        await in_tryton(party, "lang")
