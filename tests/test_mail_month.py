"""A month of changes, in any order and told twice, with downtime and processes that die: each message exactly once.

`make month` does it for a thousand customers.
"""

import email
import email.policy
import os
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_feeds import START, Ledger, Ticking, link
from support_mails import KEYS, SENDER, UTC_ZONE
from support_month import DAYS, Fixed, Killed, Month, Post, Shelf, Views, notes

from cache.client import Client
from connectors.config import Secret
from gateway.events import Topic
from gateway.feeds.noticing import Noticing
from gateway.mails.choices import Stops
from gateway.mails.letters import Letters
from gateway.mails.post import server_of
from gateway.mails.queue import Queue
from gateway.mails.rules import Choice, Rules
from gateway.mails.sending import Mailing
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow, MessageRules
from gateway.records.tables import Member, Membership
from gateway.rights import COMPANY

CUSTOMERS = int(os.environ.get("MONTH", "12"))
HOUR = timedelta(hours=1)
TRIES = 400


class Dying(Queue):
    """Dies now and then when it has written down what is to be told, and before that is committed."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self.deaths = 0

    async def tell(self, session: Any, topic: Topic, events: Any, now: Any, *, only: str | None = None) -> None:
        await super().tell(session, topic, events, now, only=only)
        if self._chance.random() < 0.02:
            self.deaths += 1
            raise Killed


class Run:
    """Everything that works through a month."""

    def __init__(self, database: Database, redis: Client, chance: Random) -> None:
        self.database = database
        self.clock = Ticking()
        self.chance = chance
        self.month = Month(CUSTOMERS, START, chance)
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
        for _ in range(TRIES):
            try:
                return await self.noticing.turn()
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
    rules = Rules(usual={"order_moved": Choice()})
    async with run.database.write() as session:
        row = {"version": 1, "rules": msgspec.to_builtins(rules), "changed_at": START}
        session.add(MessageRules(name="portal", **row))
        for customer in run.month.customers:
            id_ = customer.ljust(26, "x")
            email_ = f"{customer}@customer.example"
            login = {"issuer": "https://login.example", "subject": customer, "name": customer}
            session.add(Member(id=id_, email=email_, created_at=START, **login))
            await session.flush()
            rights = msgspec.to_builtins(COMPANY)
            session.add(Membership(member_id=id_, account_id=f"acme-{customer}", rights=rights, created_at=START))


@pytest.mark.parametrize("seed", [7])
async def test_tells_each_customer_each_thing_once(seed: int, database: Database, redis: Client) -> None:
    chance = Random(seed)
    run = Run(database, redis, chance)
    await prepare(run)
    changed = run.month.happen(0)
    run.shelf.may_be_old = False
    run.queue.deaths = 0
    await run.look(run.month.lists)
    was_down = False
    for day in range(1, DAYS):
        run.pass_(START + timedelta(days=day) - run.clock.now)
        changed = (changed if was_down else set()) | run.month.happen(day)
        was_down = not was_down and chance.random() < 0.15
        if was_down and day not in run.month._later:  # nobody looks, and nobody sends
            continue
        was_down = False
        run.shelf.may_be_old = True
        await run.look(changed)
        run.shelf.may_be_old = False
        await run.look(changed)
        run.pass_(timedelta(minutes=5))
        changed = run.month.follow_up(day)
        await run.look(changed)
        await run.send()
        run.pass_(HOUR)
        await run.send()
    for _ in range(60):
        run.pass_(HOUR)
        await run.send()
    await judge(run)


async def judge(run: Run) -> None:
    came: Counter[tuple[str, str]] = Counter()
    ids: Counter[str] = Counter()
    for (to, message), many in run.post.came.items():
        mail = email.message_from_bytes(message, policy=email.policy.default)
        customer = to.partition("@")[0]
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert f"/open/acme-{customer}/" in text, "another account's"
        assert f"{customer}-" in str(mail["Subject"]), "another account's"
        came[customer, str(mail["Subject"])] += many
        ids[str(mail["Message-ID"])] += many
    assert max(ids.values()) == 1, "a mail went out twice"
    async with run.database.read() as session:
        states = sa.select(MailRow.state, sa.func.count()).group_by(MailRow.state)
        found = {str(state): int(many) for state, many in await session.execute(states)}
        is_other = MailRow.state.not_in(("sent", "unknown"))
        others = sa.select(MailRow.record, MailRow.names, MailRow.error).where(is_other)
        assert [tuple(row) for row in await session.execute(others)] == []
    assert came - run.month.due == Counter(), "told what is not so, or twice"
    missing = run.month.due - came
    assert missing.total() == run.post.lost, "what did not arrive is what processes died over, which is said"
    assert found["sent"] + found.get("unknown", 0) == run.month.due.total()
    assert run.queue.deaths or CUSTOMERS < 10
