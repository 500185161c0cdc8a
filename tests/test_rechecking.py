"""A source that takes back who somebody is ends what hung on it, without a visit; one that is down ends nothing."""

import asyncio
from datetime import timedelta

import pytest
from identity_cases import ACCOUNTS, MARY, mail
from support_audit import BY, TRAIL, VAULT
from support_cli import Hallway
from support_identity import ISSUER, World

from connectors.contract import Person
from gateway.access import scope_of
from gateway.audit_reading import Wanted, read, verify
from gateway.identity.proving import ADDRESS_FACT
from gateway.identity.rechecking import Rechecked, Rechecks, why_lost
from gateway.identity.watch import Watch
from gateway.leases import end_lease, take_lease
from gateway.links import Login, Proof
from gateway.persons import name_person
from gateway.rights import COMPANY

HERE = Person(id="p1", customers=frozenset({"10", "11"}), emails=frozenset({"Mary@acme.example"}))
MOVED = Person(id="p1", customers=frozenset({"20"}), emails=frozenset({MARY}))
RENAMED = Person(id="p1", customers=frozenset({"10"}), emails=frozenset({"new@acme.example"}))
NAMELESS = Person(id="p1", customers=frozenset({"10"}), emails=frozenset())
MINUTE = timedelta(minutes=1)


async def mary(world: World, now: Person | None = HERE) -> str:
    """Mary, who was matched as a person of the one source, and how that source has her today."""
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    member = await world.sign_in("mary", MARY)
    assert await world.persons(member) == {("crm", "p1")}
    world.people = {("crm", "p1"): now} if now else {}
    world.now += MINUTE
    return member


async def recheck(world: World, older_than: timedelta = timedelta(0)) -> Rechecked:
    rechecks = Rechecks(world.db, TRAIL, world.offices, lambda: world.now)
    return await rechecks.run(BY, older_than=older_than, patience=0.05)


@pytest.mark.parametrize(
    ("now", "reason"),
    [(None, "contact_gone"), (MOVED, "contact_moved"), (RENAMED, "address_gone"), (NAMELESS, "address_gone")],
)
async def test_ends_at_once_what_a_source_takes_back(world: World, now: Person | None, reason: str) -> None:
    member = await mary(world, now)
    done = await recheck(world)
    assert [why for _, why in done.lost] == [reason]
    assert (await world.accounts(member), await world.persons(member)) == (set(), set())
    assert await scope_of(world.db, member, "acme") is None
    asked = await world.question(member)
    assert asked
    assert (asked.state, asked.reason) == ("open", reason)
    whats = [line.what for line in await read(world.db, VAULT, Wanted(latest=3))]
    assert whats == ["person.unnamed", "membership.removed", "question.asked"]
    assert (await verify(world.db, VAULT)).problems == ()
    assert (await recheck(world)).asked == 0
    await world.sign_in("mary", MARY)  # nothing of it comes back by itself
    assert await world.accounts(member) == set()


async def test_leaves_who_is_still_there(world: World) -> None:
    member = await mary(world)
    done = await recheck(world)
    assert (done.asked, done.lost, done.silent) == (1, (), ())
    assert await world.accounts(member) == {"acme"}
    assert (await recheck(world, MINUTE)).asked == 0
    world.now += MINUTE
    assert (await recheck(world, MINUTE)).asked == 1


@pytest.mark.parametrize("away", ["silent", "slow"])
async def test_changes_nothing_while_a_source_is_away(world: World, away: str) -> None:
    member = await mary(world, None)
    setattr(world, away, {"crm"})
    done = await recheck(world)
    assert (done.lost, done.silent) == ((), ("crm",))
    assert await world.accounts(member) == {"acme"}
    setattr(world, away, set())
    assert len((await recheck(world)).lost) == 1


async def test_keeps_what_a_person_decided_but_not_who_they_are(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.invite(MARY, "acme", COMPANY)
    member = await world.sign_in("mary", MARY)
    proof = Proof(fact="rang her", decided_by="priya", decided_at=world.now)
    login = Login(ISSUER, "mary")
    await name_person(world.db, trail=TRAIL, by=BY, login=login, source="crm", person="p1", proof=proof)
    world.people = {("crm", "p1"): NAMELESS}
    assert (await recheck(world)).lost == ()  # no address ever proved it
    world.people = {}
    assert [why for _, why in (await recheck(world)).lost] == ["contact_gone"]
    assert (await world.accounts(member), await world.persons(member)) == ({"acme"}, set())


async def test_takes_a_source_for_broken_that_has_lost_everybody(world: World) -> None:
    await world.link(ACCOUNTS)
    members = []
    for number in range(10):
        address = f"m{number}@acme.example"
        world.found = {"crm": (mail("10", f"p{number}", address),)}
        members.append(await world.sign_in(f"m{number}", address))
    done = await recheck(world)
    assert (done.lost, done.silent) == ((), ("crm",))
    world.people = {("crm", "p0"): Person(id="p0", customers=frozenset({"10"}), emails=frozenset({"m0@acme.example"}))}
    assert len((await recheck(world)).lost) == 9
    assert await world.accounts(members[0]) == {"acme"}


def test_says_why_somebody_is_lost() -> None:
    fact = f"{ADDRESS_FACT}{MARY}"
    assert why_lost(fact, HERE, {"10"}) is None
    assert why_lost(fact, HERE, set()) is None  # the account is not linked there
    assert why_lost(fact, HERE, {"30"}) == "contact_moved"
    assert why_lost("rang her", RENAMED, {"10"}) is None


# While the portal is served


async def test_rechecks_in_one_process_at_a_time_and_when_it_is_due(world: World) -> None:
    member = await mary(world, None)
    forgotten: list[bytes] = []

    async def forget(sessions: object) -> None:
        forgotten.extend(sessions)  # type: ignore[arg-type]

    def watch() -> Watch:
        rechecks = Rechecks(world.db, TRAIL, world.offices, lambda: world.now)
        return Watch(world.db, rechecks, lambda: world.now, forget, every=10 * MINUTE)

    world.now += 10 * MINUTE
    looked = await asyncio.gather(*(watch().look() for _ in range(4)))
    assert sum(looked) == 1
    assert await world.accounts(member) == set()
    assert not await watch().look()
    world.now += 10 * MINUTE
    assert await watch().look()


async def test_gives_a_turn_to_another_when_its_holder_died(world: World) -> None:
    turn = {"every": MINUTE, "lasts": 2 * MINUTE}
    assert await take_lease(world.db, "work", world.now, **turn) == 1
    assert await take_lease(world.db, "work", world.now + MINUTE, **turn) is None
    later = world.now + 2 * MINUTE
    assert await take_lease(world.db, "work", later, **turn) == 2
    assert not await end_lease(world.db, "work", 1, later)
    assert await end_lease(world.db, "work", 2, later)
    assert await take_lease(world.db, "work", later, **turn) is None
    assert await take_lease(world.db, "work", later + MINUTE, **turn) == 3


def test_rechecks_on_the_command_line(hallway: Hallway) -> None:
    assert hallway("recheck") == 0
    assert hallway.out == "asked about 0, lost 0; pages follow within ten seconds\n"
