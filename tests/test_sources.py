"""Sources files: every problem told at once, a diff before anything happens, no secret ever shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_sources import CONNECTORS, ENVIRON, FILE, LAX, NEW_KEY, OLD_KEY, STRICT, desired, vault

from gateway.offices import vault_row
from gateway.records.database import Database
from gateway.records.tables import Account, Link, Source
from gateway.sources import changes
from gateway.sources.changes import Change, SourcesChangedError
from gateway.sources.desired import SourcesFileError, parse
from gateway.sources.references import HOW

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def problems(text: str, environ: dict[str, str] = ENVIRON) -> tuple[str, ...]:
    with pytest.raises(SourcesFileError) as caught:
        desired(text, environ)
    return caught.value.problems


async def applied(database: Database, text: str = FILE, now: datetime = NOW, **options: bool) -> tuple[Change, ...]:
    """Plan, apply, and give what the diff said."""
    diff = await changes.plan(database, vault(), CONNECTORS, desired(text), **options)
    await changes.apply(database, vault(), diff, now, trail=TRAIL, by=BY)
    return diff.changes


async def planned(database: Database, text: str, **options: bool) -> Change:
    (change,) = (await changes.plan(database, vault(), CONNECTORS, desired(text), **options)).changes
    return change


async def sources(database: Database) -> dict[str, Source]:
    async with database.read() as session:
        return {row.name: row for row in await session.scalars(sa.select(Source))}


async def link_a_customer(database: Database) -> None:
    async with database.write() as session:
        session.add(Account(id="acme", name="Acme", created_at=NOW))
        await session.flush()
        session.add(
            Link(source="desk", customer="7", account_id="acme", fact="contract", decided_by="Ann", decided_at=NOW)
        )


def test_reads_a_source_with_its_secret_from_the_environment() -> None:
    (source,) = desired()
    assert (source.name, source.title, source.connector.name) == ("desk", "Requests", "notes")
    assert source.plain == {"base_url": "https://notes.example.com"}
    assert source.secrets["token"].reveal() == "canary-token"
    assert source.promises == {"tickets": 60}
    assert source.address == "https://notes.example.com"


def test_reads_a_secret_from_a_file_beside_the_sources_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    text = FILE.replace('{ env = "TOKEN" }', '{ file = "token" }')
    (source,) = parse(text, CONNECTORS, STRICT, environ={}, folder=tmp_path)
    assert source.secrets["token"].reveal() == "from a file"


def test_tells_every_problem_of_a_file_at_once() -> None:
    text = """
