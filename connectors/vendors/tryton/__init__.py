"""Tryton 8, over its REST API: orders with their shipments and delivery notes, and invoices with their document."""

from msgspec import Struct

from connectors.contract import Connector, Limits, Scope
from connectors.errors import AccessDenied
from connectors.vendors.tryton import invoices, orders, shipments
from connectors.vendors.tryton.again import to_order_again
from connectors.vendors.tryton.details import fetch_details, to_change
from connectors.vendors.tryton.feeds import FEEDS
from connectors.vendors.tryton.parties import fetch_person, find
from connectors.vendors.tryton.properties import properties
from connectors.vendors.tryton.quotations import to_accept, to_decline
from connectors.vendors.tryton.reports import open_invoice, open_note
from connectors.vendors.tryton.rest import KeyAuth, Row, Tryton, search
from connectors.vendors.tryton.settings import TrytonConfig

MOST_COMPANIES = 5  # to name


class CompanyParty(Struct):
    rec_name: str


class CompanyRow(Row):
    party: CompanyParty


async def check(office: Tryton) -> str:
    """Say whose books these are, after a look at both kinds of records: a key may be good and its user not."""
    companies, _ = await search(office, CompanyRow, "company.company", [], limit=MOST_COMPANIES)
    if not companies:
        raise AccessDenied("Tryton company.company: the key's user belongs to no company")
    await search(office, orders.SaleRow, orders.MODEL, [], limit=1, without=frozenset(shipments.OPTIONAL))
    await search(office, invoices.InvoiceRow, invoices.MODEL, [], limit=1)
    return f"Tryton, database {office.config.database}, of {', '.join(row.party.rec_name[:40] for row in companies)}"


connector = Connector(
    name="tryton",
    title="Tryton",
    config=TrytonConfig,
    base_url=lambda config: config.base_url,
    auth=lambda config, tokens: KeyAuth(config),  # noqa: ARG005  # a key that an admin gave, not one to fetch
    check=check,
    find=find,
    person=fetch_person,
    details=fetch_details,
    properties=properties,
    reads={"orders": orders.read_orders, "invoices": invoices.read_invoices},
    reads_open=frozenset({"orders", "invoices"}),
    fetch={"orders": orders.fetch_order, "invoices": invoices.fetch_invoice},
    feeds=FEEDS,
    files={"orders": open_note, "invoices": open_invoice},
    actions={
        "order_again": to_order_again,
        "accept": to_accept,
        "decline": to_decline,
        "change_details": to_change,
    },
    statuses={"orders": orders.STATES, "invoices": invoices.STATES},
    limits=Limits(concurrent=4),  # a self-hosted Tryton has a handful of workers, and no limit of its own
    scope=Scope(customer="customer number", proof="the party on the sale or the invoice"),
)
