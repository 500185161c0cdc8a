"""Sixty records of a made-up customer: twenty orders, invoices and requests, some of which need the customer.

No two customers have the same ones, and none of the words is in our fixtures. One seed gives the same records again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from connectors.records import FileRef, Invoice, Kind, Line, Money, Order, Origin, Record, Shipment, Ticket

EACH = 20
DAY = timedelta(days=1)
COLOURS = "amber beige black blue bronze copper coral cream green grey ivory olive red silver teal white yellow"
STUFFS = "alder aluminium ash bamboo beech brass canvas cork felt glass iron leather linen marble oak slate steel"
THINGS = """
anchor axle bench bracket bucket cabinet cable carriage clamp crate curtain door drawer fan fence filter frame gate
gutter handle hinge hook hose jack kettle ladder lamp latch lever mirror nozzle panel pipe plank pump rack rail
ramp reel rod roller saw screen shelf shutter sieve sink spade spring stool stove strap tank tile trolley valve
"""
MISHAPS = (
    "arrived broken",
    "does not fit",
    "has no manual",
    "is leaking",
    "is missing from the parcel",
    "is the wrong size",
    "lost its paint",
    "makes a noise",
    "needs a spare part",
    "was charged twice",
    "was sent to our old place",
    "will not open",
)


def records_of(seed: int, now: datetime, each: int = EACH) -> dict[Kind, list[Record]]:
    """Make `each` of each kind. Whatever comes after the first twenty is done with."""
    random = Random(seed)
    first = random.randrange(1000, 90_000)
    orders: list[Record] = [_order(random, first + n, n, now) for n in range(each)]
    invoices: list[Record] = [_invoice(random, first + n, n, now) for n in range(each)]
    tickets: list[Record] = [_ticket(random, first + n, n, now) for n in range(each)]
    return {"orders": orders, "invoices": invoices, "tickets": tickets}


def _order(random: Random, number: int, n: int, now: datetime) -> Order:
    lines = _lines(random)
    ordered_at = _moment(random, n, now)
    left = n % 4 == 0 and n < EACH
    parcel = Shipment(
        number=f"OUT/{number:05}",
        state="on_its_way",
        shipped_on=(ordered_at + DAY).date(),
        carrier=random.choice(("Northern Freight", "Swift Post")),
        tracking_number=f"{random.randrange(10**15):015}",
    )
    return Order(
        origin=_origin("erp", number, ordered_at, now),
        number=f"S{number:05}",
        vendor_state="sale",
        state="on_its_way" if left else "confirmed",
        total=_sum(lines),
        ordered_at=ordered_at,
        expected_on=(now + random.randrange(1, 40) * DAY).date(),
        reference=f"PO-{random.randrange(10**6)}",
        lines=lines,
        shipments=(parcel,) if left else (),
    )


def _invoice(random: Random, number: int, n: int, now: datetime) -> Invoice:
    lines = _lines(random)
    is_open = n % 3 == 0 and n < EACH
    issued_at = _moment(random, n, now)
    token = UUID(int=random.getrandbits(128), version=4)
    return Invoice(
        origin=_origin("erp", number, issued_at, now),
        number=f"INV-{number:05}",
        vendor_state="posted",
        state="open" if is_open else "paid",
        total=_sum(lines),
        open=_sum(lines) if is_open else Money("EUR", Decimal("0.00")),
        issued_on=issued_at.date(),
        due_on=(now + (10 - n) * DAY).date(),
        order_number=f"S{number:05}",
        pay_url=f"https://erp.example/my/invoices/{number}?access_token={token}" if is_open else None,
        lines=lines,
        files=(FileRef(id="pdf", name=f"INV-{number:05}.pdf", media_type="application/pdf"),),
    )


def _ticket(random: Random, number: int, n: int, now: datetime) -> Ticket:
    changed_at = _moment(random, n, now)
    state = n % 4 if n < EACH else 2
    return Ticket(
        origin=_origin("desk", number, changed_at, now),
        number=str(number),
        vendor_state=("open", "pending", "solved", "new")[state],
        state=("working", "awaiting_customer", "solved", "received")[state],
        subject=f"The {_word(random, COLOURS)} {_word(random, THINGS)} {random.choice(MISHAPS)}",
        created_at=changed_at - random.randrange(1, 100_000) * timedelta(seconds=1),
    )


def _origin(source: str, number: int, changed_at: datetime, now: datetime) -> Origin:
    return Origin(source=source, id=str(number), changed_at=changed_at, fetched_at=now)


def _moment(random: Random, n: int, now: datetime) -> datetime:
    """Later than the next one's, so that the newest comes first."""
    return (now - n * DAY - random.randrange(80_000) * timedelta(seconds=1)).replace(microsecond=0)


def _lines(random: Random) -> tuple[Line, ...]:
    return tuple(_line(random) for _ in range(random.randrange(1, 4)))


def _line(random: Random) -> Line:
    text = f"{_word(random, STUFFS).capitalize()} {_word(random, THINGS)}, {_word(random, COLOURS)}"
    total = Money("EUR", Decimal(random.randrange(500, 200_000)) / 100)
    return Line(text=text, quantity=Decimal(random.randrange(1, 30)), total=total)


def _word(random: Random, words: str) -> str:
    return random.choice(words.split())


def _sum(lines: Iterable[Line]) -> Money:
    return Money("EUR", sum((line.total.amount for line in lines if line.total), Decimal()))
