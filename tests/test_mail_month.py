"""A month of changes, in any order and told twice, with downtime and processes that die: each message exactly once.

Each is told in a mail and under Messages to whoever is due, by the rules of the segment that their account is in on
that day, and to nobody else. `make month` does it for a thousand customers.
"""

import email
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_feeds import START, Ledger, Ticking, link
from support_mails import KEYS, SENDER, UTC_ZONE
from support_month import DAYS, WORDS, Due, Fixed, Killed, Month, Post, Shelf, Views, notes
from support_month_own import ISSUER, RULES, SWITCH, Business, member_id

from cache.client import Client
from connectors.config import Secret
from gateway.access import Scope, scope_of
from gateway.events import Topic
from gateway.feeds.noticing import Noticing
from gateway.mails.choices import Stops
from gateway.mails.letters import Letters
from gateway.mails.messages import Messages, posts_of
from gateway.mails.own import OwnNews
from gateway.mails.post import server_of
from gateway.mails.queue import Queue
from gateway.mails.sending import Mailing
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.mail_tables import MailRow, MessageRules
from gateway.records.tables import Member, Membership
from gateway.rights import COMPANY
from gateway.segments import is_sure

CUSTOMERS = int(os.environ.get("MONTH", "12"))
HOUR = timedelta(hours=1)
TRIES = 400
MORNING = timedelta(hours=22)  # after a day has begun here: then bills of the next one are told of
HELD = re.compile(rf"€10\.00|{WORDS}")
STOP = re.compile(r"/mails/stop/[\w.-]+")
OWNER = re.compile(r"\bc\d+(?=-)")  # of a record


