"""Who signs in is tied to what is theirs: by an invitation, by a match, or by a person; never by a guess."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from identity_cases import ACCOUNTS, CASES, MARY, Case, mail, number
from support_audit import BY, TRAIL, VAULT
from support_identity import ISSUER, NOON, World
from support_portal import LAX, Portal

from auth.clock import utc_now
from auth.profile import EMAIL_LENGTH
from auth.provider import Identity
from connectors.registry import load_connectors
from gateway.access import PersonRef, remember
from gateway.audit_reading import Wanted, read, verify
from gateway.identity.arrival import Arrivals
from gateway.identity.invitations import invitations, withdraw
from gateway.identity.proving import Why
from gateway.identity.questions import decide, dismiss, question, questions
from gateway.identity.rechecking import Rechecks
from gateway.links import LinkError, Login, Proof, link, remove_member
from gateway.members import erase
from gateway.offices import Offices
from gateway.records.identity_tables import Address, Ground, Invitation, Question
from gateway.records.tables import Membership
from gateway.records.tables import Person as PersonRow
from gateway.rights import COMPANY, OWN


async def told(world: World) -> list[str]:
    assert (await verify(world.db, VAULT)).problems == ()
    return [line.what for line in await read(world.db, VAULT, Wanted(latest=1000))]


async def said(world: World, member: str) -> str | None:
    asked = await world.question(member)
    return asked.reason if asked and asked.state == "open" else None


LOGINS = [case for case in CASES if len(case.email or "") <= EMAIL_LENGTH]  # no provider is believed a longer one


@pytest.mark.parametrize("case", LOGINS, ids=lambda case: case.name)
async def test_ties_nobody_to_the_wrong_customer(world: World, case: Case) -> None:
    await world.link(ACCOUNTS)
    if case.invited_to and case.email:
        try:
            await world.invite(case.email, case.invited_to)
        except LinkError:
            pytest.fail("the case cannot happen")
    if case.is_taken:
        world.silent = {"crm", "desk"}
        await world.sign_in("earlier", case.email, issuer="https://other.example")
    world.silent = {answer.source for answer in case.answers if answer.candidates is None}
    world.found = {answer.source: answer.candidates for answer in case.answers if answer.candidates}
    if case.is_taken and case.invited_to:
        async with world.db.write() as session:  # the other one was invited too, and came first
            await session.execute(sa.delete(Invitation).where(Invitation.state == "used"))
        await world.invite(case.email or "", case.invited_to)
    member = await world.sign_in("mary", case.email, number=case.number, policy=case.policy)
    is_linked = case.expected in ACCOUNTS.values()
    invited = {case.invited_to} if case.invited_to and not case.is_taken else set()
    assert await world.accounts(member) == (invited or ({case.expected} if is_linked else set()))
    assert bool(await world.persons(member)) == is_linked
    if await said(world, member) is not None:
        assert await said(world, member) == case.expected
    await told(world)


async def test_gives_the_least_rights_and_the_whole_proof(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"), number("10")), "desk": (mail("org:1", "u7"),)}
    member = await world.sign_in("mary", MARY, number="4711", policy="two_facts")
    async with world.db.read() as session:
        ground = await session.get_one(Ground, (member, "acme"))
        assert (await session.get_one(Membership, (member, "acme"))).rights["orders"] == "own"
    assert (ground.how, ground.decided_by, ground.decided_at) == ("matched", "policy two_facts", NOON)
    assert [(each["source"], each["fact"], each["value"]) for each in ground.facts["proofs"]] == [
        ("crm", "email", MARY),
        ("desk", "email", MARY),
        ("crm", "external_id", "4711"),
    ]
    assert await world.persons(member) == {("crm", "p1"), ("desk", "u7")}
    assert (await told(world))[-4:] == ["member.made", "membership.added", "person.named", "person.named"]


async def test_asks_for_what_is_proven_and_for_no_domain_of_everybody(world: World) -> None:
    await world.sign_in("mary", "Mary@Acme.Example", number="4711")
    await world.sign_in("gil", "gil@gmail.com")
    await world.sign_in("eve", "\u0435ve@acme.example")  # nothing of it is asked
    facts = [facts for source, facts in world.asked if source == "crm"]
    asked = [(each.email, each.external_id, each.domain) for each in facts if not isinstance(each, str)]
    assert asked == [("mary@acme.example", "4711", "acme.example"), ("gil@gmail.com", None, None)]


async def test_asks_nobody_when_matching_is_off_and_of_whom_it_knows(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.sign_in("mary", MARY, policy="off")
    await world.sign_in("nobody", None)
    assert world.asked == []
    world.found = {"crm": (mail("10"),)}
    await world.sign_in("mary", MARY)
    assert len(world.asked) == 2
    await world.sign_in("mary", MARY)
    assert len(world.asked) == 2


# Sources that are away


@pytest.mark.parametrize("away", ["silent", "slow"])
async def test_links_nobody_while_a_source_is_away_and_tries_again(world: World, away: str) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    setattr(world, away, {"desk"})
    member = await world.sign_in("mary", MARY)
    assert (await world.accounts(member), await said(world, member)) == (set(), "source_silent")
    setattr(world, away, set())
    await world.sign_in("mary", MARY)
    assert (await world.accounts(member), await said(world, member)) == ({"acme"}, None)


async def test_takes_a_question_back_that_the_sources_answered(world: World) -> None:
    world.silent = {"desk"}
    member = await world.sign_in("mary", MARY)
    world.silent = set()
    await world.sign_in("mary", MARY)
    assert await said(world, member) is None


async def test_links_nobody_by_a_connector_that_fails(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found, world.failing = {"crm": (mail("10"),)}, {"desk"}
    member = await world.sign_in("mary", MARY)
    assert (await world.accounts(member), await said(world, member)) == (set(), "source_silent")


# Logins


async def test_knows_a_login_by_issuer_and_subject_alone(world: World) -> None:
    """The same subject at another issuer, and the same address at another provider, are other people."""
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    mary = await world.sign_in("mary", MARY)
    same_subject = await world.sign_in("mary", None, issuer="https://other.example")
    same_address = await world.sign_in("m", "MARY@acme.example", issuer="https://other.example")
    assert await world.accounts(mary) == {"acme"}
    assert await world.accounts(same_subject) == await world.accounts(same_address) == set()
    assert await said(world, same_address) == "address_of_another_login"


async def test_lets_two_at_once_with_one_address_both_wait(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    came = await asyncio.gather(*(world.sign_in(f"m{n}", MARY) for n in range(4)))
    linked = [member for member in came if await world.accounts(member)]
    assert len(linked) <= 1


async def test_remembers_an_address_that_a_login_had_before(world: World) -> None:
    """Mary has left, and whoever has the address now is somebody else."""
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    await world.sign_in("mary", MARY)
    world.found = {}
    await world.sign_in("mary", "mary@home.example")
    world.found = {"crm": (mail("10"),)}
    new = await world.sign_in("other-mary", MARY)
    assert (await world.accounts(new), await said(world, new)) == (set(), "address_of_another_login")


async def test_never_follows_a_change_of_address(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    member = await world.sign_in("mary", MARY)
    world.found = {"crm": (mail("20", value="mary@globex.example"),)}
    await world.sign_in("mary", "mary@globex.example")
    assert await world.accounts(member) == {"acme"}


async def test_gives_no_right_back_that_was_taken(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    member = await world.sign_in("mary", MARY)
    await remove_member(world.db, trail=TRAIL, by=BY, account="acme", login=Login(ISSUER, "mary"))
    await world.sign_in("mary", MARY)
    assert await world.accounts(member) == set()
    await world.invite(MARY, "acme")
    await world.sign_in("mary", MARY)
    assert await world.accounts(member) == {"acme"}


async def test_names_somebody_whom_a_command_has_linked(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"),)}
    for subject, rights in (("mary", OWN), ("boss", COMPANY)):
        await link(
            world.db,
            trail=TRAIL,
            by=BY,
            account="acme",
            source="crm",
            customer="10",
            proof=Proof(fact="contract", decided_by="priya", decided_at=NOON),
            login=Login(ISSUER, subject),
            rights=rights,
        )
    mary = await world.sign_in("mary", MARY, policy="two_facts")
    assert await world.persons(mary) == {("crm", "p1")}
    asked = len(world.asked)
    await world.sign_in("boss", "boss@acme.example", policy="two_facts")  # who sees all needs no name
    assert len(world.asked) == asked


# Invitations


async def test_lets_whoever_proves_the_address_in_once(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.invite(MARY, "acme", COMPANY)
    member = await world.sign_in("mary", "Mary@acme.example", policy="off")
    assert await world.accounts(member) == {"acme"}
    async with world.db.read() as session:
        ground = await session.get_one(Ground, (member, "acme"))
        assert (await session.get_one(Membership, (member, "acme"))).rights["orders"] == "company"
    assert (ground.how, ground.decided_by) == ("invited", "priya")
    (invited,) = await invitations(world.db, NOON)
    assert (invited.state, invited.email) == ("used", MARY)
    second = await world.sign_in("second", MARY, policy="off")
    assert await world.accounts(second) == set()


@pytest.mark.parametrize(
    "email", [None, "eve@acme.example", "mary+x@acme.example", "mary@acme.example.evil", "m\u0430ry@acme.example"]
)
async def test_lets_nobody_in_who_does_not_prove_it(world: World, email: str | None) -> None:
    """Unverified, forwarded to somebody else, or only like it."""
    await world.link(ACCOUNTS)
    await world.invite(MARY, "acme")
    member = await world.sign_in("eve", email)
    assert await world.accounts(member) == set()
    assert [each.state for each in await invitations(world.db, NOON)] == ["made"]


async def test_lets_nobody_in_after_its_end(world: World) -> None:
    await world.link(ACCOUNTS)
    await world.invite(MARY, "acme", days=1)
    world.now += timedelta(days=1)
    assert [each.state for each in await invitations(world.db, world.now)] == ["expired"]
    member = await world.sign_in("mary", MARY, policy="off")
    assert (await world.accounts(member), await said(world, member)) == (set(), "invitation_expired")
    await world.invite(MARY, "acme")
    await world.sign_in("mary", MARY, policy="off")
    assert (await world.accounts(member), await said(world, member)) == ({"acme"}, None)


async def test_lets_nobody_in_by_one_that_was_withdrawn(world: World) -> None:
    await world.link(ACCOUNTS)
    made = await world.invite(MARY, "acme")
    assert made
    assert await withdraw(world.db, trail=TRAIL, by=BY, id_=made)
    assert not await withdraw(world.db, trail=TRAIL, by=BY, id_=made)
    assert await world.accounts(await world.sign_in("mary", MARY)) == set()
    assert "invitation.withdrawn" in await told(world)


async def test_binds_an_address_once_however_often_it_is_asked(world: World) -> None:
    await world.link(ACCOUNTS)
    assert await world.invite(MARY, "acme")
    assert await world.invite("MARY@acme.example", "acme") is None
    assert await world.invite(MARY, "acme", COMPANY)  # with other rights it is another one
    assert [each.state for each in await invitations(world.db, NOON)] == ["withdrawn", "made"]
    await world.sign_in("mary", MARY)
    assert await world.invite(MARY, "acme", COMPANY) is None
    with pytest.raises(LinkError, match="no account"):
        await world.invite(MARY, "nowhere")
    with pytest.raises(LinkError, match="not an e-mail"):
        await world.invite("m\u0430ry@acme.example", "acme")


async def test_asks_who_somebody_is_that_was_invited_to_another_account_than_the_sources_know(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("20"),)}
    await world.invite(MARY, "acme")
    member = await world.sign_in("mary", MARY, policy="off")
    assert (await world.accounts(member), await world.persons(member)) == ({"acme"}, set())
    assert await said(world, member) == "invitation_disagrees"


# The queue


async def test_keeps_what_the_sources_said_for_whoever_decides(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"), mail("20", "p1"))}
    member = await world.sign_in("mary", MARY)
    (asked,) = await questions(world.db)
    assert (asked.member_id, asked.reason, asked.email) == (member, "two_companies", MARY)
    assert [(each["customer"], each["account"]) for each in asked.found["sources"]["crm"]] == [
        ("10", "acme"),
        ("20", "globex"),
    ]
    why = Why(how="decided", facts={"fact": "rang her"}, decided_by="priya", decided_at=NOON)
    common = {"trail": TRAIL, "by": BY, "id_": asked.id, "rights": OWN, "why": why}
    with pytest.raises(LinkError, match="found no person"):
        await decide(world.db, account="acme", persons=[PersonRef("crm", "p9")], **common)  # type: ignore[arg-type]
    with pytest.raises(LinkError, match="no account"):
        await decide(world.db, account="nowhere", persons=[], **common)  # type: ignore[arg-type]
    await decide(world.db, account="acme", persons=[PersonRef("crm", "p1")], **common)  # type: ignore[arg-type]
    assert (await world.accounts(member), await world.persons(member)) == ({"acme"}, {("crm", "p1")})
    assert await questions(world.db) == ()
    assert (await question(world.db, asked.id)).found == {}
    with pytest.raises(LinkError, match="no open question"):
        await decide(world.db, account="acme", persons=[], **common)  # type: ignore[arg-type]
    assert (await told(world))[-3:] == ["membership.added", "person.named", "question.decided"]


async def test_asks_no_more_about_whom_somebody_dismissed(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"), mail("20", "p1"))}
    member = await world.sign_in("mary", MARY)
    (asked,) = await questions(world.db)
    await dismiss(world.db, trail=TRAIL, by=BY, id_=asked.id, decided_by="priya", now=NOON)
    world.found = {"crm": (mail("10"),)}
    await world.sign_in("mary", MARY)
    assert (await world.accounts(member), await questions(world.db)) == (set(), ())


async def test_asks_a_question_once(world: World) -> None:
    world.silent = {"crm"}
    for _ in range(3):
        await world.sign_in("mary", MARY)
    assert (await told(world)).count("question.asked") == 1


async def test_forgets_with_a_member_all_that_was_found(world: World) -> None:
    await world.link(ACCOUNTS)
    world.found = {"crm": (mail("10"), mail("20", "p1"))}
    await world.invite(MARY, "acme")
    await world.sign_in("mary", MARY)
    await erase(world.db, trail=TRAIL, by=BY, login=Login(ISSUER, "mary"), now=NOON)
    async with world.db.read() as session:
        for table in (Question, Address, Ground, PersonRow, Membership, Invitation):
            assert (await session.scalars(sa.select(table))).all() == []


async def test_matches_in_real_connectors(portal: Portal) -> None:
    """Over the sandbox: who is a person of two systems there, and who is one of none."""
    now = datetime.now(UTC)
    offices = Offices(portal.database, portal.vault, load_connectors(), LAX)
    arrivals = Arrivals(portal.database, TRAIL, offices, utc_now, policy="two_facts", patience=30)

    async def come(email: str) -> tuple[set[str], set[str]]:
        who = Identity(issuer=ISSUER, subject=email, email=email, name=None)
        member = await remember(portal.database, who, now, trail=TRAIL)
        await arrivals.arrive(member, who)
        async with portal.database.read() as session:
            memberships = sa.select(Membership.account_id).where(Membership.member_id == member)
            persons = sa.select(PersonRow.source).where(PersonRow.member_id == member)
            return set(await session.scalars(memberships)), set(await session.scalars(persons))

    assert await come("maya@alderlane.example") == (set(), set())  # a contact of two companies
    assert await come("ines@harbourhotel.example") == ({"hotel"}, {"erp", "helpdesk"})
    assert await come("maya@alderlane.example.evil.example") == (set(), set())
    done = await Rechecks(portal.database, TRAIL, offices, utc_now).run(BY)
    assert (done.asked, done.lost, done.silent) == (2, (), ())
    await offices.aclose()
