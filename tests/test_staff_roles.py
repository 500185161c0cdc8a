"""An owner lists staff and gives them roles, in the console."""

import asyncio
from datetime import UTC, datetime
from html import unescape

import pytest
from support_audit import BY, TRAIL
from support_portal import Portal
from support_staff import SAM, Staff, staff_at

from auth.principals import ROLES, Role
from gateway.links import Login
from gateway.staff import LastOwner, change_role, give_role, staff_of

LIST = "/staff/settings/staff"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def ids(portal: Portal) -> dict[str, str]:
    return {each.login.subject: each.id for each in await staff_of(portal.database)}


async def role_at(portal: Portal, subject: str) -> Role:
    return next(each.role for each in await staff_of(portal.database) if each.login.subject == subject)


async def page_of(staff: Staff, path: str) -> str:
    return unescape((await staff.get(path)).text)


async def test_lists_somebody_before_they_ever_sign_in(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    written = {"issuer": SAM.issuer, "subject": " 00u1x ", "name": "Priya  <Nair>", "role": "support"}
    assert (await owner.send("POST", LIST, **written)).headers["location"] == LIST
    assert await role_at(portal, "00u1x") == "support"
    assert "Priya &lt;Nair&gt;" in (await owner.get(LIST)).text
    again = await owner.send("POST", LIST, **written)
    assert again.status_code == 422
    assert "They have this role already." in again.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"role": "none"}, "Choose a role."),
        ({"role": "god"}, "Choose a role."),
        ({"issuer": "https://elsewhere.example"}, "Choose where they sign in."),
        ({"subject": " "}, "subject"),
        ({"name": "a\0b"}, "name"),
    ],
    ids=["no role", "no such role", "issuer", "subject", "name"],
)
async def test_says_what_is_wrong_and_keeps_what_was_written(portal: Portal, wrong: dict[str, str], said: str) -> None:
    owner = await staff_at(portal, "owner")
    written = {"issuer": "https://staff.example", "subject": "priya", "name": "Priya", "role": "support"} | wrong
    answer = await owner.send("POST", LIST, **written)
    assert answer.status_code == 422
    assert said in answer.text
    assert ('value="Priya"' in answer.text) == ("name" not in wrong)
    assert await role_at(portal, "owner") == "owner"
    assert len(await ids(portal)) == 1


async def test_gives_a_role_that_acts_at_once(portal: Portal) -> None:
    owner, reader = await staff_at(portal, "owner"), await staff_at(portal, "read-only")
    assert (await reader.get("/staff/requests")).status_code == 403
    priya = (await ids(portal))["read-only"]
    assert 'name="seen" value="read-only"' in await page_of(owner, f"{LIST}/{priya}")
    changed = await owner.send("POST", f"{LIST}/{priya}", role="support", seen="read-only")
    assert changed.headers["location"] == LIST
    assert (await reader.get("/staff/requests")).status_code == 200
    await owner.send("POST", f"{LIST}/{priya}", role="claimed", seen="support")
    assert (await reader.get("/staff/sources")).status_code == 403, "their sign-in has claimed nothing"


async def test_overwrites_nothing_that_somebody_else_decided(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await staff_at(portal, "support")
    priya = (await ids(portal))["support"]
    await give_role(portal.database, trail=TRAIL, by=BY, login=Login(SAM.issuer, "support"), role="none")
    answer = await owner.send("POST", f"{LIST}/{priya}", role="admin", seen="support")
    assert answer.status_code == 409
    assert "Somebody changed this after you opened it." in answer.text
    assert 'name="seen" value="none"' in answer.text
    assert await role_at(portal, "support") == "none"


async def test_keeps_the_last_owner(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    me = (await ids(portal))["owner"]
    assert "This is you" in await page_of(owner, f"{LIST}/{me}")
    for role in ("none", "admin", "claimed"):
        answer = await owner.send("POST", f"{LIST}/{me}", role=role, seen="owner")
        assert answer.status_code == 422
        assert "Nobody else is an owner." in answer.text
    assert await role_at(portal, "owner") == "owner"


async def test_keeps_one_owner_when_two_give_up_at_once(portal: Portal) -> None:
    await staff_at(portal, "owner")
    await staff_at(portal, "admin")
    await give_role(portal.database, trail=TRAIL, by=BY, login=Login(SAM.issuer, "admin"), role="owner")
    acts = (
        change_role(portal.database, trail=TRAIL, by=BY, staff_id=id_, role="support", seen="owner")
        for id_ in (await ids(portal)).values()
    )
    ended = await asyncio.gather(*acts, return_exceptions=True)
    assert {type(each) for each in ended} == {type(None), LastOwner}
    assert [each.role for each in await staff_of(portal.database)].count("owner") == 1


async def test_knows_nobody_by_another_number(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    assert (await owner.get(f"{LIST}/nobody")).status_code == 404
    assert (await owner.send("POST", f"{LIST}/nobody", role="admin", seen="claimed")).status_code == 404
    me = (await ids(portal))["owner"]
    assert (await owner.send("POST", f"{LIST}/{me}", role="god", seen="owner")).status_code == 422


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
async def test_is_for_owners_alone(portal: Portal, role: Role) -> None:
    await staff_at(portal, "owner")
    other = await staff_at(portal, role)
    mine = (await ids(portal))[role]
    assert (await other.get(LIST)).status_code == 403
    assert (await other.send("POST", f"{LIST}/{mine}", role="owner", seen=role)).status_code == 403
    assert await role_at(portal, role) == role
