"""Links, memberships and staff, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.links import LinkError, Login, Proof, add_owner, link, remove_member, unlink
from gateway.records.database import Database
from gateway.records.tables import Account, Link, Member, Membership, Staff

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROOF = Proof(fact="the number on their last invoice", decided_by="priya", decided_at=NOON)
MARY = Login("https://id.example.com", "mary")


@pytest.fixture
def db(database_with_sources: Database) -> Database:
    return database_with_sources


async def rows(db: Database, *columns: Any) -> list[tuple[Any, ...]]:
    async with db.read() as session:
        return sorted(tuple(row) for row in await session.execute(sa.select(*columns)))


async def acting(db: Database) -> list[tuple[Any, ...]]:
    """Who may act for which account."""
    who = sa.select(Member.issuer, Member.subject, Membership.account_id).join(Membership)
    async with db.read() as session:
        return sorted(tuple(row) for row in await session.execute(who))


async def test_links_with_its_proof(db: Database) -> None:
    done = await link(db, account="acme", name="Acme Ltd", source="erp", customer="42", proof=PROOF, login=MARY)
    assert done == (
        "made the account 'acme'",
        "linked customer '42' of 'erp' to 'acme'",
        "let 'mary' of https://id.example.com act for 'acme'",
    )
    assert await rows(db, Account.id, Account.name, Account.created_at) == [("acme", "Acme Ltd", NOON)]
    assert await rows(db, Link.source, Link.customer, Link.account_id, Link.fact, Link.decided_by, Link.decided_at) == [
        ("erp", "42", "acme", PROOF.fact, "priya", NOON)
    ]
    assert await acting(db) == [(MARY.issuer, "mary", "acme")]


async def test_does_nothing_when_done_again(db: Database) -> None:
    later = Proof(fact="something else", decided_by="john", decided_at=NOON + timedelta(days=1))
    await link(db, account="acme", name="Acme Ltd", source="erp", customer="42", proof=PROOF, login=MARY)
    again = await link(db, account="acme", name="Acme Ltd", source="erp", customer="42", proof=later, login=MARY)
    assert again == ()
    assert await rows(db, Link.fact, Link.decided_by, Link.decided_at) == [(PROOF.fact, "priya", NOON)]
    assert len(await rows(db, Member.id)) == len(await rows(db, Membership.member_id)) == 1


async def test_links_an_account_without_a_login(db: Database) -> None:
    assert await link(db, account="acme", source="erp", customer="42", proof=PROOF) == (
        "made the account 'acme'",
        "linked customer '42' of 'erp' to 'acme'",
    )
    assert await rows(db, Account.name) == [("acme",)]
    assert await rows(db, Member.id) == []


async def test_links_one_account_to_several_customers(db: Database) -> None:
    for source, customer in [("erp", "42"), ("erp", "43"), ("helpdesk", "42")]:
        await link(db, account="acme", source=source, customer=customer, proof=PROOF)
    assert await rows(db, Link.source, Link.customer) == [("erp", "42"), ("erp", "43"), ("helpdesk", "42")]


async def test_renames_an_account(db: Database) -> None:
    await link(db, account="acme", name="Acme", source="erp", customer="42", proof=PROOF)
    assert await link(db, account="acme", name="Acme Ltd", source="erp", customer="42", proof=PROOF) == (
        "renamed the account 'acme' to 'Acme Ltd'",
    )
    assert await link(db, account="acme", source="erp", customer="42", proof=PROOF) == ()
    assert await rows(db, Account.name) == [("Acme Ltd",)]


async def test_refuses_to_move_a_customer_unless_told(db: Database) -> None:
    await link(db, account="acme", source="erp", customer="42", proof=PROOF)
    with pytest.raises(LinkError, match="customer '42' of 'erp' belongs to the account 'acme'"):
        await link(db, account="other", source="erp", customer="42", proof=PROOF, login=MARY)
    assert await rows(db, Link.account_id) == [("acme",)]
    assert await rows(db, Account.id) == [("acme",)]  # all or nothing
    assert await rows(db, Member.id) == []


async def test_moves_a_customer_with_its_new_proof(db: Database) -> None:
    later = Proof(fact="they merged", decided_by="john", decided_at=NOON + timedelta(days=1))
    await link(db, account="acme", source="erp", customer="42", proof=PROOF)
    done = await link(db, account="other", source="erp", customer="42", proof=later, move=True)
    assert done == ("made the account 'other'", "moved customer '42' of 'erp' from 'acme' to 'other'")
    assert await rows(db, Link.account_id, Link.fact, Link.decided_by, Link.decided_at) == [
        ("other", "they merged", "john", later.decided_at)
    ]


async def test_gives_a_contested_customer_to_one_account_only(db: Database) -> None:
    wanted = [f"account-{number}" for number in range(6)]
    done = await asyncio.gather(
        *(link(db, account=account, source="erp", customer="42", proof=PROOF) for account in wanted),
        return_exceptions=True,
    )
    refused = [result for result in done if isinstance(result, LinkError)]
    (owner,) = await rows(db, Link.account_id)
    assert len(refused) == len(wanted) - 1
    assert not isinstance(done[wanted.index(owner[0])], BaseException)


async def test_sees_who_was_faster(db: Database) -> None:
    await link(db, account="slow", source="erp", customer="1", proof=PROOF)
    async with db.write() as session:
        session.add(Account(id="quick", name="quick", created_at=NOON))
        await session.flush()
        proven = {"fact": "so", "decided_by": "john", "decided_at": NOON}
        session.add(Link(source="erp", customer="42", account_id="quick", **proven))
        await session.flush()
        slow = asyncio.create_task(link(db, account="slow", source="erp", customer="42", proof=PROOF))
        await asyncio.sleep(0.1)  # on PostgreSQL it has looked by now, found nobody, and waits for this commit
    with pytest.raises(LinkError, match=r"customer '42' of 'erp' (belongs to the account 'quick'|was linked by)"):
        await slow
    assert await rows(db, Link.customer, Link.account_id) == [("1", "slow"), ("42", "quick")]


async def test_names_the_sources_there_are(db: Database) -> None:
    with pytest.raises(LinkError, match=r"no source 'epr'.*erp, helpdesk"):
        await link(db, account="acme", source="epr", customer="42", proof=PROOF)


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": ""},
        {"account": "Acme"},
        {"account": "acme ltd"},
        {"account": "-acme"},
        {"account": "acme\n"},
        {"account": "a" * 64},
        {"customer": ""},
        {"customer": " 42"},
        {"customer": "4\x002"},
        {"customer": "4" * 256},
        {"name": ""},
        {"name": "A\nB"},
        {"proof": Proof(fact="", decided_by="priya", decided_at=NOON)},
        {"proof": Proof(fact="it is so", decided_by="", decided_at=NOON)},
        {"login": Login("", "mary")},
        {"login": Login("https://id.example.com", "")},
        {"login": Login("https://id.example.com", "mary\n")},
    ],
)
async def test_refuses_what_nobody_could_mean(db: Database, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"account": "acme", "source": "erp", "customer": "42", "proof": PROOF}
    with pytest.raises(LinkError):
        await link(db, **(right | wrong))
    assert await rows(db, Account.id) == []


async def test_unlinks_once(db: Database) -> None:
    await link(db, account="acme", source="erp", customer="42", proof=PROOF)
    await link(db, account="acme", source="helpdesk", customer="42", proof=PROOF)
    assert await unlink(db, source="erp", customer="42")
    assert not await unlink(db, source="erp", customer="42")
    assert await rows(db, Link.source) == [("helpdesk",)]


async def test_removes_a_member_once(db: Database) -> None:
    john = Login(MARY.issuer, "john")
    for account, login in [("acme", MARY), ("acme", john), ("other", MARY)]:
        await link(db, account=account, source="erp", customer=account, proof=PROOF, login=login)
    assert await remove_member(db, account="acme", login=MARY)
    assert not await remove_member(db, account="acme", login=MARY)
    assert not await remove_member(db, account="acme", login=Login("https://other.example.com", "john"))
    assert await acting(db) == [(MARY.issuer, "john", "acme"), (MARY.issuer, "mary", "other")]


async def test_adds_an_owner_once(db: Database) -> None:
    assert await add_owner(db, login=MARY, now=NOON, name="Mary")
    assert not await add_owner(db, login=MARY, now=NOON)
    assert await rows(db, Staff.issuer, Staff.subject, Staff.name, Staff.role) == [
        (MARY.issuer, MARY.subject, "Mary", "owner")
    ]


async def test_makes_an_owner_of_other_staff(db: Database) -> None:
    async with db.write() as session:
        session.add(
            Staff(id="1", issuer=MARY.issuer, subject=MARY.subject, name="Mary", role="helper", created_at=NOON)
        )
    assert await add_owner(db, login=MARY, now=NOON)
    assert await rows(db, Staff.id, Staff.role) == [("1", "owner")]


async def test_keeps_staff_and_members_apart(db: Database) -> None:
    await add_owner(db, login=MARY, now=NOON)
    assert await rows(db, Member.id) == []


async def test_refuses_an_owner_without_a_name_tag(db: Database) -> None:
    with pytest.raises(LinkError, match="the subject is plain text"):
        await add_owner(db, login=Login("https://id.example.com", ""), now=NOON)