[source.typo]
[sources.Desk]
connector = "notes"
titel = "Requests"
[sources.Desk.settings]
base_url = 5
pages = 0
tokn = 1
token = "canary-in-clear"
[sources.Desk.promises]
invoices = 60
tickets = true
offers = 3
[sources.shop]
connector = "shopp"
title = "Shop"
[sources.other]
connector = "notes"
title = "Other"
settings = "none"
"""
    assert problems(text) == (
        "source: not known; did you mean sources?",
        "sources.Desk: a name is made of a-z, 0-9, _ and -, starts with a letter and has at most 63 characters",
        "sources.Desk.titel: not known; did you mean title?",
        "sources.Desk.title: write what customers read, in one line of at most 255 characters",
        "sources.Desk.promises.invoices: Notes has no invoices; it reads tickets",
        "sources.Desk.promises.tickets: write whole seconds, 1 to 604800",
        "sources.Desk.promises.offers: not a kind of record; kinds are orders, invoices, tickets",
        "sources.Desk.settings.tokn: not known; did you mean token?",
        "sources.Desk.settings.base_url: Expected `str`, got `int`",
        f"sources.Desk.settings.token: a secret is never written into this file: {HOW}",
        "sources.Desk.settings.pages: Expected `int` >= 1",
        "sources.shop.connector: 'shopp' is not known; known are memos, notes",
        "sources.other.settings: write a table, [sources.other.settings]",
        "sources.other.settings.base_url: missing",
        "sources.other.settings.token: missing",
    )


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ('{ env = "ABSENT" }', "the environment variable ABSENT is not set"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty"),
        ('{ file = "absent" }', "cannot read the file absent: No such file or directory"),
        ('{ env = "TOKEN", file = "x" }', f"not a reference to a secret: {HOW}"),
        ('{ vault = "x" }', f"not a reference to a secret: {HOW}"),
    ],
)
def test_says_what_is_wrong_with_a_reference(reference: str, problem: str) -> None:
    text = FILE.replace('{ env = "TOKEN" }', reference)
    assert problems(text, {**ENVIRON, "EMPTY": ""}) == (f"sources.desk.settings.token: {problem}",)


def test_refuses_a_file_that_is_not_toml() -> None:
    assert problems("[sources")[0].startswith("not TOML: ")


@pytest.mark.parametrize("name", ["new", "sent"])
def test_leaves_to_the_portal_what_its_addresses_mean_otherwise(name: str) -> None:
    text = f'[sources.{name}]\nconnector = "notes"\ntitle = "Notes"'
    assert any(f"sources.{name}: this name means something else" in problem for problem in problems(text))


@pytest.mark.parametrize("address", ["http://notes.example.com", "https://me:canary@notes.example.com", "nonsense"])
def test_refuses_an_address_that_this_deployment_does_not_call(address: str) -> None:
    (problem,) = problems(FILE.replace("https://notes.example.com", address))
    assert problem.startswith("sources.desk.settings: ")
    assert "canary" not in problem


async def test_adds_a_source_and_seals_its_secret(database: Database) -> None:
    (change,) = await applied(database)
    row = (await sources(database))["desk"]
    assert change.action == "add"
    assert "credentials will be sent to https://notes.example.com" in change.details
    assert row.settings == {"base_url": "https://notes.example.com"}
    assert row.promises == {"tickets": 60}
    assert row.changed_at == NOW
    assert vault().open(row.sealed["token"], vault_row("desk"), "token").reveal() == "canary-token"
    assert "canary" not in repr((row.sealed, change))


async def test_changes_nothing_the_second_time(database: Database) -> None:
    await applied(database)
    diff = await changes.plan(database, vault(), CONNECTORS, desired())
    assert diff.empty
    await changes.apply(database, vault(), diff, NOW + timedelta(hours=1), trail=TRAIL, by=BY)
    assert (await sources(database))["desk"].changed_at == NOW


async def test_shows_what_changes_but_never_a_secret(database: Database) -> None:
    await applied(database)
    text = FILE.replace("Requests", "Help").replace('"TOKEN" }', '"OTHER" }\npin = { env = "TOKEN" }\npages = 9')
    change = await planned(database, text.replace("tickets = 60", ""))
    assert change.action == "change"
    assert change.details == (
        'title: "Requests" -> "Help"',
        "pages: (not set) -> 9",
        "token: (secret, changed)",
        "pin: (secret, new)",
        "promise for tickets: 60 -> (not set)",
    )


async def test_takes_a_secret_away_that_the_file_no_longer_names(database: Database) -> None:
    await applied(database, FILE.replace('"TOKEN" }', '"TOKEN" }\npin = { env = "OTHER" }'))
    (change,) = await applied(database, FILE, NOW + timedelta(seconds=1))
    assert change.details == ("pin: (secret, taken away)",)
    assert set((await sources(database))["desk"].sealed) == {"token"}


@pytest.mark.parametrize(
    ("address", "is_told"),
    [
        ("https://evil.example.com", True),
        ("https://notes.example.com:8443", True),
        ("https://notes.example.com:443", False),
        ("https://NOTES.example.com", False),
        ("https://notes.example.com/path", False),
    ],
)
async def test_says_who_will_get_the_credentials_when_the_host_changes(
    database: Database, address: str, *, is_told: bool
) -> None:
    await applied(database)
    change = await planned(database, FILE.replace("https://notes.example.com", address))
    assert change.action == "change"
    assert (f"host changes; credentials will be sent to {address}" in change.details) is is_told


async def test_says_who_will_get_the_credentials_when_the_old_host_cannot_be_told(database: Database) -> None:
    await applied(database)
    async with database.write() as session:
        await session.execute(sa.update(Source).values(connector="gone"))
    assert (
        "host changes; credentials will be sent to https://notes.example.com" in (await planned(database, FILE)).details
    )


async def test_replaces_a_secret_that_no_longer_opens(database: Database) -> None:
    await applied(database)
    diff = await changes.plan(database, vault(NEW_KEY), CONNECTORS, desired())
    assert diff.changes[0].details == ("token: (secret, the stored one cannot be opened and is replaced)",)
    await changes.apply(database, vault(NEW_KEY), diff, NOW + timedelta(seconds=1), trail=TRAIL, by=BY)
    token = (await sources(database))["desk"].sealed["token"]
    assert vault(NEW_KEY).open(token, vault_row("desk"), "token").reveal() == "canary-token"


async def test_seals_anew_once_the_ring_has_a_newer_key(database: Database) -> None:
    await applied(database)
    ring = vault(OLD_KEY, NEW_KEY)
    diff = await changes.plan(database, ring, CONNECTORS, desired())
    assert diff.changes[0].details == ("token: (secret, unchanged, sealed anew with the current key)",)
    await changes.apply(database, ring, diff, NOW + timedelta(seconds=1), trail=TRAIL, by=BY)
    assert (await changes.plan(database, vault(NEW_KEY), CONNECTORS, desired())).empty


async def test_leaves_a_source_that_the_file_does_not_name(database: Database) -> None:
    await applied(database)
    (change,) = await applied(database, "")
    assert change.action == "leave"
    assert "desk" in await sources(database)


async def test_prunes_a_source_with_its_links_only_when_asked_and_says_so(database: Database) -> None:
    await applied(database)
    await link_a_customer(database)
    (change,) = await applied(database, "", prune=True)
    assert (change.action, change.details) == ("remove", ("and with it 1 link(s) to customers",))
    async with database.read() as session:
        assert (await session.scalars(sa.select(Link))).all() == []
    assert await sources(database) == {}


async def test_keeps_links_through_a_change(database: Database) -> None:
    await applied(database)
    await link_a_customer(database)
    (change,) = await applied(database, FILE.replace('"notes"', '"memos"'), NOW + timedelta(seconds=1))
    assert "1 link(s) hold customer numbers of notes: link these customers again" in change.details
    async with database.read() as session:
        assert len((await session.scalars(sa.select(Link))).all()) == 1


@pytest.mark.parametrize("text", [FILE.replace("Requests", "Mine"), ""], ids=["change", "remove"])
async def test_refuses_a_diff_that_somebody_else_overtook(database: Database, text: str) -> None:
    await applied(database)
    diff = await changes.plan(database, vault(), CONNECTORS, desired(text), prune=True)
    await applied(database, FILE.replace("Requests", "Theirs"), NOW + timedelta(seconds=1))
    with pytest.raises(SourcesChangedError):
        await changes.apply(database, vault(), diff, NOW + timedelta(seconds=2), trail=TRAIL, by=BY)
    assert (await sources(database))["desk"].title == "Theirs"


async def test_lets_one_of_two_win_who_add_the_same_source_at_once(database: Database) -> None:
    diffs = [
        await changes.plan(database, vault(), CONNECTORS, desired(FILE.replace("Requests", title)))
        for title in ("Mine", "Theirs")
    ]
    done = await asyncio.gather(
        *(changes.apply(database, vault(), diff, NOW, trail=TRAIL, by=BY) for diff in diffs), return_exceptions=True
    )
    assert sorted(map(repr, done)) == ["None", repr(SourcesChangedError(changes.OVERTAKEN))]


def test_allows_plain_http_where_the_deployment_does() -> None:
    (source,) = desired(FILE.replace("https:", "http:"), policy=LAX)
    assert source.address == "http://notes.example.com"


TWO = FILE + FILE.replace("sources.desk", "sources.erp")
RULE = TWO + '[agreement]\norders.total = ["erp", "desk"]\n'


def test_reads_who_counts() -> None:
    text = RULE + 'contacts.email = ["desk", "erp"]\n'
    wins = {source.name: source.wins for source in desired(text)}
    both = {"contacts.email": ["desk", "erp"], "orders.total": ["erp", "desk"]}
    assert wins == {"desk": both, "erp": both}
    alone = {source.name: source.wins for source in desired(RULE + FILE.replace("sources.desk", "sources.crm"))}
    assert alone["crm"] == {}


def test_tells_every_problem_of_the_rules_who_counts() -> None:
    text = """
