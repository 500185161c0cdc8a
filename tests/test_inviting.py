"""Writing to the invited: who gets a mail and who not, a part at a time, nobody twice, and what becomes of it."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_identity import World
from support_inviting import ALL, Bids

from gateway.dossiers import dossier_of
from gateway.identity.invitations import Wish, invite, withdraw
from gateway.identity.inviting import Choice, count_waiting, invite_by_mail, plan, send_again, wants_none
from gateway.identity.opening import note_opened, opening, stop
from gateway.identity.readiness import Preview
from gateway.records.identity_tables import Invitation
from gateway.rights import COMPANY, OWN, Rights


async def test_writes_to_some_first_and_then_to_the_rest_and_to_nobody_twice(bids: Bids) -> None:
    emails = await bids.people(5)
    assert (await bids.send(2), await bids.send(2), await bids.send(2), await bids.send(2)) == (2, 2, 1, 0)
    await bids.post()
    assert bids.reached() == emails
    assert set(await bids.states()) == {"sent"}


async def test_has_everybody_on_one_page(bids: Bids) -> None:
    emails = await bids.people(5)
    pages = [(await plan(bids.world.db, ALL, bids.world.now, page=page, size=2)).shown for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [each.email for page in pages for each in page] == emails


async def test_a_stage_that_is_confirmed_twice_goes_out_once(bids: Bids) -> None:
    await bids.people(6)
    last = (await plan(bids.world.db, ALL, bids.world.now, size=3)).shown[-1].id
    done = await asyncio.gather(*(bids.take(last) for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 3], "one of those who pressed the button wrote them"
    await bids.post()
    assert len(bids.reached()) == len(set(bids.reached())) == 3


async def test_invited_by_two_at_once_gets_one_mail(bids: Bids) -> None:
    world = bids.world
    wish = Wish(email="Mary@acme.example", account="acme", rights=OWN, until=world.now + timedelta(days=30))
    each = (
        invite_by_mail(world.db, trail=TRAIL, by=BY, made_by=f"staff/{number}", wish=wish, now=world.now)
        for number in range(5)
    )
    assert sorted(await asyncio.gather(*each)) == [False] * 4 + [True]
    await bids.post()
    assert bids.reached() == ["mary@acme.example"]


async def test_leaves_out_who_needs_no_mail_and_says_why(bids: Bids) -> None:
    world = bids.world
    await bids.people(2)
    await world.invite("late@acme.example", "acme", days=1)
    await world.invite("two@acme.example", "acme")
    await world.invite("two@acme.example", "globex")
    member = await world.sign_in("mary", "mary@acme.example", policy="off")
    await world.invite("first@acme.example", "acme")
    await world.sign_in("first", "first@acme.example", policy="off")
    await world.invite("mary@acme.example", "acme")
    bids.later(days=2)
    found = await plan(world.db, ALL, world.now)
    assert (found.sendable, found.left_out) == (3, {"ended": 1, "twice": 2})
    shown = (await plan(world.db, ALL, world.now, why="twice")).shown
    assert [(each.email, each.account, each.why) for each in shown] == [
        ("two@acme.example", "acme", "twice"),
        ("two@acme.example", "globex", "twice"),
    ]
    assert member


async def test_leaves_out_members_bounced_ones_and_those_who_want_none(bids: Bids) -> None:
    world = bids.world
    for name in ("gone", "no"):
        await world.invite(f"{name}@acme.example", "acme")
    await bids.send()
    bids.server.rcpt = ["550 5.1.1 no such user"]
    await bids.post()
    assert await bids.states() == ["bounced", "sent"]
    await stop(world.db, (await bids.mails())[1].id, "127.0.0.1", trail=TRAIL, now=world.now)
    for name in ("gone", "no", "new"):
        await world.invite(f"{name}@acme.example", "globex")
    async with world.db.write() as session:
        await session.execute(sa.update(Invitation).where(Invitation.account_id == "acme").values(state="withdrawn"))
    found = await plan(world.db, ALL, world.now)
    assert (found.sendable, found.left_out) == (1, {"bounced": 1, "stopped": 1})
    assert await bids.send() == 1


async def test_can_write_to_those_alone_who_would_see_everything(bids: Bids) -> None:
    world = bids.world
    await world.invite("ready@acme.example", "acme", COMPANY)
    await world.invite("none@acme.example", "acme")
    await world.invite("other@globex.example", "globex", COMPANY)
    preview = Preview(world.db, world.offices, lambda: world.now, "off")
    await preview.run(older_than=None, told=lambda _done, _all: None)
    ready = Choice(which="ready", basis=await preview.catch_up())
    assert (await plan(world.db, ready, world.now)).sendable == 2
    await world.unlink("crm", "of globex")
    assert (await plan(world.db, ready, world.now)).sendable == 1, "of who has changed nobody knows"
    elsewise = Choice(which="ready", basis=await Preview(world.db, world.offices, lambda: world.now, "email").basis())
    assert (await plan(world.db, elsewise, world.now)).sendable == 0, "nobody was judged by this policy"
    assert await bids.send(choice=ready) == 1
    await bids.post()
    assert bids.reached() == ["ready@acme.example"]


async def test_a_second_mail_leaves_the_link_of_the_first_alive_until_one_is_used(bids: Bids) -> None:
    world = bids.world
    (mary,) = await bids.people(1)
    await bids.send()
    await bids.post()
    bids.later(days=29)
    assert [await bids.again(mary, 2), await bids.again(mary, 2), await bids.again(mary, 1)] == [True, False, False]
    await bids.post()
    first, second = (mail.id for mail in await bids.mails())
    assert bids.followed() == [f"/invited/{bids.links.sign(each)}" for each in (first, second)]
    bids.later(days=2)
    for each in (first, second):
        seen = await opening(world.db, each, world.now)
        assert seen
        assert (seen.state, seen.email) == ("open", mary), "the second mail made it last longer"
    assert await world.accounts(await world.sign_in("mary", mary, policy="off")) == {"acme"}
    for each in (first, second):
        used = await opening(world.db, each, world.now)
        assert used
        assert used.state == "used"
    assert not await bids.again(mary, 3), "who has come needs no mail"


async def test_an_invitation_that_has_ended_begins_anew_with_a_mail(bids: Bids) -> None:
    (mary,) = await bids.people(1)
    bids.later(days=31)
    assert await bids.send() == 0
    assert await bids.again(mary, 1)
    await bids.post()
    assert bids.reached() == [mary]


async def test_is_not_sent_any_more_where_nobody_could_use_it(bids: Bids) -> None:
    await bids.people(1)
    await bids.send()
    async with bids.world.db.read() as session:
        id_ = (await session.scalars(sa.select(Invitation.id))).one()
    assert await withdraw(bids.world.db, trail=TRAIL, by=BY, id_=id_)
    await bids.post()
    assert (bids.reached(), await bids.states()) == ([], ["dropped"])


@pytest.mark.parametrize(
    ("answers", "state", "error"),
    [
        ({"rcpt": ["550 5.1.1 no such user"]}, "bounced", "550 5.1.1 no such user"),
        ({"rcpt": ["550 5.7.1 blocked"]}, "failed", "550 5.7.1 blocked"),
        ({"data": ["554 5.6.0 no"]}, "failed", "554 5.6.0 no"),
        ({"data": ["drop"]}, "unknown", "SMTPServerDisconnected"),
        ({"rcpt": ["451 4.7.1 later"]}, "waiting", "451 4.7.1 later"),
        ({"rcpt": ["550 5.1.8 Sender address rejected"]}, "waiting", None),
        ({"rcpt": ["550 Relay access denied"]}, "waiting", None),
    ],
)
async def test_keeps_what_the_mail_server_said(
    bids: Bids, answers: dict[str, list[str]], state: str, error: str | None
) -> None:
    await bids.people(1)
    await bids.send()
    for step, said in answers.items():
        setattr(bids.server, step, list(said))
    await bids.post(most=1)
    (mail,) = await bids.mails()
    assert (mail.state, mail.error) == (state, error)
    bids.later(minutes=2)
    await bids.post()
    assert len(bids.server.mails) == (1 if state in {"waiting", "unknown"} else 0), "what may have arrived stays"


async def test_holds_up_nobody_for_an_address_that_no_mail_can_be_written_to(bids: Bids) -> None:
    await bids.people(3)
    await bids.send()
    async with bids.world.db.write() as session:
        first = sa.update(Invitation).where(Invitation.email == "p000@acme.example")
        await session.execute(first.values(email="p000.@acme.example"))
    await bids.post()
    assert await bids.states() == ["failed", "sent", "sent"]
    assert bids.reached() == ["p001@acme.example", "p002@acme.example"]
    (failed, _, _) = await bids.mails()
    assert (failed.error, failed.due_at) == ("it could not be written", None)


async def test_waits_for_a_server_that_is_away(bids: Bids) -> None:
    await bids.people(1)
    await bids.send()
    bids.server.mail = ["421 4.3.2 closing"]
    await bids.post()
    assert (bids.reached(), await bids.states()) == ([], ["waiting"])
    await bids.post()
    assert await bids.states() == ["sent"]


async def test_writes_again_to_those_who_have_not_come(bids: Bids) -> None:
    world = bids.world
    came, away, asked_not_to = await bids.people(3)
    await bids.send()
    await bids.post()
    await world.sign_in("came", came, policy="off")
    await stop(world.db, (await bids.mails())[2].id, "127.0.0.1", trail=TRAIL, now=world.now)
    begun = world.now
    bids.later(days=7)
    assert await count_waiting(world.db, begun, world.now) == 0, "to those whom somebody wrote to at that moment, not"
    before = world.now - timedelta(days=1)
    assert await count_waiting(world.db, before, world.now) == 1
    twice = [await send_again(world.db, trail=TRAIL, by=BY, before=before, many=10, now=world.now) for _ in range(2)]
    assert twice == [1, 0]
    await bids.post()
    first, again = bids.reached()[:3], bids.reached()[3:]
    assert sorted(first) == [came, away, asked_not_to], "mails of one moment go out in any order"
    assert again == [away]


async def test_writes_no_more_to_who_stopped_whatever_they_are_invited_to(bids: Bids) -> None:
    world = bids.world
    email, until = "mary@acme.example", world.now + timedelta(days=30)

    async def bid(account: str, rights: Rights) -> bool:
        wish = Wish(email=email, account=account, rights=rights, until=until)
        return await invite_by_mail(world.db, trail=TRAIL, by=BY, made_by="staff/1", wish=wish, now=world.now)

    await bid("acme", OWN)
    await bids.post()
    await bid("globex", OWN)  # waits when they stop
    await stop(world.db, (await bids.mails())[0].id, "127.0.0.1", trail=TRAIL, now=world.now)
    assert await bid("acme", COMPANY), "they are invited"
    assert await bid("globex", COMPANY)
    await world.invite(email, "globex", COMPANY)
    assert not await bids.again(email, 1)
    await bids.post()
    assert (bids.reached(), await bids.states()) == ([email], ["sent", "dropped"])
    assert await wants_none(world.db, email)
    dossier = await dossier_of(world.db, "globex", world.now)
    assert dossier
    assert {each.is_stopped for each in dossier.invited} == {True}


async def test_drops_a_mail_that_waits_when_they_stop_another(bids: Bids) -> None:
    world = bids.world
    for account in ("acme", "globex"):
        wish = Wish(email="mary@acme.example", account=account, rights=OWN, until=world.now + timedelta(days=30))
        await invite_by_mail(world.db, trail=TRAIL, by=BY, made_by="staff/1", wish=wish, now=world.now)
    await stop(world.db, (await bids.mails())[0].id, "127.0.0.1", trail=TRAIL, now=world.now)
    await bids.post()
    assert (bids.reached(), await bids.states()) == ([], ["dropped"] * 2)


async def test_notes_the_first_time_that_a_link_is_followed(bids: Bids) -> None:
    await bids.people(1)
    await bids.send()
    (mail,) = await bids.mails()
    first = bids.world.now
    await note_opened(bids.world.db, mail.id, first)
    bids.later(hours=1)
    await note_opened(bids.world.db, mail.id, bids.world.now)
    assert (await bids.mails())[0].opened_at == first


async def test_believes_no_link_but_its_own(bids: Bids) -> None:
    token = bids.links.sign("0" * 26)
    assert bids.links.read(token) == "0" * 26
    assert [bids.links.read(each) for each in (token[:-1] + "_", "1" + token[1:], "", "x", token + "a")] == [None] * 5


async def test_lets_one_of_two_who_invite_at_once_make_the_invitation(world: World) -> None:
    await world.link_accounts("acme")
    wish = Wish(email="mary@acme.example", account="acme", rights=OWN, until=world.now + timedelta(days=1))
    made = await asyncio.gather(
        *(invite(world.db, trail=TRAIL, by=BY, made_by="priya", wish=wish, now=world.now) for _ in range(6))
    )
    assert len([each for each in made if each]) == 1
    async with world.db.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 1
