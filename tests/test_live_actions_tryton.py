"""What customers ask a real Tryton for, with a key of no more rights than the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace
from support_tryton import Tryton

from connectors.actions import ActionName, Answer, Asked, Done, OrderAgain
from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, RecordQuery
from connectors.errors import NotFound, NotSent, Refused, Unavailable
from connectors.records import Order
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.tryton import connector
from connectors.vendors.tryton.again import UNPRICED
from connectors.vendors.tryton.settings import TrytonConfig
from gateway.outbox.references import new_reference

pytestmark = pytest.mark.live

Office = BackOffice[TrytonConfig]
ANSWERS: tuple[ActionName, ...] = ("accept", "decline")
HOSTILE = "Too dear <script>alert(1)</script> & 'Zoë' %_\\ 漢字"
SALES = "/model/sale.sale"


class Deaf(httpx.AsyncHTTPTransport):
    """Loses the answers to what changes something and ends with one of `lost`."""

    lost: tuple[str, ...] = ()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method != "GET" and request.url.path.endswith(self.lost) and self.lost:
            await response.aread()
            raise httpx.ReadTimeout("lost", request=request)
        return response


class Books:
    """A customer of their own in a real Tryton, what staff do with their orders, and our side of it."""

    def __init__(self, tryton: Tryton, office: Office, deaf: Deaf) -> None:
        self.tryton, self.office, self.deaf = tryton, office, deaf
        address = {"addresses": [("create", [{"street": "Pier 2"}])]}
        party = tryton.call("POST", "/model/party.party", {"name": "Pier Yachts", **address})["id"]
        self.customer = str(party)
        (self.address,) = tryton.call("GET", f"/model/party.party/{party}?f=addresses", {})["addresses"]

    def sale(self, *steps: str, **values: object) -> str:
        """Make a sale of three hatches and two and a half metres of rope, as staff do."""
        whose = {"party": int(self.customer), "invoice_address": self.address, "shipment_address": self.address}
        default = {**whose, "contact": None, "description": "For the quay", **values}
        its = f"{SALES}/{self.tryton.ids['ordered']}/copy"
        (key,) = self.tryton.call("POST", its, {"default": default})
        for step in steps:
            self.tryton.call("POST", f"{SALES}/{key}/{step}", {})
        return str(key)

    def read(self, key: str, *fields: str) -> Any:
        return self.tryton.call("GET", f"{SALES}/{key}?{'&'.join(f'f={field}' for field in fields)}", {})

    def state(self, key: str) -> str:
        return str(self.read(key, "state")["state"])

    def named(self, reference: str) -> list[Any]:
        """List the customer's sales under a reference."""
        fields = ("reference", "state", "description", "lines.type", "lines.quantity", "lines.unit_price")
        rows = self.tryton.call("GET", f"{SALES}?{'&'.join(f'f={field}' for field in fields)}&s=1000", {})
        return [row for row in rows if row["reference"] == reference]

    def notes(self, key: str) -> list[str]:
        rows = self.tryton.call("GET", "/model/ir.note?f=message&f=resource&s=1000", {})
        return [row["message"] for row in rows if row["resource"] == f"sale.sale,{key}"]

    def again(self, order: str) -> OrderAgain:
        return OrderAgain(reference=new_reference(), customer=self.customer, order=order)

    def answer(self, order: str, **more: str) -> Answer:
        asked = Answer(reference=new_reference(), customer=self.customer, order=order, total="1832.45", currency="EUR")
        return replace(asked, **more)

    async def act(self, action: ActionName, asked: Asked) -> Done:
        done: Done = await connector.actions[action].do(self.office, asked)
        return done

    async def find(self, action: ActionName, asked: Asked) -> Done | None:
        find = connector.actions[action].find
        assert find is not None
        return await find(self.office, asked)

    async def order(self, key: str) -> Order:
        query = RecordQuery(id=key, customer=self.customer, asked_at=datetime.now(UTC))
        record = (await connector.fetch["orders"](self.office, query)).record
        assert isinstance(record, Order)
        return record


@asynccontextmanager
async def opened(tryton: Tryton) -> AsyncIterator[Books]:
    config = TrytonConfig(base_url=tryton.url, database=tryton.database, application_key=Secret(tryton.portal_key))
    deaf = Deaf()
    async with open_client(
        tryton.url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, MemoryTokens()),
        deadline=30.0,
        transport=deaf,
    ) as http:
        yield Books(tryton, BackOffice(source="erp", http=http, config=config, tokens=MemoryTokens()), deaf)


@pytest_asyncio.fixture
async def books(tryton: Tryton) -> AsyncIterator[Books]:
    async with opened(tryton) as books:
        yield books


@pytest.fixture
def new_price(tryton: Tryton) -> Any:
    """Sell hatches for more while a test runs."""
    (price,) = tryton.call("GET", "/model/product.list_price?f=list_price&f=template.rec_name&s=1", {})
    assert "Deck hatch" in price["template"]["rec_name"]
    its = f"/model/product.list_price/{price['id']}"
    tryton.call("PUT", its, {"list_price": {"__class__": "Decimal", "decimal": "510.0000"}})
    yield "510.0000"
    tryton.call("PUT", its, {"list_price": price["list_price"]})


def lines(draft: Any) -> list[tuple[str, Any, Any]]:
    return [
        (line["type"], line["quantity"], line["unit_price"] and line["unit_price"]["decimal"])
        for line in draft["lines"]
    ]