class Dying(Queue):
    """Dies now and then when it has written down what is to be told, and before that is committed."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self.risk = 0.02
        self.deaths = 0

    async def tell(self, session: Any, topic: Topic, events: Any, now: Any, *, only: str | None = None) -> None:
        await super().tell(session, topic, events, now, only=only)
        if self._chance.random() < self.risk:
            self.deaths += 1
            raise Killed


class Run:
    """Everything that works through a month."""

    def __init__(self, database: Database, redis: Client, chance: Random) -> None:
        self.database = database
        self.clock = Ticking()
        self.chance = chance
        self.month = Month(CUSTOMERS, START, chance)
        self.business = Business(self.month, self.clock, chance)
        self.shelf = Shelf(self.month, chance)
        self.post = Post(chance)
        self.queue = Dying(chance)
        self.redis = redis
        ledger = Ledger(self.clock)
        office = ledger.office()
        reads = dict.fromkeys(("orders", "invoices", "tickets"), ledger.read)
        promises = dict.fromkeys(reads, 86_400)
        self.office = replace(
            office, promises=promises, connector=replace(office.connector, reads=reads, feeds={}, fetch={})
        )
        self.start()

    def start(self) -> None:
        """Begin anew, as a process does."""
        offices: Any = Fixed(self.office)
        shelf: Any = self.shelf
        views: Any = Views(self.month)
        self.noticing = Noticing(
            self.database, self.redis, offices, shelf, told=self.queue, clock=self.clock, zone=UTC_ZONE
        )
        self.own = OwnNews(self.database, self.queue, self.clock)
        self.messages = Messages(self.database, views, self.clock, UTC_ZONE)
        self.views = views
        self.mailing = Mailing(
            self.database,
            views,
            Letters(SENDER, Stops(KEYS).sign, self.clock),
            server_of(Secret("smtp://127.0.0.1:9")),
            clock=self.clock,
            zone=UTC_ZONE,
            sender=SENDER.address,
            rate=6000,
        )

    def pass_(self, time: timedelta) -> None:
        self.clock.now += time
        self.month.now = self.clock.now

    async def look(self, places: Any) -> None:
        """Look at lists, in any order and some of them twice, however often we die over it."""
        wanted = sorted(places) * self.chance.choice([1, 2])
        self.chance.shuffle(wanted)
        for note in notes(wanted, self.office):
            await self.noticing._noted.note(note)
        self.queue.risk = 0.02
        await self._until_done(self.noticing.turn)

    async def look_at_own(self, many: int) -> None:
        """Look at what staff and the outbox did, some hundreds at a time."""
        self.queue.risk = 0.003
        for _ in range(many // 100 + 2):
            await self._until_done(self.own.turn)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        for _ in range(TRIES):
            try:
                return await work()
            except Killed:
                self.pass_(timedelta(minutes=3))
                self.start()
        raise AssertionError("it never comes to an end")

    async def send(self) -> None:
        line: Any = self.post
        for _ in range(TRIES * CUSTOMERS):
            try:
                while await self.mailing.one(line):
                    pass
            except Killed:
                self.start()
                self.pass_(timedelta(seconds=1))
            else:
                return
        raise AssertionError("it never comes to an end")


async def prepare(run: Run) -> None:
    await link(run.database, *run.month.customers)
    async with run.database.write() as session:
        row = {"version": 1, "rules": msgspec.to_builtins(RULES), "changed_at": START}
        session.add(MessageRules(name="portal", **row))
        for customer, people in run.month.people.items():
            for person in people:
                login = {"issuer": ISSUER, "subject": person, "name": person}
                email_ = f"{person}@customer.example"
                session.add(Member(id=member_id(person), email=email_, created_at=START, **login))
            await session.flush()
            for person in people:
                of = {"member_id": member_id(person), "account_id": f"acme-{customer}"}
                session.add(Membership(**of, rights=msgspec.to_builtins(COMPANY), created_at=START))
    await run.business.publish(run.database)
    await run.business.sort(run.database, 0)


@pytest.mark.parametrize("seed", [7])
async def test_tells_each_customer_each_thing_once(seed: int, database: Database, redis: Client) -> None:
    chance = Random(seed)
    run = Run(database, redis, chance)
    await prepare(run)
    run.month.happen(0)
    run.shelf.may_be_old = False
    await run.look(run.month.lists)
    run.queue.deaths = 0
    changed: set[Any] = set()
    many = 0
    for day in range(1, DAYS):
        assert run.clock.now < START + timedelta(days=day - 1) + MORNING, "the clock has run ahead"
        run.pass_(START + timedelta(days=day) - run.clock.now)
        if day == SWITCH:
            await run.business.sort(database, day)
        changed |= run.month.happen(day)
        many += await run.business.happen(database, day)
        if day in run.month.down:  # nobody looks, and nobody sends
            run.pass_(timedelta(minutes=5))
            changed |= run.month.follow_up(day)
            continue
        run.shelf.may_be_old = True
        await run.look(changed)
        run.shelf.may_be_old = False
        await run.look(changed)
        await run.look_at_own(many)
        run.pass_(timedelta(minutes=5))
        changed = run.month.follow_up(day)
        await run.look(changed)
        changed, many = set(), 0
        for _ in range(5):
            await run.send()
            run.pass_(HOUR)
    for _ in range(60):
        run.pass_(HOUR)
        await run.send()
    await judge_mails(run)
    await stray(run)
    await judge_inboxes(run)


def is_told(run: Run, due: Due, day: int) -> bool:
    return due.event not in run.business.rules(due.customer, day).off


def holds(run: Run, due: Due) -> bool:
    """Whether the mail says what is to pay, or what we answered."""
    return due.holds is not None and bool(getattr(run.business.rules(due.customer, due.on), due.holds))


async def judge_mails(run: Run) -> None:
    wanted = Counter((due.to, due.subject, holds(run, due)) for due in run.month.due if is_told(run, due, due.on))
    came: Counter[tuple[str, str, bool]] = Counter()
    ids: Counter[str] = Counter()
    for (to, message), many in run.post.came.items():
        mail = email.message_from_bytes(message)  # as it is: the newer policy takes longer for it than we for the rest
        person = to.partition("@")[0]
        customer = person.partition(".")[0]
        parts: list[Any] = mail.get_payload()  # type: ignore[assignment]  # text and HTML
        texts = [STOP.sub("", part.get_payload(decode=True).decode()) for part in parts]
        subject = re.sub(r"\r?\n", "", mail["Subject"])
        for text in (subject, *texts):
            assert set(OWNER.findall(text)) == {customer}, "another account's"
        assert set(re.findall(r"/open/([\w-]+)/", "".join(texts))) == {f"acme-{customer}"}, "another account's"
        held = {bool(HELD.search(text)) for text in texts}
        came[person, subject, held == {True}] += many
        assert len(held) == 1, "the text says what the page does not"
        ids[str(mail["Message-ID"])] += many
    assert max(ids.values()) == 1, "a mail went out twice"
    states = sa.select(MailRow.state, sa.func.count()).group_by(MailRow.state)
    is_other = MailRow.state.not_in(("sent", "unknown", "silent"))
    others = sa.select(MailRow.record, MailRow.names, MailRow.error).where(is_other)
    async with run.database.read() as session:
        found = {str(state): int(many) for state, many in await session.execute(states)}
        assert [tuple(row) for row in await session.execute(others)] == []
    assert came - wanted == Counter(), "told what is not so, or twice, or says what is not to be said"
    missing = wanted - came
    assert missing.total() == run.post.lost, "what did not arrive is what processes died over, which is said"
    assert found["sent"] + found.get("unknown", 0) == wanted.total()
    assert found["silent"] == len(run.month.due) - wanted.total(), "what is not told is noted down all the same"
    assert run.queue.deaths or CUSTOMERS < 10
    figures = {"due": len(run.month.due), "mails": wanted.total(), "came": came.total(), "lost": run.post.lost}
    print(f"\n{CUSTOMERS} customers, {len(run.month.down)} days down, {run.queue.deaths} deaths: {figures}")  # noqa: T201  # for who runs it


async def stray(run: Run) -> None:
    """Write rows as a mistake would: each person is told of what is their neighbour's. No inbox may show it."""
    customers = run.month.customers
    async with run.database.write() as session:
        for customer, other in zip(customers, [*customers[1:], customers[0]], strict=True):
            others = {
                "documents": run.business.ids.get(f"{other}-d0"),
                "sent": f"{other}-r0",
                "invoices": f"{other}-i0",
            }
            names = {"documents": "document_asked", "sent": "request_failed", "invoices": "invoice_overdue"}
            for kind, record in others.items():
                place = {"member_id": member_id(customer), "account_id": f"acme-{customer}", "source": "ledger"}
                told = {"kind": kind, "names": names[kind], "event_key": f"stray {kind}", "made_at": run.clock.now}
                row = {"turn": 0, "tries": 0, "state": "silent", "gathered": False}
                session.add(MailRow(id=new_id(), record=record or "none", **place, **told, **row))


