"""What customers can have done: an earlier order again, as a draft that staff look at, and an answer to a quotation.

Odoo remembers no key of a request. So a draft carries our reference as its source document, and what is said with an
answer carries it too: there we look for it. Odoo ends a request after two minutes (`limit_time_real`): what we gave up
waiting for shows by then, or it has not worked.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from connectors.actions import Action, Answer, Done, OrderAgain, after_it, looking
from connectors.errors import BadResponse, NotAllowed, NotFound, Refused
from connectors.records import Money
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Leaf, Row, as_key, one, read, search
from connectors.vendors.odoo.orders import (
    CANCELLED,
    CONFIRMED,
    MODEL,
    QUOTED,
    OrderRow,
    contacts_of,
    of_customer,
    owners_of,
    theirs,
)
from connectors.vendors.odoo.partners import fetch_person
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Ref, Text

R = TypeVar("R", bound=OrderRow)

FOUND_WITHIN = timedelta(seconds=150)
NOT_HTML = str.maketrans({"<": "(", ">": ")", "&": "+"})  # Odoo 16 reads HTML there, and later ones text


class PastRow(OrderRow, kw_only=True):
    company_id: Ref


class OfferRow(OrderRow, kw_only=True):
    is_expired: bool


class MadeRow(Row):
    name: str


class SaidRow(Row):
    res_id: int


class LineRow(Row):
    display_type: Text
    product_id: Ref
    product_uom: Ref
    product_uom_qty: Decimal
    price_total: Decimal
    is_downpayment: bool
    is_delivery: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether it is something that was ordered: no heading, no part payment, no discount and no carriage."""
        is_extra = bool(self.display_type) or self.is_downpayment or self.is_delivery
        return not is_extra and self.product_uom_qty > 0 and self.price_total >= 0


class ProductRow(Row):
    active: bool
    sale_ok: bool


class Step(Struct, frozen=True, kw_only=True):
    """Where an answer leads: Odoo's method, and the states in which it has worked."""

    method: str
    context: Mapping[str, object]
    reached: Sequence[str]


# It mails what Odoo's own portal mails. Without the other one it would answer with a form for staff, and do nothing.
ACCEPT = Step(method="action_confirm", context={"send_email": True}, reached=CONFIRMED)
DECLINE = Step(method="action_cancel", context={"disable_cancel_warning": True}, reached=(CANCELLED,))


async def order_again(office: Odoo, asked: OrderAgain) -> Done:
    """Make a draft of the same products. What they cost today, Odoo says."""
    with looking():
        past = await _own(office, PastRow, asked.order, asked.customer)
        lines = await _wanted_lines(office, past.id)
    draft = {
        "partner_id": values.key(past.partner_id),
        "company_id": values.key(past.company_id),
        "origin": asked.reference,
        "order_line": [(0, 0, line) for line in lines],
    }
    await execute_once(office, list[int], MODEL, "create", [draft])
    with after_it():
        done = await find_draft(office, asked)
    if done is None:
        raise BadResponse(f"Odoo {MODEL}.create: made no order that is found under its reference")
    return done


async def find_draft(office: Odoo, asked: OrderAgain) -> Done | None:
    """Look for what carries our reference, whatever has become of it. Who copies an order copies that too."""
    within: list[Leaf] = [("origin", "=", asked.reference), of_customer(asked.customer)]
    rows = await search(office, MadeRow, MODEL, within, order="id", limit=1)
    return _done(rows[0].id, rows[0].name) if rows else None


async def accept(office: Odoo, asked: Answer) -> Done:
    return await _go(office, asked, ACCEPT)


async def decline(office: Odoo, asked: Answer) -> Done:
    """Cancel it, and then say why: a reason for what has not happened would mislead."""
    with looking():
        author = await _author(office, asked)
    done = await _go(office, asked, DECLINE)
    if asked.reason and not await _is_said(office, asked):
        message = {
            "body": f"Declined in the customer portal: {asked.reason} [{asked.reference}]".translate(NOT_HTML),
            "message_type": "comment",
            "subtype_xmlid": "mail.mt_comment",
            "author_id": author,
        }
        await execute_once(office, object, MODEL, "message_post", [int(done.record)], **message)
    return done


