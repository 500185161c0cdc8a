"""What customers ask the sandbox's Odoo for: an order again and an answer to a quotation, once, and nobody else's."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace
from support_feeds import Ticking
from support_outbox import Given, Losing, send_all_though_answers_are_lost
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox
from test_actions import LOOPBACK, at_once

from connectors.actions import ActionName, Answer, Asked, Done, OrderAgain
from connectors.config import decode_config
from connectors.contract import BackOffice, RecordQuery
from connectors.errors import NotAllowed, NotFound, NotSent, Refused, Unavailable
from connectors.records import Order
from connectors.sandbox.faults import Fault
from connectors.sandbox.odoo.sales import CHANGING
from connectors.sandbox.odoo.store import Row
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.odoo import connector
from gateway.access import LinkRef
from gateway.offices import Office
from gateway.outbox.references import new_reference
from gateway.records.database import Database

CATERING, MAYA, BAKERY, MAYA_THERE, COMMENT = "20", 21, "10", "11", 1
PAST, QUOTED, TOTAL = "4419", "4449", "785.60"
HOSTILE = "Too dear <script>alert(1)</script> & 漢字"
ANSWERS: tuple[ActionName, ...] = ("accept", "decline")


class World(Struct):
    sandbox: RunningSandbox
    office: BackOffice[Any]
    clock: Ticking

    @property
    def orders(self) -> dict[int, Row]:
        return self.sandbox.site.odoo.rows["sale.order"]

    @property
    def drafts(self) -> list[Row]:
        """List the drafts of the caterer, and the lines of each as [product, quantity, price]."""
        lines = self.sandbox.site.odoo.rows["sale.order.line"]
        return [
            row | {"lines": [lines[line] for line in row["order_line"]]}
            for row in self.orders.values()
            if (row["state"], row["partner_id"]) == ("draft", MAYA)
        ]

    @property
    def box(self) -> Row:
        """The product of the earlier order."""
        products = self.sandbox.site.odoo.rows["product.product"].values()
        return next(row for row in products if "Thermo box" in row["name"])

    @property
    def said(self) -> list[Row]:
        said = self.sandbox.site.odoo.rows["mail.message"].values()
        return [row for row in said if (row["model"], row["res_id"]) == ("sale.order", int(QUOTED))]

    def state(self, order: str) -> str:
        return str(self.orders[int(order)]["state"])

    def again(self, order: str = PAST, customer: str = CATERING) -> OrderAgain:
        return OrderAgain(reference=new_reference(), customer=customer, order=order)

    def answer(self, order: str = QUOTED, **more: Any) -> Answer:
        asked = Answer(reference=new_reference(), customer=CATERING, order=order, total=TOTAL, currency="EUR")
        return replace(asked, **more)

    async def act(self, action: ActionName, asked: Asked) -> Done:
        done: Done = await connector.actions[action].do(self.office, asked)
        return done

    async def find(self, action: ActionName, asked: Asked) -> Done | None:
        find = connector.actions[action].find
        assert find is not None
        return await find(self.office, asked)

    async def order(self, key: str = QUOTED) -> Order:
        query = RecordQuery(id=key, customer=CATERING, asked_at=datetime.now(UTC))
        record = (await connector.fetch["orders"](self.office, query)).record
        assert isinstance(record, Order)
        return record

    def fault(self, fault: Fault) -> None:
        self.sandbox.odoo_fault(fault)

    @property
    def written(self) -> int:
        """Count the calls that could change something."""
        methods = [f'"{name}"'.encode() for name in CHANGING]
        return sum(any(name in seen.body for name in methods) for seen in self.sandbox.odoo_seen)


@pytest.fixture
async def world(sandbox: RunningSandbox) -> AsyncIterator[World]:
    clock, tokens = Ticking(), MemoryTokens()
    settings = {"base_url": sandbox.odoo_url, "database": ODOO_DATABASE, "login": ODOO_LOGIN, "api_key": ODOO_KEY}
    config = decode_config(connector.config, settings)
    async with open_client(
        connector.base_url(config), policy=LOOPBACK, sleep=at_once, timer=lambda: clock().timestamp()
    ) as http:
        yield World(sandbox, BackOffice(source="erp", http=http, config=config, tokens=tokens), clock)


async def test_makes_a_draft_of_an_earlier_order_at_todays_prices(world: World) -> None:
    world.box["lst_price"] = 65
    asked = world.again()
    assert await world.find("order_again", asked) is None
    done = await world.act("order_again", asked)
    (draft,) = world.drafts
    assert done == Done(record=str(draft["id"]), number=draft["name"])
    assert (draft["partner_id"], draft["origin"]) == (MAYA, asked.reference)
    assert [(line["name"], line["product_uom_qty"], line["price_unit"]) for line in draft["lines"]] == [
        ("Thermo box, stackable", 12, 65)
    ]
    assert await world.find("order_again", asked) == done
    assert await world.find("order_again", replace(asked, customer=BAKERY)) is None
    with pytest.raises(NotFound):
        await world.order(done.record)  # a draft is the seller's own


async def test_leaves_out_what_nobody_ordered(world: World) -> None:
    lines = world.sandbox.site.odoo.rows["sale.order.line"]
    past = world.orders[4417]["order_line"]
    assert len(past) == 4  # one is a heading
    lines[past[-1]]["is_downpayment"] = True
    await world.act("order_again", world.again("4417", BAKERY))
    made = max(world.orders.values(), key=lambda row: row["id"])
    assert [lines[line]["name"] for line in made["order_line"]] == [lines[line]["name"] for line in past[1:3]]


@pytest.mark.parametrize("change", [{"sale_ok": False}, {"active": False}], ids=["not_sold", "archived"])
async def test_orders_nothing_that_is_not_sold_any_more(world: World, change: dict[str, bool]) -> None:
    world.box.update(change)
    with pytest.raises(Refused, match="not sold any more"):
        await world.act("order_again", world.again())
    assert (world.drafts, world.written) == ([], 0)


async def test_touches_no_order_of_somebody_elses(world: World) -> None:
    foreign: list[tuple[ActionName, Asked]] = [
        ("order_again", world.again("4440")),
        ("order_again", world.again("4447", BAKERY)),  # a draft
        ("order_again", world.again(f"{PAST}/../4440")),
        *((name, world.answer("4445")) for name in ANSWERS),
        *((name, world.answer(customer=BAKERY)) for name in ANSWERS),
    ]
    for action, asked in foreign:
        with pytest.raises(NotFound):
            await world.act(action, asked)
    assert (world.drafts, world.written, world.state("4445"), world.state(QUOTED)) == ([], 0, "sent", "sent")


async def test_accepts_a_quotation_once(world: World) -> None:
    offer = await world.order()
    assert (offer.state, offer.awaits_answer) == ("quoted", True)
    assert offer.valid_until == datetime.now(UTC).date() + timedelta(days=12)
    for _ in range(2):
        assert await world.act("accept", world.answer()) == Done(record=QUOTED, number="SO-4449")
    accepted = await world.order()
    assert (accepted.state, accepted.awaits_answer, accepted.valid_until) == ("confirmed", False, None)
    assert world.written == 1
    with pytest.raises(Refused):
        await world.act("decline", world.answer())
    assert world.state(QUOTED) == "sale"


async def test_declines_a_quotation_and_says_why_once(world: World) -> None:
    asked = world.answer(reason=HOSTILE, persons=(MAYA_THERE, str(MAYA)))
    assert await world.find("decline", asked) is None
    for _ in range(2):
        assert await world.act("decline", asked) == Done(record=QUOTED, number="SO-4449")
    assert await world.find("decline", asked) == Done(record=QUOTED, number="SO-4449")
    assert (await world.order()).state == "cancelled"
    (said,) = world.said
    assert (said["author_id"], said["message_type"], said["subtype_id"]) == (MAYA, "comment", COMMENT)
    assert f"Too dear (script)alert(1)(/script) + 漢字 [{asked.reference}]" in said["body"]
    with pytest.raises(Refused):
        await world.act("accept", world.answer())


async def test_speaks_for_nobody_who_acts_for_another_customer(world: World) -> None:
    await world.act("decline", world.answer(reason="No.", persons=(MAYA_THERE, "1")))
    assert [row["author_id"] for row in world.said] == [int(CATERING)]


YESTERDAY = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("asked", "offer"),
    [
        ({"total": "785.61"}, {}),
        ({"currency": "GBP"}, {}),
        ({}, {"validity_date": YESTERDAY}),
        ({}, {"state": "cancel"}),
        ({}, {"require_payment": True}),
    ],
    ids=["total", "currency", "expired", "cancelled", "to_be_paid_first"],
)
async def test_accepts_nothing_else_than_what_was_seen(
    world: World, asked: dict[str, str], offer: dict[str, object]
) -> None:
    world.orders[int(QUOTED)] |= offer
    with pytest.raises(Refused):
        await world.act("accept", world.answer(**asked))
    assert world.written == 0


async def test_says_where_nothing_came_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHANGING, "action_cancel", lambda *_, **__: {"type": "ir.actions.act_window"})
    with pytest.raises(NotAllowed):
        await world.act("decline", world.answer(reason="No."))
    assert world.said == []


async def test_says_what_has_not_gone_out_and_what_may_have(world: World) -> None:
    acts: list[tuple[ActionName, Asked]] = [("order_again", world.again()), ("decline", world.answer())]
    world.fault(Fault(kind="unavailable"))
    for action, asked in acts:
        with pytest.raises(NotSent):
            await world.act(action, asked)
    assert world.drafts == []
    world.clock.now += timedelta(hours=1)  # until it is asked again
    world.fault(Fault(kind="lost"))
    for action, asked in acts:
        with pytest.raises(Unavailable) as raised:
            await world.act(action, asked)
        assert not isinstance(raised.value, NotSent)
        assert await world.find(action, asked)
    assert (len(world.drafts), world.written) == (1, 2)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_does_everything_once_though_every_third_answer_is_lost(
    world: World, database: Database, seed: int
) -> None:
    losing = Losing(
        office=Office(name="erp", title="ERP", connector=connector, promises={}, version="1", opened=world.office),
        link=LinkRef("erp", CATERING),
        person=str(MAYA),
        share=0.3,
        fault=world.fault,
        written=lambda: world.written,
    )
    declined = {"order": QUOTED, "total": TOTAL, "currency": "EUR", "reason": "No, thank you."}
    again: Given = ("order_again", {"order": PAST}, ())
    given: list[Given] = [*[again] * 20, ("decline", declined, ())]
    await send_all_though_answers_are_lost(database, world.clock, seed, losing, given)
    assert len(world.drafts) == 20
    assert len({row["origin"] for row in world.drafts}) == 20
    assert (len(world.said), world.state(QUOTED)) == (1, "cancel")
