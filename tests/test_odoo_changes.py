"""Following Odoo's feeds gives what reading every list anew gives, whatever staff do there."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support_following import Follower
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.records import Kind
from connectors.sandbox.odoo.documents import instant, settle
from connectors.sandbox.odoo.store import Row
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.odoo import connector
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.settings import OdooConfig

BAKERY, CATERING, HOTEL = "10", "20", "30"
MAYA = 11  # the bakery's contact

Rows = dict[str, dict[int, Row]]


@pytest.fixture
async def odoo(sandbox: RunningSandbox) -> AsyncIterator[Odoo]:
    config = OdooConfig(base_url=sandbox.odoo_url, database=ODOO_DATABASE, login=ODOO_LOGIN, api_key=Secret(ODOO_KEY))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(connector.base_url(config), policy=policy) as http:
        yield Odoo(source="erp", http=http, config=config, tokens=MemoryTokens())


@pytest.fixture
def rows(sandbox: RunningSandbox) -> Rows:
    """What Odoo keeps, all of it written long ago."""
    kept = sandbox.site.odoo.rows
    for model in kept.values():
        for row in model.values():
            row["write_date"] = min(row["write_date"], instant(datetime.now(UTC) - timedelta(days=1)))
    return kept


def follower(odoo: Odoo, kind: Kind) -> Follower:
    return Follower(connector, odoo, kind, [BAKERY, CATERING, HOTEL], datetime.now(UTC) - timedelta(minutes=15))


def write(row: Row, **values: Any) -> None:
    """Write to one row, as Odoo does: the dates of others stay what they are."""
    row |= values | {"write_date": instant(datetime.now(UTC))}


def write_to_maya(rows: Rows, **values: Any) -> None:
    """Odoo works the company of a ticket out anew, and writes it nowhere."""
    write(rows["res.partner"][MAYA], **values)
    for ticket in rows["helpdesk.ticket"].values():
        ticket["commercial_partner_id"] = rows["res.partner"][ticket["partner_id"]]["commercial_partner_id"]


def of(rows: Rows, model: str, *, partner: int = MAYA, **values: Any) -> Row:
    """Find one of somebody's."""
    wanted = values | {"partner_id": partner}
    return next(row for row in rows[model].values() if wanted.items() <= row.items())


def line_of(rows: Rows, model: str, parent: Row) -> Row:
    field = "order_line" if model == "sale.order.line" else "invoice_line_ids"
    return rows[model][parent[field][0]]


def delivery(rows: Rows) -> Row:
    return next(row for row in rows["stock.picking"].values() if row["state"] == "assigned")


def pay_half(rows: Rows) -> None:
    invoice = of(rows, "account.move", partner=31, payment_state="not_paid", move_type="out_invoice")
    settle(invoice, "partial")
    write(invoice)


CHANGES: dict[tuple[Kind, str], Callable[[Rows], None]] = {
    ("orders", "another state"): lambda rows: write(rows["sale.order"][4381], state="cancel"),
    ("orders", "back to a draft"): lambda rows: write(rows["sale.order"][4381], state="draft"),
    ("orders", "another text on a line"): lambda rows: write(
        line_of(rows, "sale.order.line", rows["sale.order"][4381]), name="Oven, left-handed"
    ),
    ("orders", "a parcel number"): lambda rows: write(delivery(rows), carrier_tracking_ref="KM1"),
    ("orders", "a contact who changed companies"): lambda rows: write_to_maya(
        rows, parent_id=20, commercial_partner_id=20
    ),
    ("orders", "a contact who is but an address"): lambda rows: write_to_maya(rows, type="delivery"),
    ("invoices", "a payment"): pay_half,
    ("invoices", "another text on a line"): lambda rows: write(
        line_of(rows, "account.move.line", of(rows, "account.move", partner=int(BAKERY), state="posted")), name="Oven"
    ),
    ("invoices", "back to a draft"): lambda rows: write(
        of(rows, "account.move", partner=int(BAKERY), state="posted"), state="draft"
    ),
    ("invoices", "a contact who is but an address"): lambda rows: write(rows["res.partner"][31], type="invoice"),
    ("tickets", "another stage"): lambda rows: write(rows["helpdesk.ticket"][9], stage_id=4, closed=True),
    ("tickets", "a stage by another name"): lambda rows: write(rows["helpdesk.ticket.stage"][7], name="At the maker's"),
    ("tickets", "archived"): lambda rows: write(rows["helpdesk.ticket"][9], active=False),
    ("tickets", "a contact who changed companies"): lambda rows: write_to_maya(
        rows, parent_id=20, commercial_partner_id=20
    ),
}


@pytest.mark.parametrize(("kind", "change"), CHANGES)
async def test_tells_of(odoo: Odoo, rows: Rows, kind: Kind, change: str) -> None:
    feed = follower(odoo, kind)
    await feed.begin()
    before = await feed.whole()
    CHANGES[kind, change](rows)
    await feed.follow()
    assert feed.shelf == await feed.whole() != before


async def test_tells_of_an_archived_ticket_that_came_back(odoo: Odoo, rows: Rows) -> None:
    feed = follower(odoo, "tickets")
    write(rows["helpdesk.ticket"][9], active=False)
    await feed.begin()
    write(rows["helpdesk.ticket"][9], active=True)
    assert await feed.follow() == ["9"]
    assert feed.shelf == await feed.whole()


@pytest.mark.parametrize(("kind", "model"), [("orders", "sale.order"), ("invoices", "account.move")])
async def test_loses_none_of_hundreds_that_were_changed_at_once(
    odoo: Odoo, rows: Rows, kind: Kind, model: str
) -> None:
    """Meanwhile those that were told are changed again, and those that were not."""
    feed = follower(odoo, kind)
    await feed.begin()
    theirs = [row for row in rows[model].values() if row["state"] != "draft" and row["partner_id"] == 31]
    assert len(theirs) > 150
    for row in theirs:
        write(row, client_order_ref="At once", ref="At once")

    async def edit() -> None:
        write(theirs[0], client_order_ref="Since then", ref="Since then")
        write(theirs[-1], client_order_ref="Since then", ref="Since then")

    told = await feed.follow(edit)
    assert set(told) == {str(row["id"]) for row in theirs}
    assert len(told) == len(set(told))
    await feed.follow()
    assert feed.shelf == await feed.whole()


async def test_asks_little_while_nothing_changes(odoo: Odoo, rows: Rows, sandbox: RunningSandbox) -> None:
    asked = {}
    for kind in connector.feeds:
        feed = follower(odoo, kind)
        await feed.begin()
        sandbox.odoo_seen.clear()
        assert await feed.follow() == []
        asked[kind] = len(sandbox.odoo_seen)
    assert asked == {"orders": 3, "invoices": 2, "tickets": 3}


async def test_has_nothing_to_tell_without_the_app(odoo: Odoo, sandbox: RunningSandbox) -> None:
    sandbox.reset(helpdesk=False)
    feed = follower(odoo, "tickets")
    await feed.begin()
    assert await feed.follow() == []


async def test_leaves_what_was_deleted_to_the_reading_of_whole_lists(odoo: Odoo, rows: Rows) -> None:
    feed = follower(odoo, "tickets")
    await feed.begin()
    del rows["helpdesk.ticket"][9]
    assert await feed.follow() == []
    assert "9" in feed.shelf[BAKERY]
    assert "9" not in (await feed.whole())[BAKERY]
    assert connector.feeds["tickets"].whole_every <= timedelta(minutes=15)
