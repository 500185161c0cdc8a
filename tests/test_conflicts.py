"""The queue of conflicts: what comes in, what stays, what goes by itself, and what staff do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from structlog.testing import capture_logs
from support_audit import BY, TRAIL
from support_feeds import START, FixedOffices, Ledger, Process, Ticking, link, process

from cache.client import Client
from connectors.contract import BackOffice, Person
from connectors.errors import NotFound, Unavailable
from connectors.records import Invoice, Money, Origin
from gateway import conflicts as queue
from gateway.agreement.facts import Compared, Kind
from gateway.conflicts import Conflict, ConflictError, Look, Sources, State, Thing, note
from gateway.feeds.comparing import Comparing
from gateway.feeds.contacts import Contacts
from gateway.feeds.reading import Reading
from gateway.keeping import Keeping
from gateway.kept import Kept
from gateway.offices import Office
from gateway.pull import Known, Pull
from gateway.purging import purge_past
from gateway.records.database import Database
from gateway.records.tables import Account, Link, Member, Membership, Source
from gateway.records.tables import Person as PersonRow

HOUR = timedelta(hours=1)
PAIR = ("crm", "erp")
EMAIL = "ann@acme.example"


async def sources(database: Database, links: Mapping[str, tuple[tuple[str, str], ...]]) -> None:
    """Make two sources, and accounts with their customers there."""
    async with database.write() as session:
        for name in PAIR:
            plain = {"title": name, "connector": "ledger", "settings": {}, "sealed": {}, "promises": {}}
            session.add(Source(name=name, **plain, changed_at=START))
        await session.flush()
        for account, customers in links.items():
            session.add(Account(id=account, name=account, created_at=START))
            await session.flush()
            for source, customer in customers:
                proof = {"fact": "f", "decided_by": "d", "decided_at": START}
                session.add(Link(source=source, customer=customer, account_id=account, **proof))


@pytest.fixture
async def accounts(database: Database) -> None:
    await sources(database, {name: (("crm", f"c-{name}"), ("erp", f"e-{name}")) for name in ("acme", "globex")})


def thing(*values: str, agrees: bool = False, number: str = "41", rule: str | None = None) -> Thing:
    ours, theirs = values or ("EUR 1", "EUR 2")
    return Thing(
        kind="invoices",
        number=number,
        sources=PAIR,
        ids=("1", "2"),
        compared=(Compared(field="total", values=(ours, theirs), agrees=agrees),),
        winners={"total": rule} if rule else {},
    )


def look(*things: Thing, account: str = "acme", is_whole: bool = True) -> Look:
    compared: frozenset[tuple[Kind, Sources]] = frozenset({("invoices", PAIR)})
    nothing: frozenset[tuple[Kind, Sources]] = frozenset()
    whole, partly = (compared, nothing) if is_whole else (nothing, compared)
    return Look(account=account, linked=frozenset(PAIR), things=things, whole=whole, partly=partly)


async def those(database: Database, state: State = "open") -> list[tuple[str, str, tuple[str, str]]]:
    return [(each.account, each.about, each.values) for each in await queue.conflicts(database, state)]


async def only(database: Database, state: State = "open") -> Conflict:
    (found,) = await queue.conflicts(database, state)
    return found


@pytest.mark.usefixtures("accounts")
async def test_keeps_a_conflict_until_the_sources_agree(database: Database) -> None:
    await note(database, [look(thing())], START)
    first = await only(database)
    assert (first.kind, first.field, first.sources, first.ids) == ("invoices", "total", PAIR, ("1", "2"))
    await note(database, [look(thing("EUR 1", "EUR 3"))], START + HOUR)
    now = await only(database)
    assert (now.id, now.values, now.first_seen, now.last_seen) == (first.id, ("EUR 1", "EUR 3"), START, START + HOUR)
    await note(database, [look(thing("EUR 1", "EUR 1", agrees=True))], START + 2 * HOUR)
    assert await those(database) == []
    assert (await only(database, "settled")).decided_by == queue.AGREED
    await note(database, [look(thing())], START + 3 * HOUR)
    assert (await only(database)).first_seen == START + 3 * HOUR


@pytest.mark.usefixtures("accounts")
async def test_settles_what_is_gone_where_all_was_compared(database: Database) -> None:
    await note(database, [look(thing())], START)
    await note(database, [look(is_whole=False)], START)
    assert len(await those(database)) == 1
    await note(database, [look()], START)
    assert await those(database) == []


@pytest.mark.usefixtures("accounts")
async def test_forgets_what_was_settled_long_ago_and_what_is_linked_no_more(database: Database) -> None:
    await note(database, [look(thing()), look(thing(), account="globex")], START)
    await note(database, [look()], START + HOUR)
    await note(database, [look(account="globex")], START + HOUR + queue.KEPT_FOR)
    await purge_past(database, Keeping(database, {"documents": 90}), lambda: START + HOUR + queue.KEPT_FOR)
    assert len(await those(database, "settled")) == 2
    await purge_past(database, Keeping(database, {"documents": 90}), lambda: START + 2 * HOUR + queue.KEPT_FOR)
    assert [each[0] for each in await those(database, "settled")] == ["globex"]
    await note(database, [look(thing())], START)
    await note(database, [Look(account="acme", linked=frozenset({"crm"}), things=(), whole=frozenset())], START)
    assert await those(database) == []
    assert await queue.rates(database) == ()


@pytest.mark.usefixtures("accounts")
async def test_follows_a_rule_while_there_is_one(database: Database) -> None:
    await note(database, [look(thing())], START)
    await note(database, [look(thing(rule="erp"))], START)
    assert (await only(database, "settled")).decided_by == queue.RULE
    assert await those(database) == []
    await note(database, [look(thing())], START)
    assert (await only(database)).decided_by is None


@pytest.mark.usefixtures("accounts")
async def test_ignores_while_both_say_the_same_as_then(database: Database) -> None:
    await note(database, [look(thing())], START)
    id_ = (await only(database)).id
    await queue.ignore(database, trail=TRAIL, by=BY, id_=id_, decided_by="Ann", now=START)
    await note(database, [look(thing())], START + HOUR)
    assert ((await only(database, "ignored")).decided_by, await those(database)) == ("Ann", [])
    await note(database, [look(thing("EUR 1", "EUR 9"))], START + 2 * HOUR)
    assert ((await only(database)).first_seen, await those(database, "ignored")) == (START + 2 * HOUR, [])


@pytest.mark.usefixtures("accounts")
async def test_takes_an_ignore_back(database: Database) -> None:
    await note(database, [look(thing())], START)
    id_ = (await only(database)).id
    with pytest.raises(ConflictError):
        await queue.reopen(database, trail=TRAIL, by=BY, id_=id_)
    await queue.ignore(database, trail=TRAIL, by=BY, id_=id_, decided_by="Ann", now=START)
    with pytest.raises(ConflictError):
        await queue.ignore(database, trail=TRAIL, by=BY, id_=id_, decided_by="Ann", now=START)
    await queue.reopen(database, trail=TRAIL, by=BY, id_=id_)
    assert (await only(database)).decided_by is None


@pytest.mark.usefixtures("accounts")
async def test_says_how_often_two_sources_agree(database: Database) -> None:
    three = (thing(), thing(agrees=True, number="42"), thing(agrees=True, number="43"))
    for _ in range(2):  # what was compared again counts once
        await note(database, [look(*three), look(thing(agrees=True), account="globex")], START)
    (rate,) = await queue.rates(database)
    assert (rate.kind, rate.field, rate.sources) == ("invoices", "total", PAIR)
    assert (rate.agreed, rate.differing, rate.share) == (3, 1, 0.75)


def invoice(source: str, number: str, total: int, *, changed_hours: int = -9) -> Invoice:
    money = Money("EUR", Decimal(total))
    origin = Origin(source=source, id=f"{source}-{number}", changed_at=START + changed_hours * HOUR, fetched_at=START)
    return Invoice(origin=origin, number=number, vendor_state="v", state="open", total=money, open=money)


@dataclass
class World:
    """Two sources, of which lists are kept, and what compares them."""

    ledger: Ledger
    offices: dict[str, Office]
    kept: Kept
    comparing: Comparing

    async def keep(self, account: str, source: str, *invoices: Invoice, older: str | None = None) -> None:
        want = Pull(account=account, customer=f"{source[0]}-{account}", kind="invoices", office=self.offices[source])
        before = (await self.kept.read([want])).known[0]
        at = before.fetched_at + HOUR / 60 if before else START
        await self.kept.put(want, Known(records=invoices, fetched_at=at, older=older), None)


@pytest.fixture
async def world(database: Database, redis: Client, accounts: None) -> World:
    clock = Ticking()
    ledger = Ledger(clock)
    offices = {name: replace(ledger.office(), name=name) for name in PAIR}
    kept = Kept(redis)
    fixed: Any = FixedOffices(*offices.values())
    return World(ledger, offices, kept, Comparing(database, fixed, Reading(kept, clock), clock))


async def test_compares_what_is_kept_and_asks_nobody(database: Database, world: World) -> None:
    await world.keep("acme", "crm", invoice("crm", "A-41", 1), invoice("crm", "A-42", 5))
    await world.keep("acme", "erp", invoice("erp", "a-41", 2), invoice("erp", "A-42", 5))
    await world.comparing.look(["acme", "globex"])
    assert await those(database) == [("acme", "A-41", ("EUR 1", "EUR 2"))] * 2  # the total, and what is open
    assert {(each.field, each.agreed, each.differing) for each in await queue.rates(database)} == {
        ("state", 2, 0),
        ("total", 1, 1),
        ("open", 1, 1),
    }
    assert world.ledger.asked == []


async def test_never_compares_two_accounts(database: Database, world: World) -> None:
    await world.keep("acme", "crm", invoice("crm", "A-41", 1))
    await world.keep("acme", "erp")
    await world.keep("globex", "crm")
    await world.keep("globex", "erp", invoice("erp", "A-41", 2))
    await world.comparing.look(["acme", "globex"])
    assert (await those(database), await queue.rates(database)) == ([], ())


async def test_says_nothing_of_a_source_of_which_nothing_is_kept(database: Database, world: World) -> None:
    await world.keep("acme", "crm", invoice("crm", "A-41", 1))
    await world.keep("acme", "erp", invoice("erp", "A-41", 2))
    await world.comparing.look(["acme"])
    for office in world.offices.values():
        world.offices[office.name] = replace(office, version="2")  # nothing of this version is kept
    fixed: Any = FixedOffices(*world.offices.values())
    await Comparing(database, fixed, Reading(world.kept, Ticking()), Ticking()).look(["acme"])
    assert len(await those(database)) == 2


async def test_waits_for_what_has_just_changed_in_one_of_them(database: Database, world: World) -> None:
    await world.keep("acme", "crm", invoice("crm", "A-41", 1, changed_hours=1))
    await world.keep("acme", "erp", invoice("erp", "A-41", 2))
    await world.comparing.look(["acme"])
    assert await those(database) == []


async def test_leaves_a_conflict_open_of_which_only_a_part_is_read(database: Database, world: World) -> None:
    await world.keep("acme", "crm", invoice("crm", "A-41", 1))
    await world.keep("acme", "erp", invoice("erp", "A-41", 2))
    await world.comparing.look(["acme"])
    await world.keep("acme", "erp", older="2")
    await world.comparing.look(["acme"])
    assert len(await those(database)) == 2
    await world.keep("acme", "erp")
    await world.comparing.look(["acme"])
    assert await those(database) == []


async def test_looks_again_where_something_was_open(database: Database, world: World) -> None:
    for account in ("acme", "globex"):
        await world.keep(account, "crm", invoice("crm", "A-41", 1))
    await world.keep("acme", "erp", invoice("erp", "A-41", 2))
    await world.comparing.look(["acme"])
    await world.keep("acme", "erp", invoice("erp", "A-41", 1))
    await world.keep("globex", "erp", invoice("erp", "A-41", 2))
    await world.comparing.again()
    assert await those(database) == []
    assert {each[0] for each in await those(database, "settled")} == {"acme"}


async def test_lets_a_rule_decide(database: Database, world: World) -> None:
    wins = {"invoices.total": ("erp", "crm")}
    offices: Any = FixedOffices(*(replace(office, wins=wins) for office in world.offices.values()))
    await world.keep("acme", "crm", invoice("crm", "A-41", 1))
    await world.keep("acme", "erp", invoice("erp", "A-41", 2))
    await Comparing(database, offices, Reading(world.kept, Ticking()), Ticking()).look(["acme"])
    assert [each.field for each in await queue.conflicts(database)] == ["open"]
    assert [each.field for each in await queue.conflicts(database, "settled")] == ["total"]


async def test_compares_when_the_lists_are_swept(database: Database, redis: Client) -> None:
    clock = Ticking()
    ledger = Ledger(clock)
    await link(database, "7", "8")
    async with process(database, redis, ledger.office(), clock) as here:
        compared: list[str] = []
        await here.sweeping.sweep("ledger")
        assert compared == []
        _note_accounts(here, compared)
        clock.now += timedelta(days=1)
        await here.sweeping.sweep("ledger")
    assert compared == ["acme-7", "acme-8"]


def _note_accounts(here: Process, compared: list[str]) -> None:
    async def look(accounts: Any) -> None:
        compared.extend(accounts)

    here.comparing.look = look  # type: ignore[method-assign]  # to see that it is called


class People:
    """What two sources say of Ann."""

    def __init__(self) -> None:
        self.crm = Person(id="1", customers=frozenset({"c-acme"}), emails=frozenset({EMAIL}))
        self.erp = Person(id="2", customers=frozenset({"e-acme"}), emails=frozenset({EMAIL.upper(), "a@b.example"}))
        self.error: Exception | None = None

    async def fetch(self, office: BackOffice[Any], person: str) -> Person:
        if person == "2" and self.error:
            raise self.error
        return self.crm if person == "1" else self.erp


@pytest.fixture
async def people(database: Database, accounts: None) -> People:
    async with database.write() as session:
        session.add(Member(id="ann", issuer="i", subject="s", name="Ann", created_at=START))
        await session.flush()
        session.add(Membership(member_id="ann", account_id="acme", rights={}, created_at=START))
        for source, person in (("crm", "1"), ("erp", "2")):
            proof = {"fact": "f", "decided_by": "d", "decided_at": START}
            session.add(PersonRow(member_id="ann", source=source, person=person, **proof))
    return People()


async def compare_contacts(database: Database, people: People, *, days: int = 0) -> list[tuple[str, tuple[str, str]]]:
    clock = Ticking()
    clock.now += timedelta(days=days)
    office = Ledger(clock).office()
    connector = replace(office.connector, person=people.fetch)
    offices: Any = FixedOffices(*(replace(office, name=name, connector=connector) for name in PAIR))
    await Contacts(database, offices, clock, every=timedelta(days=1)).compare()
    return [(each.field, each.values) for each in await queue.conflicts(database)]


async def test_finds_no_conflict_in_a_contact_of_one_company_and_address(database: Database, people: People) -> None:
    assert await compare_contacts(database, people) == []
    assert {(rate.field, rate.agreed) for rate in await queue.rates(database)} == {("company", 1), ("email", 1)}


async def test_finds_a_contact_who_is_of_another_company_in_one_of_them(database: Database, people: People) -> None:
    people.erp = replace(people.erp, customers=frozenset({"e-globex"}))
    assert await compare_contacts(database, people) == [("company", ("acme", "e-globex"))]
    assert (await only(database)).about == "Ann"
    people.erp = replace(people.erp, customers=frozenset({"e-acme"}))
    assert await compare_contacts(database, people, days=1) == []


async def test_finds_another_address_and_writes_it_to_no_log(database: Database, people: People) -> None:
    people.erp = replace(people.erp, emails=frozenset({"ann@other.example"}))
    with capture_logs() as logs:
        assert await compare_contacts(database, people) == [("email", (EMAIL, "ann@other.example"))]
    assert "@" not in repr(logs)


@pytest.mark.parametrize("error", [NotFound("gone"), Unavailable("away")])
async def test_leaves_who_a_source_says_nothing_of(database: Database, people: People, error: Exception) -> None:
    people.erp = replace(people.erp, emails=frozenset({"ann@other.example"}))
    await compare_contacts(database, people)
    people.error = error
    left = await compare_contacts(database, people, days=1)
    assert left == ([] if isinstance(error, NotFound) else [("email", (EMAIL, "ann@other.example"))])


async def test_forgets_with_the_member(database: Database, people: People) -> None:
    people.erp = replace(people.erp, emails=frozenset({"ann@other.example"}))
    await compare_contacts(database, people)
    async with database.write() as session:
        await session.execute(sa.delete(Member))
    assert await those(database) == []
