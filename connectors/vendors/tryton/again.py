"""An earlier sale again, as a draft that staff look at.

Tryton copies a sale with all that its modules know of one, at the prices of then. So the copy is made with our
reference and a word that it is not priced yet; then each line is priced as for somebody who enters its product, and
the word goes in the same step. A copy that still has it is gone on with, and never made twice.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct

from connectors.actions import Action, Done, OrderAgain, after_it, looking
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound, Refused
from connectors.vendors.tryton.orders import MODEL, find_order
from connectors.vendors.tryton.rest import Clause, Row, Tryton, as_key, one, path, search
from connectors.vendors.tryton.settings import TrytonConfig
from connectors.vendors.tryton.values import Amount, Quantity

LINE = "sale.line"
UNPRICED = "Ordered again in the customer portal: the prices are still those of then"
FOUND_WITHIN = timedelta(minutes=2)  # nothing ends a request that writes, but a copy takes seconds


class SoldRow(Struct):
    salable: bool


class PastLineRow(Struct):
    id: int
    type: str
    quantity: Quantity | None
    product: SoldRow | None

    @property
    def is_wanted(self) -> bool:
        """Whether it is something that was ordered; headings and comments may stay beside it."""
        return self.type == "line" and self.product is not None and (self.quantity or 0) > 0


class PastRow(Row):
    description: str | None
    lines: list[PastLineRow]

    @property
    def wanted(self) -> list[PastLineRow]:
        return [line for line in self.lines if line.is_wanted]


class DraftRow(PastRow, kw_only=True):
    state: str

    @property
    def is_whole(self) -> bool:
        return self.state != "draft" or self.description != UNPRICED


class AddedRow(Struct):
    id: int


class TaxChanges(Struct):
    add: list[tuple[int, AddedRow]] = msgspec.field(default_factory=list)
    remove: list[int] = msgspec.field(default_factory=list)


class Priced(Struct):
    """What is to change on a line where its product is entered again."""

    unit_price: Amount | None = None
    taxes: TaxChanges | None = None

    @property
    def values(self) -> dict[str, object]:
        price = {"unit_price": msgspec.to_builtins(self.unit_price)} if self.unit_price else {}
        if self.taxes is None:
            return price
        added = [each.id for _, each in self.taxes.add]
        return {**price, "taxes": [("remove", self.taxes.remove), ("add", added)]}


async def order_again(office: Tryton, asked: OrderAgain) -> Done:
    with looking():
        past = await _past(office, asked)
        draft = await _find(office, asked)
    if draft is None:
        its = f"{path(office, 'model', MODEL, past.id)}/copy"
        response = await office.http.post(
            its, json={"default": {"reference": asked.reference, "description": UNPRICED}}
        )
        decode_json(response.content, list[int], f"Tryton {MODEL}")
        with after_it():
            draft = await _find(office, asked)
        if draft is None:
            raise BadResponse(f"Tryton {MODEL}: made no copy that is found under its reference")
    if not draft.is_whole:
        with after_it():
            await _price(office, draft, past.description)
    return _done(draft, asked)


async def find_draft(office: Tryton, asked: OrderAgain) -> Done | None:
    """Look for the copy, whatever has become of it. One without prices is not done yet."""
    draft = await _find(office, asked)
    return _done(draft, asked) if draft and draft.is_whole else None


async def _past(office: Tryton, asked: OrderAgain) -> PastRow:
    """Raise `NotFound` for an order that the customer may not see, and `Refused` for what is not sold any more."""
    await find_order(office, asked.order, asked.customer)
    past = await one(office, PastRow, MODEL, as_key(asked.order))
    if not past.wanted or any(line.product and not line.product.salable for line in past.wanted):
        raise Refused(f"Tryton {MODEL}: a product of it is not sold any more, or it has none")
    return past


async def _find(office: Tryton, asked: OrderAgain) -> DraftRow | None:
    ours: Sequence[Clause] = [("reference", "=", asked.reference), ("party", "=", as_key(asked.customer))]
    rows, _ = await search(office, DraftRow, MODEL, ours, limit=1)
    return rows[0] if rows else None


async def _price(office: Tryton, draft: DraftRow, description: str | None) -> None:
    """Give all lines their price of today, and leave out what nobody orders, in one step."""
    commands: list[tuple[str, list[int], dict[str, object]] | tuple[str, list[int]]] = []
    for line in draft.wanted:
        its = f"{path(office, 'model', LINE, line.id)}/on_change"
        response = await office.http.post(its, json={"fieldnames": ["product"]})
        commands.append(("write", [line.id], decode_json(response.content, Priced, f"Tryton {LINE}").values))
    commands.append(("delete", [line.id for line in draft.lines if line.type == "line" and not line.is_wanted]))
    its = path(office, "model", MODEL, draft.id)
    response = await office.http.put(its, json={"description": description, "lines": commands})
    if decode_json(response.content, Row, f"Tryton {MODEL}").id != draft.id:
        raise NotFound(f"Tryton {MODEL}: no such draft")


def _done(draft: DraftRow, asked: OrderAgain) -> Done:
    """A draft has no number yet; staff find it by the reference."""
    return Done(record=str(draft.id), number=asked.reference)


to_order_again: Action[TrytonConfig, OrderAgain] = Action(do=order_again, find=find_draft, found_within=FOUND_WITHIN)
