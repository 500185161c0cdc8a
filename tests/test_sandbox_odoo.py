"""The sandbox's Odoo answers as the recorded one did."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_needs import need
from support_sandbox import ODOO_DATABASE, ODOO_KEY, RunningSandbox

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
CAPTURES = SHARED / "captures" / "odoo"
BAKERY = 10
POSTED = [["move_type", "in", ["out_invoice", "out_refund"]], ["state", "=", "posted"]]


class Odoo:
    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self.http = http

    def post(self, params: Any) -> httpx.Response:
        envelope = {"jsonrpc": "2.0", "method": "call", "id": 7, "params": params}
        return self.http.post(f"{self.url}/jsonrpc", json=envelope)

    def rpc(self, service: str, method: str, *args: Any) -> dict[str, Any]:
        response = self.post({"service": service, "method": method, "args": args})
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer

    def ask(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        answer = self.rpc("object", "execute_kw", ODOO_DATABASE, 6, ODOO_KEY, model, method, args, named)
        return answer["result"] if "result" in answer else answer["error"]["data"]

    def names(self, model: str, domain: Any, **named: Any) -> list[str]:
        return [row["name"] for row in self.ask(model, "search_read", domain, fields=["name"], **named)]


@pytest.fixture
def odoo(sandbox: RunningSandbox, plain_http: httpx.Client) -> Odoo:
    return Odoo(sandbox.odoo_url, plain_http)


def test_tells_its_version(odoo: Odoo) -> None:
    assert odoo.rpc("common", "version")["result"]["server_serie"] == "18.0"


@pytest.mark.parametrize(("key", "uid"), [(ODOO_KEY, 6), ("wrong", False)])
def test_answers_false_to_a_wrong_key(odoo: Odoo, key: str, uid: int | bool) -> None:  # noqa: FBT001  # a case
    answer = odoo.rpc("common", "authenticate", ODOO_DATABASE, "portal@kestrel.example", key, {})
    assert answer == {"jsonrpc": "2.0", "id": 7, "result": uid}


ERRORS = {
    "odoo.exceptions.AccessDenied": (ODOO_DATABASE, 6, "wrong", "res.partner", "search_read", [[]]),
    "psycopg2.OperationalError": ("nope", 6, ODOO_KEY, "res.partner", "search_read", [[]]),
    "odoo.exceptions.UserError": (ODOO_DATABASE, 6, ODOO_KEY, "no.such.model", "search_read", [[]]),
    "odoo.exceptions.AccessError": (ODOO_DATABASE, 6, ODOO_KEY, "res.partner", "_search", [[]]),
    "builtins.AttributeError": (ODOO_DATABASE, 6, ODOO_KEY, "res.partner", "unlink", [[10]]),
    "builtins.IndexError": (ODOO_DATABASE, 6, ODOO_KEY, "res.partner", "search_read", [[["name"]]]),
    "builtins.TypeError": (ODOO_DATABASE, 6, ODOO_KEY, "res.partner", "search_read", [[]], {"bogus": 1}),
    "odoo.exceptions.MissingError": (ODOO_DATABASE, 6, ODOO_KEY, "account.move", "get_portal_url", [[999]]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_puts_errors_into_a_200(odoo: Odoo, name: str) -> None:
    error = odoo.rpc("object", "execute_kw", *ERRORS[name])["error"]
    assert (error["code"], error["message"], error["data"]["name"]) == (200, "Odoo Server Error", name)
    assert "DEBUG-CANARY" in error["data"]["debug"]


@pytest.mark.parametrize(
    "named",
    [
        {"fields": ["nope"]},
        {"domain": [["nope", "=", 1]]},
        {"domain": [["name", "resembles", "x"]]},
        {"domain": [["name.nope", "=", 1]]},
        {"domain": [["write_date", ">", "yesterday"]]},
        {"order": "nope"},
    ],
)
def test_refuses_what_it_does_not_know(odoo: Odoo, named: dict[str, Any]) -> None:
    assert odoo.ask("res.partner", "search_read", **named)["name"] == "builtins.ValueError"


def test_answers_400_to_what_is_no_json(odoo: Odoo) -> None:
    headers = {"content-type": "application/json"}
    response = odoo.http.post(f"{odoo.url}/jsonrpc", content="{bad", headers=headers)
    assert (response.status_code, response.text) == (400, "Invalid JSON data")


@pytest.mark.parametrize(
    ("domain", "count"),
    [
        ([], 19 - 2),  # those who were archived are left out
        ([["active", "in", [True, False]]], 19),
        ([["id", "child_of", BAKERY]], 4),
        ([["id", "child_of", [BAKERY]], ["email", "=", False]], 1),
        (["|", ["ref", "=", "10482"], ["ref", "=", "10517"]], 2),
        (["!", ["id", "child_of", BAKERY]], 13),
        (["&", ["is_company", "=", True], "!", ["name", "ilike", "ALDER"]], 3),
        ([["email", "=ilike", "JOSEPH@alderlane.example"]], 1),
        ([["email", "=ilike", "j_lee@fenwick.example"]], 2),  # a wildcard, as in SQL
        ([["email", "=ilike", r"j\_lee@fenwick.example"]], 1),
        ([["parent_id.ref", "=", "10482"]], 3),
        ([["email", "not in", ["maya@alderlane.example"]]], 15),
        ([["id", ">=", 20], ["id", "<", 30]], 2),
    ],
)
def test_reads_domains_as_odoo_does(odoo: Odoo, domain: Any, count: int) -> None:
    assert odoo.ask("res.partner", "search_count", domain) == count


def test_shows_archived_rows_only_when_asked(odoo: Odoo) -> None:
    domain = [["ref", "=", "09120"]]
    assert odoo.names("res.partner", domain) == []
    assert odoo.names("res.partner", domain, context={"active_test": False}) == ["Old Mill Tea Room"]


def test_keeps_microseconds_it_does_not_show(odoo: Odoo) -> None:
    (row,) = odoo.ask("account.move", "read", [2093], ["write_date"])
    since = [["id", "=", 2093], ["write_date", ">", row["write_date"]]]
    same = [["id", "=", 2093], ["write_date", "=", row["write_date"]]]
    assert (odoo.names("account.move", since), odoo.names("account.move", same)) == (["INV-2093"], [])


def test_orders_and_pages(odoo: Odoo) -> None:
    domain = [["commercial_partner_id", "=", BAKERY], *POSTED]
    everything = odoo.names("account.move", domain, order="invoice_date_due desc, id")
    first = odoo.names("account.move", domain, order="invoice_date_due desc, id", limit=2)
    second = odoo.names("account.move", domain, order="invoice_date_due desc, id", limit=2, offset=2)
    assert everything[:5] == ["INV-2104", "INV-2101", "INV-2098", "INV-2096", "INV-2094"]
    assert [*first, *second] == everything[:4]


def test_leaves_missing_rows_out(odoo: Odoo) -> None:
    assert odoo.ask("sale.order", "read", [999_999], ["name"]) == []
    assert odoo.ask("sale.order", "read", 4381, ["name"]) == [{"id": 4381, "name": "SO-4381"}]


def test_opens_a_pdf_with_the_token_alone(odoo: Odoo) -> None:
    before = odoo.ask("account.move", "read", [2093], ["access_token", "write_date"])
    address = odoo.ask("account.move", "get_portal_url", [2093], report_type="pdf", download=True)
    after = odoo.ask("account.move", "read", [2093], ["access_token", "write_date"])
    answer = odoo.http.get(f"{odoo.url}{address}")
    assert before[0]["access_token"] is False
    assert before[0]["write_date"] < after[0]["write_date"]  # asking has written
    assert address == f"/my/invoices/2093?access_token={after[0]['access_token']}&report_type=pdf&download=true"
    assert answer.content.startswith(b"%PDF-1.4")
    assert b"INV-2093" in answer.content
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''INV-2093.pdf"
    assert "set-cookie" in answer.headers


def test_takes_the_money_of_whoever_has_the_token(odoo: Odoo) -> None:
    page = f"{odoo.url}/my/invoices/2098"
    (before,) = odoo.ask("account.move", "read", [2098], ["access_token", "amount_residual", "write_date"])
    assert odoo.http.post(f"{page}?access_token=guess").headers["location"] == "/my"
    assert "to pay" in odoo.http.get(page, params={"access_token": before["access_token"]}).text
    answer = odoo.http.post(page, params={"access_token": before["access_token"]})
    (after,) = odoo.ask("account.move", "read", [2098], ["payment_state", "amount_residual", "write_date"])
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?access_token={before['access_token']}")
    assert (after["payment_state"], after["amount_residual"]) == ("in_payment", 0)
    assert before["amount_residual"] > 0
    assert "nothing to pay" in odoo.http.get(answer.headers["location"]).text


def test_opens_a_slip_with_the_token_of_its_order(odoo: Odoo) -> None:
    (slip,) = odoo.ask("stock.picking", "search_read", [["sale_id", "=", 4381]], fields=["name", "state"])
    address = f"{odoo.url}/my/picking/pdf/{slip['id']}"
    assert odoo.http.get(address).status_code == 404
    page = odoo.ask("sale.order", "get_portal_url", [4381])
    assert page.startswith("/my/orders/4381?access_token=")
    assert slip["name"].encode() in odoo.http.get(f"{address}?{page.partition('?')[2]}").content
    elsewhere = odoo.ask("sale.order", "get_portal_url", [4417])
    assert odoo.http.get(f"{address}?{elsewhere.partition('?')[2]}").status_code == 404


@pytest.mark.parametrize("query", ["", "?access_token=guess&report_type=pdf&download=true"])
def test_redirects_without_the_right_token(odoo: Odoo, query: str) -> None:
    answer = odoo.http.get(f"{odoo.url}/my/invoices/2093{query}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/my")


def test_answers_400_to_an_unknown_parameter_of_a_page(odoo: Odoo) -> None:
    assert odoo.http.get(f"{odoo.url}/my/invoices/2093?bogus=1").status_code == 400


def test_gives_files_with_their_token(odoo: Odoo) -> None:
    (file,) = odoo.ask("ir.attachment", "search_read", [["name", "=", "photo.txt"]], fields=["datas", "file_size"])
    (sized,) = odoo.ask("ir.attachment", "read", [file["id"]], ["datas"], context={"bin_size": True})
    (token,) = odoo.ask("ir.attachment", "generate_access_token", [file["id"]])
    address = f"{odoo.url}/web/content/{file['id']}"
    assert (file["datas"], file["file_size"]) == ("YSBwaG90byBvZiBhIGh1bQ==", 16)
    assert sized["datas"] == "16.00 bytes"
    assert odoo.http.get(f"{address}?access_token={token}&download=true").text == "a photo of a hum"
    assert odoo.http.get(address).status_code == 404


def test_has_no_helpdesk_where_the_module_is_missing(sandbox: RunningSandbox, odoo: Odoo) -> None:
    assert odoo.ask("ir.model", "search_count", [["model", "=", "helpdesk.ticket"]]) == 1
    sandbox.reset(helpdesk=False)
    assert odoo.ask("ir.model", "search_count", [["model", "=", "helpdesk.ticket"]]) == 0
    assert odoo.ask("helpdesk.ticket", "search_read", [])["name"] == "odoo.exceptions.UserError"


def test_hides_nothing_internal_unless_asked(odoo: Odoo) -> None:
    public = [["is_internal", "=", False], ["subtype_id", "!=", False], ["subtype_id.internal", "=", False]]
    public.append(["message_type", "in", ["comment", "email", "email_outgoing"]])
    everything = odoo.ask("mail.message", "search_read", [["model", "=", "helpdesk.ticket"]], fields=["body"])
    shown = odoo.ask("mail.message", "search_read", public, fields=["body"])
    assert sum("INTERNAL-CANARY" in row["body"] for row in everything) == 5
    assert len(shown) == 3
    assert not any("INTERNAL-CANARY" in row["body"] for row in shown)


NOT_SERVED = {"state_id", "country_id", "team_id", "category_id", "user_id", "product_id", "product_uom", "tax_id"}
NOT_SERVED |= {"tax_ids", "payment_type", "reconciled_invoice_ids"}
RECORDED = ["10_partners_p1", "20_sale_orders", "21_sale_lines", "30_invoices", "31_invoices_unpaid"]
RECORDED += ["32_invoice_lines", "40_helpdesk_tickets", "41_ticket_messages", "42_helpdesk_stages", "48_currencies"]


@pytest.mark.parametrize("name", RECORDED)
def test_has_the_types_of_a_recorded_answer(odoo: Odoo, name: str) -> None:
    need("recorded answers", CAPTURES.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    capture = json.loads((CAPTURES / f"{name}.json").read_bytes())
    *_, model, method, _args, named = capture["request"]["body"]["params"]["args"]
    fields = [field for field in named["fields"] if field not in NOT_SERVED]
    rows = odoo.ask(model, method, [], fields=fields)
    for field in fields:
        recorded = {type(row[field]) for row in capture["response"]["body"]["result"]} - {bool}
        ours = {type(row[field]) for row in rows} - {bool}
        assert ours <= recorded or not recorded, field


def test_describes_fields_as_recorded(odoo: Odoo) -> None:
    need("recorded answers", CAPTURES.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    capture = json.loads((CAPTURES / "49_fields_get_move.json").read_bytes())["response"]["body"]["result"]
    attributes = ["type", "selection", "relation", "store", "currency_field"]
    ours = odoo.ask("account.move", "fields_get", list(capture), attributes=attributes)
    assert ours == {field: {key: facts[key] for key in attributes if key in facts} for field, facts in capture.items()}