async def find_declined(office: Odoo, asked: Answer) -> Done | None:
    order = await _own(office, OrderRow, asked.order, asked.customer)
    is_whole = order.state == CANCELLED and (not asked.reason or await _is_said(office, asked))
    return _done(order.id, order.name) if is_whole else None


async def _go(office: Odoo, asked: Answer, step: Step) -> Done:
    """Take a step with an offer, unless it was taken. Odoo answers alike where nothing has come of it: so we look."""
    with looking():
        offer = await _own(office, OfferRow, asked.order, asked.customer)
        if offer.state in step.reached:
            return _done(offer.id, offer.name)
        await _check(office, asked, offer)
    refusal: Refused | None = None
    try:
        await execute_once(office, object, MODEL, step.method, [offer.id], context=step.context)
    except Refused as error:  # perhaps because an earlier try of ours has got there meanwhile
        refusal = error
    with after_it():
        offer = await _own(office, OfferRow, asked.order, asked.customer)
    if offer.state not in step.reached:
        raise refusal or NotAllowed(f"Odoo {MODEL}.{step.method}: the order stays {offer.state[:20]}")
    return _done(offer.id, offer.name)


async def _check(office: Odoo, asked: Answer, offer: OfferRow) -> None:
    """Raise `Refused` for an offer that is none any more, or another one than the customer saw."""
    if offer.state != QUOTED or offer.is_expired:
        raise Refused(f"Odoo {MODEL}: no quotation any more, or one that has expired")
    if offer.require_payment:
        raise Refused(f"Odoo {MODEL}: asks to be paid before it is confirmed")
    currency = (await values.currencies(office, [offer.currency_id]))[offer.currency_id]
    if currency.money(offer.amount_total) != Money(asked.currency, Decimal(asked.total)):
        raise Refused(f"Odoo {MODEL}: has another total than the customer saw")


async def _own(office: Odoo, row: type[R], key: str, customer: str) -> R:
    """Find an order of the customer's that they may see. Raises `NotFound`."""
    found = await one(office, row, MODEL, theirs(customer), key)
    if customer not in owners_of(found, await contacts_of(office, [found])):
        raise NotFound(f"Odoo {MODEL}: no such order of this customer's")
    return found


async def _wanted_lines(office: Odoo, order: int) -> list[dict[str, object]]:
    """Write down what was ordered. Raises `Refused` where some of it is not sold any more, or there is nothing."""
    rows = await search(office, LineRow, "sale.order.line", [("order_id", "=", order)], order="sequence, id")
    lines = [row for row in rows if row.is_wanted]
    wanted = values.keys(row.product_id for row in lines)
    sold = await read(office, ProductRow, "product.product", wanted)
    if not lines or any(key not in sold or not sold[key].active or not sold[key].sale_ok for key in wanted):
        raise Refused(f"Odoo {MODEL}: a product of it is not sold any more, or it has none")
    return [
        {
            "product_id": values.key(row.product_id),
            "product_uom": values.key(row.product_uom),
            "product_uom_qty": float(row.product_uom_qty),
        }
        for row in lines
    ]


async def _is_said(office: Odoo, asked: Answer) -> bool:
    within: list[Leaf] = [
        ("model", "=", MODEL),
        ("res_id", "=", int(asked.order)),
        ("body", "ilike", f"[{asked.reference}]"),
    ]
    return bool(await search(office, SaidRow, "mail.message", within, order="id", limit=1))


async def _author(office: Odoo, asked: Answer) -> int:
    """Say in whose name we speak: the person's who asks, where they act for the customer, or the customer's."""
    if asked.person:
        with suppress(NotFound):
            person = await fetch_person(office, asked.person)
            if asked.customer in person.customers:
                return int(person.id)
    return as_key(asked.customer)


def _done(record: int, number: str) -> Done:
    return Done(record=str(record), number=number)


to_order_again: Action[OdooConfig, OrderAgain] = Action(do=order_again, find=find_draft, found_within=FOUND_WITHIN)
to_accept: Action[OdooConfig, Answer] = Action(do=accept, same_twice=True)
to_decline: Action[OdooConfig, Answer] = Action(do=decline, find=find_declined, found_within=FOUND_WITHIN)
