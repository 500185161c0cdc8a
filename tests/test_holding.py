"""Which verdicts about the invited still hold: what staff count never has one that does not, whatever changes."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_identity import ISSUER, World
from test_moves import merged, parted

from gateway.access import LinkRef
from gateway.identity import holding
from gateway.identity.holding import Holding, piece
from gateway.identity.invitations import withdraw
from gateway.identity.matching import Policy
from gateway.identity.readiness import Preview
from gateway.links import LinkError, Login
from gateway.members import erase
from gateway.piecemeal import PIECE
from gateway.records.identity_tables import Address, ContactCheck, ContactDue, Invitation
from gateway.records.tables import Account, Link, Source
from gateway.rights import COMPANY, OWN

ACCOUNTS = ("alder", "birch", "cedar")
EMAILS = tuple(f"{name}@acme.example" for name in ("ann", "bob"))
DAY = timedelta(days=1)


class Model:
    """Everything that may change of what a verdict depends on, by chance."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.policy: Policy = "off"

    @property
    def preview(self) -> Preview:
        return Preview(self.world.db, self.world.offices, lambda: self.world.now, self.policy)

    async def step(self) -> str:
        changes: tuple[Callable[[], Awaitable[Any]], ...] = (
            *(self.invite, self.invite, self.invite, self.link, self.link, self.move, self.unlink, self.withdraw),
            *(self.sign_in, self.sign_in, self.sign_in, self.sign_in, self.erase, self.erase, self.prolong),
            *(self.wait, self.set_up, self.merge, self.split, self.remove_account, self.other_policy),
        )
        change = self.random.choice(changes)
        await change()
        return change.__name__

    async def truth(self) -> dict[str, str]:
        """Work out of everybody anew what is known."""
        return {each.contact.invitation: each.sees for each in (await self.preview.known())[0]}

    async def counted(self) -> set[str]:
        """Name those whose verdicts would be counted this moment."""
        basis = await self.preview.basis()
        async with self.world.db.read() as session:
            counted = await holding.counting(session, basis, self.world.now)
            return set(await session.scalars(sa.select(ContactCheck.invitation_id).where(*counted.where)))

    async def invite(self) -> None:
        rights = self.random.choice((OWN, COMPANY))
        await self.world.invite(self.random.choice(EMAILS), await self._account(), rights, self.random.randint(1, 9))

    async def link(self) -> None:
        await self._link(await self._account())

    async def move(self) -> None:
        this, account = Link.customer == self._number(), await self._account()
        await self._write(sa.update(Link).where(this).values(account_id=account))

    async def unlink(self) -> None:
        await self.world.unlink("crm", await self._one(sa.select(Link.customer)) or "")

    async def withdraw(self) -> None:
        await withdraw(self.world.db, trail=TRAIL, by=BY, id_=await self._one(sa.select(Invitation.id)) or "")

    async def sign_in(self) -> None:
        subject, email = self.random.choice("xyz"), self.random.choice(EMAILS)
        await self.world.sign_in(subject, email, policy=self.policy)

    async def erase(self) -> None:
        login = Login(ISSUER, self.random.choice("xyz"))
        with suppress(LinkError):
            await erase(self.world.db, trail=TRAIL, by=BY, login=login, now=self.world.now)

    async def prolong(self) -> None:
        until = self.world.now + DAY * self.random.randint(-1, 9)
        id_ = await self._one(sa.select(Invitation.id))
        await self._write(sa.update(Invitation).where(Invitation.id == id_).values(until=until))

    async def wait(self) -> None:
        self.world.now += DAY * self.random.randint(1, 3)

    async def set_up(self) -> None:
        desk = Source.name == "desk"
        other = sa.update(Source).where(desk).values(changed_at=self.world.now)
        await self._write(self.random.choice((other, other, sa.delete(Source).where(desk))))

    async def other_policy(self) -> None:
        self.policy = self.random.choice(("off", "two_facts", "email"))

    async def merge(self) -> None:
        gone, into = await self._account(), await self._account()
        await self._moved(merged(self.world.db, gone, into, numbers={"crm": "both"}, rights="into"))

    async def split(self) -> None:
        of, ref = await self._account(), LinkRef("crm", self._number())
        await self._moved(parted(self.world.db, of, f"s{self.random.randrange(10**6)}", ref))

    async def remove_account(self) -> None:
        await self._write(sa.delete(Account).where(Account.id == await self._account()))

    async def _moved(self, move: Awaitable[object]) -> None:
        with suppress(LinkError):
            await move

    async def _account(self) -> str:
        found = await self._one(sa.select(Account.id).where(Account.merged_into.is_(None)))
        if found is None:
            found = self.random.choice(ACCOUNTS) + str(self.random.randrange(10**6))
            await self._link(found)
        return found

    async def _link(self, account: str) -> None:
        with suppress(LinkError):
            await self.world.link({LinkRef("crm", self._number()): account})

    async def _one(self, ids: sa.Select[str]) -> str | None:
        async with self.world.db.read() as session:
            found = sorted(await session.scalars(ids))
        return self.random.choice(found) if found else None

    async def _write(self, statement: Any) -> None:
        async with self.world.db.write() as session:
            await session.execute(statement)
        self.world.offices.look_again()

    def _number(self) -> str:
        return str(self.random.randrange(2))


