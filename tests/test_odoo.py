"""Odoo beyond its recordings: against the sandbox, while rows come and go, and with any figure."""

import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support_needs import need
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import FileQuery, Query, RecordQuery, Token
from connectors.decode import decode_json
from connectors.done import is_done
from connectors.errors import AccessDenied, BadResponse, NotFound
from connectors.records import Invoice, Kind, Order, Record, Ticket
from connectors.sandbox.odoo.documents import settle
from connectors.scope import admit
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.odoo import connector, messages, moves, orders, partners, sales, tickets
from connectors.vendors.odoo.models import Row, as_key
from connectors.vendors.odoo.portal import page_url
from connectors.vendors.odoo.rpc import UID, Odoo
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Currency, Text, line

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
CAPTURES = SHARED / "captures" / "odoo"
BAKERY, HOTEL = "10", "30"  # the latter is the sandbox's customer with hundreds of orders and invoices
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
async def odoo(sandbox: RunningSandbox) -> AsyncIterator[Odoo]:
    config = OdooConfig(base_url=sandbox.odoo_url, database=ODOO_DATABASE, login=ODOO_LOGIN, api_key=Secret(ODOO_KEY))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(connector.base_url(config), policy=policy) as http:
        yield Odoo(source="erp", http=http, config=config, tokens=MemoryTokens())


async def read_all(odoo: Odoo, kind: Kind, between: Callable[[str], None] = lambda last: None) -> list[str]:
    """Read every page, and name the ids in the order shown. `between` hears the id at which a page was cut."""
    shown: list[str] = []
    async for records in pages(odoo, kind, Query(customer=HOTEL, asked_at=NOW)):
        shown += [record.origin.id for record in records]
        between(shown[-1])
    return shown


async def pages(odoo: Odoo, kind: Kind, query: Query) -> AsyncIterator[Sequence[Record]]:
    while True:
        page = await connector.reads[kind](odoo, query)
        yield admit(page.answers, query.customer).records
        if page.cursor is None:
            return
        query = msgspec.structs.replace(query, cursor=page.cursor)


@pytest.mark.parametrize(("kind", "model"), [("orders", "sale.order"), ("invoices", "account.move")])
async def test_shows_all_once_while_rows_come_and_go(
    odoo: Odoo, sandbox: RunningSandbox, kind: Kind, model: str
) -> None:
    rows = sandbox.site.odoo.rows[model]
    before = await read_all(odoo, kind)

    def move_to_the_front(last: str) -> None:
        newest = max(rows) + 1
        rows[newest] = {**rows.pop(int(last)), "id": newest}

    theirs = sandbox.site.odoo.descendants("res.partner", {int(HOTEL)})
    assert {int(id_) for id_ in before} == {
        id_ for id_, row in rows.items() if row["partner_id"] in theirs and row["state"] != "draft"
    }
    assert len(before) == len(set(before)) > 200
    assert await read_all(odoo, kind, move_to_the_front) == before


@pytest.mark.parametrize("kind", ["orders", "invoices", "tickets"])
@pytest.mark.parametrize("customer", [HOTEL, BAKERY])
async def test_tells_all_that_is_open(odoo: Odoo, sandbox: RunningSandbox, kind: Kind, customer: str) -> None:
    """Asked of Odoo, it is what is left of all there is when what is done is taken away."""
    rows = sandbox.site.odoo.rows
    for number, invoice in enumerate(rows["account.move"].values()):
        if number % 3 and invoice["state"] == "posted":
            settle(invoice, ("blocked", "partial", "made_up")[number % 3])
    for number, order in enumerate(rows["sale.order"].values()):
        order["delivery_status"] = (None, "pending", "full")[number % 3]
    rows["helpdesk.ticket.stage"][8] = {**rows["helpdesk.ticket.stage"][4], "id": 8, "name": "Archive"}
    rows["helpdesk.ticket"][9] |= {"stage_id": None, "closed": False}
    rows["helpdesk.ticket"][10] |= {"stage_id": 8, "closed": True}
    whole = Query(customer=customer, asked_at=NOW)
    told = [each async for page in pages(odoo, kind, whole) for each in page]
    still = [each async for page in pages(odoo, kind, msgspec.structs.replace(whole, only_open=True)) for each in page]
    assert still == [each for each in told if not is_done(kind, each)]
    assert 0 < len(still) < len(told) or (kind, customer) == ("tickets", HOTEL)


