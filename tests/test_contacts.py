"""Contacts from a file: every line whole or not at all, and none that could be meant for two."""

import io
from collections.abc import Sequence
from datetime import timedelta
from time import process_time

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_cli import Hallway
from support_identity import NOON, World
from support_sandbox import RunningSandbox

from gateway.audit_reading import verify
from gateway.identity.contacts_file import Refusal, read_contacts
from gateway.identity.importing import Import, Report
from gateway.identity.invitations import invitations
from gateway.links import LinkError
from gateway.records.identity_tables import Invitation
from gateway.records.tables import Account, Link

HEAD = "email,name,account,account_name,reach,source:crm,source:desk\n"
SOURCES = frozenset({"crm", "desk"})


def refusals(*lines: str, head: str = HEAD) -> list[Refusal]:
    return read_contacts(io.StringIO(head + "\n".join(lines), newline=""), SOURCES)[1]


async def take(world: World, *lines: str, dry: bool = False) -> Report:
    taking = Import(world.db, TRAIL, BY, made_by="priya", now=world.now, days=90, is_rehearsal=dry)
    return await taking.run([HEAD, *(f"{line}\n" for line in lines)], lambda _done, _total: None)


async def rows(world: World, table: type[object]) -> Sequence[object]:
    async with world.db.read() as session:
        return (await session.scalars(sa.select(table))).all()


MARY = "mary@acme.example,Mary,acme,Acme Ltd,company,10,org:1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mary,Mary,acme,,,,", "no e-mail address"),
        ("m\u0430ry@acme.example,Mary,acme,,,,", "mistaken"),
        (",Mary,acme,,,,", "no e-mail address"),
        (".mary@acme.example,Mary,acme,,,,", "no e-mail address"),
        ("mary.@acme.example,Mary,acme,,,,", "no e-mail address"),
        ("ma..ry@acme.example,Mary,acme,,,,", "no e-mail address"),
        ("=?x?q?y?=@acme.example,Mary,acme,,,,", "no e-mail address"),
        ("mary@acme.example,Mary,Acme Ltd,,,,", "has no account id"),
        ("mary@acme.example,Mary,,,,,", "has no account id"),
        ("mary@acme.example,Mary,acme,,all,,", "a reach that there is not"),
        ("mary@acme.example,Mary,acme", "not as many values"),
        ("mary@acme.example,Mary,acme,,,,,,,", "not as many values"),
        (f"mary@acme.example,{'M' * 256},acme,,,,", "longer than"),
        ("mary@acme.example,Ma\x07ry,acme,,,,", "nobody sees"),
    ],
)
def test_says_why_a_line_cannot_be_meant_so(line: str, reason: str) -> None:
    ((refused,), others) = refusals(MARY.replace("mary", "ann"), line), refusals(MARY)
    assert refused.line == 3
    assert reason in refused.reason
    assert others == []


def test_refuses_every_line_that_another_speaks_against() -> None:
    two_accounts = refusals(MARY, "MARY@acme.example,Mary,globex,,,,", "ann@acme.example,Ann,acme,,,,")
    assert [each.line for each in two_accounts] == [2, 3]
    assert all("ambiguous" in each.reason for each in two_accounts)
    two_reaches = refusals(MARY, "mary@acme.example,Mary,acme,,own,,")
    assert [each.line for each in two_reaches] == [2, 3]
    one_customer = refusals(MARY, "ann@acme.example,Ann,acme,,,10,", "bob@globex.example,Bob,globex,,,10,")
    assert [each.line for each in one_customer] == [2, 3, 4]
    assert "belongs to 'globex' in line 4" in one_customer[0].reason


def test_names_the_first_line_that_speaks_against_each() -> None:
    mary = "mary@acme.example,Mary,{},,{},10,"
    found = refusals(
        *(mary.format(*each) for each in (("acme", ""), ("acme", ""), ("acme", "company"), ("globex", "")))
    )
    said = [(each.line, each.reason.partition(" in line ")[2] or each.reason.split("line ")[-1][:1]) for each in found]
    assert said == [(2, "5"), (3, "5"), (4, "5"), (5, "2")]
    found = refusals(
        *(mary.format(*each).replace("10", "") for each in (("acme", ""), ("acme", ""), ("acme", "company")))
    )
    assert [(each.line, "line 4 gives" in each.reason) for each in found] == [(2, True), (3, True), (4, False)]


def test_reads_many_lines_of_one_address_at_once() -> None:
    before = process_time()
    assert refusals(*[MARY] * 12_000) == []
    assert process_time() - before < 4, "not each line against each other one"


