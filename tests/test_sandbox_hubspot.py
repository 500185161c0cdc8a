"""The sandbox's HubSpot answers as documented, and the connector reads from it what a customer may know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from support_sandbox import RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, Facts, Query, RecordQuery
from connectors.done import is_done
from connectors.errors import AccessDenied, NotFound, Unavailable
from connectors.records import Order, Record
from connectors.sandbox.faults import Fault
from connectors.scope import admit
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot import connector
from connectors.vendors.hubspot.api import HubSpot
from connectors.vendors.hubspot.settings import HubSpotConfig

TOKEN, NARROW = "sandbox-hubspot-token", "sandbox-hubspot-narrow"
BAKERY, CATERING, HOTEL, MAYA = "company:9010", "company:9020", "company:9030", "contact:501"
SHOP_ORDER = "54805204417"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Crm:
    """HubSpot as anybody would ask it, without our transport."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url, self.http = url, http
        self.headers = {"authorization": f"Bearer {TOKEN}"}

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"{self.url}{path}", params=params or None, headers=self.headers)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(f"{self.url}{path}", json=body, headers=self.headers)


def where(*filters: Any) -> dict[str, Any]:
    return {"filterGroups": [{"filters": list(filters)}]}


@pytest.fixture
def crm(sandbox: RunningSandbox, plain_http: httpx.Client) -> Crm:
    return Crm(sandbox.hubspot_url, plain_http)


@asynccontextmanager
async def opened(
    sandbox: RunningSandbox, token: str = TOKEN, offer_number: str = "offer_number"
) -> AsyncIterator[HubSpot]:
    config = HubSpotConfig(
        access_token=Secret(token),
        base_url=sandbox.hubspot_url,
        external_id_property="customer_number",
        offer_number_property=offer_number,
    )
    store = MemoryTokens()
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(config.base_url, policy=policy, auth=connector.auth(config, store)) as http:
        yield BackOffice(source="crm", http=http, config=config, tokens=store)


@pytest.fixture
async def office(sandbox: RunningSandbox) -> AsyncIterator[HubSpot]:
    async with opened(sandbox) as each:
        yield each


async def shown(office: HubSpot, customer: str, *, only_open: bool = False) -> dict[str, Record]:
    """Read all that a customer may see, or all of it that is open, by number."""
    records: dict[str, Record] = {}
    cursor = None
    while True:
        query = Query(customer=customer, asked_at=NOW, cursor=cursor, only_open=only_open)
        page = await connector.reads["orders"](office, query)
        admitted = admit(page.answers, customer)
        assert admitted.refused == ()
        records |= {record.number: record for record in admitted.records}
        cursor = page.cursor
        if cursor is None:
            return records


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer guess"}, {"authorization": f"Basic {TOKEN}"}])
def test_lets_nobody_in_without_a_token(crm: Crm, headers: dict[str, str]) -> None:
    answer = crm.http.get(f"{crm.url}/account-info/v3/details", headers=headers)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert answer.json().keys() == {"status", "message", "correlationId", "category"}