@pytest.mark.parametrize("seed", range(2))
async def test_never_counts_a_verdict_that_does_not_hold(world: World, seed: int) -> None:
    model, done = Model(world, Random(seed)), Counter[str]()
    for number in range(5):
        await world.link({LinkRef("crm", str(number)): ACCOUNTS[number % 3]})
    for _ in range(45):
        await model.preview.ask(older_than=DAY, most=model.random.choice((1, 99, 99)), patience=1)
        done[change := await model.step()] += 1
        truth = await model.truth()
        assert await model.counted() <= truth.keys(), f"after {change}: wrong at once"
        if model.random.random() < 0.6:
            found = await model.preview.overview(None, 1, 1000)
            assert {each.contact.invitation: each.sees for each in found.shown} == truth, f"after {change}"
            assert await model.counted() == truth.keys(), f"after {change}: some that hold are not counted"
            assert +Counter(found.sees) == Counter(truth.values())
    assert len(done) >= 10, "of each kind something was done"


async def test_leaves_much_to_others_and_counts_none_of_it(world: World) -> None:
    many = PIECE + 20
    await world.link_accounts("acme")
    rights = {"orders": "company"}
    made = {"made_by": "priya", "made_at": world.now, "rights": rights, "account_id": "acme"}
    ends = {"until": world.now + DAY, "state": "made"}
    rows = [{"id": f"{n:026}", "email": f"{n}@acme.example", **made, **ends} for n in range(many)]
    async with world.db.write() as session:
        await session.execute(sa.insert(Invitation), rows)
    preview = Preview(world.db, world.offices, lambda: world.now, "off")
    await preview.run(older_than=None, told=lambda _done, _all: None)
    found = await preview.overview("everything", 14, 40)
    assert (found.invited, found.sees["everything"], found.unknown, found.comparing) == (many, many, 0, 0)
    assert [each.contact.invitation for each in found.shown] == [f"{n:026}" for n in range(many - many % 40, many)]
    await world.link({LinkRef("desk", "1"): "acme"})
    async with world.db.write() as session:
        assert await piece(session, world.now, most=7), "the rest is for the next turn"
    found = await preview.overview(None, 1, 40)
    assert (found.sees["everything"], found.unknown, found.shown) == (0, many, ())
    assert found.comparing == many - 7
    await world.unlink("desk", "1")
    await Holding(world.db, lambda: world.now).turn()
    found = await preview.overview(None, 1, 40)
    assert (found.sees["everything"], found.unknown, found.comparing) == (many, 0, 0), "as nothing has changed"
    async with world.db.read() as session:
        assert not list(await session.scalars(sa.select(ContactDue.id)))


async def test_counts_nobody_as_before_from_whose_logins_one_was_taken(world: World) -> None:
    await world.link_accounts("acme")
    first, _ = [await world.sign_in(subject, "ann@acme.example", policy="off") for subject in ("ann", "bob")]
    await world.invite("ann@acme.example", "acme", COMPANY)
    model = Model(world, Random(0))
    await model.preview.run(older_than=None, told=lambda _done, _all: None)
    assert list((await model.truth()).values()) == ["ambiguous"]
    async with world.db.write() as session:
        await session.execute(sa.delete(Address).where(Address.member_id == first))
    assert (await model.preview.overview(None, 1, 20)).unknown == 1
    await model.preview.run(older_than=None, told=lambda _done, _all: None)
    assert (await model.preview.overview("everything", 1, 20)).sees["everything"] == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_counts_nobody_by_what_changed_while_the_sources_were_asked(world: World) -> None:
    """Of what another transaction has done and not yet said, nobody can know before."""
    await world.link_accounts("acme")
    await world.invite("ann@acme.example", "acme", COMPANY)
    preview = Preview(world.db, world.offices, lambda: world.now, "off")
    proof = {"fact": "contract", "decided_by": "priya", "decided_at": world.now}
    async with world.db.write() as session:
        session.add(Link(source="desk", customer="1", account_id="acme", **proof))
        await session.flush()
        await preview.run(older_than=None, told=lambda _done, _all: None)
        assert (await preview.overview(None, 1, 20)).sees["everything"] == 1
    assert await Model(world, Random(0)).counted() == set()
    found = await preview.overview(None, 1, 20)
    assert (found.unknown, found.comparing) == (1, 0)
