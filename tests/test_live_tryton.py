"""The connector against a real Tryton. What staff do there shows here, and to the right customer only."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
import pytest_asyncio
from support_tryton import Tryton

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, Candidate, Facts, FileQuery, Person, Query, RecordQuery
from connectors.done import is_done
from connectors.errors import AccessDenied, NotFound
from connectors.records import FileRef, Invoice, Kind, Line, Money, Order, Record
from connectors.scope import admit
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.tryton import connector
from connectors.vendors.tryton.settings import TrytonConfig

pytestmark = pytest.mark.live

R = TypeVar("R", bound=Record)
Office = BackOffice[TrytonConfig]


@pytest_asyncio.fixture
async def office(tryton: Tryton) -> AsyncIterator[Office]:
    async with open_client(
        tryton.url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(settings(tryton), MemoryTokens()),
        deadline=30.0,
    ) as http:
        yield BackOffice(source="erp", http=http, config=settings(tryton), tokens=MemoryTokens())


def settings(tryton: Tryton, key: str | None = None) -> TrytonConfig:
    secret = Secret(tryton.portal_key if key is None else key)
    return TrytonConfig(base_url=tryton.url, database=tryton.database, application_key=secret)


async def read(office: Office, kind: Kind, customer: int, type_: type[R], *, only_open: bool = False) -> dict[str, R]:
    """Read a customer's records, each by its id, as they may be stored: proven to be theirs."""
    query = Query(customer=str(customer), asked_at=datetime.now(UTC), only_open=only_open)
    page = await connector.reads[kind](office, query)
    admitted = admit(page.answers, str(customer))
    assert admitted.refused == ()
    assert page.cursor is None
    return {record.origin.id: record for record in admitted.records if isinstance(record, type_)}


async def fetch_order(office: Office, record: int, customer: int) -> Order:
    query = RecordQuery(id=str(record), customer=str(customer), asked_at=datetime.now(UTC))
    order = (await connector.fetch["orders"](office, query)).record
    assert isinstance(order, Order)
    return order


def euros(amount: str) -> Money:
    return Money("EUR", Decimal(amount))


async def test_says_whose_books_it_reads(office: Office) -> None:
    assert await connector.check(office) == "Tryton, database kestrel, of Kestrel Chandlery"


async def test_is_refused_with_another_key(tryton: Tryton) -> None:
    config = settings(tryton, key="0" * 128)
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(tryton.url, policy=policy, auth=connector.auth(config, MemoryTokens())) as http:
        with pytest.raises(AccessDenied):
            await connector.check(BackOffice(source="erp", http=http, config=config, tokens=MemoryTokens()))


async def test_finds_a_customer_by_each_fact(office: Office, tryton: Tryton) -> None:
    facts = Facts(email="ann@halvorsen-marine.example", external_id="C-1012", domain="halvorsen-marine.example")
    address = "Ann@Halvorsen-Marine.example"
    assert await connector.find(office, facts) == (
        Candidate(
            customer=str(tryton.ids["ann"]),
            name="Halvorsen Marine AS",
            matched={"email": address, "external_id": "C-1012", "domain": address},
            person=str(tryton.ids["anns_address"]),
        ),
    )
    assert await connector.find(office, Facts(email="a%@halvorsen-marine.example", external_id="C-10_2")) == ()


