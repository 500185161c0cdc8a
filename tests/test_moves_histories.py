"""Random histories of accounts that are tied, sent from, merged and parted: what holds after every step."""

import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_moves import NOON, Stock

from gateway.access import LinkRef, accounts_of, scope_of
from gateway.audit_reading import verify
from gateway.moves.merging import merge
from gateway.moves.planning import Decided, Keep, plan_merge
from gateway.moves.rows import OF_PEOPLE
from gateway.moves.splitting import Wanted, plan_split, split
from gateway.outbox.desk import Desk
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account, Link, Session

STEPS = 18
KEPT = ("members", "sessions", "outbox", "outbox_files", "invitations", "asked_documents", "mails", "usage_events")
OWN = {"orders": "own", "invoices": "own", "requests": "own", "documents": "own", "manages": False}


class History:
    """Does things to accounts, and knows by itself who each customer is and for whom each member acts."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db = db
        self.random = random.Random(seed)  # the same history each time
        self.stock = Stock(db)
        self.now = NOON
        self.owner: dict[LinkRef, str] = {}  # customer -> account
        self.acts: dict[str, set[str]] = {}  # member -> accounts
        self.accounts: list[str] = []  # that are no signposts
        self.gone: dict[str, str] = {}  # signpost -> where it leads
        self.came: dict[str, tuple[set[LinkRef], set[str], set[str], dict[LinkRef, str]]] = {}
        self.dropped: set[LinkRef] = set()  # what was sent as these stays where it was
        self.done: list[str] = []

    async def begin(self) -> None:
        for name in ("alder", "birch", "cedar"):
            self.accounts.append(await self.stock.account(name))
        for number, account in enumerate(self.accounts):
            await self.link(LinkRef("erp", str(number)), account)
            await self.join(f"first{number}", account)

    async def step(self) -> None:
        choices: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (
            *(self.tie, self.enter, self.act, self.act),
            *(self.merge, self.merge, self.split, self.back, self.back),
        )
        self.now += timedelta(hours=1)
        await self.random.choice(choices)()

    async def link(self, ref: LinkRef, account: str) -> None:
        await self.stock.link(account, ref.source, ref.customer)
        self.owner[ref] = account

    async def join(self, name: str, account: str) -> None:
        member = await self.stock.member(name, account, rights=self.random.choice((None, OWN)))
        self.acts[member] = {account}

    async def tie(self) -> None:
        ref = LinkRef(self.random.choice(("erp", "helpdesk")), f"c{self.random.randrange(10**6)}")
        await self.link(ref, self.random.choice(self.accounts))
        self.done.append(f"tie {ref}")

    async def enter(self) -> None:
        account = self.random.choice(self.accounts)
        known = [member for member in self.acts if account not in self.acts[member]]
        if known and self.random.random() < 0.6:
            member = self.random.choice(known)
            await self.stock.join(member, account, self.random.choice((None, OWN)))
            self.acts[member].add(account)
        else:
            await self.join(f"m{self.random.randrange(10**9)}", account)
        self.done.append(f"enter {account}")

    async def act(self) -> None:
        """Somebody does something for an account of theirs."""
        member = self.random.choice(sorted(self.acts))
        account = self.random.choice(sorted(self.acts[member]))
        theirs = sorted((ref for ref, owner in self.owner.items() if owner == account), key=str)
        await self.stock.session(member, account)
        if not await self._told(account, member):
            await self.stock.mail(account, member, f"event{self.random.randrange(4)}")
        email = f"i{self.random.randrange(5)}@x.example"
        if not await self._has_invited(account, email):
            await self.stock.invited(account, email)
        await self.stock.document(account, self.random.choice((None, member)))
        await self.stock.traces(account, member, f"n{self.random.randrange(3)}")
        if theirs:
            ref = self.random.choice(theirs)
            await self.stock.sent(account, member, ref.source, ref.customer)
        self.done.append(f"act {account}")

    async def _has_invited(self, account: str, email: str) -> bool:
        async with self.db.read() as session:
            these = sa.select(Invitation.id).where(Invitation.account_id == account, Invitation.email == email)
            return await session.scalar(these.where(Invitation.state == "made").limit(1)) is not None

    async def _told(self, account: str, member: str) -> bool:
        async with self.db.read() as session:
            these = sa.select(MailRow.id).where(MailRow.account_id == account, MailRow.member_id == member)
            return await session.scalar(these.limit(1)) is not None

    async def merge(self) -> None:
        if len(self.accounts) < 2:
            return
        gone, into = self.random.sample(self.accounts, 2)
        plan = await plan_merge(self.db, gone, into)
        keeps: tuple[Keep, ...] = ("both", "into", "gone")
        numbers = {each.source: self.random.choice(keeps) for each in plan.clashes}
        decided = Decided(numbers=numbers, rights=self.random.choice(keeps[1:]))
        before = await self.stock.counts()
        await merge(
            self.db,
            trail=TRAIL,
            by=BY,
            gone=gone,
            into=into,
            decided=decided,
            reason="one",
            now=self.now,
            seen=plan.seen,
        )
        dropped = {
            ref: owner
            for ref, owner in self.owner.items()
            if (owner == gone and numbers.get(ref.source) == "into")
            or (owner == into and numbers.get(ref.source) == "gone")
        }
        for ref in dropped:
            del self.owner[ref]
        self.dropped |= dropped.keys()
        came = {ref for ref, owner in self.owner.items() if owner == gone}
        for ref in came:
            self.owner[ref] = into
        both = {member for member, acts in self.acts.items() if {gone, into} <= acts}
        people = {member for member, acts in self.acts.items() if gone in acts}
        for member in people:
            self.acts[member] = (self.acts[member] - {gone}) | {into}
        self.accounts.remove(gone)
        self.gone = {name: into if to == gone else to for name, to in self.gone.items()} | {gone: into}
        self.came[gone] = (came, people, both, dropped)
        after = await self.stock.counts()
        assert after["links"] == before["links"] - len(dropped)
        assert after["memberships"] == before["memberships"] - len(both)
        self.kept(before, after)
        self.done.append(f"merge {gone} into {into}")

    async def split(self) -> None:
        """Some of an account go to a new one."""
        of = self.random.choice(self.accounts)
        links = {ref for ref, owner in self.owner.items() if owner == of and self.random.random() < 0.5}
        people = {member for member, acts in self.acts.items() if of in acts and self.random.random() < 0.5}
        to = f"new-{self.random.randrange(10**9)}"
        if links or people:
            await self._split(of, to, links, people)
            for member in people:
                self.acts[member] = (self.acts[member] - {of}) | {to}
            self.accounts.append(to)
            self.done.append(f"split {of} to {to}")

    async def back(self) -> None:
        """A merge is taken back, or some of it."""
        if not self.gone:
            return
        to = self.random.choice(sorted(self.gone))
        of = self.gone[to]
        plan = await plan_split(self.db, of, to)
        came, people, both, dropped = self.came[to]
        assert set(plan.links) == {ref for ref in came if self.owner.get(ref) == of}
        assert set(plan.people) == {member for member in people if of in self.acts[member]}
        links = {ref for ref in plan.links if self.random.random() < 0.8}
        members = {member for member in plan.people if self.random.random() < 0.8}
        signposts = {name for name, leads in self.gone.items() if leads == of}
        await self._split(of, to, links, members, again=dropped.keys() - self.owner.keys())
        for member in members:
            stays = {of} if member in both else set()
            self.acts[member] = (self.acts[member] - {of}) | {to} | stays
        del self.gone[to]
        self.accounts.append(to)
        async with self.db.read() as session:
            leads = {row.id: row.merged_into for row in await session.scalars(sa.select(Account))}
            owners = {row.customer: row.account_id for row in await session.scalars(sa.select(Link))}
        self.gone = {name: leads[name] or "" for name in self.gone}
        assert all(self.gone[name] in {of, to} for name in signposts - {to})
        for ref, owner in dropped.items():  # back with whoever they were of, or where that has gone
            if ref not in self.owner:
                self.owner[ref] = self.gone.get(owner, owner)
                assert owners[ref.customer] == self.owner[ref]
        self.done.append(f"take back {to} of {of}")

    async def _split(
        self,
        of: str,
        to: str,
        links: set[LinkRef],
        people: set[str],
        again: set[LinkRef] | frozenset[LinkRef] = frozenset(),
    ) -> None:
        before = await self.stock.counts()
        wanted = Wanted(to=to, name="", links=frozenset(links), people=frozenset(people))
        await split(self.db, trail=TRAIL, by=BY, of=of, wanted=wanted, reason="two", now=self.now)
        after = await self.stock.counts()
        assert after["links"] == before["links"] + len(again)
        self.kept(before, after)
        for ref in links:
            self.owner[ref] = to

    def kept(self, before: dict[str, int], after: dict[str, int]) -> None:
        assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}, self.done

    async def check(self) -> None:
        """No row leads astray; who acts for what is as we know it; and nobody sees what is of another account."""
        assert await self.stock.astray() == [], self.done
        async with self.db.read() as session:
            rows = (await session.scalars(sa.select(OutboxRow))).all()
        sent = {row.id: LinkRef(row.source, row.asked["customer"]) for row in rows}
        for row in rows:
            if (ref := sent[row.id]) in self.owner and ref not in self.dropped:
                assert row.account_id == self.owner[ref], self.done
        for table in (*OF_PEOPLE, Session):
            async with self.db.read() as session:
                whose = sa.select(table.member_id, table.account_id).where(table.member_id.is_not(None))
                for member, account in await session.execute(whose):
                    assert account in self.acts[member], (table, self.done)
        desk = Desk(self.db, lambda: self.now, lambda: None)
        for member, acts in self.acts.items():
            assert {each.id for each in await accounts_of(self.db, member)} == acts, self.done
            for account in [*self.accounts, *self.gone]:
                scope = await scope_of(self.db, member, account)
                assert (scope is not None) == (account in acts), self.done
                if scope is None:
                    continue
                assert set(scope.links) == {ref for ref, owner in self.owner.items() if owner == account}, self.done
                for each in await desk.of(scope):
                    assert each.member == member or sent[each.id] in scope.links, self.done


@pytest.mark.parametrize("seed", range(3))
async def test_loses_and_leaks_nothing(database_with_sources: Database, seed: int) -> None:
    history = History(database_with_sources, seed)
    await history.begin()
    for _ in range(STEPS):
        await history.step()
        await history.check()
    assert {each.split()[0] for each in history.done} >= {"merge", "act"}
    assert (await verify(database_with_sources, VAULT)).problems == ()
