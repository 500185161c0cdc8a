"""Two accounts that are one customer made one, and parted again: all goes over, and nothing is lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_moves import COLUMNS, NOON, Stock

from gateway.access import LinkRef, now_of, scope_of
from gateway.asked import ask
from gateway.audit_reading import Wanted as Lines
from gateway.audit_reading import read, verify
from gateway.grants import Stale
from gateway.identity.invitations import Wish, invite
from gateway.identity.proving import Why, join
from gateway.links import LinkError, Login, Proof, link
from gateway.members import erase
from gateway.moves.merging import merge
from gateway.moves.planning import Decided, plan_merge
from gateway.moves.rows import NAMES
from gateway.moves.splitting import Wanted, plan_split, split
from gateway.moves.state import Moved, MoveError
from gateway.outbox.desk import Desk, NotYours
from gateway.records.customer_tables import AccountMove, MovedMember
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Invitation
from gateway.records.mail_tables import BookRow, MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account, Link, Member, Membership, Session
from gateway.rights import COMPANY, OWN

OWNED = {"orders": "own", "invoices": "own", "requests": "own", "documents": "own", "manages": False}
LATER = NOON + timedelta(days=1)


async def merged(db: Database, gone: str = "alder", into: str = "birch", **decided: Any) -> Moved:
    return await merge(
        db, trail=TRAIL, by=BY, gone=gone, into=into, decided=Decided(**decided), reason="one firm", now=NOON
    )


async def parted(db: Database, of: str, to: str, *what: LinkRef | str, **more: Any) -> Moved:
    links = frozenset(each for each in what if isinstance(each, LinkRef))
    people = frozenset(each for each in what if isinstance(each, str))
    wanted = Wanted(to=to, name="", links=links, people=people)
    return await split(db, trail=TRAIL, by=BY, of=of, wanted=wanted, reason="two firms", now=LATER, **more)


async def values(db: Database, statement: Any) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(statement))


def test_knows_every_column_that_names_an_account() -> None:
    """Whoever adds one says how it goes when accounts are merged or parted: in `gateway.moves.rows`."""
    named = {f"{column.table.name}.{column.name}" for column in COLUMNS if column.table.name != "accounts"}
    assert named | {"accounts.merged_into"} == set(NAMES)


async def full(db: Database) -> tuple[Stock, dict[str, str]]:
    """Two accounts with everything; `both` acts for both, with other rights in each."""
    stock = Stock(db)
    await stock.account("alder")
    await stock.account("birch")
    ids = {
        "ann": await stock.member("ann", "alder"),
        "bob": await stock.member("bob", "birch"),
        "both": await stock.member("both", "alder"),
    }
    await stock.join(ids["both"], "birch", OWNED)
    await stock.link("alder", "erp", "10")
    await stock.link("birch", "helpdesk", "30")
    for account, member, customer in (("alder", "ann", ("erp", "10")), ("birch", "bob", ("helpdesk", "30"))):
        ids[f"session of {member}"] = (await stock.session(ids[member], account)).decode()
        ids[f"sent by {member}"] = await stock.sent(account, ids[member], *customer)
        ids[f"mail to {member}"] = await stock.mail(account, ids[member], "event")
        await stock.mail(account, ids["both"], "event")
        await stock.invited(account, f"{member}@x.example", "used", ids[member])
        await stock.document(account)
        await stock.document(account, ids[member])
        await stock.traces(account, ids[member])
        await stock.traces(account, None, f"of {account}")
    await stock.invited("alder", "new@x.example")
    await stock.invited("alder", "twice@x.example")
    await stock.invited("birch", "twice@x.example")
    await stock.session(ids["bob"], "birch", viewed="alder")
    return stock, ids


async def test_makes_one_account_of_two(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    before = await stock.counts()
    plan = await plan_merge(db, "alder", "birch")
    assert ([each.person.called for each in plan.differing], len(plan.twice)) == (["both"], 1)
    assert plan.gone.held == {"invitations": 2, "documents": 2, "sent": 1, "mails": 2, "pages": 1}
    with pytest.raises(MoveError, match="decide which"):
        await merged(db)
    done = await merged(db, rights="into")
    assert await stock.astray() == []
    after = await stock.counts()
    gone = {name: before[name] - after[name] for name in before if after[name] < before[name]}
    assert gone == {"memberships": 1, "grounds": 1, "conflicts": 1, "agreements": 1}, "these are remembered, or figures"
    scope = await scope_of(db, ids["ann"], "birch")
    assert scope
    assert set(scope.links) == {LinkRef("erp", "10"), LinkRef("helpdesk", "30")}
    assert await scope_of(db, ids["ann"], "alder") is None
    both = await scope_of(db, ids["both"], "birch")
    assert both
    assert both.rights == OWN
    assert await now_of(db, "alder") == "birch"
    assert ids["session of ann"].encode() in done.switched
    assert set(await values(db, sa.select(Session.account_id))) == {"birch"}
    assert len(done.looking) == 1
    assert set(await values(db, sa.select(BookRow.turn).where(BookRow.source == "erp"))) == {2}
    told = await values(db, sa.select(MailRow.state).where(MailRow.member_id == ids["both"]))
    assert sorted(told) == ["dropped", "waiting"], "one event is told of once"
    lines = [line.what for line in await read(db, VAULT, Lines(latest=20))]
    assert sorted(lines) == [
        *("account.merged", "customer.moved", "invitation.withdrawn", "membership.moved", "membership.moved")
    ]
    assert (await verify(db, VAULT)).problems == ()


async def test_takes_a_merge_back(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    before = await stock.counts()
    await merged(db, rights="gone")
    both = await scope_of(db, ids["both"], "birch")
    assert both
    assert both.rights == COMPANY
    plan = await plan_split(db, "birch", "alder")
    assert (plan.links, set(plan.people), plan.both) == (
        (LinkRef("erp", "10"),),
        {ids["ann"], ids["both"]},
        (ids["both"],),
    )
    done = await parted(db, "birch", "alder", *plan.links, *plan.people)
    assert await stock.astray() == []
    assert ids["session of ann"].encode() in done.switched
    after = await stock.counts()
    figures = ("conflicts", "agreements", "account_moves", "moved_members", "audit_lines", "audit_keys")
    assert {
        name: after[name] - before[name] for name in before if name not in figures and after[name] != before[name]
    } == {}
    for member, account, link_ in (("ann", "alder", LinkRef("erp", "10")), ("bob", "birch", LinkRef("helpdesk", "30"))):
        scope = await scope_of(db, ids[member], account)
        assert scope
        assert scope.links == (link_,)
        assert await scope_of(db, ids[member], "birch" if account == "alder" else "alder") is None
    rights = {account: await scope_of(db, ids["both"], account) for account in ("alder", "birch")}
    assert {account: scope.rights for account, scope in rights.items() if scope} == {"alder": COMPANY, "birch": OWN}
    sent = dict(await pairs(db, OutboxRow.id, OutboxRow.account_id))
    assert sent == {ids["sent by ann"]: "alder", ids["sent by bob"]: "birch"}
    invited = await pairs(db, Invitation.email, Invitation.account_id, Invitation.state == "made")
    assert sorted(invited) == [("new@x.example", "alder"), ("twice@x.example", "alder"), ("twice@x.example", "birch")]
    assert await now_of(db, "alder") == "alder"
    assert (await verify(db, VAULT)).problems == ()


async def pairs(db: Database, *columns: Any) -> list[Any]:
    first, second, *where = columns
    async with db.read() as session:
        return [tuple(row) for row in await session.execute(sa.select(first, second).where(*where))]


async def test_lets_somebody_decide_which_numbers_count(database_with_sources: Database) -> None:
    db = database_with_sources
    stock = Stock(db)
    for account, customers in (("alder", ("10", "11")), ("birch", ("30",)), ("cedar", ("50",))):
        await stock.account(account)
        for customer in customers:
            await stock.link(account, "erp", customer)
    plan = await plan_merge(db, "alder", "birch")
    assert [(each.gone, each.into) for each in plan.clashes] == [(("10", "11"), ("30",))]
    with pytest.raises(MoveError, match="'erp'"):
        await merged(db)
    await merged(db, numbers={"erp": "gone"})
    assert (await plan_merge(db, "birch", "cedar")).gone.links[0].customer == "10"
    await merged(db, "birch", "cedar", numbers={"erp": "both"})
    assert await now_of(db, "alder") == await now_of(db, "birch") == "cedar", "one step is enough"
    await parted(db, "cedar", "birch", LinkRef("erp", "10"), LinkRef("erp", "11"))
    assert (await now_of(db, "alder"), await now_of(db, "birch")) == ("birch", "birch")
    await parted(db, "birch", "alder", LinkRef("erp", "10"), LinkRef("erp", "11"))
    owners = dict(await pairs(db, Link.customer, Link.account_id))
    assert owners == {"10": "alder", "11": "alder", "30": "birch", "50": "cedar"}, "what was dropped is back"
    assert await stock.astray() == []


async def test_refuses_what_cannot_be_meant(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    for gone, into, words in (
        ("alder", "alder", "one and the same"),
        ("nobody", "birch", "no account 'nobody'"),
        ("alder", "nobody", "no account 'nobody'"),
    ):
        with pytest.raises(MoveError, match=words):
            await merged(db, gone, into)
    for of, to, what, words in (
        ("alder", "birch", [ids["ann"]], "already"),
        ("alder", "cedar", [], "at least one"),
        ("alder", "cedar", [ids["bob"]], "does not act"),
        ("alder", "cedar", [LinkRef("helpdesk", "30")], "is not customer"),
        ("alder", "No Id", [ids["ann"]], "small letters"),
    ):
        with pytest.raises(LinkError, match=words):
            await parted(db, of, to, *what)
    await merged(db, rights="into")
    for gone, into in (("alder", "birch"), ("birch", "alder")):
        with pytest.raises(MoveError, match="was merged into 'birch'"):
            await merged(db, gone, into)
    proof = Proof(fact="x", decided_by="x", decided_at=NOON)
    with pytest.raises(LinkError, match="name that one"):
        await link(db, trail=TRAIL, by=BY, account="alder", source="erp", customer="99", proof=proof)
    wish = Wish(email="z@x.example", account="alder", rights=OWN, until=LATER)
    with pytest.raises(LinkError, match="name that one"):
        await invite(db, trail=TRAIL, by=BY, made_by="x", wish=wish, now=NOON)
    assert await stock.astray() == []


async def test_does_nothing_when_something_changed_meanwhile(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    plan = await plan_merge(db, "alder", "birch")
    await stock.link("birch", "erp", "77")
    decided = Decided(rights="into", numbers={"erp": "both"})
    with pytest.raises(Stale):
        await merge(
            db, trail=TRAIL, by=BY, gone="alder", into="birch", decided=decided, reason="x", now=NOON, seen=plan.seen
        )
    seen = (await plan_split(db, "birch", "cedar")).seen
    await stock.join(ids["ann"], "birch")
    with pytest.raises(Stale):
        await parted(db, "birch", "cedar", ids["bob"], seen=seen)
    assert await values(db, sa.select(AccountMove.id)) == []


async def test_lets_one_of_two_at_once_win(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, _ = await full(db)
    both = await asyncio.gather(
        merged(db, rights="into"), merged(db, "birch", "alder", rights="into"), return_exceptions=True
    )
    assert sorted(isinstance(each, Moved) for each in both) == [False, True]
    assert all(isinstance(each, (Moved, LinkError, Stale)) for each in both)
    assert await stock.astray() == []


async def test_writes_nothing_to_what_is_merged_at_that_moment(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    scope = await scope_of(db, ids["ann"], "alder")
    assert scope
    desk = Desk(db, lambda: NOON, lambda: None)
    proof = Proof(fact="x", decided_by="x", decided_at=NOON)
    asked = {"ticket": "1", "text": "Hello"}
    why = Why(how="matched", facts={}, decided_by="x", decided_at=NOON)

    async def enter(member: str, account: str) -> None:
        async with db.write() as session:
            row = await session.get_one(Member, member)
            await join(session, BY, row, account=account, rights=OWN, why=why)

    for turn in range(4):
        gone, into = ("alder", "birch") if turn % 2 == 0 else ("birch", "alder")
        wish = Wish(email=f"late{turn}@x.example", account=gone, rights=OWN, until=LATER)
        told = await asyncio.gather(
            merged(db, gone, into, rights="into", numbers={"erp": "both", "helpdesk": "both"}),
            desk.take(scope, LinkRef("erp", "10"), "reply", asked, f"nonce of turn {turn}"),
            invite(db, trail=TRAIL, by=BY, made_by="x", wish=wish, now=NOON),
            link(db, trail=TRAIL, by=BY, account=gone, source="erp", customer=f"late{turn}", proof=proof),
            ask(db, trail=TRAIL, by=BY, account=gone, label="Late", due_on=None, login=None, now=NOON),
            enter(ids["bob"], gone),
            return_exceptions=True,
        )
        assert isinstance(told[0], Moved | Stale), told
        assert all(
            isinstance(each, LinkError | NotYours | Stale) or not isinstance(each, Exception) for each in told
        ), told
        assert await stock.astray() == []
        if isinstance(told[0], Moved):
            plan = await plan_split(db, into, gone)
            await parted(db, into, gone, *plan.links, *plan.people)
        scope = await scope_of(db, ids["ann"], "alder") or scope


async def test_follows_a_signpost_with_what_was_begun_before(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    scope = await scope_of(db, ids["ann"], "alder")
    assert scope
    await merged(db, rights="into")
    desk = Desk(db, lambda: NOON, lambda: None)
    taken = await desk.take(scope, LinkRef("erp", "10"), "reply", {"ticket": "1", "text": "Hello"}, "nonce of before")
    assert await values(db, sa.select(OutboxRow.account_id).where(OutboxRow.id == taken.id)) == ["birch"]
    carl = await stock.member("carl")
    async with db.write() as session:
        why = Why(how="matched", facts={}, decided_by="x", decided_at=NOON)
        await join(session, BY, await session.get_one(Member, carl), account="alder", rights=OWN, why=why)
    assert await scope_of(db, carl, "birch")
    await parted(db, "birch", "cedar", LinkRef("erp", "10"))
    with pytest.raises(NotYours):
        await desk.take(scope, LinkRef("erp", "10"), "reply", {"ticket": "1", "text": "Hello"}, "another")
    assert await stock.astray() == []


async def test_leaves_what_is_of_those_who_stay(database_with_sources: Database) -> None:
    db = database_with_sources
    _, ids = await full(db)
    await merged(db, rights="into")
    await parted(db, "birch", "alder", LinkRef("erp", "10"))
    documents = await pairs(db, AskedDocument.member_id, AskedDocument.account_id)
    assert {account for member, account in documents if member} == {"birch"}
    assert sorted(account for member, account in documents if not member) == ["alder", "birch"]
    assert await scope_of(db, ids["ann"], "birch")
    sent = dict(await pairs(db, OutboxRow.id, OutboxRow.account_id))
    assert sent[ids["sent by ann"]] == "alder", "it goes with its customer"


async def test_forgets_what_it_remembers_of_somebody_who_is_erased(database_with_sources: Database) -> None:
    db = database_with_sources
    _, ids = await full(db)
    await merged(db, rights="into")
    assert len(await values(db, sa.select(MovedMember.member_id))) == 2
    login = Login("https://id.example.com", "both")
    await erase(db, trail=TRAIL, by=BY, login=login, now=LATER)
    assert await values(db, sa.select(MovedMember.member_id)) == [ids["ann"]]
    assert ids["both"] not in str(await values(db, sa.select(AccountMove.moved)))
    plan = await plan_split(db, "birch", "alder")
    await parted(db, "birch", "alder", *plan.links, *plan.people)
    left = await values(db, sa.select(Membership.member_id))
    assert (ids["both"] in left, (await verify(db, VAULT)).problems) == (False, ())
    assert await values(db, sa.select(Account.merged_into).where(Account.merged_into.is_not(None))) == []


@pytest.mark.parametrize("whose", ["gone", "into"])
async def test_gives_no_rights_back_that_were_taken_since(database_with_sources: Database, whose: str) -> None:
    db = database_with_sources
    _, ids = await full(db)
    await merged(db, rights=whose)
    assert (await plan_split(db, "birch", "alder")).kept == ()
    less = {"orders": "none", "invoices": "none", "requests": "own", "documents": "none", "manages": False}
    async with db.write() as session:
        row = await session.get_one(Membership, (ids["both"], "birch"))
        row.rights, row.version = less, row.version + 1
    plan = await plan_split(db, "birch", "alder")
    assert plan.kept == (ids["both"],)
    await parted(db, "birch", "alder", *plan.links, *plan.people)
    left = await pairs(db, Membership.account_id, Membership.rights, Membership.member_id == ids["both"])
    assert dict(left) == {"alder": less, "birch": less}


async def test_writes_the_rights_of_one_account_onto_no_other(database_with_sources: Database) -> None:
    db = database_with_sources
    stock, ids = await full(db)
    await stock.account("cedar")
    await stock.join(ids["both"], "cedar", OWNED | {"orders": "company"})
    await merged(db, rights="gone")
    await merged(db, "birch", "cedar", rights="into")
    plan = await plan_split(db, "cedar", "alder")
    assert plan.kept == (ids["both"],)
    await parted(db, "cedar", "alder", *plan.links, *plan.people)
    left = await pairs(db, Membership.account_id, Membership.rights, Membership.member_id == ids["both"])
    assert dict(left) == dict.fromkeys(("alder", "cedar"), OWNED | {"orders": "company"})


async def test_withdraws_no_invitation_for_one_of_somebody_who_left(database_with_sources: Database) -> None:
    db = database_with_sources
    stock = Stock(db)
    for account in ("alder", "birch"):
        await stock.account(account)
    for name, accounts in (("here", ["birch"]), ("left", [])):
        member = await stock.member(name, *accounts)
        await stock.invited("birch", f"{name}@x.example", "used", member)
        await stock.invited("alder", f"{name}@x.example")
    await merged(db)
    states = await pairs(db, Invitation.email, Invitation.state, Invitation.member_id.is_(None))
    assert dict(states) == {"here@x.example": "withdrawn", "left@x.example": "made"}


async def test_opens_no_invitation_again_where_there_is_a_newer_one(database_with_sources: Database) -> None:
    db = database_with_sources
    stock = Stock(db)
    for account in ("alder", "birch", "cedar"):
        await stock.account(account)
    old = await stock.invited("alder", "new@x.example")
    await stock.invited("cedar", "new@x.example")
    await merged(db)
    await merged(db, "birch", "cedar")
    await parted(db, "cedar", "alder")
    newer = await stock.invited("alder", "new@x.example")
    await parted(db, "cedar", "birch")
    states = await pairs(db, Invitation.id, Invitation.state, Invitation.account_id == "alder")
    assert dict(states) == {old: "withdrawn", newer: "made"}
