"""A month in the life of many customers, as a back office has it, and what each of them is to be told of it.

On some days nobody looks and nobody sends: what happens then is told of on the next one.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connectors.records import Invoice, Kind, Message, Money, Order, OrderState, Origin, Record, Ticket, TicketState
from gateway.access import Scope
from gateway.account_view import Part
from gateway.mails.post import Declined
from gateway.occasions import EventName
from gateway.offices import Office
from gateway.pull import Known, Pull

DAYS = 30
DAY = timedelta(days=1)
BEFORE = 3  # days before a bill is due that its customer is told
EUR = Money("EUR", Decimal(10))
WAY: tuple[OrderState, ...] = ("received", "confirmed", "packed", "on_its_way", "delivered")
WORDS = "This is what we say to"
TURNS: dict[TicketState, tuple[EventName, str]] = {
    "awaiting_customer": ("request_waits", "We need your answer"),
    "solved": ("request_solved", "Solved"),
    "working": ("request_answered", "We answered"),
}
LABELS = {"confirmed": "Confirmed", "packed": "Packed", "cancelled": "Cancelled"}

Holds = Literal["amounts", "bodies"]  # what a mail says besides, where rules let it


class Due(Struct, frozen=True, kw_only=True):
    """Somebody is to be told of `key` on a day, by a mail of this subject."""

    to: str
    customer: str
    key: str
    event: EventName
    subject: str
    on: int
    holds: Holds | None


class Killed(Exception):  # noqa: N818  # says what is
    """The process is no more."""


class Month:
    """The records of `many` customers from `start` on. `happen` lets a day pass; `due` is who must be told what.

    Every fifth customer has two people.
    """

    def __init__(self, many: int, start: datetime, chance: Random) -> None:
        self.customers = [f"c{number}" for number in range(many)]
        self.people = {
            each: [each, f"{each}.b"] if number % 5 == 0 else [each] for number, each in enumerate(self.customers)
        }
        self.now = start
        self.day = 0
        self.down = frozenset(day + chance.randrange(2) for day in (4, 8, 12, 19, 23))
        self.due: list[Due] = []
        self._start = self._happened = start
        self._chance = chance
        self._plan: dict[int, list[Callable[[], None]]] = {}
        self._later: dict[int, list[Callable[[], None]]] = {}
        self.lists: dict[tuple[str, Kind], dict[str, Record]] = {
            (customer, kind): {} for customer in self.customers for kind in ("orders", "invoices", "tickets")
        }
        self.older: dict[tuple[str, Kind], tuple[Record, ...]] = {}
        for customer in self.customers:
            for number in range(3):
                self._bill(customer, number)
                self._order(customer, number)
                self._ticket(customer, number)

    def happen(self, day: int) -> set[tuple[str, Kind]]:
        """Let the changes of a day happen, in any order, and name the lists that they are in."""
        self._happened, self.day = self.now, day
        self.older = {}  # what changed today alone can be seen late: of it a fresh look follows
        before = {place: tuple(records.values()) for place, records in self.lists.items()}
        changes = self._plan.get(day, [])
        self._chance.shuffle(changes)
        for change in changes:
            change()
        return self._since(before)

    def follow_up(self, day: int) -> set[tuple[str, Kind]]:
        """Let happen what follows some minutes after that."""
        before = {place: tuple(records.values()) for place, records in self.lists.items()}
        now, self.now = self.now, self._happened + timedelta(minutes=5)  # by their clock, however long we took
        for change in self._later.get(day, []):
            change()
        self.now = now
        return self._since(before)

    def _since(self, before: dict[tuple[str, Kind], tuple[Record, ...]]) -> set[tuple[str, Kind]]:
        changed = {place for place, records in self.lists.items() if tuple(records.values()) != before[place]}
        self.older |= {place: before[place] for place in changed}
        return changed

    def _on(self, day: int, change: Callable[[], None]) -> None:
        self._plan.setdefault(day, []).append(change)

    def _put(self, customer: str, kind: Kind, record: Record) -> None:
        origin = replace(record.origin, changed_at=self.now, fetched_at=self.now)
        self.lists[customer, kind][origin.id] = replace(record, origin=origin)

    def tell(
        self,
        customer: str,
        key: str,
        event: EventName,
        subject: str,
        *,
        on: int | None = None,
        holds: Holds | None = None,
        only: str | None = None,
    ) -> None:
        """Note that all of its people, or one, are to be told: on this day, or on another, or the one after."""
        day = self.day if on is None else on
        day += day in self.down
        for to in [only] if only else self.people[customer]:
            self.due.append(Due(to=to, customer=customer, key=key, event=event, subject=subject, on=day, holds=holds))

    def _bill(self, customer: str, number: int) -> None:
        """Made on one day, paid early, late or never. The first one is there before anybody looks."""
        key = f"{customer}-i{number}"
        made = 0 if number == 0 else self._chance.randrange(1, 12)
        due = made + self._chance.randrange(8, 13)
        paid = self._chance.choice([made + 2, due + 4, None])
        due_on = (self._start + due * DAY).date()
        bill = Invoice(
            origin=_origin(key, self._start),
            number=key,
            state="open",
            vendor_state="v",
            total=EUR,
            open=EUR,
            issued_on=(self._start + made * DAY).date(),
            due_on=due_on,
        )

        def make() -> None:
            self._put(customer, "invoices", bill)
            if made:
                self.tell(customer, key, "invoice_new", f"New invoice {key}", holds="amounts")
            if paid != made + 2:
                soon = f"Invoice {key} is due on {_day(due_on)}"
                self.tell(customer, key, "invoice_due", soon, on=due - BEFORE, holds="amounts")
                self.tell(customer, key, "invoice_overdue", f"Invoice {key} is overdue", on=due + 1, holds="amounts")

        def pay() -> None:
            self._put(customer, "invoices", replace(bill, state="paid", open=Money("EUR", Decimal(0))))

        self._on(made, make)
        if paid is not None:
            self._on(paid, pay)

    def _order(self, customer: str, number: int) -> None:
        """Goes its way in steps that are days apart, and may not arrive."""
        key = f"{customer}-o{number}"
        day = self._chance.randrange(0, 4)
        cancelled = self._chance.random() < 0.2
        steps: list[OrderState] = [*WAY[:2], "cancelled"] if cancelled else list(WAY)
        order = Order(
            origin=_origin(key, self._start),
            number=key,
            state="received",
            vendor_state="v",
            total=EUR,
            ordered_at=self._start + day * DAY,
        )

        def move(state: OrderState) -> Callable[[], None]:
            def change() -> None:
                self._put(customer, "orders", replace(order, state=state))
                if state == "on_its_way":
                    self.tell(customer, key, "order_shipped", f"Order {key} is on its way")
                elif state == "delivered":
                    self.tell(customer, key, "order_delivered", f"Order {key} has been delivered")
                elif state != "received":
                    self.tell(customer, key, "order_moved", f"Order {key}: {LABELS[state]}")

            return change

        for state in steps:
            self._on(day, move(state))
            day += self._chance.randrange(3, 6)

    def _ticket(self, customer: str, number: int) -> None:
        """A conversation: we answer, ask or solve it, or the customer writes, which is no news to them."""
        key = f"{customer}-t{number}"
        said: list[Message] = []
        ticket = Ticket(
            origin=_origin(key, self._start),
            number=key,
            state="received",
            vendor_state="v",
            subject=key,
            created_at=self._start,
            messages=(),
        )
        state: TicketState = "received"

        def say(after: TicketState, *, ours: bool, silent: bool = False, later: bool = False) -> Callable[[], None]:
            """`later`: nothing is told of it yet, as what follows some minutes later is the same change."""

            def change() -> None:
                if not silent:
                    said.append(
                        Message(
                            id=f"{key}-{len(said)}",
                            author="a",
                            from_customer=not ours,
                            at=self.now,
                            body=f"{WORDS} {key}",
                            media_type="text/plain",
                        )
                    )
                self._put(customer, "tickets", replace(ticket, state=after, messages=tuple(said)))
                if later or not ours:
                    return
                event, words = TURNS[after]
                has_answer = any(not each.from_customer for each in said)
                self.tell(customer, key, event, f"{words}: {key}", holds="bodies" if has_answer else None)

            return change

        self._on(0, lambda: self._put(customer, "tickets", ticket))
        for day in range(2 + number, DAYS - 2, 4):
            match self._chance.randrange(5):
                case 0:
                    self._on(day, say("working", ours=True))
                case 1:
                    self._on(day, say("awaiting_customer", ours=True))
                case 2 if state != "solved":
                    self._on(day, say("solved", ours=True, silent=True))
                    state = "solved"
                    continue
                case 3:
                    self._on(day, say("working", ours=True, later=True))
                    waits = say("awaiting_customer", ours=True, silent=True)
                    self._later.setdefault(day, []).append(waits)
                case _:
                    self._on(day, say("working", ours=False))
            state = "working"


class Shelf:
    """What is kept of the lists: sometimes as they were before they changed last, until a day is over."""

    def __init__(self, month: Month, chance: Random) -> None:
        self._month = month
        self._chance = chance
        self.may_be_old = True

    async def kept(self, want: Pull) -> Known:
        place = want.customer, want.kind
        now = tuple(self._month.lists[place].values())
        records = self._month.older.get(place, now) if self.may_be_old and self._chance.random() < 0.3 else now
        shuffled = self._chance.sample(records, len(records))
        return Known(records=tuple(shuffled), fetched_at=self._month.now)

    async def anew(self, want: Pull, known: Known | None) -> Known:  # as who reads gives it
        return await self.kept(want)


class Views:
    """The merged view of one source: what a customer sees is what is there now."""

    def __init__(self, month: Month) -> None:
        self._month = month

    async def of(self, scope: Scope) -> "Views.View":
        return Views.View(self._month, scope)

    class View:
        def __init__(self, month: Month, scope: Scope) -> None:
            self._month = month
            self._scope = scope

        async def parts(self, kinds: Iterable[Kind]) -> tuple[Part, ...]:
            return tuple(
                Part(
                    kind=kind,
                    source="ledger",
                    customer=link.customer,
                    title="Ledger",
                    records=tuple(self._month.lists[link.customer, kind].values()),
                    fetched_at=self._month.now,
                    promise=DAY,
                    state="on_time",
                )
                for link in self._scope.links
                for kind in kinds
            )


class Post:
    """A mail server of which every tenth mail is refused for now, and in which processes die."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.came: Counter[tuple[str, bytes]] = Counter()
        self.lost = 0

    async def hand(self, to: str, message: bytes, begin: Callable[[], Awaitable[bool]]) -> bool:
        fate = self._chance.random()
        if fate < 0.02:
            raise Killed
        if fate < 0.1:
            raise Declined("451 later", is_final=False)
        if not await begin():
            return False
        if fate < 0.12:
            self.lost += 1
            raise Killed
        self.came[to, message] += 1
        if fate < 0.14:
            raise Killed
        return True


class Fixed:
    """Sources that do not change."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def all(self) -> dict[str, Office]:
        return {"ledger": self._office}


def notes(places: Sequence[tuple[str, Kind]], office: Office) -> list[str]:
    return [
        Pull(account=f"acme-{customer}", customer=customer, kind=kind, office=office).note for customer, kind in places
    ]


def _origin(key: str, at: datetime) -> Origin:
    return Origin(source="ledger", id=key, changed_at=at, fetched_at=at)


def _day(value: date) -> str:
    return f"{value.day} {value:%B}"