def test_knows_lines_by_where_they_begin() -> None:
    (refused,) = refusals('ann@acme.example,"Ann\nA.",acme,,,,')
    assert (refused.line, "nobody sees" in refused.reason) == (2, True)
    assert [each.line for each in refusals('ann@acme.example,"Ann\nA.",acme,,,,', "x,,acme,,,,")] == [2, 4]


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("email,name\n", "missing: account"),
        ("email,account,e-mail\n", "unknown: e-mail"),
        ("email,account,email\n", "twice: email"),
        ("", "missing: email, account"),
    ],
)
def test_says_what_is_wrong_with_the_head(head: str, reason: str) -> None:
    with pytest.raises(LinkError, match=reason):
        read_contacts([head], SOURCES)


def test_says_where_a_file_is_no_csv() -> None:
    with pytest.raises(LinkError, match="line 3: this is no CSV"):
        read_contacts([HEAD, f"{MARY}\n", '"mary"x@acme.example,,acme,,,,\n'], SOURCES)


def test_names_a_source_that_there_is_not() -> None:
    _, refused = read_contacts(["email,account,source:erp\n", "a@b.example,acme,1\n", "c@b.example,acme,\n"], SOURCES)
    todo = "name the column after one of them (there is: crm, desk)"
    assert refused == [Refusal(2, "there is no source 'erp'", todo)]


async def test_takes_a_line_whole_or_not_at_all(world: World) -> None:
    await take(world, MARY)
    report = await take(world, "bob@globex.example,Bob,globex,,,20,org:1")
    ((line, reason),) = [(each.line, each.reason) for each in report.refused]
    assert (line, "belongs to the account 'acme'" in reason) == (2, True)
    async with world.db.read() as session:
        assert set(await session.scalars(sa.select(Account.id))) == {"acme"}
        assert set(await session.scalars(sa.select(Link.customer))) == {"10", "org:1"}
        assert set(await session.scalars(sa.select(Invitation.email))) == {"mary@acme.example"}


async def test_refuses_an_address_that_is_invited_elsewhere(world: World) -> None:
    await take(world, MARY)
    (refused,) = (await take(world, "mary@acme.example,,globex,,,,")).refused
    assert refused.reason == "ambiguous: the address is invited to 'acme' already"


async def test_takes_in_five_hundred_and_doubles_nothing(world: World) -> None:
    lines = [f"p{n}@c{n % 100}.example,P {n},c{n % 100},C {n % 100},own,{n % 100};x{n % 100}," for n in range(500)]
    told: list[tuple[int, int]] = []
    taking = Import(world.db, TRAIL, BY, made_by="priya", now=NOON, days=90)
    report = await taking.run([HEAD, *(f"{line}\n" for line in lines)], lambda done, total: told.append((done, total)))
    assert (report.total, report.changed, report.refused) == (500, 500, ())
    assert told == [(n + 1, 500) for n in range(500)]
    counts = [len(await rows(world, table)) for table in (Account, Link, Invitation)]
    assert counts == [100, 200, 500]
    world.now += timedelta(days=1)
    assert (await take(world, *lines)).changed == 0
    assert [len(await rows(world, table)) for table in (Account, Link, Invitation)] == counts
    assert (await verify(world.db, VAULT)).problems == ()


async def test_keeps_nothing_of_a_rehearsal(world: World) -> None:
    report = await take(world, MARY, "bob,,globex,,,,", dry=True)
    assert (report.total, report.changed, len(report.refused)) == (2, 1, 1)
    for table in (Account, Link, Invitation):
        assert await rows(world, table) == []
    assert (await verify(world.db, VAULT)).count == 0
    assert (await take(world, MARY)).changed == 1


async def test_lets_in_who_was_imported(world: World) -> None:
    await take(world, MARY)
    member = await world.sign_in("mary", "mary@acme.example", policy="off")
    assert await world.accounts(member) == {"acme"}
    assert [each.state for each in await invitations(world.db, world.now)] == ["used"]
    assert (await take(world, MARY)).changed == 0


def test_takes_a_file_from_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    lines = [f"p{n}@c{n}.example,c{n},{n}" for n in range(60)]
    file = hallway.write("\ufeffemail,account,source:erp\n" + "\n".join([*lines, "nobody,c1,"]), "contacts.csv")
    assert hallway("customers", "import", "--dry-run", file) == 1
    assert hallway.out.splitlines()[-1] == "61 contacts: 60 would be taken in, 0 as they were, 1 refused"
    assert hallway("customers", "import", file) == 1
    assert hallway.err.splitlines() == ["50 of 60", "60 of 60"]
    assert hallway.out.splitlines()[0].startswith("line 62: is no e-mail address")
    assert hallway("customers", "import", file) == 1
    assert hallway.out.splitlines()[-1] == "61 contacts: 0 taken in, 60 as they were, 1 refused"
    assert hallway("customers", "import", hallway.write("a,b\n", "wrong.csv")) == 2
    assert hallway("audit", "verify") == 0
