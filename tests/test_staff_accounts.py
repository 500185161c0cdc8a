"""What staff see of an account and do about it: people, rights, links with their proofs."""

import re
from html import unescape

import pytest
from support_audit import VAULT
from support_door import litestar_of
from support_portal import Portal
from support_staff import member_of, staff_at

from gateway.audit_reading import Wanted, read
from gateway.links import ACCOUNT_ID, RESERVED, LinkError

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BAKERY = "/staff/customers/bakery"


async def lines(portal: Portal, *, latest: int = 3) -> list[str]:
    return [line.what for line in await read(portal.database, VAULT, Wanted(latest=latest))]


def version_on(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


async def test_shows_an_account_with_its_people_and_proofs(portal: Portal) -> None:
    sam = await staff_at(portal)
    page = unescape((await sam.get(BAKERY)).text)
    for words in (">maya<", "All of the company’s", "customer number", "maya@alderlane.example", "Never signed in"):
        assert words in page, words
    assert "Sign out everywhere" not in page, "support reads"
    assert (await lines(portal, latest=1)) == ["account.looked_up"]
    nowhere = await sam.get("/staff/customers/nowhere")
    assert (nowhere.status_code, "Go to Today" in nowhere.text) == (404, True), "and a way on that is staff's"
    reader = await staff_at(portal, "read-only")
    assert (await reader.get(BAKERY)).status_code == 403
    assert "staff/customers/bakery" not in (await reader.get("/staff/customers")).text, "no link that would be refused"


@SQLITE
async def test_leads_to_what_there_is_of_an_account(portal: Portal) -> None:
    """Where staff may go, and to lines of this account alone."""
    boss, sam = await staff_at(portal, "admin"), await staff_at(portal)
    await portal.link("anna", "hotel", ("erp", "30"))
    pages = {name: await each.get(BAKERY) for name, each in (("admin", boss), ("support", sam))}
    led = {name: set(re.findall(r'class="btn" href="([^"]*=bakery)"', page.text)) for name, page in pages.items()}
    audit = "/staff/audit?account=bakery"
    ours = {"/staff/requests/all?account=bakery", "/staff/documents?account=bakery", "/staff/deliveries/mails?q=bakery"}
    assert led == {"admin": ours | {audit}, "support": ours}
    for path in ours:
        assert (await sam.get(path)).status_code == 200, path
    shown = (await boss.get(audit)).text
    assert "Account looked up" in shown
    assert "hotel" not in shown


async def test_calls_no_account_like_a_page_of_staff(portal: Portal) -> None:
    """Where a new page stands among the accounts, `RESERVED` has to name it, or an account could not be opened."""
    parts = [route.path.split("/") for route in litestar_of(portal.app).routes]
    pages = {each[3] for each in parts if each[1:3] == ["staff", "customers"] and len(each) > 3}
    assert {each for each in pages if ACCOUNT_ID.fullmatch(each)} == RESERVED
    with pytest.raises(LinkError, match="a page for staff has its address"):
        await portal.link("maya", "queue", ("erp", "30"))
    assert (await (await staff_at(portal)).get("/staff/customers?q=queue")).text.count("<tr role") == 0, "none is made"


async def test_counts_what_each_source_has(portal: Portal) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    shown = len((await maya.get("/api/v1/orders")).json()["items"])
    page = (await sam.get(BAKERY)).text
    orders = re.search(r"(\d+) orders <span[^>]*>read ", page)
    assert orders
    assert int(orders[1]) == shown > 0


async def test_sets_rights_and_saves_over_nobody(portal: Portal) -> None:
    boss, other = await staff_at(portal, "admin"), await staff_at(portal, "owner")
    maya = await portal.browser("maya", "bakery")
    assert (await maya.get("/invoices")).status_code == 200
    member = await member_of(portal)
    seen = version_on((await boss.get(BAKERY)).text)
    chosen = {"orders": "company", "invoices": "none", "requests": "own", "documents": "own", "version": seen}
    saved = await boss.send("POST", f"{BAKERY}/members/{member}/rights", **chosen)
    assert saved.headers["location"] == f"{BAKERY}?done=rights#person-{member}"
    assert (await maya.get("/invoices")).status_code == 404, "at once"
    late = await other.send("POST", f"{BAKERY}/members/{member}/rights", **(chosen | {"orders": "none"}))
    assert late.status_code == 409
    assert "Somebody changed this after you opened it." in late.text
    assert (await maya.get("/orders")).status_code == 200, "what was saved stays"
    again = chosen | {"orders": "none", "version": version_on(late.text)}
    assert (await other.send("POST", f"{BAKERY}/members/{member}/rights", **again)).status_code == 303
    assert (await maya.get("/orders")).status_code == 404


@SQLITE
async def test_takes_a_link_away_and_ties_it_again(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    maya = await portal.browser("maya", "bakery")
    assert "INV-" in (await maya.get("/invoices?show=all")).text
    link = {"source": "erp", "customer": "10"}
    asked = await boss.send("POST", f"{BAKERY}/links/remove", **link)
    text = unescape(asked.text)
    assert (asked.status_code, "Maya sees it no longer: all of the company’s" in text) == (200, True)
    assert re.search(r"\d+ invoices of .* disappear", text)
    assert "INV-" in (await maya.get("/invoices?show=all")).text, "asking does nothing"
    gone = await boss.send("POST", f"{BAKERY}/links/remove", **link, sure="yes")
    assert gone.headers["location"] == f"{BAKERY}?done=unlinked#links"
    assert "INV-" not in (await maya.get("/invoices?show=all")).text
    assert "customer.unlinked" in await lines(portal, latest=1)
    for wrong, words in (
        ({"source": "nope", "customer": "1", "fact": "x"}, "Choose a source"),
        ({"source": "erp", "customer": " ", "fact": "x"}, "Give the number"),
        ({"source": "erp", "customer": "10", "fact": ""}, "Say how you know"),
    ):
        answer = await boss.send("POST", f"{BAKERY}/links", **wrong)
        assert (answer.status_code, words in answer.text) == (422, True), words
    new = link | {"fact": "the contract"}
    assert "will see it: all of the company’s" in unescape((await boss.send("POST", f"{BAKERY}/links", **new)).text)
    done = await boss.send("POST", f"{BAKERY}/links", **new, sure="yes")
    assert done.headers["location"] == f"{BAKERY}?done=linked#links"
    assert "INV-" in (await maya.get("/invoices?show=all")).text


@SQLITE
async def test_moves_a_customer_only_after_saying_so(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    theirs = {"source": "erp", "customer": "30", "fact": "a slip"}
    asked = unescape((await boss.send("POST", f"{BAKERY}/links", **theirs)).text)
    assert "It belongs to the account hotel now" in asked
    refused = await boss.send("POST", f"{BAKERY}/links", **theirs, sure="yes")
    assert (refused.status_code, "belongs to the account" in refused.text) == (409, True)
    assert "--move" not in refused.text
    moved = await boss.send("POST", f"{BAKERY}/links", **theirs, sure="yes", move="yes")
    assert moved.status_code == 303
    assert "customer.moved" in await lines(portal, latest=1)
    stays = await boss.send("POST", "/staff/customers/hotel/links/remove", source="erp", customer="30", sure="yes")
    assert stays.headers["location"].endswith("?done=same#links"), "it is another account's now"


@SQLITE
@pytest.mark.parametrize("act", ["disable", "sign-out", "remove"])
async def test_asks_before_somebody_is_kept_out(portal: Portal, act: str) -> None:
    boss = await staff_at(portal, "admin")
    maya = await portal.browser("maya", "bakery")
    path = f"{BAKERY}/members/{await member_of(portal)}/{act}"
    assert "What will happen" in (await boss.send("POST", path)).text
    assert (await maya.get("/orders")).status_code == 200
    assert (await boss.send("POST", path, sure="yes")).status_code == 303
    told = {"disable": "member.disabled", "sign-out": "session.ended_everywhere", "remove": "membership.removed"}
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert line.what == told[act]
    assert line.who.startswith("staff/")
    assert "/orders/erp/" not in (await maya.get("/orders")).text
    led = await boss.get(path)
    assert (led.status_code, led.headers["location"].startswith(BAKERY)) == (303, True)


@SQLITE
async def test_lets_somebody_in_again(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    path = f"{BAKERY}/members/{await member_of(portal)}"
    await boss.send("POST", f"{path}/disable", sure="yes")
    assert "Bakery" in (await boss.get("/staff/customers?only=disabled")).text
    assert (await boss.send("POST", f"{path}/enable")).status_code == 303
    assert await portal.sign_in("maya", "bakery")
    for act in ("disable", "enable", "sign-out", "remove"):
        strange = f"/staff/customers/hotel/members/{await member_of(portal)}/{act}"
        assert (await boss.send("POST", strange, sure="yes")).status_code == 404, "of another account"


async def test_filters_and_exports(portal: Portal) -> None:
    sam = await staff_at(portal)
    await portal.link("=1+1", "empty", ("erp", "77"))
    await portal.browser("maya", "bakery")

    async def found(query: str) -> set[str]:
        page = (await sam.get(f"/staff/customers?{query}")).text.partition("<tbody")[2]
        return set(re.findall(r'href="/staff/customers/([a-z-]+)"', page))

    assert await found("") == {"bakery", "hotel", "empty"}
    assert await found("only=never") == {"hotel", "empty"}
    assert await found("only=disabled") == set()
    assert await found("only=unlinked") == set()
    assert await found("q=77") == {"empty"}, "by their number in a source"
    assert await found("q=MAYA&only=never") == set()
    assert (await sam.get("/staff/customers?only=root")).status_code == 404
    file = await sam.get("/staff/customers.csv?only=never")
    assert file.headers["content-type"].startswith("text/csv")
    assert [row.split(",")[0] for row in file.text.splitlines()[1:]] == ["empty", "hotel"]
    assert await lines(portal, latest=1) == ["customers.exported"]