def test_names_the_scope_that_a_token_lacks(crm: Crm) -> None:
    crm.headers = {"authorization": f"Bearer {NARROW}"}
    answer = crm.get("/crm/v3/objects/deals")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert error["context"] == {"requiredGranularScopes": ["crm.objects.deals.read"]}
    assert crm.get("/crm/v3/objects/contacts").status_code == 200


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/crm/v3/objects/orders", {"bogus": "1"}),
        ("/crm/v3/objects/orders", {"limit": "101"}),
        ("/crm/v3/objects/orders", {"limit": "0"}),
        ("/crm/v3/objects/orders", {"after": "x"}),
        ("/crm/v3/objects/orders", {"archived": "maybe"}),
        ("/crm/v3/objects/orders", {"properties": "hs_order_name,hs_nonsense"}),
        (f"/crm/v3/objects/orders/{SHOP_ORDER}", {"fields": "hs_order_name"}),
        ("/crm/v4/objects/companies/9010/associations/orders", {"limit": "501"}),
        ("/crm/v3/pipelines/deals", {"limit": "1"}),
        ("/account-info/v3/details", {"portalId": "1"}),
    ],
)
def test_refuses_a_parameter_that_it_does_not_know(crm: Crm, path: str, params: dict[str, str]) -> None:
    answer = crm.get(path, **params)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/crm/v3/objects/orders/batch/read", []),
        ("/crm/v3/objects/orders/batch/read", {"inputs": []}),
        ("/crm/v3/objects/orders/batch/read", {"inputs": [{"id": 1}]}),
        ("/crm/v3/objects/orders/batch/read", {"inputs": [{"id": "1"}], "property": ["hs_order_name"]}),
        ("/crm/v3/objects/orders/batch/read", {"inputs": [{"id": "1"}], "properties": ["hs_nonsense"]}),
        ("/crm/v3/objects/orders/batch/read", {"inputs": [{"id": str(n)} for n in range(101)]}),
        ("/crm/v3/objects/companies/search", {"filterGroups": []}),
        ("/crm/v3/objects/companies/search", {"filterGroups": [{"filters": []}]}),
        ("/crm/v3/objects/companies/search", {"filterGroups": [{"filters": [{"propertyName": "name"}]}]}),
        ("/crm/v3/objects/orders/search", where({"propertyName": "hs_object_id", "operator": "IN", "value": "1"})),
        ("/crm/v3/objects/orders/search", where({"propertyName": "hs_object_id", "operator": "IN", "values": []})),
        ("/crm/v3/objects/orders/search", where({"propertyName": "hs_object_id", "operator": "ANY", "value": "1"})),
        ("/crm/v3/objects/orders/search", where({"propertyName": "associations.x", "operator": "EQ", "value": "1"})),
        ("/crm/v4/associations/orders/companies/batch/read", {"inputs": [{"id": "1", "limit": "1"}]}),
    ],
)
def test_refuses_a_question_that_it_does_not_know(crm: Crm, path: str, body: Any) -> None:
    answer = crm.post(path, body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/orders/1", "/crm/v3/objects/orders/54805204447", "/crm/v3/pipelines/contacts", "/crm/v3/nothing"],
)
def test_has_nothing_at_other_addresses(crm: Crm, path: str) -> None:
    crm.headers = {"authorization": f"Bearer {TOKEN}"}
    assert crm.get(path).status_code in (403, 404)


