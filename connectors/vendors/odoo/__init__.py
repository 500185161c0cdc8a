"""Odoo 16 to 18, over JSON-RPC: orders and invoices with their papers, and tickets of the community's helpdesk app."""

from connectors.contract import Connector, Limits, Scope
from connectors.vendors.odoo import invoices, moves, orders, tickets
from connectors.vendors.odoo.again import to_order_again
from connectors.vendors.odoo.attachments import open_attachment
from connectors.vendors.odoo.details import fetch_details, to_change
from connectors.vendors.odoo.feeds import FEEDS
from connectors.vendors.odoo.partners import fetch_person, find
from connectors.vendors.odoo.pdf import open_invoice, open_slip
from connectors.vendors.odoo.properties import properties
from connectors.vendors.odoo.quotations import to_accept, to_decline
from connectors.vendors.odoo.requests import new_ticket, public_reply
from connectors.vendors.odoo.rpc import Odoo, sign_in, version
from connectors.vendors.odoo.salespeople import read_counterpart
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.stages import to_reopen, to_solve
from connectors.vendors.odoo.webhook import webhook


async def check(office: Odoo) -> str:
    found = await version(office)
    await sign_in(office)
    return f"Odoo {found.server_serie[:20]}, signed in as {office.config.login}"


connector = Connector(
    name="odoo",
    title="Odoo",
    config=OdooConfig,
    base_url=lambda config: config.base_url,
    auth=lambda config, tokens: None,  # noqa: ARG005  # the key travels in the body of each call
    check=check,
    find=find,
    person=fetch_person,
    details=fetch_details,
    properties=properties,
    counterpart=read_counterpart,
    reads={
        "orders": orders.read_orders,
        "invoices": invoices.read_invoices,
        "tickets": tickets.read_tickets,
    },
    reads_open=frozenset({"orders", "invoices", "tickets"}),
    fetch={
        "orders": orders.fetch_order,
        "invoices": invoices.fetch_invoice,
        "tickets": tickets.fetch_ticket,
    },
    feeds=FEEDS,
    files={"orders": open_slip, "invoices": open_invoice, "tickets": open_attachment},
    actions={
        "new_ticket": new_ticket,
        "reply": public_reply,
        "solve": to_solve,
        "reopen": to_reopen,
        "order_again": to_order_again,
        "accept": to_accept,
        "decline": to_decline,
        "change_details": to_change,
    },
    statuses={"orders": orders.STATES, "invoices": moves.STATES, "tickets": tickets.STATES},
    limits=Limits(concurrent=4),  # a self-hosted Odoo has a handful of workers, and no limit of its own
    scope=Scope(customer="customer number", proof="the company that the record is for"),
    webhook=webhook,
)
