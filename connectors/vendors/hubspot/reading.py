"""A customer's orders: first the orders of HubSpot's, then the deals, each as long as there are pages."""

from typing import Literal

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.errors import NotFound
from connectors.records import Order
from connectors.vendors.hubspot.api import HubSpot, read_all, read_one
from connectors.vendors.hubspot.associations import customer_of, page_of_ids
from connectors.vendors.hubspot.deals import DealProperties, deal_answers
from connectors.vendors.hubspot.orders import OrderProperties, order_answers

ObjectType = Literal["orders", "deals"]


async def read_orders(office: HubSpot, query: Query) -> Page[Order]:
    owner = customer_of(query.customer)
    object_type, after = _place(query.cursor or "orders:")
    ids, following = await page_of_ids(office, owner, object_type, after)
    if object_type == "orders":
        orders = await read_all(office, OrderProperties, "orders", ids)
        cursor = f"orders:{following}" if following else "deals:"
        return Page(await order_answers(office, orders, query.asked_at), cursor)
    deals = await read_all(office, DealProperties, "deals", ids)
    return Page(await deal_answers(office, deals, query.asked_at), f"deals:{following}" if following else None)


async def fetch_order(office: HubSpot, query: RecordQuery) -> Answer[Order]:
    customer_of(query.customer)
    kind, _, key = query.id.partition("-")
    if kind == "order":
        answers = await order_answers(office, [await read_one(office, OrderProperties, "orders", key)], query.asked_at)
    elif kind == "deal":
        answers = await deal_answers(office, [await read_one(office, DealProperties, "deals", key)], query.asked_at)
    else:
        raise NotFound("HubSpot: no such id")
    answer = next(iter(answers), None)
    if answer is None or query.customer not in answer.owners:
        raise NotFound("HubSpot: no such order of this customer's")
    return answer


def _place(cursor: str) -> tuple[ObjectType, str]:
    kind, _, after = cursor.partition(":")
    return ("deals" if kind == "deals" else "orders"), after