async def test_says_whose_own_an_order_is_and_who_that_is_now(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    address = str(ids["anns_address"])
    orders = await read(office, "orders", ids["ann"], Order)
    assert {record: order.people for record, order in orders.items()} == {
        str(ids["ordered"]): (address,),
        str(ids["quoted"]): (),
    }
    assert connector.person is not None
    assert await connector.person(office, address) == Person(
        id=address, customers=frozenset({str(ids["ann"])}), emails=frozenset({"Ann@Halvorsen-Marine.example"})
    )
    cora, dan = str(ids["coras_address"]), str(ids["dans_address"])
    assert (await connector.person(office, cora)).customers == {str(ids["closing"])}
    tryton.write("party.contact_mechanism", "coras_address", active=False)
    with pytest.raises(NotFound):
        await connector.person(office, cora)
    assert (await connector.person(office, dan)).emails == {"dan@closing-sails.example"}
    tryton.write("party.party", "closing", active=False)
    with pytest.raises(NotFound):
        await connector.person(office, dan)


async def test_reads_orders_of_their_owner_and_no_drafts(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    orders = await read(office, "orders", ids["ann"], Order)
    assert list(orders) == [str(ids["quoted"]), str(ids["ordered"])]
    order = orders[str(ids["ordered"])]
    assert (order.number, order.reference, order.total) == ("1", "PO-77", euros("1832.45"))
    assert order.lines == (
        Line(text="On deck"),
        Line(text="[DECK-2] Deck hatch", quantity=Decimal(3), total=euros("1497.00")),
        Line(text="[ROPE-12] Rope", quantity=Decimal("2.5"), total=euros("17.42")),
        Line(text="Tax", total=euros("318.03")),
    )
    assert order.expected_on == date.fromisoformat(tryton.today)
    assert order.origin.changed_at is not None
    assert abs(datetime.now(UTC) - order.origin.changed_at) < timedelta(hours=1)
    theirs = await read(office, "orders", ids["bob"], Order)
    assert not theirs.keys() & orders.keys()
    assert str(ids["bobs"]) in theirs


async def test_reads_invoices_of_their_owner_once_they_are_posted(office: Office, tryton: Tryton) -> None:
    ids, today = tryton.ids, date.fromisoformat(tryton.today)
    (invoice,) = (await read(office, "invoices", ids["ann"], Invoice)).values()
    assert invoice.origin.id == str(ids["invoice"])
    assert (invoice.state, invoice.total, invoice.open) == ("part_paid", euros("1832.45"), euros("1732.45"))
    assert (invoice.issued_on, invoice.due_on) == (today, today + timedelta(days=30))
    assert (invoice.order_number, invoice.reference) == ("1", "PO-77")
    assert sum(line.total.amount for line in invoice.lines if line.total) == Decimal("1832.45")
    theirs = await read(office, "invoices", ids["bob"], Invoice)
    assert list(theirs) == [str(ids["note"]), str(ids["bobs_invoice"])]
    for customer, told in ((ids["ann"], {invoice.origin.id: invoice}), (ids["bob"], theirs)):
        still = await read(office, "invoices", customer, Invoice, only_open=True)
        assert list(still) == [key for key, each in told.items() if not is_done("invoices", each)]
    note = theirs[str(ids["note"])]
    assert (note.is_credit_note, note.total, note.open) == (True, euros("-843.37"), euros("-843.37"))


async def test_refuses_what_is_anothers_or_a_draft(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    for record in ("bobs", "draft", "never"):
        with pytest.raises(NotFound):
            await fetch_order(office, ids[record], ids["ann"])
    for record in ("bobs_invoice", "draft_invoice"):
        query = RecordQuery(id=str(ids[record]), customer=str(ids["ann"]), asked_at=datetime.now(UTC))
        with pytest.raises(NotFound):
            await connector.fetch["invoices"](office, query)
    with pytest.raises(NotFound):
        await fetch_order(office, 10**9, ids["ann"])


async def test_opens_the_document_of_an_invoice_for_its_owner(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    (invoice,) = (await read(office, "invoices", ids["ann"], Invoice)).values()
    (ref,) = invoice.files
    await opens_for(office, "invoices", invoice.origin.id, ref, owner=ids["ann"], other=ids["bob"])


async def opens_for(office: Office, kind: Kind, record: str, ref: FileRef, *, owner: int, other: int) -> None:
    """Open a file for its owner, and for nobody else."""
    query = FileQuery(record=record, file=ref.id, customer=str(owner))
    async with connector.files[kind](office, query) as stream:
        content = b"".join([chunk async for chunk in stream.chunks])
    assert (stream.name, stream.media_type) == (ref.name, ref.media_type)
    assert content.startswith(b"%PDF-" if ref.media_type == "application/pdf" else b"PK\x03\x04")
    theirs = FileQuery(record=record, file=ref.id, customer=str(other))
    with pytest.raises(NotFound):
        async with connector.files[kind](office, theirs):
            pass


async def test_sees_what_staff_change(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    before = await fetch_order(office, ids["quoted"], ids["ann"])
    assert (before.state, before.reference) == ("quoted", "PO-78")
    tryton.write("sale.sale", "quoted", reference="PO-78/B")
    tryton.do("sale.sale", "quoted", "confirm")
    after = (await read(office, "orders", ids["ann"], Order))[str(ids["quoted"])]
    assert (after.state, after.reference) == ("confirmed", "PO-78/B")
    assert before.origin.changed_at is not None
    assert after.origin.changed_at is not None
    assert after.origin.changed_at > before.origin.changed_at


async def test_follows_a_shipment_to_its_end(office: Office, tryton: Tryton) -> None:
    ids = tryton.ids
    way = []
    for action in ("assign_try", "pick", "pack", "ship", "do"):
        tryton.do("stock.shipment.out", "shipment", action)
        order = await fetch_order(office, ids["ordered"], ids["ann"])
        (shipment,) = order.shipments
        still = await read(office, "orders", ids["ann"], Order, only_open=True)
        way.append((order.state, shipment.state, len(order.files), order.origin.id in still))
    assert way == [
        ("confirmed", "waiting", 0, True),
        ("confirmed", "waiting", 0, True),
        ("packed", "packed", 0, True),
        ("on_its_way", "on_its_way", 1, True),
        ("delivered", "delivered", 1, False),
    ]
    await opens_for(office, "orders", order.origin.id, order.files[0], owner=ids["ann"], other=ids["bob"])
    assert shipment.shipped_on == date.fromisoformat(tryton.today)


async def test_tells_what_segments_ask_for(office: Office, tryton: Tryton) -> None:
    """Categories as staff see them, of whom they were given to; no value, and no field, are two answers."""
    assert connector.properties
    assert all(map(connector.properties.takes, connector.properties.known))
    assert not connector.properties.takes("no, it is not")
    trade = tryton.call("POST", "/model/party.category", {"name": "Trade"})
    yard = tryton.call("POST", "/model/party.category", {"name": "Yards", "parent": trade["id"]})
    tryton.write("party.party", "bob", categories=[["add", [yard["id"]]]])
    names = {*connector.properties.known, "nothing_like_it", "name"}
    bob = await connector.properties.read(office, str(tryton.ids["bob"]), names)
    ann = await connector.properties.read(office, str(tryton.ids["ann"]), names)
    assert (bob["categories"], ann["categories"]) == (("Trade / Yards",), ())
    assert (bob["name"], bob["lang"], bob["customer_payment_term"]) == (("Globe Rigging GmbH",), (), ())
    assert Decimal(ann["receivable"][0]) > 0
    assert bob.keys() == ann.keys() == names - {"nothing_like_it"}
    assert await connector.properties.read(office, str(tryton.ids["bob"]), {"nothing_like_it"}) == {}
    left = tryton.call("POST", "/model/party.party", {"name": "Left Ltd"})
    tryton.call("PUT", f"/model/party.party/{left['id']}", {"active": False})
    for nobody in (str(left["id"]), "999999", "x/../1"):
        with pytest.raises(NotFound):
            await connector.properties.read(office, nobody, {"categories"})
