"""A company's own admin invites colleagues: within their own rights, at their own domain, and while they may."""

import re

import httpx
import pytest
import sqlalchemy as sa
from msgspec import to_builtins
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_identity import World
from support_portal import ISSUER, Portal
from test_rights import SAME_SITE, text_of

from gateway.grants import NotTheirs, set_rights
from gateway.identity.colleagues import NotInvited, invite_colleague
from gateway.links import Login, remove_member
from gateway.records.identity_tables import Invitation
from gateway.records.tables import Membership
from gateway.rights import AREAS, COMPANY, OWN, Rights

BOSS = "boss@acme.example"
MANAGES = replace(COMPANY, manages=True)


async def boss(world: World, rights: Rights = MANAGES, email: str | None = BOSS) -> str:
    await world.link_accounts("acme", "globex")
    member = await world.sign_in("boss", email, policy="off")
    async with world.db.write() as session:
        session.add(Membership(member_id=member, account_id="acme", rights=to_builtins(rights), created_at=world.now))
    return member


async def invite(world: World, member: str, email: str, rights: Rights = OWN, account: str = "acme") -> None:
    await invite_colleague(
        world.db, trail=TRAIL, by=BY, manager=member, account=account, email=email, rights=rights, now=world.now
    )


async def test_invites_with_rights_within_their_own(world: World) -> None:
    manager = await boss(world, replace(MANAGES, invoices="own"))
    await invite(world, manager, "Mary@acme.example", replace(COMPANY, invoices="own"))
    mary = await world.sign_in("mary", "mary@acme.example", policy="off")
    assert await world.accounts(mary) == {"acme"}
    async with world.db.read() as session:
        rights = (await session.get_one(Membership, (mary, "acme"))).rights
    assert (rights["orders"], rights["invoices"], rights["manages"]) == ("company", "own", False)


@pytest.mark.parametrize(
    ("mine", "given", "account"),
    [
        (COMPANY, OWN, "acme"),
        (replace(MANAGES, invoices="own"), COMPANY, "acme"),
        (replace(MANAGES, invoices="none"), OWN, "acme"),
        (MANAGES, replace(OWN, manages=True), "acme"),
        (MANAGES, OWN, "globex"),
    ],
)
async def test_gives_nothing_that_is_not_theirs(world: World, mine: Rights, given: Rights, account: str) -> None:
    manager = await boss(world, mine)
    with pytest.raises(NotTheirs):
        await invite(world, manager, "mary@acme.example", given, account)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (BOSS, "mary@globex.example"),
        (BOSS, "mary@sub.acme.example"),
        (BOSS, "mary@\u0430cme.example"),
        (BOSS, "mary"),
        (BOSS, "mary.@acme.example"),
        ("boss@gmail.com", "mary@gmail.com"),
        (None, "mary@acme.example"),
    ],
)
async def test_draws_no_stranger_into_an_account(world: World, mine: str | None, theirs: str) -> None:
    manager = await boss(world, email=mine)
    with pytest.raises(NotInvited):
        await invite(world, manager, theirs)


@pytest.mark.parametrize("change", ["removed", "lessened", "no manager"])
async def test_lets_nobody_in_whom_the_manager_may_not_invite_any_more(world: World, change: str) -> None:
    manager = await boss(world)
    await invite(world, manager, "mary@acme.example", COMPANY)
    login = Login("https://id.example.com", "boss")
    if change == "removed":
        await remove_member(world.db, trail=TRAIL, by=BY, account="acme", login=login)
    else:
        less = COMPANY if change == "no manager" else replace(MANAGES, orders="own")
        await set_rights(world.db, trail=TRAIL, by=BY, login=login, account="acme", change=lambda _: less)
    mary = await world.sign_in("mary", "mary@acme.example", policy="off")
    assert await world.accounts(mary) == set()
    asked = await world.question(mary)
    assert asked
    assert asked.reason == "invitation_withdrawn"


# The page