async def test_signs_in_once_for_many_questions(odoo: Odoo, sandbox: RunningSandbox) -> None:
    for _ in range(2):
        await connector.reads["orders"](odoo, Query(customer=HOTEL, asked_at=NOW))
    sign_ins = [seen for seen in sandbox.odoo_seen if b'"authenticate"' in seen.body]
    assert len(sign_ins) == 1


async def test_finds_its_way_back_with_a_user_id_of_somebody_else(odoo: Odoo) -> None:
    await odoo.tokens.put(UID, Token(value=Secret("987654")))
    page = await connector.reads["tickets"](odoo, Query(customer="10", asked_at=NOW))
    assert page.answers
    assert await odoo.tokens.get(UID) != Token(value=Secret("987654"))


async def test_refuses_a_wrong_key(sandbox: RunningSandbox) -> None:
    config = OdooConfig(
        base_url=sandbox.odoo_url, database=ODOO_DATABASE, login=ODOO_LOGIN, api_key=Secret("wrong-key")
    )
    async with open_client(config.base_url, policy=AddressPolicy(allow_http=True, allow_private=True)) as http:
        office = Odoo(source="erp", http=http, config=config, tokens=MemoryTokens())
        with pytest.raises(AccessDenied):
            await connector.check(office)


async def test_opens_the_slip_of_what_has_left_and_no_other(odoo: Odoo) -> None:
    query = RecordQuery(id="4424", customer=BAKERY, asked_at=NOW)
    order = (await connector.fetch["orders"](odoo, query)).record
    assert isinstance(order, Order)
    assert [each.state for each in order.shipments] == ["delivered", "waiting"]
    (slip,) = order.files
    wanted = FileQuery(record=order.origin.id, file=slip.id, customer=query.customer)
    async with connector.files["orders"](odoo, wanted) as stream:
        assert (await anext(stream.chunks)).startswith(b"%PDF-")
    for stranger in (
        msgspec.structs.replace(wanted, file="slip-44242"),  # it is still in the warehouse
        msgspec.structs.replace(wanted, record="4381"),
        msgspec.structs.replace(wanted, customer=HOTEL),
    ):
        with pytest.raises(NotFound):
            await connector.files["orders"](odoo, stranger).__aenter__()


async def test_opens_the_files_of_public_messages_alone(odoo: Odoo, sandbox: RunningSandbox) -> None:
    ticket = (await connector.fetch["tickets"](odoo, RecordQuery(id="9", customer=BAKERY, asked_at=NOW))).record
    assert isinstance(ticket, Ticket)
    assert ticket.messages
    shown = [file for message in ticket.messages for file in message.files]
    files = {row["name"]: str(key) for key, row in sandbox.site.odoo.rows["ir.attachment"].items()}
    assert [(file.id, file.name, file.size) for file in shown] == [(files["photo.txt"], "photo.txt", 16)]
    wanted = FileQuery(record="9", file=shown[0].id, customer=BAKERY)
    async with connector.files["tickets"](odoo, wanted) as stream:
        assert b"".join([chunk async for chunk in stream.chunks]) == b"a photo of a hum"
    for stranger in (
        msgspec.structs.replace(wanted, file=files["INTERNAL-CANARY-ODOO-FILE.txt"]),
        msgspec.structs.replace(wanted, record="10"),
        msgspec.structs.replace(wanted, customer=HOTEL),
    ):
        with pytest.raises(NotFound):
            await connector.files["tickets"](odoo, stranger).__aenter__()


@pytest.mark.parametrize(
    ("base", "path", "token", "address"),
    [
        ("https://erp.example.net", "/my/invoices/7", "a-1", "https://erp.example.net/my/invoices/7?access_token=a-1"),
        (
            "https://example.net/erp/",
            "/my/invoices/7",
            "a&b",
            "https://example.net/erp/my/invoices/7?access_token=a%26b",
        ),
        ("http://127.0.0.1:8069", "/my/invoices/7", "a", "http://127.0.0.1:8069/my/invoices/7?access_token=a"),
        ("http://odoo.internal", "/my/invoices/7", "a", None),  # on its way anybody could read the token
        ("http://127.0.0.1.example.net", "/my/invoices/7", "a", None),
        ("http://127.0.0.1@example.net", "/my/invoices/7", "a", None),
        ("https://erp.example.net", "/my/invoices/7", False, None),
        ("https://erp.example.net", "/my/invoices/7", "", None),
        ("https://erp.example.net", False, "a", None),
        ("https://erp.example.net", ".example.com/my", "a", None),
        ("https://erp.example.net", "@example.com/my", "a", None),
        ("https://erp.example.net", "/my/\u202e\n", "a", None),
    ],
)
def test_leads_to_a_page_of_this_odoo_or_nowhere(base: str, path: Text, token: Text, address: str | None) -> None:
    config = OdooConfig(base_url=base, database=ODOO_DATABASE, login=ODOO_LOGIN, api_key=Secret(ODOO_KEY))
    office = Odoo(source="erp", http=httpx.AsyncClient(), config=config, tokens=MemoryTokens())
    assert page_url(office, path, token) == address


