"""A process that works on the outbox, a far end that counts what was made there, and sandboxes that lose answers."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec import Struct
from support_feeds import START, FixedOffices, shuffled
from support_feeds import Ticking as Clock

from connectors.actions import Action, ActionName, Attached, Done, NewTicket
from connectors.config import Config
from connectors.contract import BackOffice, Connector, Limits
from connectors.contract import Scope as Proof
from connectors.sandbox.faults import Fault
from connectors.tokens import MemoryTokens
from gateway.access import LinkRef, PersonRef, Scope
from gateway.offices import Office, Offices
from gateway.outbox.desk import Desk
from gateway.outbox.sending import Sending
from gateway.outbox.turns import Try
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account, Member
from gateway.rights import COMPANY, Rights

LINK = LinkRef("desk", "7")
ASKED: dict[str, Any] = {"subject": "Where is it?", "text": "My order."}
FOUND_WITHIN = timedelta(seconds=20)
KEYED_FOR = timedelta(minutes=145)


async def for_a_week() -> timedelta:
    return timedelta(days=7)


class Died(BaseException):
    """The process was killed."""


class FarEnd:
    """What was made over there, by reference, and how the next calls end."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.texts: list[str] = []
        self.asked = 0
        self.keyed = False
        self.ends: list[BaseException | None] = []  # before anything is made
        self.loses: list[BaseException | None] = []  # after it was made

    async def do(self, _: BackOffice[Any], asked: NewTicket) -> Done:
        self.asked += 1
        if self.ends and (error := self.ends.pop(0)):
            raise error
        if not (self.keyed and self.made[asked.reference]):
            self.made[asked.reference] += 1
            self.texts.append(asked.text)
        if self.loses and (error := self.loses.pop(0)):
            raise error
        return Done("1", f"T-{asked.reference}")

    async def find(self, _: BackOffice[Any], asked: NewTicket) -> Done | None:
        return Done("1", f"T-{asked.reference}") if self.made[asked.reference] else None

    def office(self, how: str, name: str = "desk") -> Office:
        self.keyed = how == "key"
        action: Action[Any, Any] = {
            "key": Action(do=self.do, keyed_for=KEYED_FOR),
            "find": Action(do=self.do, find=self.find, found_within=FOUND_WITHIN),
            "neither": Action(do=self.do),
        }[how]

        async def unused(*_: object) -> Any:
            raise AssertionError

        connector: Connector[Config] = Connector(
            name=name,
            title=name.title(),
            config=Config,
            base_url=lambda _: "https://desk.example",
            auth=lambda *_: None,
            check=unused,
            find=unused,
            reads={},
            fetch={},
            files={},
            actions={"new_ticket": action},
            statuses={},
            limits=Limits(concurrent=4),
            scope=Proof(customer="number", proof="it says so"),
        )
        opened = BackOffice(source=name, http=httpx.AsyncClient(), config=Config(), tokens=MemoryTokens())
        return Office(name=name, title=name.title(), connector=connector, promises={}, version="1", opened=opened)


def scope(
    member: str = "maya",
    account: str = "acme",
    rights: Rights = COMPANY,
    *,
    links: tuple[LinkRef, ...] = (LINK,),
    persons: frozenset[PersonRef] = frozenset({PersonRef("desk", "p1")}),
) -> Scope:
    return Scope(
        member_id=member,
        issuer="i",
        subject=member,
        account_id=account,
        account_name="Acme",
        links=links,
        rights=rights,
        persons=persons,
    )


class World:
    """One process, and what it has: its clock may be wrong by `skew`, and its timer never is."""

    def __init__(self, database: Database, far_end: FarEnd, how: str, clock: Clock, *others: Office) -> None:
        self.database = database
        self.far_end = far_end
        self.clock = clock
        self.skew = timedelta(0)
        offices = cast("Offices", FixedOffices(far_end.office(how), *others))
        self.told: list[tuple[str, bool]] = []
        self.sending = Sending(database, offices, self.now, self.hear, timer=self.timer, files_kept=for_a_week)
        self.desk = Desk(database, self.now, self.sending.wake)

    def now(self) -> datetime:
        return self.clock.now + self.skew

    def timer(self) -> float:
        return (self.clock.now - START).total_seconds()

    async def hear(self, ended: Try, done: Done | None) -> None:
        self.told.append((ended.reference, done is not None))

    async def hand_in(self, nonce: str = "n", text: str = "My order.") -> str:
        return (await self.desk.take(scope(), LINK, "new_ticket", {**ASKED, "text": text}, nonce)).reference

    async def state(self) -> str:
        (handed,) = await self.desk.of(scope())
        return handed.state

    async def work_for(self, hours: float = 24) -> None:
        """Let time pass, and work when something is due."""
        until = self.clock.now + timedelta(hours=hours)
        while self.clock.now < until:
            await self.sending.work()
            async with self.database.read() as session:
                due = await session.scalar(sa.select(sa.func.min(OutboxRow.due_at)))
            self.clock.now = until if due is None else max(due, self.clock.now + timedelta(seconds=1))


class Losing(Struct, frozen=True, kw_only=True):
    """A sandbox of which a `share` of the answers is lost, who asks there, and `written`: how much was done so far."""

    office: Office
    link: LinkRef
    person: str
    share: float
    fault: Callable[[Fault], None]
    written: Callable[[], int]


Given = tuple[ActionName, dict[str, Any], Sequence[Attached]]


async def send_all_though_answers_are_lost(
    database: Database, clock: Clock, seed: int, losing: Losing, given: Iterable[Given]
) -> None:
    """Hand one thing in after the other, let two days pass, and expect that all was sent, and some answer was lost."""
    rng, source = shuffled(seed), losing.link.source
    await add_accounts(database)
    who = scope(links=(losing.link,), persons=frozenset({PersonRef(source, losing.person)}))
    offices = cast("Offices", FixedOffices(losing.office))
    sending = Sending(database, offices, clock, nobody, timer=lambda: clock().timestamp())
    desk = Desk(database, clock, sending.wake)
    lost = 0

    async def work() -> None:
        nonlocal lost
        loses, before = rng.random() < losing.share, losing.written()
        losing.fault(Fault(kind="lost" if loses else "none"))
        await sending.work()
        lost += loses and losing.written() > before

    for number, (action, asked, files) in enumerate(given):
        await desk.take(who, losing.link, action, asked, str(number), files=files)
        await work()
        clock.now += timedelta(seconds=rng.choice([1, 10, 60]))
    until = clock.now + timedelta(days=2)
    while clock.now < until:
        await work()
        async with database.read() as session:
            due = await session.scalar(sa.select(sa.func.min(OutboxRow.due_at)))
        clock.now = until if due is None else max(due, clock.now + timedelta(seconds=1))
    losing.fault(Fault(kind="none"))
    assert lost
    assert {each.state for each in await desk.of(who)} == {"sent"}


async def nobody(*_: object) -> None:
    """Hear how a try has ended."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def far_end(database: Database) -> FarEnd:
    await add_accounts(database)
    return FarEnd()


@pytest.fixture
def box(database: Database, far_end: FarEnd, clock: Clock) -> World:
    return World(database, far_end, "find", clock)


async def add_accounts(database: Database) -> None:
    """Make the two accounts of these tests, and somebody who acts for each."""
    async with database.write() as session:
        for account in ("acme", "globex"):
            session.add(Account(id=account, name=account, created_at=START))
        for member in ("maya", "joe"):
            session.add(Member(id=member, issuer="i", subject=member, created_at=START))