async def test_makes_a_draft_of_an_earlier_sale_at_todays_prices(books: Books, new_price: str) -> None:
    asked = books.again(books.sale("quote", "confirm"))
    assert await books.find("order_again", asked) is None
    done = await books.act("order_again", asked)
    (draft,) = books.named(asked.reference)
    assert done == Done(record=str(draft["id"]), number=asked.reference)
    assert (draft["state"], draft["description"]) == ("draft", "For the quay")
    assert lines(draft) == [("title", None, None), ("line", 3.0, new_price), ("line", 2.5, "6.9700")]
    assert await books.find("order_again", asked) == done
    assert await books.find("order_again", replace(asked, customer=str(books.tryton.ids["bob"]))) is None
    with pytest.raises(NotFound):
        await books.order(done.record)


async def test_goes_on_with_a_draft_whose_prices_are_still_those_of_then(books: Books, new_price: str) -> None:
    asked = books.again(books.sale("quote", "confirm"))
    books.deaf.lost = ("/copy",)
    with pytest.raises(Unavailable) as raised:
        await books.act("order_again", asked)
    assert not isinstance(raised.value, NotSent)
    (draft,) = books.named(asked.reference)
    assert draft["description"] == UNPRICED
    assert await books.find("order_again", asked) is None
    books.deaf.lost = (f"/{draft['id']}",)
    with pytest.raises(Unavailable) as raised:
        await books.act("order_again", asked)
    assert not isinstance(raised.value, NotSent)
    books.deaf.lost = ()
    done = await books.find("order_again", asked)
    assert done == await books.act("order_again", asked)
    (draft,) = books.named(asked.reference)
    assert lines(draft)[1] == ("line", 3.0, new_price)


async def test_orders_nothing_that_is_not_sold_any_more(books: Books, tryton: Tryton) -> None:
    asked = books.again(books.sale("quote", "confirm"))
    (product,) = tryton.call("GET", "/model/product.template?f=name&s=1", {})
    tryton.call("PUT", f"/model/product.template/{product['id']}", {"salable": False})
    try:
        with pytest.raises(Refused, match="not sold any more"):
            await books.act("order_again", asked)
    finally:
        tryton.call("PUT", f"/model/product.template/{product['id']}", {"salable": True})
    assert books.named(asked.reference) == []


async def test_accepts_a_quotation_once(books: Books) -> None:
    quoted = books.sale("quote")
    offer = await books.order(quoted)
    assert (offer.state, offer.awaits_answer, offer.valid_until) == ("quoted", True, None)
    books.deaf.lost = ("/confirm",)
    with pytest.raises(Unavailable):
        await books.act("accept", books.answer(quoted))
    books.deaf.lost = ()
    assert await books.act("accept", books.answer(quoted)) == Done(record=quoted, number=offer.number)
    accepted = await books.order(quoted)
    assert (accepted.state, accepted.awaits_answer) == ("confirmed", False)
    with pytest.raises(Refused):
        await books.act("decline", books.answer(quoted))
    assert books.state(quoted) == "processing"


async def test_declines_a_quotation_and_says_why_once(books: Books) -> None:
    quoted = books.sale("quote")
    asked = books.answer(quoted, reason=HOSTILE)
    for lost in ("/cancel", "/ir.note"):
        books.deaf.lost = (lost,)
        assert await books.find("decline", asked) is None
        with pytest.raises(Unavailable):
            await books.act("decline", asked)
    books.deaf.lost = ()
    assert await books.find("decline", asked) == await books.act("decline", asked)
    assert books.notes(quoted) == [f"Declined in the customer portal: {HOSTILE} [{asked.reference}]"]
    assert (await books.order(quoted)).state == "cancelled"
    with pytest.raises(Refused):
        await books.act("accept", books.answer(quoted))


async def test_accepts_nothing_else_than_what_was_seen(books: Books) -> None:
    quoted = books.sale("quote")
    for other in ({"total": "1832.46"}, {"currency": "USD"}):
        with pytest.raises(Refused):
            await books.act("accept", books.answer(quoted, **other))
    assert books.state(quoted) == "quotation"


async def test_accepts_no_quotation_that_has_expired(books: Books) -> None:
    made = date.fromisoformat(books.tryton.today) - timedelta(days=10)
    offered = {"__class__": "date", "year": made.year, "month": made.month, "day": made.day}
    validity = {"__class__": "timedelta", "seconds": timedelta(days=3).total_seconds()}
    quoted = books.sale(quotation_validity=validity)
    books.tryton.call("PUT", f"{SALES}/{quoted}", {"quotation_date": offered})
    books.tryton.call("POST", f"{SALES}/{quoted}/quote", {})
    assert (await books.order(quoted)).valid_until == made + timedelta(days=3)
    with pytest.raises(Refused):
        await books.act("accept", books.answer(quoted))
    assert books.state(quoted) == "quotation"


async def test_touches_no_order_of_somebody_elses(books: Books) -> None:
    quoted, ordered = books.sale("quote"), books.sale("quote", "confirm")
    other = str(books.tryton.ids["bob"])
    foreign: list[tuple[ActionName, Asked]] = [
        ("order_again", replace(books.again(ordered), customer=other)),
        ("order_again", books.again(f"{ordered}/../1")),
        ("order_again", books.again(books.sale())),  # a draft
        *((name, books.answer(quoted, customer=other)) for name in ANSWERS),
    ]
    for action, asked in foreign:
        with pytest.raises(NotFound):
            await books.act(action, asked)
        assert books.named(asked.reference) == []
    assert (books.state(quoted), books.state(ordered)) == ("quotation", "processing")
