"""What the business does with its own records in a month: documents are asked for, and what was sent cannot be taken.

And who its customers are: each is in a segment, or nobody knows in which, and one day that changes.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_month import DAYS, Month

from auth.clock import Clock, utc_now
from gateway.asked import accept, ask, refuse, withdraw
from gateway.links import Login
from gateway.message_rules import Choice, Otherwise, Rules
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.outbox_tables import OutboxRow
from gateway.records.status_tables import CustomerFacts
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, Policy, Rule, Seen, Segment

ISSUER = "https://login.example"
SWITCH = 16  # the day on which each customer's segment becomes another one; nobody is away then, nor the day before
TIERS = ("quiet", "rich", "other", "unknown")
SEGMENTS = {"quiet": ("quiet",), "rich": ("rich",), "other": (EVERYBODY,), "unknown": ("quiet", "rich", EVERYBODY)}
RULES = Rules(
    off=frozenset({"order_delivered"}),
    usual={"order_moved": Choice()},
    segments={
        "quiet": Otherwise(told={"invoice_new": False, "document_asked": False, "request_failed": False}),
        "rich": Otherwise(told={"order_delivered": True}, amounts=True, bodies=True),
    },
)
Act = Callable[[Database], Awaitable[None]]


class Business:
    """Acts of staff and of the outbox, on the days of a month."""

    def __init__(self, month: Month, clock: Clock, chance: Random) -> None:
        self._month = month
        self._clock = clock
        self._chance = chance
        self._plan: dict[int, list[Act]] = {}
        self.ids: dict[str, str] = {}  # of documents
        self.withdrawn: set[str] = set()  # what nobody sees any more
        for customer in month.customers:
            for number in range(2):
                self._document(customer, number)
                self._request(customer, number)

    async def happen(self, database: Database, day: int) -> int:
        """Let happen what is planned, and say how much that is."""
        acts = self._plan.get(day, [])
        self._chance.shuffle(acts)
        for act in acts:
            await act(database)
        return len(acts)

    def tier(self, customer: str, day: int) -> str:
        return TIERS[(int(customer[1:]) + (day >= SWITCH)) % len(TIERS)]

    def rules(self, customer: str, day: int) -> Rules:
        return RULES.within(SEGMENTS[self.tier(customer, day)])

    async def publish(self, database: Database) -> None:
        segments = tuple(
            Segment(
                name=name,
                title=name,
                rule=Rule(source="ledger", property="tier", how="is", values=(name,)),
                seen=Seen(),
            )
            for name in RULES.segments
        )
        policy = Policy(segments=segments)
        await POLICIES.publish(database, policy, trail=TRAIL, by=BY, now=self._clock(), seen=0)

    async def sort(self, database: Database, day: int) -> None:
        """Let the ledger tell of each customer how they are from this day on."""
        at = utc_now()  # by whose clock it gets old
        tiers = {customer: self.tier(customer, day) for customer in self._month.customers}
        rows = [
            {
                "source": "ledger",
                "customer": customer,
                "facts": {"tier": [tier]},
                "read_at": at,
                "asked": "tier",
                "tried_at": at,
            }
            for customer, tier in tiers.items()
            if tier != "unknown"
        ]
        async with database.write() as session:
            await session.execute(sa.delete(CustomerFacts))
            await session.execute(sa.insert(CustomerFacts), rows)

    def _on(self, day: int, act: Act) -> None:
        if day < DAYS - 2:
            self._plan.setdefault(day, []).append(act)

    def _document(self, customer: str, number: int) -> None:
        """Asked for, and taken, refused and asked for again, withdrawn, or never given. Some are one person's."""
        key, day = f"{customer}-d{number}", self._chance.randrange(1, 15)
        only = self._month.people[customer][-1] if number else None

        def tell() -> None:
            self._month.tell(customer, key, "document_asked", f"We need a document: {key}", only=only)

        async def begin(database: Database) -> None:
            login = Login(ISSUER, only) if only else None
            asked = {"account": f"acme-{customer}", "label": key, "due_on": None, "login": login, **self._told}
            self.ids[key] = await ask(database, **asked)
            tell()

        async def give(database: Database) -> None:
            async with database.write() as session:
                mine = sa.update(AskedDocument).where(AskedDocument.id == self.ids[key])
                await session.execute(mine.values(state="received", changed_at=self._clock()))

        async def again(database: Database) -> None:
            await refuse(database, id_=self.ids[key], reason="Too dark", **self._told)
            tell()

        async def take(database: Database) -> None:
            await accept(database, id_=self.ids[key], **self._told)

        async def forget(database: Database) -> None:
            await withdraw(database, id_=self.ids[key], **self._told)
            self.withdrawn.add(key)

        acts = self._chance.choice([[begin], [begin, take], [begin, forget], [begin, give, again, take]])
        for place, act in enumerate(acts):
            self._on(day + 3 * place, act)

    def _request(self, customer: str, number: int) -> None:
        """Could not be taken, and was mended, failed again, or waits. What nobody is to be told of is beside it."""
        key, day = f"{customer}-r{number}", self._chance.randrange(1, 20)
        people = self._month.people[customer]
        only = people[number % len(people)]

        def row(reference: str, **more: object) -> OutboxRow:
            base = {"reference": reference, "customer": customer, "subject": key, "text": "x"}
            values = {
                "id": reference,
                "reference": reference,
                "nonce": reference,
                "account_id": f"acme-{customer}",
                "member_id": member_id(only),
                "action": "new_ticket",
                "asked": base,
                "source": "ledger",
                "state": "needs_you",
                "made_at": self._clock(),
                "tried_at": self._clock(),
                "tries": 1,
                "turn": 1,
            }
            return OutboxRow(**(values | more))

        def tell() -> None:
            self._month.tell(customer, key, "request_failed", f"Your help needed: {key}", only=only)

        async def fail(database: Database) -> None:
            async with database.write() as session:
                session.add(row(key))
                session.add(row(f"{key}-n", member_id=None))
                session.add(row(f"{key}-q", action="rate", asked={"ticket": "1", "score": "good"}))
                session.add(row(f"{key}-w", state="waiting"))
            tell()

        async def turn(database: Database, state: str) -> None:
            async with database.write() as session:
                mine = sa.update(OutboxRow).where(OutboxRow.id == key)
                await session.execute(mine.values(state=state, turn=2, tried_at=self._clock()))

        async def fail_again(database: Database) -> None:
            await turn(database, "needs_you")
            tell()

        async def go_out(database: Database) -> None:
            await turn(database, "sent")

        for place, act in enumerate(self._chance.choice([[fail], [fail, go_out], [fail, fail_again]])):
            self._on(day + 4 * place, act)

    @property
    def _told(self) -> dict[str, Any]:
        return {"trail": TRAIL, "by": BY, "now": self._clock()}


def member_id(person: str) -> str:
    return person.replace(".", "").ljust(26, "x")
