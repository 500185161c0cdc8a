"""Two accounts made one by staff at the console, and parted again: asked first, and at once for who is signed in."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from html import unescape

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from support_audit import VAULT
from support_portal import Portal
from support_staff import Staff, member_of, staff_at
from support_streams import hearing

from auth import cookies
from auth.clock import utc_now
from gateway.audit_reading import Wanted, read, verify
from gateway.grants import Stale
from gateway.records.tables import Membership, Session
from gateway.rights import COMPANY, OWN

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOTEL, BAKERY = "/staff/customers/hotel", "/staff/customers/bakery"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


async def accounts_of_sessions(portal: Portal) -> set[str]:
    async with portal.database.read() as session:
        return set(await session.scalars(sa.select(Session.account_id).where(Session.kind == "member")))


async def orders(browser: httpx.AsyncClient) -> set[str]:
    """Name the orders that somebody sees."""
    page = (await browser.get("/api/v1/orders?limit=200")).json()
    found = {item["id"] for item in page["items"]}
    while page["next"]:
        page = (await browser.get("/api/v1/orders", params={"limit": "200", "after": page["next"]})).json()
        found |= {item["id"] for item in page["items"]}
    return found


async def known(browser: httpx.AsyncClient) -> set[str]:
    """Name them once the sources have answered."""
    found, before = await orders(browser), None
    while not found or found != before:
        await asyncio.sleep(0.3)
        found, before = await orders(browser), found
    return found


async def sees(browser: httpx.AsyncClient, wanted: set[str]) -> bool:
    """Tell whether somebody sees these orders, once the sources have answered, and at no moment any other one."""
    for _ in range(100):
        found = await orders(browser)
        if found == wanted or not found <= wanted:
            return found == wanted
        await asyncio.sleep(0.1)
    return False


async def merged(boss: Staff, numbers: str = "both") -> None:
    page = (await boss.get(f"{HOTEL}/merge?into=bakery")).text
    form = {"into": "bakery", "seen": hidden(page, "seen"), "reason": "one firm", "numbers.erp": numbers}
    sources = set(re.findall(r'name="(numbers\.[a-z]+)"', page))
    done = await boss.send("POST", f"{HOTEL}/merge", **(dict.fromkeys(sources, numbers) | form))
    assert (done.status_code, done.headers["location"]) == (303, f"{BAKERY}?done=merged#moves"), done.text


async def test_merges_after_saying_what_will_happen(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    ines = await portal.browser("ines", "hotel")
    maya = await portal.browser("maya", "bakery")
    before = await known(ines)
    theirs = await known(maya)
    assert before
    assert not before & theirs
    found = unescape((await boss.get(f"{HOTEL}/merge?q=bak")).text)
    assert f'href="{HOTEL}/merge?into=bakery"' in found
    page = unescape((await boss.get(f"{HOTEL}/merge?into=bakery")).text)
    for words in ("Merge Hotel into Bakery?", "Hotel ends. Its id hotel leads to Bakery", "1 person acts for Bakery"):
        assert words in page, words
    assert "In Invoices they have different numbers" in page
    form = {"into": "bakery", "seen": hidden(page, "seen"), "reason": "one firm"}
    undecided = await boss.send("POST", f"{HOTEL}/merge", **form)
    assert (undecided.status_code, "Decide what counts" in undecided.text) == (422, True)
    assert 'value="one firm"' in undecided.text, "what was written stays"
    await merged(boss)
    assert await accounts_of_sessions(portal) == {"bakery"}
    assert await sees(ines, before | theirs)
    assert await sees(maya, before | theirs)
    page = unescape((await boss.get(HOTEL)).text)
    assert "This account was merged." in page
    assert "Add a link" not in page
    page = unescape((await boss.get(BAKERY)).text)
    assert f'href="{BAKERY}/split?to=hotel"' in page
    assert "Hotel" not in (await boss.get("/staff/customers")).text
    assert "Merged" in (await boss.get("/staff/customers?only=merged")).text
    assert "Hotel" in (await boss.get("/staff/customers?q=hotel")).text
    for path in (f"{HOTEL}/links", f"{HOTEL}/merge"):
        refused = await boss.send(
            "POST", path, source="erp", customer="77", fact="x", sure="yes", into="bakery", seen="", reason="x"
        )
        assert refused.status_code == 409, path
    (line,) = await read(portal.database, VAULT, Wanted(latest=1, what="account.merged"))
    assert (line.personal or {})["reason"] == "one firm"
    assert line.who.startswith("staff/")
    assert (await verify(portal.database, VAULT)).problems == ()


@SQLITE
async def test_takes_a_merge_back_at_the_console(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    ines = await portal.browser("ines", "hotel")
    before, theirs = await known(ines), await known(await portal.browser("maya", "bakery"))
    await merged(boss)
    assert await sees(ines, before | theirs)
    page = (await boss.get(f"{BAKERY}/split?to=hotel")).text
    links = [unescape(each) for each in re.findall(r'name="link" value="([^"]*)" checked', page)]
    people = re.findall(r'name="person" value="([^"]*)" checked', page)
    assert people == [await member_of(portal, "ines")]
    form: dict[str, str | list[str]] = {"seen": hidden(page, "seen"), "to": "hotel", "reason": "a slip"}
    form |= {"link": links, "person": people}
    asked = await sent(boss, f"{BAKERY}/split", form)
    text = unescape(asked.text)
    assert (asked.status_code, "Hotel (hotel) is an account of its own again." in text) == (200, True)
    assert "From their next page on they see Hotel and nothing of Bakery." in text
    assert await sees(ines, before | theirs), "asking does nothing"
    done = await sent(boss, f"{BAKERY}/split", form | {"sure": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, f"{HOTEL}?done=split#moves")
    assert await sees(ines, before)
    again = await sent(boss, f"{BAKERY}/split", form | {"sure": "yes"})
    assert again.status_code == 422, "it is there already"
    assert "was split, into" in (await boss.get(HOTEL)).text


async def sent(boss: Staff, path: str, form: Mapping[str, str | Sequence[str]]) -> httpx.Response:
    return await boss.send("POST", path, **form)  # type: ignore[arg-type]  # a field may come several times


@SQLITE
async def test_splits_some_into_a_new_account(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    await portal.link("otto", "bakery", ("erp", "20"))
    maya, otto = await portal.browser("maya", "bakery"), await portal.browser("otto", "bakery")
    all_of_it = await known(maya)
    page = (await boss.get(f"{BAKERY}/split")).text
    chosen = {"seen": hidden(page, "seen"), "reason": "two firms", "link": "erp=20"}
    form = chosen | {"person": await member_of(portal, "otto"), "to": "caterer", "name": "Caterer"}
    for wrong, words in (
        ({"to": "Not An Id"}, "small letters"),
        ({"to": "hotel"}, "already"),
        ({"to": "queue"}, "No account can have the id"),
        ({"link": "erp=30"}, "is not customer"),
        ({"reason": " "}, "Say why"),
    ):
        answer = await boss.send("POST", f"{BAKERY}/split", **(form | wrong))
        assert (answer.status_code, words in unescape(answer.text)) == (422, True), words
    done = await boss.send("POST", f"{BAKERY}/split", **form, sure="yes")
    assert done.headers["location"] == "/staff/customers/caterer?done=split#moves"
    mine, others = await known(maya), await known(otto)
    assert mine | others == all_of_it
    assert others
    assert not mine & others
    assert (await otto.get(f"/orders/erp/{min(mine)}")).status_code == 404


@SQLITE
async def test_says_that_somebody_else_was_quicker(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    page = (await boss.get(f"{HOTEL}/merge?into=bakery")).text
    parting = (await boss.get(f"{BAKERY}/split")).text
    await portal.link("otto", "bakery", ("erp", "20"))
    form = {"into": "bakery", "seen": hidden(page, "seen"), "reason": "one firm", "numbers.erp": "both"}
    late = await boss.send("POST", f"{HOTEL}/merge", **form)
    assert (late.status_code, "Somebody changed this after you opened it." in late.text) == (409, True)
    assert 'value="one firm"' in late.text
    assert hidden(late.text, "seen") != form["seen"]
    form = {"seen": hidden(parting, "seen"), "to": "new", "reason": "x", "link": "erp=20", "sure": "yes"}
    late = await boss.send("POST", f"{BAKERY}/split", **form)
    assert (late.status_code, "Somebody changed this after you opened it." in late.text) == (409, True)


@SQLITE
async def test_says_that_it_was_merged_meanwhile(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await staff_at(portal, "admin")
    asking = (await boss.get(f"{HOTEL}/merge?into=bakery")).text
    parting = (await boss.get(f"{HOTEL}/split")).text

    async def overtaken(*_: object, **__: object) -> None:
        monkeypatch.undo()
        await merged(boss)
        raise Stale

    monkeypatch.setattr("web.console.merging.merge", overtaken)
    form = {"into": "bakery", "seen": hidden(asking, "seen"), "reason": "one firm"}
    form |= dict.fromkeys(re.findall(r'name="(numbers\.[a-z]+)"', asking), "both")
    late = await boss.send("POST", f"{HOTEL}/merge", **form)
    assert (late.status_code, "was merged into 'bakery'" in unescape(late.text)) == (409, True)
    form = {"seen": hidden(parting, "seen"), "to": "new", "name": "New", "reason": "two firms", "link": "erp=10"}
    late = await boss.send("POST", f"{HOTEL}/split", **form, sure="yes")
    assert (late.status_code, "was merged into 'bakery'" in unescape(late.text)) == (409, True)
    parting = (await boss.get(f"{BAKERY}/split")).text

    async def overtaken_too(*_: object, **__: object) -> None:
        done = await boss.send("POST", f"{BAKERY}/merge", **(asked | {"seen": hidden(page, "seen")}))
        assert done.status_code == 303, done.text
        raise Stale

    await portal.link("otto", "cafe", ("erp", "77"))
    page = (await boss.get(f"{BAKERY}/merge?into=cafe")).text
    asked = {"into": "cafe", "reason": "one firm"}
    asked |= dict.fromkeys(re.findall(r'name="(numbers\.[a-z]+)"', page), "both")
    monkeypatch.setattr("web.console.splitting.split", overtaken_too)
    form |= {"seen": hidden(parting, "seen")}
    late = await boss.send("POST", f"{BAKERY}/split", **form, sure="yes")
    assert (late.status_code, "was merged into 'cafe'" in unescape(late.text)) == (409, True)


@SQLITE
async def test_says_whose_rights_were_changed_since(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    ines = await member_of(portal, "ines")
    async with portal.database.write() as session:
        rights = msgspec.to_builtins(COMPANY)
        session.add(Membership(member_id=ines, account_id="bakery", rights=rights, created_at=utc_now()))
    await merged(boss)
    async with portal.database.write() as session:
        row = await session.get_one(Membership, (ines, "bakery"))
        row.rights, row.version = msgspec.to_builtins(OWN), row.version + 1
    page = (await boss.get(f"{BAKERY}/split?to=hotel")).text
    form = {"seen": hidden(page, "seen"), "to": "hotel", "reason": "a slip", "person": ines}
    asked = unescape((await boss.send("POST", f"{BAKERY}/split", **form)).text)
    assert "Changed since the merge: the rights of " in asked
    assert "They stay as they are in Bakery, and are no wider in Hotel." in asked


@SQLITE
async def test_ends_open_pages_and_looks_of_who_was_moved(portal: Portal) -> None:
    boss, sam = await staff_at(portal, "admin"), await staff_at(portal)
    await sam.view(await member_of(portal, "ines"), "hotel")
    assert (await sam.get("/orders")).status_code == 200
    session = await portal.sign_in("ines", "hotel")
    async with hearing(portal.app, portal.base_url, session) as heard:
        await merged(boss)
        browser = portal.stranger()
        page = await browser.get("/", headers={"Cookie": f"{cookies.SESSION}={session}"})
        assert "Bakery" in page.text
    assert b"event: ended" in heard.text or b"event: changed" in heard.text or heard.text.startswith(b"retry")
    assert (await sam.get("/orders")).status_code == 403, "the look has ended"


@SQLITE
async def test_merging_is_for_admins(portal: Portal) -> None:
    sam = await staff_at(portal)
    for path in (f"{HOTEL}/merge?into=bakery", f"{HOTEL}/split"):
        assert (await sam.get(path)).status_code == 403
        assert (await sam.send("POST", path)).status_code == 403
    assert "Merge into another account" not in (await sam.get(HOTEL)).text