[agreement]
tickets.state = ["erp", "desk"]
orders.totl = ["erp", "desk"]
orders.total = "erp"
orders.state = ["erp"]
invoices.state = ["erp", "till"]
invoices.open = ["erp", "erp"]
contacts = 5
"""
    assert problems(TWO + text) == (
        "agreement.tickets: not known; known are orders, invoices, contacts",
        "agreement.orders.totl: not known; did you mean total?",
        'agreement.orders.state: name two sources or more, the one that counts first: ["erp", "crm"]',
        'agreement.orders.total: name two sources or more, the one that counts first: ["erp", "crm"]',
        "agreement.invoices.state: no source of this file: 'till'",
        "agreement.invoices.open: name each source once",
        "agreement.contacts: write a table, [agreement.contacts]",
    )


async def test_changes_who_counts_and_says_so(database: Database) -> None:
    await applied(database, TWO)
    diff = await changes.plan(database, vault(), CONNECTORS, desired(RULE))
    assert [change.details for change in diff.changes] == [
        ('who counts for orders.total: (not set) -> ["erp", "desk"]',)
    ] * 2
    await applied(database, RULE, NOW + timedelta(seconds=1))
    assert {row.name: row.wins for row in (await sources(database)).values()} == {
        name: {"orders.total": ["erp", "desk"]} for name in ("desk", "erp")
    }
    assert (await changes.plan(database, vault(), CONNECTORS, desired(RULE))).empty
    await applied(database, TWO, NOW + timedelta(seconds=2))
    assert [row.wins for row in (await sources(database)).values()] == [{}, {}]
