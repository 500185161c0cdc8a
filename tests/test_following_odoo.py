"""Following Odoo's feeds gives what reading every list anew gives, whatever staff do there."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support_following import Follower, read_all
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Answer
from connectors.records import Kind, Record
from connectors.sandbox.odoo.documents import instant, settle
from connectors.sandbox.odoo.store import Row
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.odoo import connector
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.settings import OdooConfig

EVERYBODY = ("1", "10", "20", "30", "40", "60", "70")
MAYA, INES = 11, 31  # contacts of a bakery, and of a hotel with hundreds of papers

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


async def following(odoo: Odoo, kind: Kind) -> Follower:
    """Read everything, and begin to follow."""
    since = datetime.now(UTC) - timedelta(minutes=15)
    return Follower(connector.feeds[kind], odoo, since, await everything(odoo, kind))


async def everything(odoo: Odoo, kind: Kind) -> dict[str, Answer[Record]]:
    return await read_all(connector.reads[kind], odoo, *EVERYBODY)


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
    invoice = of(rows, "account.move", partner=INES, payment_state="not_paid", move_type="out_invoice")
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
        line_of(rows, "account.move.line", of(rows, "account.move", move_type="out_invoice", state="posted")),
        name="Oven",
    ),
    ("invoices", "back to a draft"): lambda rows: write(
        of(rows, "account.move", move_type="out_invoice", state="posted"), state="draft"
    ),
    ("invoices", "a contact who is but an address"): lambda rows: write(rows["res.partner"][INES], type="invoice"),
    ("tickets", "another stage"): lambda rows: write(rows["helpdesk.ticket"][9], stage_id=4, closed=True),
    ("tickets", "a stage by another name"): lambda rows: write(rows["helpdesk.ticket.stage"][7], name="At the maker's"),
    ("tickets", "archived"): lambda rows: write(rows["helpdesk.ticket"][9], active=False),
    ("tickets", "a contact who changed companies"): lambda rows: write_to_maya(
        rows, parent_id=20, commercial_partner_id=20
    ),
}


@pytest.mark.parametrize(("kind", "change"), CHANGES)
async def test_tells_of(odoo: Odoo, rows: Rows, kind: Kind, change: str) -> None:
    feed = await following(odoo, kind)
    await feed.look()
    before = dict(feed.answers)
    CHANGES[kind, change](rows)
    await feed.look()
    assert feed.answers == await everything(odoo, kind) != before


async def test_tells_of_an_archived_ticket_that_came_back(odoo: Odoo, rows: Rows) -> None:
    feed = await following(odoo, "tickets")
    for active in (False, True):
        write(rows["helpdesk.ticket"][9], active=active)
        await feed.look()
        assert ("9" in feed.answers, "9" in feed.gone) == (active, not active)
        assert feed.answers == await everything(odoo, "tickets")


@pytest.mark.parametrize(("kind", "model"), [("orders", "sale.order"), ("invoices", "account.move")])
async def test_loses_none_of_hundreds_that_were_changed_at_once(odoo: Odoo, rows: Rows, kind: Kind, model: str) -> None:
    """Meanwhile those that were told are changed again, and those that were not."""
    feed = await following(odoo, kind)
    theirs = [row for row in rows[model].values() if row["state"] != "draft" and row["partner_id"] == INES]
    for row in theirs:
        write(row, client_order_ref="At once", ref="At once")
    feed.answers.clear()
    while await feed.page():
        for row in (theirs[0], theirs[-1]):
            write(row, client_order_ref="Since then", ref="Since then")
    assert len(theirs) > 150
    assert feed.answers.keys() == {str(row["id"]) for row in theirs}
    await feed.look()
    told = await everything(odoo, kind)
    assert feed.answers == {key: told[key] for key in feed.answers}


async def test_asks_little_while_nothing_changes(odoo: Odoo, rows: Rows, sandbox: RunningSandbox) -> None:
    asked = {}
    for kind in connector.feeds:
        feed = await following(odoo, kind)
        sandbox.odoo_seen.clear()
        await feed.look()
        asked[kind] = len(sandbox.odoo_seen)
    assert asked == {"orders": 3, "invoices": 2, "tickets": 3}


async def test_leaves_what_was_deleted_to_the_reading_of_whole_lists(odoo: Odoo, rows: Rows) -> None:
    feed = await following(odoo, "tickets")
    del rows["helpdesk.ticket"][9]
    await feed.look()
    assert feed.answers.keys() - await everything(odoo, "tickets") == {"9"}
    assert connector.feeds["tickets"].whole_every <= timedelta(minutes=15)
