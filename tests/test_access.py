"""What a member may see, on both databases."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL

from auth.provider import Identity
from gateway.access import AccountRef, LinkRef, Scope, accounts_of, remember, scope_of
from gateway.links import Login, Proof, link, remove_member, unlink
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.tables import Account, Member
from gateway.rights import OWN

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://id.example.com"
HOUSE = Path(__file__).parent.parent
PACKAGES = ("gateway", "auth", "web", "cache", "connectors")
MARY = Identity(issuer=ISSUER, subject="mary", email="mary@example.com", name="Mary")
PROOF = Proof(fact="said so by phone", decided_by="priya", decided_at=NOON)


@pytest.fixture
def db(database_with_sources: Database) -> Database:
    return database_with_sources


async def join(db: Database, account: str, source: str, customer: str, subject: str = "mary") -> None:
    await link(
        db,
        account=account,
        source=source,
        customer=customer,
        proof=PROOF,
        login=Login(ISSUER, subject),
        move=False,
        trail=TRAIL,
        by=BY,
    )


async def test_remembers_one_member_per_issuer_and_subject(db: Database) -> None:
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    later = NOON + timedelta(days=1)
    assert (
        await remember(db, Identity(issuer=ISSUER, subject="mary", email=None, name="Mary B."), later, trail=TRAIL)
        == mary
    )
    async with db.read() as session:
        member = (await session.scalars(sa.select(Member))).one()
    assert (member.email, member.name, member.created_at, member.last_visit_at) == (None, "Mary B.", NOON, later)


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [(ISSUER, "other"), ("https://other.example.com", "mary"), (ISSUER, "Mary"), (ISSUER + "/", "mary")],
)
async def test_never_takes_an_address_for_a_person(db: Database, issuer: str, subject: str) -> None:
    await join(db, "acme", "erp", "42")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    stranger = await remember(
        db, Identity(issuer=issuer, subject=subject, email="mary@example.com", name="Mary"), NOON, trail=TRAIL
    )
    assert stranger != mary
    assert await accounts_of(db, mary) == (AccountRef("acme", "acme"),)
    assert await accounts_of(db, stranger) == ()
    assert await scope_of(db, stranger, "acme") is None


async def test_gives_the_scope_of_one_account(db: Database) -> None:
    await join(db, "acme", "helpdesk", "7")
    await join(db, "acme", "erp", "42")
    await join(db, "other", "erp", "43", subject="john")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    assert await scope_of(db, mary, "acme") == Scope(
        member_id=mary,
        issuer=MARY.issuer,
        subject=MARY.subject,
        account_id="acme",
        account_name="acme",
        links=(LinkRef("erp", "42"), LinkRef("helpdesk", "7")),
        rights=OWN,
        segments=("",),
    )


async def test_gives_no_scope_of_somebody_elses_account(db: Database) -> None:
    await join(db, "acme", "erp", "42", subject="john")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    assert await scope_of(db, mary, "acme") is None
    assert await scope_of(db, mary, "nothing") is None
    assert await scope_of(db, new_id(), "acme") is None
    assert await scope_of(db, mary, "") is None


async def test_lists_accounts_as_people_look_for_them(db: Database) -> None:
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    names = {"a1": "Zebra", "b2": "Ärger", "c3": "Alpha", "d4": "beta", "e5": "Alpha"}
    for number, (account, name) in enumerate(names.items()):
        await link(
            db,
            account=account,
            name=name,
            source="erp",
            customer=str(number),
            proof=PROOF,
            login=Login(ISSUER, "mary"),
            trail=TRAIL,
            by=BY,
        )
    assert [ref.id for ref in await accounts_of(db, mary)] == ["c3", "e5", "d4", "a1", "b2"]


async def test_forgets_a_membership_at_the_next_request(db: Database) -> None:
    await join(db, "acme", "erp", "42")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    assert await scope_of(db, mary, "acme")
    assert await remove_member(db, account="acme", login=Login(ISSUER, "mary"), trail=TRAIL, by=BY)
    assert await scope_of(db, mary, "acme") is None
    assert await accounts_of(db, mary) == ()


async def test_forgets_a_link_at_the_next_request(db: Database) -> None:
    await join(db, "acme", "erp", "42")
    await join(db, "acme", "erp", "43")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    assert await unlink(db, source="erp", customer="42", trail=TRAIL, by=BY)
    scope = await scope_of(db, mary, "acme")
    assert scope
    assert scope.links == (LinkRef("erp", "43"),)


async def test_gives_an_empty_scope_to_an_account_without_links(db: Database) -> None:
    await join(db, "acme", "erp", "42")
    await unlink(db, source="erp", customer="42", trail=TRAIL, by=BY)
    scope = await scope_of(db, await remember(db, MARY, NOON, trail=TRAIL), "acme")
    assert scope
    assert scope.links == ()


async def test_forgets_what_hangs_on_an_account_that_is_deleted(db: Database) -> None:
    await join(db, "acme", "erp", "42")
    mary = await remember(db, MARY, NOON, trail=TRAIL)
    async with db.write() as session:
        await session.execute(sa.delete(Account))
    assert await accounts_of(db, mary) == ()
    assert not await unlink(db, source="erp", customer="42", trail=TRAIL, by=BY)


def calls_of_scope(module: Path) -> Iterator[str]:
    """Find where a module makes a `Scope` of `gateway.access`, by whatever name it imported it."""
    tree = ast.parse(module.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "gateway.access"]
    names = {alias.asname or alias.name for node in imports for alias in node.names if alias.name == "Scope"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield f"{module.name}:{node.lineno}"


def test_is_the_only_maker_of_scopes(tmp_path: Path) -> None:
    modules = [module for package in PACKAGES for module in (HOUSE / package).rglob("*.py")]
    assert [call for module in modules for call in calls_of_scope(module)] == []
    forger = tmp_path / "forger.py"
    forger.write_text("from gateway.access import Scope as S\nS(member_id='me', account_id='yours')\n")
    assert list(calls_of_scope(forger)) == ["forger.py:2"]
