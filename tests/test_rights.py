"""What members of one company may see, on the pages and in the JSON, and who of them may change it."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import html5lib
import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import BAKERY, HOTEL, ISSUER, Portal

from gateway.audit_reading import Wanted, read
from gateway.grants import set_rights
from gateway.links import LinkError, Login
from gateway.records.tables import Member, Membership
from gateway.rights import COMPANY, OWN, Rights

AREAS = ("orders", "invoices", "requests", "documents")
RECORDS = {"orders": "erp/4424", "invoices": "erp/2093", "requests": "helpdesk/881"}
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
NOTHING = replace(COMPANY, orders="none", invoices="none", requests="none", documents="none")


def text_of(html: str) -> str:
    return " ".join(" ".join(html5lib.parse(html, namespaceHTMLElements=False).itertext()).split())


async def member(portal: Portal, subject: str, rights: Rights) -> httpx.AsyncClient:
    """A colleague at the bakery."""
    await portal.link(subject, "bakery", *BAKERY)
    await grant(portal, subject, rights)
    return await portal.browser(subject, "bakery")


async def grant(portal: Portal, subject: str, rights: Rights) -> None:
    changed = {"trail": TRAIL, "by": BY, "login": Login(ISSUER, subject), "account": "bakery"}
    await set_rights(portal.database, **changed, change=lambda _: rights)  # type: ignore[arg-type]


async def id_of(portal: Portal, subject: str) -> str:
    async with portal.database.read() as session:
        return str(await session.scalar(sa.select(Member.id).where(Member.subject == subject)))


async def rights_of(portal: Portal, subject: str) -> Mapping[str, Any]:
    rows = sa.select(Membership.rights).join(Member, Membership.member_id == Member.id)
    async with portal.database.read() as session:
        rights: Mapping[str, Any] = (await session.scalars(rows.where(Member.subject == subject))).one()
    return rights


@pytest.mark.parametrize("area", AREAS)
async def test_has_no_page_for_an_area_that_is_not_theirs(portal: Portal, area: str) -> None:
    """Neither list, record, file, proof nor JSON, and no word of it elsewhere: all as if there were none."""
    browser = await member(portal, "joe", replace(COMPANY, **{area: "none"}))
    nowhere = text_of((await browser.get("/nowhere")).text)
    paths = [f"/{area}"]
    if area in RECORDS:
        record = f"/{area}/{RECORDS[area]}"
        paths += [record, f"{record}/why", f"{record}/files/pdf", f"/api/v1/{area}", f"/api/v1{record}"]
    for path in paths:
        answer = await browser.get(path)
        assert answer.status_code == 404, path
        if not path.startswith("/api"):
            assert text_of(answer.text) == nowhere
    for path in ("/", "/account", *(f"/{other}" for other in AREAS if other != area)):
        page = await browser.get(path)
        assert page.status_code == 200
        assert f'href="/{area}' not in unescape(page.text), path
    if area in RECORDS:
        kinds = {each["kind"] for group in ("needs", "underWay") for each in (await home(browser))[group]}
        assert area not in kinds
        assert kinds | {"orders"} >= {"invoices", "requests"} - {area}
    found = await browser.get("/search?q=e")
    assert f'id="{area}-h"' not in found.text


async def home(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await browser.get("/api/v1/home")).json()
    return answer


async def test_opens_no_files_without_the_right_to_documents(portal: Portal) -> None:
    maya = await portal.browser("maya", "bakery")
    joe = await member(portal, "joe", replace(COMPANY, documents="none"))
    path = f"/invoices/{RECORDS['invoices']}"
    hers, his = unescape((await maya.get(path)).text), (await joe.get(path)).text
    assert f"{path}/files/pdf" in hers
    assert "files" not in his
    assert (await maya.get(f"{path}/files/pdf")).status_code == 200
    assert (await joe.get(f"{path}/files/pdf")).status_code == 404
    for url in ("/api/v1/invoices", f"/api/v1{path}", "/api/v1/requests/helpdesk/881"):
        assert '"files":[{' not in (await joe.get(url)).text


async def test_counts_and_adds_up_only_what_is_shown(portal: Portal) -> None:
    joe = await member(portal, "joe", replace(COMPANY, invoices="none"))
    told = await home(joe)
    assert (told["totals"], "To pay" in (await joe.get("/")).text) == ([], False)
    assert {source["source"] for source in told["sources"]} == {"erp", "helpdesk"}, "orders are from the ERP, too"


async def test_says_plainly_that_only_what_names_one_is_shown(portal: Portal) -> None:
    joe = await member(portal, "joe", OWN)
    for path in ("/", "/orders", "/invoices", "/requests", "/documents", "/search?q=oven"):
        page = text_of((await joe.get(path)).text)
        assert "You see what names you. Your company’s admin can give you more." in page, path
        assert "All quiet There is nothing to pay" not in page
    for area in ("orders", "invoices", "requests"):
        told = (await joe.get(f"/api/v1/{area}")).json()
        assert (told["items"], told["next"], told["sources"]) == ([], None, [])


async def test_says_that_nothing_is_open_to_who_has_no_area(portal: Portal) -> None:
    joe = await member(portal, "joe", NOTHING)
    assert "Nothing is open to you" in text_of((await joe.get("/")).text)
    assert await home(joe) == {"account": "Bakery", "needs": [], "underWay": [], "totals": [], "sources": []}


async def test_a_change_counts_at_once_on_pages_that_are_finished(portal: Portal) -> None:
    joe = await member(portal, "joe", COMPANY)
    for _ in range(3):
        assert "To pay" in (await joe.get("/")).text
    boss = await member(portal, "boss", replace(COMPANY, manages=True))
    answer = await change(portal, boss, "joe", invoices="none")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/account")
    assert "To pay" not in (await joe.get("/")).text
    assert (await joe.get("/invoices")).status_code == 404
    assert "Saved." in text_of((await boss.get(answer.headers["location"])).text)


async def change(portal: Portal, browser: httpx.AsyncClient, whom: str, **given: str) -> httpx.Response:
    page = (await browser.get("/account")).text
    token = str(re.search(r'data-token="([^"]+)"', page)[1])  # type: ignore[index]
    reaches = dict.fromkeys(AREAS, "company") | given
    data = {"_token": token, "member": await id_of(portal, whom), **reaches}
    return await browser.post("/account/colleagues", data=data, headers=SAME_SITE)


async def test_tells_who_manages_what_colleagues_see(portal: Portal) -> None:
    boss = await member(portal, "boss", replace(COMPANY, documents="own", manages=True))
    joe = await member(portal, "joe", replace(OWN, orders="company"))
    await portal.link("ines", "hotel", HOTEL[0])
    page = (await boss.get("/account")).text
    text = text_of(page)
    assert re.search(r"Joe .*Orders All of the company’s Invoices Those that name them", text)
    assert re.search(r"maya .*Sees more than you do", text), "documents of the company"
    assert "ines" not in text
    form = page[page.index('name="documents"') :].partition("</select>")[0]
    assert re.findall(r'value="(\w+)"', form) == ["none", "own"], "no more than the boss has"
    assert "Your colleagues" not in (await joe.get("/account")).text
    assert "Boss" not in (await joe.get("/account")).text


@pytest.mark.parametrize(
    ("mine", "theirs", "given", "done"),
    [
        (replace(COMPANY, manages=True), OWN, {}, 1),
        (replace(COMPANY, manages=True), COMPANY, {"orders": "none"}, 1),
        (COMPANY, OWN, {}, 0),
        (replace(COMPANY, orders="own", manages=True), OWN, {}, 0),
        (replace(COMPANY, orders="own", manages=True), OWN, {"orders": "own"}, 1),
        (replace(COMPANY, orders="own", manages=True), COMPANY, {"orders": "own"}, 0),
        (replace(COMPANY, manages=True), replace(OWN, manages=True), {}, 0),
        (replace(COMPANY, manages=True), OWN, {"manages": "true"}, 1),
        (replace(COMPANY, manages=True), OWN, {"orders": "all"}, 0),
    ],
)
async def test_lets_who_manages_give_what_they_have(
    portal: Portal, mine: Rights, theirs: Rights, given: dict[str, str], done: int
) -> None:
    boss, _ = await member(portal, "boss", mine), await member(portal, "joe", theirs)
    answer = await change(portal, boss, "joe", **given)
    assert answer.status_code == (303 if done else 404)
    rights = await rights_of(portal, "joe")
    assert rights["orders"] == (given.get("orders", "company") if done else theirs.orders)
    assert rights["manages"] == theirs.manages, "that is never theirs to give"
    told = [told for told in await lines(portal) if told.startswith("member/")]
    assert len(told) == done


async def lines(portal: Portal) -> list[str]:
    found = await read(portal.database, portal.vault, Wanted(what="membership.changed", latest=100))
    return [told.who for told in found]


async def test_lets_nobody_change_their_own_rights_or_a_strangers(portal: Portal) -> None:
    boss = await member(portal, "boss", replace(OWN, manages=True))
    assert (await change(portal, boss, "boss")).status_code == 404
    assert (await change(portal, boss, "ines", **dict.fromkeys(AREAS, "own"))).status_code == 404
    assert (await rights_of(portal, "boss"))["orders"] == "own"
    assert (await rights_of(portal, "ines"))["orders"] == "company"
    token_less = await boss.post("/account/colleagues", data={"member": "x"}, headers=SAME_SITE)
    assert token_less.status_code == 403


async def test_sets_no_rights_of_who_may_not_act_for_the_account(portal: Portal) -> None:
    with pytest.raises(LinkError):
        await set_rights(
            portal.database, trail=TRAIL, by=BY, login=Login(ISSUER, "ines"), account="bakery", change=lambda _: COMPANY
        )


@pytest.mark.parametrize("area", RECORDS)
async def test_tells_in_plain_words_why_a_record_is_shown(portal: Portal, area: str) -> None:
    maya = await portal.browser("maya", "bakery")
    page = await maya.get(f"/{area}/{RECORDS[area]}")
    assert f'href="/{area}/{RECORDS[area]}/why"' in unescape(page.text)
    why = text_of((await maya.get(f"/{area}/{RECORDS[area]}/why")).text)
    assert "You signed in login.example told us that you are Maya." in why
    assert f"You may act for Bakery You may see all {area} of the company. Noted on" in why
    assert "Because: customer number. Noted on" in why
    assert f"The {area.removesuffix('s')} names Bakery" in why
    assert "test" not in why.partition("You signed in")[2].split("Noted on")[1], "who of staff decided it stays here"


async def test_shows_no_proof_of_a_strangers_record(portal: Portal) -> None:
    ines = await portal.browser("ines", "hotel")
    for area, record in RECORDS.items():
        refused, missing = await ines.get(f"/{area}/{record}/why"), await ines.get(f"/{area}/erp/987654/why")
        assert (refused.status_code, missing.status_code) == (404, 404)
        assert text_of(refused.text) == text_of(missing.text)
