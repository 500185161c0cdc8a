"""The page on which somebody plays the staff of the back offices."""

import re
from datetime import UTC, datetime
from typing import Any

import html5lib
import httpx
import pytest
from support_sandbox import HUBSPOT_TOKEN, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, Query, RecordQuery
from connectors.records import Invoice
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.hubspot import connector as hubspot
from connectors.vendors.hubspot.settings import HubSpotConfig
from connectors.vendors.odoo import connector, invoices
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.settings import OdooConfig

BAKERY, OVERDUE = "10", 2093
STATUS = {"status": "solved"}


class Control:
    def __init__(self, url: str, http: httpx.Client) -> None:
        self.host, self.url, self.http = url, f"{url}/control", http

    def post(self, path: str, values: object, **headers: str) -> httpx.Response:
        return self.http.request("POST", f"{self.url}/{path}", data=values, headers=headers)  # type: ignore[arg-type]  # any form

    def page(self) -> str:
        return self.http.get(f"{self.url}/").text


@pytest.fixture
def control(sandbox: RunningSandbox, plain_http: httpx.Client) -> Control:
    return Control(sandbox.url, plain_http)


async def states_in_hubspot(sandbox: RunningSandbox) -> set[tuple[str, str]]:
    """Read what the bakery has there, with the connector."""
    config = HubSpotConfig(
        access_token=Secret(HUBSPOT_TOKEN), base_url=sandbox.hubspot_url, offer_number_property="offer_number"
    )
    tokens, policy = MemoryTokens(), AddressPolicy(allow_http=True, allow_private=True)
    found = set[tuple[str, str]]()
    async with open_client(config.base_url, policy=policy, auth=hubspot.auth(config, tokens)) as http:
        office = BackOffice(source="crm", http=http, config=config, tokens=tokens)
        for cursor in ("orders:", "deals:"):
            query = Query(customer="company:9010", asked_at=datetime.now(UTC), cursor=cursor)
            page = await hubspot.reads["orders"](office, query)
            found |= {(answer.record.number, answer.record.state) for answer in page.answers}
    return found