async def test_asks_for_no_token_to_show_a_list(odoo: Odoo, sandbox: RunningSandbox) -> None:
    invoices = sandbox.site.odoo.rows["account.move"]
    tokens = {key: row.get("access_token") for key, row in invoices.items()}
    shown = [record async for page in pages(odoo, "invoices", Query(customer=BAKERY, asked_at=NOW)) for record in page]
    pay = {int(each.origin.id): each.pay_url for each in shown if isinstance(each, Invoice)}
    assert {key: row.get("access_token") for key, row in invoices.items()} == tokens
    assert {key for key, url in pay.items() if url} == {
        key for key in pay if tokens[key] and invoices[key]["payment_state"] in {"not_paid", "partial", "blocked"}
    }
    async with httpx.AsyncClient() as browser:
        page = await browser.get(next(url for url in pay.values() if url))
    assert page.status_code == 200
    assert "to pay" in page.text


FLOATS = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


@given(amount=FLOATS, places=st.integers(0, 3))
@example(amount=0.125, places=2)
@example(amount=-2.5, places=0)
def test_rounds_money_as_the_currency_says(amount: float, places: int) -> None:
    currency = Currency(id=1, name="EUR", decimal_places=places)
    exact = Decimal(repr(amount))
    rounded = currency.money(exact).amount
    assert rounded == exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert rounded.as_tuple().exponent == -places
    assert str(currency.money(exact, -1).amount) == str(-rounded + 0)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+400", "9" * 40])
def test_takes_nothing_for_an_amount_that_is_none(text: str) -> None:
    currency = Currency(id=1, name="EUR", decimal_places=2)
    with pytest.raises(BadResponse):
        currency.money(Decimal(text))
    with pytest.raises(BadResponse):
        line("Chair", Decimal(text), currency.money(Decimal(1)), heading=False)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("1.0", "1"), ("10.0", "10"), ("100", "100"), ("0.5", "0.5"), ("3.0000000000000004", "3")],
)
def test_writes_a_quantity_as_people_do(number: str, shown: str) -> None:
    money = Currency(id=1, name="EUR", decimal_places=2).money(Decimal(1))
    assert str(line("Chair", Decimal(number), money, heading=False).quantity) == shown


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", " 1", "1 ", "0x1", "\u0661", "9" * 19, "1\n", "1 or 1"])
def test_asks_for_nothing_by_an_id_that_is_no_number(text: str) -> None:
    with pytest.raises(NotFound):
        as_key(text)


@pytest.mark.parametrize(
    ("capture", "row"),
    [
        ("20_sale_orders", sales.OrderRow),
        ("21_sale_lines", orders.LineRow),
        ("30_invoices", moves.MoveRow),
        ("31_invoices_unpaid", moves.MoveRow),
        ("32_invoice_lines", moves.LineRow),
        ("40_helpdesk_tickets", tickets.WholeTicketRow),
        ("41_ticket_messages", messages.MessageRow),
        ("48_currencies", Currency),
        ("10_partners_all", partners.Contact),
        ("11_partner_joel", partners.Partner),
    ],
)
def test_reads_what_a_real_odoo_18_answered(capture: str, row: type[Row]) -> None:
    need("recorded answers", CAPTURES.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    answered = json.loads((CAPTURES / f"{capture}.json").read_bytes())["response"]["body"]["result"]
    assert answered
    for each in answered:
        record = {"type": "contact", "require_payment": False} | each  # of partners and orders: not asked for then
        assert decode_json(json.dumps(record).encode(), row, capture).id == each["id"]
