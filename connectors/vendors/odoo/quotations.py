"""Answers to a quotation: Odoo confirms it, or cancels it and keeps the reason among what was said about it.

What has happened shows in the order's state. A reason carries our reference, by which we know it again.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from connectors.actions import Action, Answer, Done, after_it, looking
from connectors.errors import NotAllowed, Refused
from connectors.records import Money
from connectors.vendors.odoo import values
from connectors.vendors.odoo.again import FOUND_WITHIN
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.sales import CANCELLED, CONFIRMED, MODEL, QUOTED, OrderRow, find_own
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.speaking import author_of, is_said, mark

NOT_HTML = str.maketrans({"<": "(", ">": ")", "&": "+"})  # Odoo 16 reads HTML there, and later ones text


class OfferRow(OrderRow, kw_only=True):
    is_expired: bool


class Step(Struct, frozen=True, kw_only=True):
    """Where an answer leads: Odoo's method, and the states in which it has worked."""

    method: str
    context: Mapping[str, object]
    reached: Sequence[str]


# It mails what Odoo's own portal mails. Without the other one it would answer with a form for staff, and do nothing.
ACCEPT = Step(method="action_confirm", context={"send_email": True}, reached=CONFIRMED)
DECLINE = Step(method="action_cancel", context={"disable_cancel_warning": True}, reached=(CANCELLED,))


async def accept(office: Odoo, asked: Answer) -> Done:
    return await _go(office, asked, ACCEPT)


async def decline(office: Odoo, asked: Answer) -> Done:
    """Cancel it, and then say why: a reason for what has not happened would mislead."""
    with looking():
        author = await author_of(office, asked)
    done = await _go(office, asked, DECLINE)
    if asked.reason and not await _is_said(office, asked):
        message = {
            "body": f"Declined in the customer portal: {asked.reason} {mark(asked.reference)}".translate(NOT_HTML),
            "message_type": "comment",
            "subtype_xmlid": "mail.mt_comment",
            "author_id": author,
        }
        await execute_once(office, object, MODEL, "message_post", [int(done.record)], **message)
    return done


async def find_declined(office: Odoo, asked: Answer) -> Done | None:
    order = await find_own(office, OrderRow, asked.order, asked.customer)
    is_whole = order.state == CANCELLED and (not asked.reason or await _is_said(office, asked))
    return _done(order.id, order.name) if is_whole else None


async def _go(office: Odoo, asked: Answer, step: Step) -> Done:
    """Take a step with an offer, unless it was taken. Odoo answers alike where nothing has come of it: so we look."""
    with looking():
        offer = await find_own(office, OfferRow, asked.order, asked.customer)
        if offer.state in step.reached:
            return _done(offer.id, offer.name)
        await _check(office, asked, offer)
    refusal: Refused | None = None
    try:
        await execute_once(office, object, MODEL, step.method, [offer.id], context=step.context)
    except Refused as error:  # perhaps because an earlier try of ours has got there meanwhile
        refusal = error
    with after_it():
        offer = await find_own(office, OfferRow, asked.order, asked.customer)
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


async def _is_said(office: Odoo, asked: Answer) -> bool:
    return await is_said(office, MODEL, int(asked.order), asked.reference)


def _done(record: int, number: str) -> Done:
    return Done(record=str(record), number=number)


to_accept: Action[OdooConfig, Answer] = Action(do=accept, same_twice=True)
to_decline: Action[OdooConfig, Answer] = Action(do=decline, find=find_declined, found_within=FOUND_WITHIN)