def test_lists_records_with_their_states(control: Control) -> None:
    answer = control.http.get(f"{control.url}/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for text in ("WEB-1058", "Q-218", "SO-4381", "INV-2093", "#7081", "#881", "Maya Okafor", "EUR 2,480.00"):
        assert text in answer.text
    assert '<option value="not_paid" selected>not paid</option>' in answer.text
    assert control.http.get(control.url).text == answer.text


def test_needs_no_script_and_allows_none(control: Control) -> None:
    answer = control.http.get(f"{control.url}/")
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "<script" not in answer.text
    assert "Oven door &lt;b&gt;does not close&lt;/b&gt; &amp; smokes" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe" not in policy


def test_sends_the_browser_back_to_the_record(control: Control) -> None:
    answer = control.post(f"odoo/invoices/{OVERDUE}", {"payment_state": "paid"}, origin=control.host)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{control.url}/#odoo-invoices-{OVERDUE}")
    assert f'id="odoo-invoices-{OVERDUE}"' in control.page()


async def test_is_read_by_the_connector(control: Control, sandbox: RunningSandbox) -> None:
    config = OdooConfig(base_url=sandbox.odoo_url, database=ODOO_DATABASE, login=ODOO_LOGIN, api_key=Secret(ODOO_KEY))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(connector.base_url(config), policy=policy) as http:
        office = Odoo(source="erp", http=http, config=config, tokens=MemoryTokens())

        async def read() -> Invoice:
            query = RecordQuery(id=str(OVERDUE), customer=BAKERY, asked_at=datetime.now(UTC))
            return (await invoices.fetch_invoice(office, query)).record

        before = await read()
        assert control.post(f"odoo/invoices/{OVERDUE}", {"payment_state": "paid"}).status_code == 303
        after = await read()
    assert (before.state, after.state) == ("open", "paid")
    assert after.open
    assert after.open.amount == 0
    assert before.origin.changed_at
    assert after.origin.changed_at
    assert after.origin.changed_at > before.origin.changed_at


@pytest.mark.parametrize(("state", "part"), [("not_paid", 1), ("partial", 0.5), ("in_payment", 0), ("paid", 0)])
def test_leaves_to_pay_what_goes_with_the_state(
    control: Control, sandbox: RunningSandbox, state: str, part: float
) -> None:
    row = sandbox.site.odoo.rows["account.move"][OVERDUE]
    control.post(f"odoo/invoices/{OVERDUE}", {"payment_state": state})
    assert row["payment_state"] == state
    assert float(row["amount_residual"]) == float(row["amount_residual_signed"]) == float(row["amount_total"]) * part


def test_changes_an_order(control: Control, sandbox: RunningSandbox) -> None:
    row = sandbox.site.odoo.rows["sale.order"][4417]
    assert control.post("odoo/orders/4417", {"state": "sale", "delivery_status": "full"}).status_code == 303
    assert (row["state"], row["delivery_status"], row["write_date"]) == ("sale", "full", row["effective_date"])
    service = sandbox.site.odoo.rows["sale.order"][4390]
    assert control.post("odoo/orders/4390", {"state": "cancel", "delivery_status": ""}).status_code == 303
    assert (service["state"], service["delivery_status"]) == ("cancel", None)


async def test_moves_an_order_of_hubspot(control: Control, sandbox: RunningSandbox) -> None:
    assert await states_in_hubspot(sandbox) >= {("WEB-1058", "on_its_way"), ("Q-218", "quoted")}
    assert control.post("hubspot/orders/54805204417", {"stage": "Delivered"}).status_code == 303
    assert control.post("hubspot/deals/11201934445", {"stage": "Closed Won"}).status_code == 303
    assert await states_in_hubspot(sandbox) >= {("WEB-1058", "delivered"), ("Q-218", "confirmed")}
    assert '<option value="Closed Won" selected>' in control.page()
    deal = sandbox.site.hubspot.objects["deals"]["11201934445"]
    assert deal.properties["closedate"] == deal.properties["hs_lastmodifieddate"] == deal.updated_at


def test_offers_the_stages_of_the_own_pipeline(control: Control) -> None:
    """Those of another one are no stages of this record."""
    assert control.post("hubspot/deals/11201934390", {"stage": "In talks"}).status_code == 303
    assert control.post("hubspot/deals/11201934390", {"stage": "Closed Won"}).status_code == 400


def test_changes_a_ticket_of_zendesk_until_it_is_closed(control: Control, sandbox: RunningSandbox) -> None:
    row = sandbox.site.zendesk.tickets[7081]
    before = row["updated_at"]
    assert control.post("zendesk/tickets/7081", STATUS).status_code == 303
    assert row["status"] == "solved"
    assert row["updated_at"] > before
    assert control.post("zendesk/tickets/7081", {"status": "closed"}).status_code == 303
    assert control.post("zendesk/tickets/7081", STATUS).status_code == 400
    assert control.page().count('action="') == control.page().count("<form ")


def test_changes_a_ticket_of_request_tracker(control: Control, sandbox: RunningSandbox) -> None:
    assert control.post("rt/tickets/881", {"status": "resolved"}).status_code == 303
    headers = {"authorization": f"token {RT_TOKEN}"}

    def get(path: str) -> Any:
        return control.http.get(f"{sandbox.rt_url}/REST/2.0/ticket/{path}", headers=headers).json()

    ticket = get("881")
    assert (ticket["Status"], ticket["Resolved"]) == ("resolved", ticket["LastUpdated"])
    assert get("881/history")["total"] == 9
    assert control.post("rt/tickets/881", {"status": "open"}).status_code == 303
    assert get("881")["Resolved"].startswith("1970")


@pytest.mark.parametrize(
    ("path", "values", "status"),
    [
        ("odoo/invoices/2093", {"payment_state": "stolen"}, 400),
        ("odoo/invoices/2093", {}, 400),
        ("odoo/invoices/2093", {"payment_state": ["paid", "not_paid"]}, 400),
        ("odoo/invoices/2093", {"payment_state": "paid", "amount_residual": "0"}, 400),
        ("odoo/orders/4417", {"state": "sale", "delivery_status": ""}, 400),
        ("rt/tickets/881", {"status": "parts-ordered"}, 400),  # of another lifecycle
        ("odoo/invoices/1", {"payment_state": "paid"}, 404),
        ("odoo/invoices/2066", {"payment_state": "paid"}, 404),  # cancelled
        ("odoo/invoices/02093", {"payment_state": "paid"}, 404),
        ("zendesk/tickets/7040", STATUS, 404),  # deleted
        ("odoo/tickets/1", STATUS, 404),
        ("hubspot/orders/54805204417", {"stage": "aa99e8d0-c1d5-4071-b915-d240bbb1aed9"}, 400),
        ("hubspot/orders/54805204447", {"stage": "Delivered"}, 404),  # archived
        ("nobody/tickets/1", STATUS, 404),
        ("tickets/1", STATUS, 404),
        ("", STATUS, 404),
    ],
)
def test_refuses_what_is_not_there(control: Control, path: str, values: object, status: int) -> None:
    before = control.page()
    answer = control.post(path, values)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert control.page() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://attacker.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"host": "attacker.example"},
        {"host": "127.0.0.1.attacker.example", "origin": "http://127.0.0.1.attacker.example"},
    ],
    ids=str,
)
def test_refuses_pages_from_elsewhere(control: Control, headers: dict[str, str]) -> None:
    before = control.page()
    assert control.post("zendesk/tickets/7081", STATUS, **headers).status_code == 403
    assert control.page() == before
    if "host" in headers:
        assert control.http.get(f"{control.url}/", headers=headers).status_code == 403


def test_lists_the_newest_only_and_changes_the_others_all_the_same(control: Control, sandbox: RunningSandbox) -> None:
    rows = re.findall(r'id="odoo-orders-(\d+)"', control.page())
    assert len(rows) == 40
    oldest = min(sandbox.site.odoo.rows["sale.order"].values(), key=lambda row: row["date_order"])
    assert str(oldest["id"]) not in rows
    values = {"state": "cancel", "delivery_status": "full"}
    assert control.post(f"odoo/orders/{oldest['id']}", values).status_code == 303
    assert oldest["state"] == "cancel"