def test_gives_the_properties_asked_for_and_the_default_ones(crm: Crm) -> None:
    bare = crm.get(f"/crm/v3/objects/orders/{SHOP_ORDER}").json()
    asked = crm.get(f"/crm/v3/objects/orders/{SHOP_ORDER}", properties="hs_order_name,hs_external_order_id").json()
    assert bare.keys() == {"id", "properties", "createdAt", "updatedAt", "archived"}
    assert bare["properties"].keys() == {"hs_createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert asked["properties"]["hs_order_name"] == "WEB-1058"
    assert asked["properties"]["hs_external_order_id"] is None


def test_pages_through_records_and_associations(crm: Crm) -> None:
    for path in ("/crm/v3/objects/deals", "/crm/v4/objects/companies/9010/associations/deals"):
        whole = crm.get(path, limit=100).json()
        first = crm.get(path, limit=5).json()
        rest = crm.get(path, limit=100, after=first["paging"]["next"]["after"]).json()
        assert first["results"] + rest["results"] == whole["results"]
        assert "paging" not in rest


def test_answers_a_batch_in_part(crm: Crm) -> None:
    objects = crm.post("/crm/v3/objects/orders/batch/read", {"inputs": [{"id": SHOP_ORDER}, {"id": "1"}]})
    links = crm.post("/crm/v4/associations/orders/companies/batch/read", {"inputs": [{"id": SHOP_ORDER}, {"id": "1"}]})
    for answer in (objects, links):
        assert (answer.status_code, answer.json()["numErrors"], len(answer.json()["results"])) == (207, 1, 1)
    assert links.json()["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


async def test_says_which_account_it_is(office: HubSpot) -> None:
    assert await connector.check(office) == "HubSpot, account 48210533 at app-eu1.hubspot.com"


async def test_tells_an_admin_what_a_token_lacks(sandbox: RunningSandbox) -> None:
    async with opened(sandbox, NARROW) as narrow:
        with pytest.raises(AccessDenied, match=r"crm\.objects\.orders\.read, crm\.objects\.deals\.read"):
            await connector.check(narrow)


async def test_shows_orders_and_offers_and_none_of_the_sales_work(office: HubSpot) -> None:
    records = await shown(office, BAKERY)
    assert {number: record.state for number, record in records.items()} == {
        "WEB-1041": "delivered",
        "WEB-1058": "on_its_way",
        "WEB-1061": "confirmed",
        "WEB-1063": "received",
        "WEB-1049": "cancelled",
        "WEB-1055": "unknown",
        "Q-218": "quoted",
        "Q-209": "confirmed",
    }
    assert "INTERNAL-CANARY" not in repr(records)


@pytest.mark.parametrize("customer", [BAKERY, CATERING, HOTEL, "company:9040", MAYA, "contact:504"])
async def test_keeps_staffs_business_inside(office: HubSpot, customer: str) -> None:
    records = await shown(office, customer)
    assert records
    assert "INTERNAL-CANARY" not in repr(records)


async def test_shows_a_person_what_is_theirs_at_each_company(office: HubSpot) -> None:
    assert {"WEB-1058", "WEB-1060"} <= (await shown(office, MAYA)).keys()
    assert "WEB-1061" not in await shown(office, MAYA)


async def test_takes_the_accounts_currency_where_a_deal_names_none(office: HubSpot) -> None:
    training = (await shown(office, BAKERY))["Q-209"]
    assert isinstance(training, Order)
    assert training.total
    assert (training.total.currency, str(training.total.amount)) == ("EUR", "480.00")


async def test_numbers_an_offer_as_the_account_does_or_else_by_its_id(sandbox: RunningSandbox) -> None:
    for named, number in (("offer_number", "Q-218"), ("", "11201934445"), ("dealname", "11201934445")):
        async with opened(sandbox, offer_number=named) as office:
            assert number in await shown(office, BAKERY)


@pytest.mark.parametrize("customer", [BAKERY, CATERING, HOTEL, "company:9040", MAYA])
async def test_tells_what_is_open_as_all_of_it_would(office: HubSpot, customer: str) -> None:
    everything = await shown(office, customer)
    still_open = {number: each for number, each in everything.items() if not is_done("orders", each)}
    assert len(still_open) > 0
    assert await shown(office, customer, only_open=True) == still_open


async def test_finds_every_open_order_of_hundreds(sandbox: RunningSandbox, office: HubSpot) -> None:
    """More than a search, a list and a page hold. In none of the places, an order's stage need be named."""
    store = sandbox.site.hubspot
    made = {f"BULK-{number}" for number in range(520)}
    for place, name in enumerate(sorted(made)):
        row = deepcopy(store.objects["orders"][SHOP_ORDER])
        row.id, row.properties["hs_order_name"] = f"60000000{place:03}", name
        if place % 2:
            row.properties["hs_pipeline_stage"] = row.properties["hs_fulfillment_status"] = None
        store.objects["orders"][row.id] = row
        store.associate(("orders", row.id), ("companies", "9040"), (509, 510))
    whole = await shown(office, "company:9040")
    assert made | {"WEB-1052"} == whole.keys()
    assert await shown(office, "company:9040", only_open=True) == whole


async def test_believes_the_order_before_the_search(sandbox: RunningSandbox, office: HubSpot) -> None:
    """The fulfilment says more than the stage, which is all that can be searched for."""
    order = sandbox.site.hubspot.objects["orders"][SHOP_ORDER]
    assert "WEB-1058" in await shown(office, BAKERY, only_open=True)
    order.properties["hs_fulfillment_status"] = "Delivered"
    assert "WEB-1058" not in await shown(office, BAKERY, only_open=True)


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (f"order-{SHOP_ORDER}", ["Proofing basket, 1 kg"]),
        ("deal-11201934445", ["Retarder-proofer, two doors", "Delivery and fitting"]),
        ("deal-11201934390", ["Half a day for up to six people"]),
    ],
)
async def test_fetches_the_lines_and_not_what_they_cost_us(office: HubSpot, key: str, texts: list[str]) -> None:
    order = (await connector.fetch["orders"](office, RecordQuery(id=key, customer=BAKERY, asked_at=NOW))).record
    assert isinstance(order, Order)
    assert [line.text for line in order.lines] == texts
    totals = [line.total for line in order.lines if line.total]
    assert order.total
    assert {total.currency for total in totals} == {order.total.currency}
    assert sum(total.amount for total in totals) == order.total.amount
    assert "INTERNAL-CANARY" not in repr(order)