async def unread_of(run: Run, scope: Scope) -> int:
    async with run.database.read() as session:
        return (await posts_of(session, [scope], run.clock.now))[scope].unread


async def judge_inboxes(run: Run) -> None:
    """Each inbox holds what its reader is told by the rules of the last day, all of it and nothing else."""
    told = (due for due in run.month.due if is_told(run, due, DAYS))
    wanted = Counter((due.to, due.key) for due in told if due.key not in run.business.withdrawn)
    found: Counter[tuple[str, str]] = Counter()
    for customer, people in run.month.people.items():
        for person in people:
            scope = await scope_of(run.database, member_id(person), f"acme-{customer}")
            assert scope
            listed = await run.messages.of(scope, await run.views.of(scope), most=1000)
            assert listed.older is None
            assert listed.is_sure
            for each in listed.messages:
                (key,) = set(re.findall(r"c\d+-\w+", f"{each.subject.said.past} {each.subject.said.heading}"))
                assert key.partition("-")[0] == customer, "another account's"
                found[person, key] += 1
            unread = len(listed.messages)
            if not is_sure(scope.segments):  # what is not theirs by the strictest rules may be theirs again
                assert await unread_of(run, scope) >= unread
                await run.messages.mark(scope)
                unread = 0
            assert await unread_of(run, scope) == unread, "the count says what the inbox holds"
    assert found == wanted
    print(f"{found.total()} entries in {len({to for to, _ in found})} inboxes")  # noqa: T201  # for who runs it
