"""Answers to a quotation: Tryton confirms it, or cancels it and keeps the reason as a note for staff.

What has happened shows in the sale's state, which Tryton changes only from a quotation; that it has not expired Tryton
sees to when it confirms. A note carries our reference, by which we know it again.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from connectors.actions import Action, Answer, Done, after_it, looking
from connectors.decode import decode_json
from connectors.errors import NotAllowed, Refused
from connectors.records import Money
from connectors.vendors.tryton.again import FOUND_WITHIN
from connectors.vendors.tryton.orders import MODEL, QUOTED, SaleRow, find_order
from connectors.vendors.tryton.rest import Clause, Row, Tryton, path, search
from connectors.vendors.tryton.settings import TrytonConfig

NOTE = "ir.note"


class NoteRow(Row):
    message: str | None


class Step(Struct, frozen=True, kw_only=True):
    """Where an answer leads: Tryton's button, and the states in which it has worked."""

    button: str
    reached: Sequence[str]


ACCEPT = Step(button="confirm", reached=("confirmed", "processing", "done"))
DECLINE = Step(button="cancel", reached=("cancelled",))


async def accept(office: Tryton, asked: Answer) -> Done:
    return await _go(office, asked, ACCEPT)


async def decline(office: Tryton, asked: Answer) -> Done:
    """Cancel it, and then say why: a reason for what has not happened would mislead."""
    done = await _go(office, asked, DECLINE)
    if asked.reason and not await _is_said(office, asked):
        message = f"Declined in the customer portal: {asked.reason} [{asked.reference}]"
        note = {"resource": f"{MODEL},{done.record}", "message": message}
        response = await office.http.post(path(office, "model", NOTE), json=note)
        decode_json(response.content, Row, f"Tryton {NOTE}")
    return done


async def find_declined(office: Tryton, asked: Answer) -> Done | None:
    sale = await find_order(office, asked.order, asked.customer)
    is_whole = sale.state in DECLINE.reached and (not asked.reason or await _is_said(office, asked))
    return _done(sale) if is_whole else None


async def _go(office: Tryton, asked: Answer, step: Step) -> Done:
    """Take a step with an offer, unless it was taken."""
    with looking():
        sale = await find_order(office, asked.order, asked.customer)
        if sale.state in step.reached:
            return _done(sale)
        _check(asked, sale)
    refusal: Refused | None = None
    try:
        await office.http.post(f"{path(office, 'model', MODEL, sale.id)}/{step.button}", json={})
    except Refused as error:  # perhaps because an earlier try of ours has got there meanwhile
        refusal = error
    with after_it():
        sale = await find_order(office, asked.order, asked.customer)
    if sale.state not in step.reached:
        raise refusal or NotAllowed(f"Tryton {MODEL}: {step.button} leaves it {sale.state[:20]}")
    return _done(sale)


def _check(asked: Answer, sale: SaleRow) -> None:
    """Raise `Refused` for an offer that is none any more, or another one than the customer saw."""
    if sale.state != QUOTED:
        raise Refused(f"Tryton {MODEL}: no quotation any more")
    if sale.currency.money(sale.total_amount) != Money(asked.currency, Decimal(asked.total)):
        raise Refused(f"Tryton {MODEL}: has another total than the customer saw")


async def _is_said(office: Tryton, asked: Answer) -> bool:
    within: Sequence[Clause] = [
        ("resource", "=", f"{MODEL},{asked.order}"),
        ("message", "like", f"%[{asked.reference}]"),
    ]
    rows, _ = await search(office, NoteRow, NOTE, within, limit=1)
    return bool(rows)


def _done(sale: SaleRow) -> Done:
    return Done(record=str(sale.id), number=sale.number or str(sale.id))


to_accept: Action[TrytonConfig, Answer] = Action(do=accept, same_twice=True)
to_decline: Action[TrytonConfig, Answer] = Action(do=decline, find=find_declined, found_within=FOUND_WITHIN)