async def test_lists_orders_with_their_lines_but_for_one_without_measure(
    sandbox: RunningSandbox, office: HubSpot
) -> None:
    store = sandbox.site.hubspot
    (line,) = [each for each in store.objects["line_items"].values() if each.id.startswith(SHOP_ORDER)]
    for number in range(1000):
        store.objects["line_items"][f"7{number:04}"] = replace(line, id=f"7{number:04}")
        store.associate(("orders", SHOP_ORDER), ("line_items", f"7{number:04}"), (513, 514))
    texts = {
        number: [line.text for line in order.lines]
        for number, order in (await shown(office, BAKERY)).items()
        if isinstance(order, Order)
    }
    assert texts["WEB-1041"] == ["Oven thermometer with probe", "Oven cleaner, 5 kg"]
    assert texts["WEB-1058"] == []


async def test_fetches_an_order_for_its_own_customer_only(office: HubSpot) -> None:
    wanted = RecordQuery(id=f"order-{SHOP_ORDER}", customer=BAKERY, asked_at=NOW)
    order = (await connector.fetch["orders"](office, wanted)).record
    assert isinstance(order, Order)
    assert [each.tracking_number for each in order.shipments] == ["123098521091"]
    for customer, key in ((CATERING, f"order-{SHOP_ORDER}"), (BAKERY, "deal-11201934451"), (BAKERY, "order-1")):
        with pytest.raises(NotFound):
            await connector.fetch["orders"](office, RecordQuery(id=key, customer=customer, asked_at=NOW))


async def test_loses_at_once_what_was_archived(sandbox: RunningSandbox, office: HubSpot) -> None:
    """Archiving leaves the date of change alone."""
    order = sandbox.site.hubspot.objects["orders"][SHOP_ORDER]
    assert "WEB-1058" in await shown(office, BAKERY)
    order.archived = True
    assert "WEB-1058" not in await shown(office, BAKERY)


async def test_follows_an_association_that_moved(sandbox: RunningSandbox, office: HubSpot) -> None:
    """No property of the order changes, and none of the companies'."""
    store = sandbox.site.hubspot
    store.part(("orders", SHOP_ORDER), ("companies", "9010"))
    store.associate(("orders", SHOP_ORDER), ("companies", "9020"), (509, 510))
    assert "WEB-1058" not in await shown(office, BAKERY)
    assert "WEB-1058" in await shown(office, CATERING)


@pytest.mark.parametrize(
    ("facts", "candidates"),
    [
        (Facts(email="maya@alderlane.example"), {MAYA: {"email"}, BAKERY: {"email"}, CATERING: {"email"}}),
        (
            Facts(email="joneill@fenwick.example"),
            {"contact:504": {"additional_email"}, "company:9040": {"additional_email"}},
        ),
        (Facts(email="jo.o'neill@fenwick.example"), {"contact:504": {"email"}, "company:9040": {"email"}}),
        (Facts(external_id="10482"), {BAKERY: {"external_id"}}),
        (Facts(domain="ALDERLANE.example"), {BAKERY: {"domain"}, CATERING: {"domain"}}),
        (
            Facts(email="ines@harbourhotel.example", external_id="10031", domain="harbourhotel.example"),
            {"contact:503": {"email"}, HOTEL: {"email", "external_id", "domain"}},
        ),
        (Facts(email="sam@nowhere.example"), {}),
    ],
)
async def test_finds_who_a_person_may_be(office: HubSpot, facts: Facts, candidates: dict[str, set[str]]) -> None:
    found = await connector.find(office, facts)
    assert {each.customer: set(each.matched) for each in found} == candidates


async def test_keeps_a_ledger_and_fails_on_demand(sandbox: RunningSandbox, office: HubSpot) -> None:
    await shown(office, HOTEL)
    seen = sandbox.hubspot_seen
    assert seen[0].path == "/crm/v4/objects/companies/9030/associations/orders"
    assert {each.path.split("/")[2] for each in seen if each.path.startswith("/crm")} == {"v3", "v4"}
    sandbox.hubspot_fault(Fault(kind="unavailable"))
    with pytest.raises(Unavailable):
        await shown(office, HOTEL)
