"""Following the feeds of a real Tryton gives what reading every list anew gives, whatever staff do there."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from support_following import Follower, read_all
from support_tryton import Tryton

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Answer, BackOffice
from connectors.records import Kind, Record
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.tryton import connector, feeds
from connectors.vendors.tryton.settings import TrytonConfig

pytestmark = pytest.mark.live

Office = BackOffice[TrytonConfig]


class Staff:
    """What staff do with one sale and all that comes of it. It goes from one new customer to another."""

    def __init__(self, tryton: Tryton) -> None:
        self._tryton = tryton
        names = ("Idle Hands", "Brightwater Yachts", "Brightwater Yachts")
        self.one, self.other, self.same = (self._party(name) for name in names)
        self.sale = self._rpc("sale.sale.copy", [tryton.ids["quoted"]], {**self._of(self.one), "contact": None})[0]

    def press(self, *actions: str, model: str = "sale.sale") -> None:
        for action in actions:
            self._rpc(f"{model}.{action}", [self._id(model)])

    def write(self, model: str, **values: object) -> None:
        self._rpc(f"{model}.write", [self._id(model)], values)

    def give_away(self) -> None:
        self.write("sale.sale", **self._of(self.other))

    def post(self) -> None:
        self.write("account.invoice", invoice_date=_day(self._tryton.today))
        self.press("post", model="account.invoice")

    def pay(self, amount: str) -> None:
        """Pay what settles a part that is due, or else as a part of one."""
        (method,) = self._rpc("account.invoice.payment.method.search", [["name", "=", "Cash"]], 0, None, None)
        paid = {"__class__": "Decimal", "decimal": amount}
        common: dict[str, object] = {"amount": paid, "currency": 1, "company": 1}
        start = common | {"form": "start", "payment_method": method, "date": _day(self._tryton.today)}
        ask = common | {"form": "ask", "type": "partial", "lines": [], "lines_to_pay": [], "payment_lines": []}
        self._tryton.wizard(
            "account.invoice.pay", "account.invoice", self._id("account.invoice"), choice=start, pay=ask
        )

    def take_the_payment_back(self) -> None:
        last = self._rpc("account.move.reconciliation.search", [], 0, 1, [["id", "DESC"]])
        self._rpc("account.move.reconciliation.delete", last)

    def make_one_of_two(self) -> None:
        merged = {"form": "ask", "source": self.other["id"], "destination": self.same["id"]}
        self._tryton.wizard("party.replace", "party.party", self.other["id"], replace=merged)

    def do_something_else(self) -> None:
        """Write what is nobody's here, so that it is the latest change."""
        self._rpc("party.address.write", [self.one["address"]], {"street": "Quay 3"})

    def _party(self, name: str) -> dict[str, Any]:
        key = self._rpc("party.party.create", [{"name": name, "addresses": [["create", [{"street": "Quay 2"}]]]}])[0]
        return {"id": key, "address": self._rpc("party.party.read", [key], ["addresses"])[0]["addresses"][0]}

    def _of(self, party: dict[str, Any]) -> dict[str, object]:
        address = party["address"]
        return {"party": party["id"], "invoice_address": address, "shipment_address": address}

    def _id(self, model: str) -> int:
        field = {"account.invoice": "invoices", "stock.shipment.out": "shipments"}.get(model, "id")
        found = self._rpc("sale.sale.read", [self.sale], [field])[0][field]
        return int(found[0] if isinstance(found, list | tuple) else found)

    def _rpc(self, method: str, *params: object) -> Any:
        return self._tryton.rpc(f"model.{method}", *params)


def _day(text: str) -> dict[str, object]:
    day = date.fromisoformat(text)
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


@pytest_asyncio.fixture
async def office(tryton: Tryton) -> AsyncIterator[Office]:
    config = TrytonConfig(base_url=tryton.url, database=tryton.database, application_key=Secret(tryton.portal_key))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    auth = connector.auth(config, MemoryTokens())
    async with open_client(tryton.url, policy=policy, auth=auth, deadline=30.0) as http:
        yield BackOffice(source="erp", http=http, config=config, tokens=MemoryTokens())


SHIPMENT = "stock.shipment.out"


def reschedule(staff: Staff) -> None:
    staff.press("draft", model=SHIPMENT)
    staff.write(SHIPMENT, planned_date=_day("2027-01-04"))
    staff.press("wait", model=SHIPMENT)


def give_away(staff: Staff) -> None:
    staff.give_away()
    staff.press("quote")


# A step, and whether it shows in the orders and in the invoices of the two customers.
STEPS: dict[str, tuple[Callable[[Staff], None], bool, bool]] = {
    "an offer": (lambda staff: staff.press("quote"), True, False),
    "an offer that is written anew": (lambda staff: staff.press("draft"), True, False),
    "an offer to somebody else": (give_away, True, False),
    "two customers who are one": (lambda staff: staff.make_one_of_two(), True, False),
    "an order": (lambda staff: staff.press("confirm", "process"), True, False),
    "another day": (reschedule, True, False),
    "a bill": (lambda staff: staff.post(), True, True),
    "goods that are kept for it": (lambda staff: staff.press("assign_try", "pick", model=SHIPMENT), False, False),
    "goods that are packed": (lambda staff: staff.press("pack", model=SHIPMENT), True, False),
    "goods that have left": (lambda staff: staff.press("ship", model=SHIPMENT), True, False),
    "goods that are there": (lambda staff: staff.press("do", model=SHIPMENT), True, False),
    "a payment": (lambda staff: staff.pay("100.00"), False, True),
    "half of it": (lambda staff: staff.pay("201.90"), False, True),
    "the rest": (lambda staff: staff.pay("301.89"), True, True),
    "a payment that was none": (lambda staff: staff.take_the_payment_back(), True, True),
}


async def test_tells_of_all_that_staff_do(tryton: Tryton, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """No look goes back here: what was told for another reason shortly before is not told again."""
    monkeypatch.setattr(feeds, "LAG", timedelta(0))
    staff = Staff(tryton)
    customers = [str(each["id"]) for each in (staff.one, staff.other, staff.same)]

    async def everything(kind: Kind) -> dict[str, Answer[Record]]:
        return await read_all(connector.reads[kind], office, *customers)

    since = datetime.now(UTC) - timedelta(minutes=15)
    kinds: tuple[Kind, Kind] = ("orders", "invoices")
    following = {kind: Follower(connector.feeds[kind], office, since) for kind in kinds}
    told: dict[Kind, dict[str, Answer[Record]]] = {kind: {} for kind in kinds}
    for step, (do, *shows) in STEPS.items():
        do(staff)
        staff.do_something_else()
        for kind, is_shown in zip(kinds, shows, strict=True):
            await following[kind].look()
            theirs = {key: each for key, each in following[kind].answers.items() if each.owners & set(customers)}
            assert theirs == await everything(kind), step
            assert (theirs != told[kind]) is is_shown, step
            told[kind] = theirs