async def page(portal: Portal, subject: str, rights: Rights) -> httpx.AsyncClient:
    await portal.link(subject, "bakery", ("erp", "10"))
    login = Login(ISSUER, subject)
    await set_rights(portal.database, trail=TRAIL, by=BY, login=login, account="bakery", change=lambda _: rights)
    return await portal.browser(subject, "bakery")


async def token_of(browser: httpx.AsyncClient) -> str:
    text = (await browser.get("/account")).text
    return str(re.search(r'data-token="([^"]+)"', text)[1])  # type: ignore[index]


async def post(browser: httpx.AsyncClient, email: str, **given: str) -> httpx.Response:
    data = {"_token": await token_of(browser), "email": email, **dict.fromkeys(AREAS, "own"), **given}
    return await browser.post("/account/colleagues/invite", data=data, headers=SAME_SITE)


async def test_offers_the_form_to_who_manages(portal: Portal) -> None:
    browser = await page(portal, "boss", replace(MANAGES, documents="none"))
    answer = await post(browser, " joe@example.com ", documents="none")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?invited=done#invite")
    text = (await browser.get("/account?invited=done")).text
    assert "Invited. Tell them to sign in here" in text_of(text)
    assert "not here yet: joe@example.com" in text_of(text)
    form = text[text.index('id="documents-new"') :].partition("</select>")[0]
    assert re.findall(r'value="(\w+)"', form) == ["none"]
    answer = await post(browser, "joe@other.example", documents="none")
    assert "Only we can invite that address" in text_of((await browser.get(answer.headers["location"])).text)
    async with portal.database.read() as session:
        (row,) = (await session.scalars(sa.select(Invitation))).all()
    assert (row.email, row.account_id, row.rights["documents"]) == ("joe@example.com", "bakery", "none")


@pytest.mark.parametrize("address", ["ann.@example.com", "an..n@example.com", "=?x?q?y?=@example.com"])
async def test_takes_no_address_that_no_mail_can_be_written_to(portal: Portal, address: str) -> None:
    browser = await page(portal, "boss", MANAGES)
    answer = await post(browser, address)
    assert "Only we can invite that address" in text_of((await browser.get(answer.headers["location"])).text)
    async with portal.database.read() as session:
        assert (await session.scalars(sa.select(Invitation))).all() == []


async def test_lets_who_manages_take_back_what_a_member_invited(portal: Portal) -> None:
    browser, other = await page(portal, "boss", MANAGES), await page(portal, "second", MANAGES)
    joe = await page(portal, "joe", COMPANY)
    await post(browser, "ann@example.com")
    text = (await browser.get("/account")).text
    assert "Take back" in text
    token = {each: await token_of(each) for each in (other, joe)}

    async def take_back(who: httpx.AsyncClient, email: str) -> httpx.Response:
        data = {"_token": token[who], "email": email}
        return await who.post("/account/colleagues/withdraw", data=data, headers=SAME_SITE)

    assert (await take_back(joe, "ann@example.com")).status_code == 404
    assert (await take_back(other, "nobody@example.com")).status_code == 404
    answer = await take_back(other, "ann@example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?invited=withdrawn#invite")
    assert "Taken back." in (await other.get(answer.headers["location"])).text
    assert "ann@example.com" not in (await other.get("/account")).text
    assert (await take_back(other, "ann@example.com")).status_code == 404
    async with portal.database.write() as session:
        await session.execute(sa.update(Invitation).values(state="made", made_by="operator/priya"))
    assert (await take_back(other, "ann@example.com")).status_code == 404, "what staff decided stays"


async def test_offers_it_to_nobody_else(portal: Portal) -> None:
    joe = await page(portal, "joe", COMPANY)
    assert "Invite a colleague" not in (await joe.get("/account")).text
    assert (await post(joe, "ann@example.com")).status_code == 404
    manager = await page(portal, "boss", replace(MANAGES, orders="own"))
    assert (await post(manager, "ann@example.com", orders="company")).status_code == 404
    assert (await manager.post("/account/colleagues/invite", data={"email": "x"}, headers=SAME_SITE)).status_code == 403
    async with portal.database.read() as session:
        assert (await session.scalars(sa.select(Invitation))).all() == []
