"""Delete my login: said what goes and what stays, confirmed by a word, at once everywhere, and the log stays whole."""

import re
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import VAULT
from support_portal import HOTEL, Portal
from test_rights import SAME_SITE, id_of, member, text_of

from auth import cookies
from auth.clock import utc_now
from gateway.audit_reading import Wanted, read, verify
from gateway.records.base import Base
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Member
from gateway.rights import COMPANY, OWN

PAGE = "/account/delete"
MANAGES = replace(COMPANY, manages=True)


async def delete(browser: httpx.AsyncClient, word: str = "delete") -> httpx.Response:
    token = re.findall(r'data-token="([^"]+)"', (await browser.get("/account")).text)[0]
    return await browser.post(PAGE, data={"_token": token, "word": word}, headers=SAME_SITE)


async def everything(portal: Portal) -> str:
    """All that is stored, as text."""
    async with portal.database.read() as session:
        rows = [await session.execute(sa.select(table)) for table in Base.metadata.sorted_tables]
        return "\n".join(str(tuple(row)) for found in rows for row in found)


async def test_forgets_the_member_and_signs_out_everywhere(portal: Portal) -> None:
    phone, tablet = await member(portal, "zelda", COMPANY), await portal.browser("zelda", "bakery")
    other = await member(portal, "joe", OWN)
    await portal.tie("zelda", "erp", "11")
    for path in ("/", "/invoices", "/account"):
        assert (await phone.get(path)).status_code == 200
    who = await id_of(portal, "zelda")
    assert "zelda" in await everything(portal)
    answer = await delete(phone)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out?login=deleted")
    dropped = [each for each in answer.headers.get_list("set-cookie") if "Max-Age=0" in each]
    assert {each.partition("=")[0] for each in dropped} == {cookies.SESSION, cookies.LANGUAGE}
    assert "Your login is deleted" in (await phone.get(answer.headers["location"])).text
    for browser in (phone, tablet):
        assert (await browser.get("/account")).headers["location"].startswith("/sign-in")
    assert (await other.get("/account")).status_code == 200
    stored = await everything(portal)
    assert "zelda" not in stored.casefold()
    assert (await verify(portal.database, VAULT)).problems == ()
    lines = await read(portal.database, VAULT, Wanted(latest=100, who=f"member/{who}"))
    assert (lines[-1].what, lines[-1].who, lines[-1].personal) == ("member.erased", f"member/{who}", None)
    assert {line.withheld for line in lines[:-1]} == {"erased"}
    again = await portal.browser("zelda", None)
    assert await id_of(portal, "zelda") != who
    assert "bakery" not in (await again.get("/account")).text.casefold()


async def test_takes_back_what_has_not_gone_out_and_keeps_what_may_have(portal: Portal) -> None:
    zelda = await member(portal, "zelda", COMPANY)
    who, now = await id_of(portal, "zelda"), utc_now()
    states = {"waiting": None, "needs_you": None, "sent": now, "cancelled": None, "unknown": now, "sending": None}
    async with portal.database.write() as session:
        for number, (state, doubt) in enumerate(states.items()):
            row = OutboxRow(
                id=f"{number:026}",
                reference=f"{number:04}-0000-0000",
                account_id="bakery",
                member_id=who,
                nonce=f"{number:043}",
                action="reply",
                source="helpdesk",
                asked={"reference": "1", "customer": "1", "ticket": "1", "text": f"said {state}"},
                state=state,
                made_at=now,
                due_at=now + timedelta(days=1) if state in {"waiting", "sending"} else None,
                tries=0,
                turn=0,
                in_doubt_since=doubt,
                done_at=now if state == "sent" else None,
            )
            session.add(row)
    await delete(zelda)
    assert set(re.findall(r"said (\w+)", await everything(portal))) == {"unknown", "sending"}


@pytest.mark.parametrize("word", ["", "yes", "DELETE it"])
async def test_deletes_nothing_without_the_word(portal: Portal, word: str) -> None:
    zelda = await member(portal, "zelda", COMPANY)
    answer = await delete(zelda, word)
    assert (answer.status_code, "Nothing was deleted." in answer.text) == (422, True)
    assert (await zelda.get("/account")).status_code == 200
    assert (await zelda.get(PAGE)).status_code == 200
    assert (await zelda.post(PAGE, data={"word": "delete"}, headers=SAME_SITE)).status_code == 403
    assert (await delete(zelda, " Delete ")).status_code == 303


async def test_says_who_is_the_last_one(portal: Portal) -> None:
    boss, joe = await member(portal, "boss", MANAGES), await member(portal, "joe", OWN)
    page = text_of((await boss.get(PAGE)).text)
    assert "Nobody else manages Bakery." in page
    assert "nobody is left who can sign in" not in page
    assert "Nobody else" not in text_of((await joe.get(PAGE)).text)
    await member(portal, "second", MANAGES)
    assert "Nobody else" not in text_of((await boss.get(PAGE)).text)
    await portal.link("ines", "hotel", *HOTEL)
    ines = await portal.browser("ines", "hotel")
    assert "You are the only one who can sign in for Hotel." in text_of((await ines.get(PAGE)).text)


async def test_lets_somebody_go_who_is_linked_to_nothing(portal: Portal) -> None:
    nobody = await portal.browser("zelda", None)
    assert f'href="{PAGE}"' in (await nobody.get("/account")).text
    assert (await nobody.get(PAGE)).status_code == 200
    assert (await delete(nobody)).status_code == 303
    assert "zelda" not in (await everything(portal)).casefold()


def test_knows_what_becomes_of_every_row_that_names_a_member() -> None:
    """It goes with the member, or somebody has said here why not."""
    kept = {
        "usage_events": "counts without a name",
        "outbox": "what may have gone out and is not done",
        "given_files": "documents that the business asked for, which say no more who gave them",
    }
    naming = {
        table.name: [key.ondelete for key in table.c.member_id.foreign_keys]
        for table in Base.metadata.sorted_tables
        if "member_id" in table.c
    }
    grounds = naming.pop("grounds")
    assert grounds == ["CASCADE"]
    assert {name for name, ways in naming.items() if ways != ["CASCADE"]} == kept.keys()
    assert Member.__tablename__ not in naming
