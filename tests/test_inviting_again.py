"""Inviting somebody once more: after the end, after they were removed, and in the name of who may still invite."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL, VAULT
from support_identity import World
from support_inviting import Bids
from support_portal import Portal
from test_colleagues import MANAGES, boss, page, post
from test_rights import text_of

from auth.clock import utc_now
from connectors.config import Secret
from gateway.audit_reading import Wanted, read
from gateway.grants import set_rights
from gateway.identity.colleagues import MOST, NotInvited, Outcome, invite_colleague
from gateway.identity.importing import Import
from gateway.identity.invitations import Invited, Wish, invitations
from gateway.identity.inviting import invite_by_mail
from gateway.identity.opening import stop
from gateway.links import Login, remove_member
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.tables import Member
from gateway.rights import COMPANY, OWN, Rights
from gateway.settings import Settings

MARY = "mary@acme.example"
ISSUER = "https://id.example.com"


async def bid(world: World, manager: str, email: str = MARY, rights: Rights = OWN) -> Outcome:
    common = {"trail": TRAIL, "by": BY, "now": world.now, "tells": True}
    return await invite_colleague(
        world.db,
        manager=manager,
        account="acme",
        email=email,
        rights=rights,
        **common,  # type: ignore[arg-type]
    )


async def staff_bid(world: World, who: str = "staff/1", *, days: int = 30, rights: Rights = OWN) -> bool:
    wish = Wish(email=MARY, account="acme", rights=rights, until=world.now + timedelta(days=days))
    return await invite_by_mail(world.db, trail=TRAIL, by=BY, made_by=who, wish=wish, now=world.now)


async def remove(world: World, subject: str) -> None:
    await remove_member(world.db, trail=TRAIL, by=BY, account="acme", login=Login(ISSUER, subject))


async def second_manager(world: World) -> str:
    """Let somebody else manage the account, too."""
    second = await world.sign_in("second", "second@acme.example", policy="off")
    await world.invite("second@acme.example", "acme")
    await world.sign_in("second", "second@acme.example", policy="off")
    login = Login(ISSUER, "second")
    await set_rights(world.db, trail=TRAIL, by=BY, login=login, account="acme", change=lambda _: MANAGES)
    return second


async def rows(world: World, email: str = MARY) -> list[Invited]:
    return [each for each in await invitations(world.db, world.now) if each.email == email]


async def told(db: Database) -> list[str]:
    return [line.what for line in await read(db, VAULT, Wanted(latest=100, what="invitation"))]


# After the end


async def test_a_colleague_whose_invitation_has_ended_is_written_to_anew(bids: Bids) -> None:
    world = bids.world
    manager = await boss(world)
    assert await bid(world, manager) == "done"
    await bids.post()
    bids.later(days=31)
    assert await bid(world, manager) == "done"
    await bids.post()
    assert bids.reached() == [MARY, MARY]
    (row,) = await rows(world)
    assert (row.state, row.until) == ("made", world.now + timedelta(days=30))
    assert await told(world.db) == ["invitation.made", "invitation.mailed"] * 2
    mary = await world.sign_in("mary", MARY, policy="off")
    assert await world.accounts(mary) == {"acme"}


async def test_a_colleague_who_can_still_come_gets_no_second_mail(bids: Bids) -> None:
    world = bids.world
    manager = await boss(world)
    said = [await bid(world, manager) for _ in range(2)]
    await bids.post()
    assert (said, bids.reached()) == (["done", "already"], [MARY])
    assert await told(world.db) == ["invitation.made", "invitation.mailed"]


async def test_staff_begin_one_anew_that_has_ended_for_as_long_as_they_say(bids: Bids) -> None:
    world = bids.world
    assert await staff_bid(world)
    await bids.post()
    bids.later(days=31)
    assert await staff_bid(world, days=3)
    assert not await staff_bid(world, days=3), "it is live again"
    await bids.post()
    assert bids.reached() == [MARY, MARY]
    (row,) = await rows(world)
    assert row.until == world.now + timedelta(days=3)


async def test_one_that_has_ended_is_begun_anew_without_a_mail_too(world: World) -> None:
    await world.link_accounts("acme")
    made = await world.invite(MARY, "acme", days=1)
    world.now += timedelta(days=2)
    assert await world.invite(MARY, "acme") == made
    assert await world.invite(MARY, "acme") is None
    assert await told(world.db) == ["invitation.made", "invitation.made"]


# Who wants no mails


async def test_says_that_no_mail_goes_to_who_wants_none(bids: Bids) -> None:
    world = bids.world
    manager = await boss(world)
    await bid(world, manager)
    await bids.post()
    await stop(world.db, (await bids.mails())[0].id, "127.0.0.1", trail=TRAIL, now=world.now)
    assert await bid(world, manager) == "unwanted"
    assert await bid(world, manager, rights=COMPANY) == "unwanted"
    bids.later(days=31)
    assert await bid(world, manager, rights=COMPANY) == "unwanted"
    assert (await rows(world))[-1].state == "made", "the invitation works all the same"
    await bids.post()
    assert bids.reached() == [MARY]


# Who came, and was removed


async def test_who_used_it_and_was_removed_can_be_invited_again(bids: Bids) -> None:
    world = bids.world
    manager = await boss(world)
    await bid(world, manager)
    mary = await world.sign_in("mary", MARY, policy="off")
    assert await bid(world, manager) == "here"
    assert not await staff_bid(world)
    for again in (bid(world, manager), staff_bid(world)):
        await remove(world, "mary")
        assert await world.accounts(mary) == set()
        assert await again in {"done", True}
        await world.sign_in("mary", MARY, policy="off")
        assert await world.accounts(mary) == {"acme"}
    assert [each.state for each in await rows(world)] == ["used"] * 3


async def test_who_was_removed_from_one_account_can_be_imported_for_another(world: World) -> None:
    await world.link_accounts("acme", "globex")
    await world.invite(MARY, "acme")
    await world.sign_in("mary", MARY, policy="off")

    async def refused() -> int:
        taking = Import(world.db, TRAIL, BY, made_by="priya", now=world.now, days=30)
        report = await taking.run(["email,account\n", f"{MARY},globex\n"], lambda _done, _all: None)
        return len(report.refused)

    assert await refused() == 1
    await remove(world, "mary")
    assert await refused() == 0


# In whose name


@pytest.mark.parametrize("change", ["removed", "no manager"])
async def test_staff_take_over_what_a_manager_left_open(bids: Bids, change: str) -> None:
    world = bids.world
    await bid(world, await boss(world))
    await bids.post()
    if change == "removed":
        await remove(world, "boss")
    else:
        login = Login(ISSUER, "boss")
        await set_rights(world.db, trail=TRAIL, by=BY, login=login, account="acme", change=lambda _: COMPANY)
    assert await staff_bid(world)
    assert not await staff_bid(world, "staff/2"), "what staff decided stays"
    assert [each.made_by for each in await rows(world)] == ["staff/1"]
    assert await told(world.db) == ["invitation.made", "invitation.mailed"] * 2
    mary = await world.sign_in("mary", MARY, policy="off")
    assert await world.accounts(mary) == {"acme"}


async def test_another_manager_takes_over_what_one_left_open_and_nothing_else(bids: Bids) -> None:
    world = bids.world
    first = await boss(world)
    second = await second_manager(world)
    await bid(world, first)
    assert await bid(world, second) == "already"
    assert (await rows(world))[0].made_by == f"member/{first}"
    await remove(world, "boss")
    assert await bid(world, second) == "done"
    assert (await rows(world))[0].made_by == f"member/{second}"
    assert await staff_bid(world)
    assert await bid(world, second) == "already"
    assert (await rows(world))[0].made_by == "staff/1", "no manager takes over what staff decided"
    mary = await world.sign_in("mary", MARY, policy="off")
    assert await world.accounts(mary) == {"acme"}


# How many


async def test_counts_no_invitation_that_has_ended_among_those_that_are_open(world: World) -> None:
    manager = await boss(world)
    made = {"account_id": "acme", "rights": {}, "made_by": "priya", "made_at": world.now, "state": "made"}
    until = {"until": world.now + timedelta(days=1)}
    async with world.db.write() as session:
        found = [{"id": f"{n:026}", "email": f"{n}@acme.example", **made, **until} for n in range(MOST)]
        await session.execute(sa.insert(Invitation), found)
    with pytest.raises(NotInvited):
        await bid(world, manager)
    world.now += timedelta(days=2)
    assert await bid(world, manager) == "done"


# The page


@pytest.fixture
def portal_settings(portal_settings: Settings) -> Settings:
    """With a mail server, which nobody asks."""
    return replace(portal_settings, smtp_url=Secret("smtp://127.0.0.1:9"), mail_from="portal@kestrel.example")


async def test_the_page_says_what_came_of_inviting_somebody(portal: Portal) -> None:
    browser = await page(portal, "boss", MANAGES)
    ann = Invitation.email == "ann@example.com"

    async def said(**given: str) -> str:
        answer = await post(browser, "ann@example.com", **given)
        return text_of((await browser.get(answer.headers["location"])).text)

    async def having(**values: object) -> None:
        async with portal.database.write() as session:
            await session.execute(sa.update(Invitation).where(ann).values(**values))

    assert "Invited. We write to them" in await said()
    assert "invited already, and that still counts. We send no new mail" in await said()
    await having(until=utc_now() - timedelta(days=1))
    assert "Invited. We write to them" in await said()
    await having(stopped_at=utc_now())
    assert "they want no mails about invitations" in await said(orders="company")
    async with portal.database.read() as session:
        member = await session.scalar(sa.select(Member.id).where(Member.subject == "boss"))
        assert await session.scalar(sa.select(sa.func.count()).select_from(InvitationMail)) == 2
    await having(state="withdrawn")
    await having(stopped_at=None, state="used", member_id=member)
    assert "acts for this account already" in await said()
