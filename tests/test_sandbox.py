"""The sandbox as a whole: its seed, its faults, its ledger, its process."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_sandbox import FIXTURES, RT_TOKEN, RunningSandbox, free_port, serve_sandbox, wait_for_port

from connectors.sandbox.dates import resolve
from connectors.sandbox.faults import Fault
from connectors.sandbox.site import Sandbox

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
HARBOUR = 30


@pytest.fixture(scope="module")
def site() -> Sandbox:
    return Sandbox(FIXTURES, now=NOW)


def rows(site: Sandbox, model: str, **wanted: Any) -> list[dict[str, Any]]:
    return [
        row for row in site.odoo.rows[model].values() if all(row.get(key) == value for key, value in wanted.items())
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-7d", NOW.date() - timedelta(days=7)),
        ("+1d", NOW.date() + timedelta(days=1)),
        ("-1d 09:12", datetime(2026, 11, 21, 9, 12, tzinfo=UTC)),
        ("-40m", NOW - timedelta(minutes=40)),
        ("-7 d", "-7 d"),
        ("see -7d", "see -7d"),
    ],
)
def test_resolves_relative_dates(text: str, value: object) -> None:
    assert resolve({"a": [text, 7, None]}, NOW) == {"a": [value, 7, None]}


def test_keeps_an_invoice_seven_days_overdue(site: Sandbox) -> None:
    assert site.odoo.rows["account.move"][2093]["invoice_date_due"] == NOW.date() - timedelta(days=7)


def test_expects_nothing_in_the_past(site: Sandbox) -> None:
    late = [
        row["name"]
        for row in rows(site, "sale.order", state="sale")
        if row.get("delivery_status") != "full"
        if row.get("commitment_date") and row["commitment_date"] < NOW.replace(hour=0, minute=0)
    ]
    assert late == []


def test_sells_no_goods_in_two_systems(site: Sandbox) -> None:
    """What a customer is offered in the one is not what they have ordered in the other."""
    in_odoo = {row["name"] for row in rows(site, "sale.order.line")}
    in_hubspot = {line.properties["name"] for line in site.hubspot.objects["line_items"].values()}
    deals = {deal.properties["dealname"] for deal in site.hubspot.objects["deals"].values()}
    assert in_odoo
    assert in_hubspot
    assert in_odoo & (in_hubspot | deals) == set()


def test_asks_for_what_the_lines_of_an_order_cost(site: Sandbox) -> None:
    store = site.hubspot
    for type_, total in (("orders", "hs_total_price"), ("deals", "amount")):
        for key, record in store.objects[type_].items():
            lines = [str(each["toObjectId"]) for each in store.associated((type_, key), "line_items")]
            amounts = [Decimal(str(store.objects["line_items"][line].properties["amount"])) for line in lines]
            assert not amounts or sum(amounts) == Decimal(str(record.properties[total])), key


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("sale.order", "state"),
        ("sale.order", "invoice_status"),
        ("sale.order", "delivery_status"),
        ("account.move", "state"),
        ("account.move", "payment_state"),
    ],
)
def test_seeds_every_status_of_odoo(site: Sandbox, model: str, field: str) -> None:
    known = {key for key, _ in site.odoo.models[model].fields[field].selection}
    assert known <= {row.get(field) for row in rows(site, model)}


def test_seeds_every_status_of_rt_and_one_nobody_mapped(site: Sandbox) -> None:
    default = {status for group in site.rt.lifecycles["default"].values() for status in group}
    assert {row["Status"] for row in site.rt.tickets.values()} == default | {"parts-ordered"}


def test_seeds_every_stage_of_the_helpdesk(site: Sandbox) -> None:
    assert {row["stage_id"] for row in rows(site, "helpdesk.ticket")} == set(site.odoo.rows["helpdesk.ticket.stage"])


def test_seeds_a_long_history_that_is_always_the_same(site: Sandbox) -> None:
    again = Sandbox(FIXTURES, now=NOW)
    invoices = rows(site, "account.move", commercial_partner_id=HARBOUR)
    oldest, newest = (pick(row["invoice_date"] for row in invoices) for pick in (min, max))
    assert len([row for row in invoices if row["move_type"] == "out_invoice"]) >= 260
    assert newest - oldest > timedelta(days=5 * 365)
    assert site.odoo.rows == again.odoo.rows
    assert len({row["name"] for row in invoices}) == len(invoices)


def test_links_an_order_to_its_invoices(site: Sandbox) -> None:
    orders = {row["name"]: row for row in rows(site, "sale.order")}
    assert orders["SO-4381"]["invoice_ids"] == [2093]
    assert orders["SO-4440"]["invoice_ids"] == []


def test_adds_lines_up_to_the_total(site: Sandbox) -> None:
    lines = site.odoo.rows["account.move.line"]
    for row in rows(site, "account.move"):
        assert sum(lines[id_]["price_total"] for id_ in row["invoice_line_ids"]) == row["amount_total"]


def test_keeps_a_credit_note_positive_and_its_signed_total_negative(site: Sandbox) -> None:
    (refund,) = rows(site, "account.move", name="RINV-2099")
    assert (refund["amount_total"], refund["amount_total_signed"]) == (
        -refund["amount_total_signed"],
        -refund["amount_total"],
    )
    assert refund["amount_total"] > 0


def test_counts_requests(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt?a=b")
    plain_http.post(f"{sandbox.odoo_url}/jsonrpc", content=b"{}")
    assert [(seen.method, seen.path, seen.query) for seen in sandbox.rt_seen] == [("GET", "/REST/2.0/rt", "a=b")]
    assert [(seen.method, seen.path, seen.body) for seen in sandbox.odoo_seen] == [("POST", "/jsonrpc", b"{}")]


def test_fails_one_back_office_and_not_the_other(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    sandbox.rt_fault(Fault(kind="unavailable"))
    assert plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 503
    assert plain_http.get(f"{sandbox.odoo_url}/my/invoices/1").status_code == 303
    sandbox.lift_faults()
    assert plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 401


def test_answers_late_when_slow(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    sandbox.rt_fault(Fault(kind="slow", seconds=0.2))
    with pytest.raises(httpx.ReadTimeout):
        plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt", timeout=0.05)
    assert plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 401


def test_hangs_until_the_fault_is_lifted(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    sandbox.rt_fault(Fault(kind="hang"))
    with pytest.raises(httpx.ReadTimeout):
        plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt", timeout=0.1)
    sandbox.lift_faults()
    assert plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 401


def test_is_controlled_from_outside_too(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    control = f"{sandbox.url}/control/rt"
    assert plain_http.put(f"{control}/fault", json={"kind": "unavailable"}).status_code == 204
    assert plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt").status_code == 503
    assert plain_http.get(f"{control}/requests").json() == [{"method": "GET", "path": "/REST/2.0/rt"}]
    assert plain_http.put(f"{control}/fault", json={"kind": "explode"}).status_code == 400
    assert plain_http.get(f"{control}/nothing").status_code == 404
    assert plain_http.get(f"{sandbox.url}/control/nobody/requests").status_code == 404
    assert plain_http.get(f"{sandbox.url}/elsewhere").status_code == 404


def test_starts_anew_when_reset(sandbox: RunningSandbox, plain_http: httpx.Client) -> None:
    sandbox.site.rt.tickets.clear()
    plain_http.get(f"{sandbox.rt_url}/REST/2.0/rt")
    sandbox.reset()
    assert sandbox.rt_seen == []
    assert 881 in sandbox.site.rt.tickets


def test_stops_while_somebody_hangs(plain_http: httpx.Client) -> None:
    with serve_sandbox() as running:
        running.odoo_fault(Fault(kind="hang"))
        with pytest.raises(httpx.ReadTimeout):
            plain_http.get(f"{running.odoo_url}/my/invoices/1", timeout=0.05)
    with pytest.raises(httpx.ConnectError):
        plain_http.get(f"{running.odoo_url}/my/invoices/1")


@pytest.mark.parametrize("how", ["stdin", "terminate"])
def test_ends_with_the_process_that_started_it(how: str, plain_http: httpx.Client) -> None:
    port = free_port()
    command = [sys.executable, "-m", "connectors.sandbox", str(FIXTURES), str(port), "--without-helpdesk"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parent.parent) as process:
        try:
            wait_for_port(port)
            headers = {"authorization": f"token {RT_TOKEN}"}
            assert plain_http.get(f"http://127.0.0.1:{port}/rt/REST/2.0/rt", headers=headers).status_code == 200
            assert process.stdin
            process.stdin.close() if how == "stdin" else process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()
