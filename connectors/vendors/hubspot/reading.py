"""A customer's orders: first the orders of HubSpot's, then the deals, each as long as there are pages."""

from collections.abc import Sequence
from datetime import datetime

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import is_done
from connectors.errors import NotFound
from connectors.records import Order
from connectors.vendors.hubspot import deals, orders
from connectors.vendors.hubspot.api import HubSpot, read_all, read_one
from connectors.vendors.hubspot.associations import all_ids, customer_of
from connectors.vendors.hubspot.deals import DealProperties, deal_answers, deal_row
from connectors.vendors.hubspot.listing import Condition, Sold, ids_where, newest
from connectors.vendors.hubspot.orders import OrderProperties, order_answers
from connectors.vendors.hubspot.pipelines import Stages, stages


async def read_orders(office: HubSpot, query: Query) -> Page[Order]:
    owner = customer_of(query.customer)
    object_type, before = _place(query.cursor or "orders:")
    if query.only_open:
        known = await stages(office, object_type)
        ids = await ids_where(office, owner, object_type, _open_where(object_type, known))
    else:
        ids = await all_ids(office, owner, object_type)
        known = await stages(office, object_type) if ids else {}
    page, following = newest(ids, before)
    answers = await answers_of(office, object_type, page, known, query.asked_at)
    if query.only_open:  # a search may be late
        answers = tuple(each for each in answers if not is_done("orders", each.record))
    return Page(answers, _next_place(object_type, following))


async def fetch_order(office: HubSpot, query: RecordQuery) -> Answer[Order]:
    customer_of(query.customer)
    kind, _, key = query.id.partition("-")
    answers: tuple[Answer[Order], ...]
    if kind == "order":
        order = await read_one(office, OrderProperties, "orders", key)
        answers = await order_answers(office, [order], await stages(office, "orders"), query.asked_at)
    elif kind == "deal":
        deal = await read_one(office, _deal_row(office), "deals", key)
        answers = await deal_answers(office, [deal], await stages(office, "deals"), query.asked_at)
    else:
        raise NotFound("HubSpot: no such id")
    answer = next(iter(answers), None)
    if answer is None or query.customer not in answer.owners:
        raise NotFound("HubSpot: no such order of this customer's")
    return answer


def _open_where(object_type: Sold, known: Stages) -> list[Condition]:
    return orders.open_where(known) if object_type == "orders" else deals.open_where(known)


async def answers_of(
    office: HubSpot, object_type: Sold, ids: Sequence[str], known: Stages, asked_at: datetime
) -> tuple[Answer[Order], ...]:
    if object_type == "orders":
        return await order_answers(office, await read_all(office, OrderProperties, "orders", ids), known, asked_at)
    return await deal_answers(office, await read_all(office, _deal_row(office), "deals", ids), known, asked_at)


def _deal_row(office: HubSpot) -> type[DealProperties]:
    return deal_row(office.config.offer_number_property)


def _place(cursor: str) -> tuple[Sold, str]:
    kind, _, before = cursor.partition(":")
    return ("deals" if kind == "deals" else "orders"), before


def _next_place(object_type: Sold, before: str) -> str | None:
    if before:
        return f"{object_type}:{before}"
    return "deals:" if object_type == "orders" else None
