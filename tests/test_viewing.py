"""One of staff looks at what a member sees: no more than that, for half an hour, and nothing moves by it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
import time_machine
from litestar import Litestar
from support_audit import BY, TRAIL, VAULT
from support_door import litestar_of
from support_every_page import CATERER, MEMBERS_PAGES
from support_portal import ISSUER, Portal
from support_sent import add_asked, add_sent
from support_staff import SAM, Staff, member_of, staff_at

from auth import cookies
from auth.clock import utc_now
from auth.principals import Role
from gateway.access import LinkRef
from gateway.audit_reading import Told, Wanted, read
from gateway.links import Login
from gateway.members import disable, erase
from gateway.records.page_tables import PageCode
from gateway.records.tables import Member, Session, UsageEvent
from gateway.staff import give_role

PAGES = (
    "/",
    "/orders",
    "/invoices",
    "/invoices/erp/2093",
    "/invoices/statement",
    "/requests",
    "/documents",
    "/search?q=oven",
    "/account/mails",
    "/account",
)
ASKING = ("/requests/new", "/requests/new/order?about=erp/orders/4424", "/requests/new/call-back")
# A form that only the member can send is not shown to who looks: on these pages something else, or nothing, is instead.
WITHOUT_FORMS = {
    *(
        "/orders/erp/4424",
        "/orders/erp/4449",
        "/requests/helpdesk/881",
        "/requests/helpdesk/860",
        "/requests/sent/sent-needs_you",
    ),
    *("/documents/asked/asked", "/documents/asked/refused", "/account", "/account/details", "/account/delete"),
}
POSTING = re.compile(r'<form[^>]* method="post" action="([^"]*)"(?:(?!</form>).)*<button', re.DOTALL)
FORMS = {
    "/orders/erp/4424/again": 404,
    "/orders/erp/4449/accept": 303,
    "/orders/erp/4449/decline": 303,
    "/account/details/edit?source=erp&person=11": 404,
}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ELSEWHERE = re.compile(r"You see what (.*?) of (.*?) sees")


async def told(portal: Portal) -> list[Told]:
    return list(await read(portal.database, VAULT, Wanted(latest=9, what="viewing")))


def main_of(page: httpx.Response) -> str:
    html = page.text.partition("<main")[2].partition("</main>")[0]
    changing = r'<p class="code">.*?</p>|<form.*?</form>|>\s*just now|datetime="[^"]*"[^<]*'
    return re.sub(changing, "", html, flags=re.DOTALL)


def app_of(portal: Portal) -> Litestar:
    return litestar_of(portal.app)


async def test_sees_what_the_member_sees(portal: Portal) -> None:
    async with await portal.browser("maya", "bakery") as maya:
        for path in PAGES:
            await maya.get(path)
        theirs = {path: main_of(await maya.get(path)) for path in PAGES[1:-1]}
    sam = await staff_at(portal)
    begun = await sam.view(await member_of(portal), "bakery")
    assert (begun.status_code, begun.headers["location"]) == (303, "/")
    for path in PAGES:
        page = await sam.get(path)
        assert page.status_code == 200, path
        said = ELSEWHERE.search(unescape(page.text))
        assert said, path
        assert said.groups() == ("Maya", "Bakery")
        if path in theirs:
            assert main_of(page) == theirs[path], path
    for path in ASKING:
        page = await sam.get(path)
        assert page.status_code == 200
        assert "Send to" not in page.text
    assert (await sam.get("/invoices/erp/2093/files/pdf")).status_code == 200
    assert (await sam.get("/api/v1/home")).json()["account"] == "Bakery"
    assert (await sam.get("/orders/erp/4499999")).status_code == 404


@SQLITE
async def test_sees_every_page_that_there_is_without_its_forms(portal: Portal) -> None:
    await portal.link("maya", "bakery", CATERER)
    await portal.link("maya", "new", ("erp", "999"))
    await portal.tie("maya", "erp", "11")
    await portal.sign_in("maya", "bakery")
    await add_asked(portal.database, "bakery")
    await add_sent(portal.database, "bakery", "maya", LinkRef("helpdesk", "maya@alderlane.example"))
    pages = [path for path in MEMBERS_PAGES if path != "/staff"]
    async with await portal.browser("maya", "bakery") as maya:
        for path in pages:
            await maya.get(path)
        theirs = {path: await maya.get(path) for path in pages}
    sam = await staff_at(portal)
    await sam.view(await member_of(portal), "bakery")
    differ = set()
    for path in pages:
        page = await sam.get(path)
        assert page.status_code == FORMS.get(path, theirs[path].status_code), path
        if path not in FORMS and main_of(page) != main_of(theirs[path]):
            differ.add(path)
        main = page.text.partition("<main")[2]
        assert set(POSTING.findall(unescape(main))) <= {"/staff/view-as"}, path
        assert "Reply to the e-mail" not in main, "they have a form for it"
    assert differ == WITHOUT_FORMS


async def test_moves_nothing_of_the_member(portal: Portal) -> None:
    """No use of theirs is noted, no code is made, and their last visit stays when it was."""
    await portal.sign_in("maya", "bakery")
    sam = await staff_at(portal)

    async def marks() -> tuple[list[object], ...]:
        await app_of(portal).state.usage.flush()
        await app_of(portal).state.seen_pages.flush()
        async with portal.database.read() as session:
            return (
                list(await session.scalars(sa.select(Member.last_visit_at).order_by(Member.id))),
                list(await session.scalars(sa.select(Session.seen_at).where(Session.kind == "member"))),
                list(await session.scalars(sa.select(UsageEvent.id))),
                list(await session.scalars(sa.select(PageCode.code))),
            )

    before = await marks()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
        await sam.view(await member_of(portal), "bakery")
        for path in (*PAGES, *PAGES):
            page = await sam.get(path)
            assert page.status_code == 200
            assert '<p class="code">' not in page.text
            assert "data-page" not in page.text
        assert await marks() == before


@SQLITE
async def test_changes_nothing(portal: Portal) -> None:
    """Every unsafe method at every route that is not staff's own, whoever it is open to."""
    maya = await portal.sign_in("maya", "bakery")
    sam = await staff_at(portal)
    await sam.view(await member_of(portal), "bakery")
    tried = set()
    for route in app_of(portal).routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:  # type: ignore[union-attr]
            if handler.opt.get("staff") is not None or handler.opt.get("from_elsewhere"):
                continue
            for method in {*getattr(handler, "http_methods", ())} - {"GET", "HEAD", "OPTIONS"}:
                path = re.sub(r"\{[^}]*\}", "1", route.path_format)
                answer = await sam.send(method, path, account="bakery", page="home")
                assert answer.status_code == 403, (method, path)
                tried.add(path)
    assert {"/sign-out", "/account/use", "/usage/left", "/account/sign-out-elsewhere", "/account/mails"} <= tried
    assert await portal.sessions.get(maya)
    assert (await sam.get("/")).status_code == 200
    assert "Nothing was done" in (await sam.send("POST", "/sign-out")).text


async def test_tells_the_trail_when_it_begins_and_when_it_ends(portal: Portal) -> None:
    member = await member_of(portal)
    await portal.link("maya", "annex", ("erp", "999"))
    sam = await staff_at(portal)
    await sam.view(member, "bakery")
    await sam.view(member, "annex")
    assert ELSEWHERE.search((await sam.get("/")).text)[2] == "Annex"  # type: ignore[index]
    old = sam.cookie
    stopped = await sam.send("POST", "/staff/view-as/stop")
    assert (stopped.status_code, stopped.headers["location"]) == (303, "/staff/customers")
    assert (await sam.get("/")).status_code == 403
    assert await portal.sessions.get(old) is None, "under the id of before nothing opens"
    await sam.send("POST", "/staff/view-as/stop")
    lines = await told(portal)
    assert [(line.what, line.account) for line in lines] == [
        ("viewing.began", "bakery"),
        ("viewing.ended", "bakery"),
        ("viewing.began", "annex"),
        ("viewing.ended", "annex"),
    ]
    assert {line.about for line in lines} == {f"member/{member}"}
    assert all(line.who.startswith("staff/") and line.details["until"] for line in lines)


async def test_ends_after_half_an_hour(portal: Portal) -> None:
    sam = await staff_at(portal)
    begun = datetime.now(UTC)
    await sam.view(await member_of(portal), "bakery")
    with time_machine.travel(begun + timedelta(minutes=29)):
        assert (await sam.get("/")).status_code == 200
    with time_machine.travel(begun + timedelta(minutes=31)):
        assert (await sam.get("/")).status_code == 403
        assert (await sam.get("/staff/customers")).status_code == 200
        assert "viewas" not in (await sam.get("/staff/customers")).text


@SQLITE
async def test_ends_with_the_role(portal: Portal) -> None:
    sam = await staff_at(portal)
    await sam.view(await member_of(portal), "bakery")
    await give_role(portal.database, trail=TRAIL, by=BY, login=Login(SAM.issuer, "support"), role="read-only")
    assert (await sam.get("/")).status_code == 403
    assert (await sam.send("POST", "/staff/view-as/stop")).status_code == 303


@SQLITE
@pytest.mark.parametrize("role", ["none", "read-only"])
async def test_is_begun_by_support_and_above(portal: Portal, role: Role) -> None:
    sam = await staff_at(portal, role)
    assert (await sam.view(await member_of(portal), "bakery")).status_code == 403
    assert (await sam.get("/")).status_code == 403
    assert "View as" not in (await sam.get("/staff/customers")).text
    assert await told(portal) == []


async def test_goes_only_where_the_member_may(portal: Portal) -> None:
    sam = await staff_at(portal, "owner")
    maya = await member_of(portal)
    for member, account in ((maya, "hotel"), ("nobody", "bakery"), (maya, "nowhere"), ("", "")):
        assert (await sam.view(member, account)).status_code == 404
    await disable(portal.database, login=Login(ISSUER, "maya"), now=utc_now(), trail=TRAIL, by=BY)
    assert (await sam.view(maya, "bakery")).status_code == 404
    assert await told(portal) == []


async def test_is_over_when_the_member_is_erased(portal: Portal) -> None:
    sam = await staff_at(portal)
    await sam.view(await member_of(portal), "bakery")
    assert (await sam.get("/")).status_code == 200
    stopped = await erase(portal.database, login=Login(ISSUER, "maya"), now=utc_now(), trail=TRAIL, by=BY)
    assert len(stopped.viewers) == 1
    await portal.sessions.forget_copies(stopped.viewers)
    assert (await sam.get("/")).status_code == 403
    assert (await sam.get("/staff")).status_code == 200


@SQLITE
async def test_is_no_business_of_a_member(portal: Portal) -> None:
    """A row of a member that says that it views somebody opens nothing, and a member can begin no view."""
    cookie = await portal.sessions.create(await member_of(portal, "ines"), "hotel", None)
    ines = Staff(portal, portal.stranger(), cookie)
    assert (await ines.view(await member_of(portal), "bakery")).status_code == 404
    async with portal.database.write() as session:
        row = (await session.scalars(sa.select(Session).where(Session.kind == "member"))).one()
        row.viewing_member, row.viewing_account = await member_of(portal), "bakery"
        row.viewing_until = utc_now() + timedelta(minutes=5)
    await portal.forget_records()
    assert (await ines.get("/")).status_code == 303


async def test_finds_customers_by_account_and_by_person(portal: Portal) -> None:
    sam = await staff_at(portal, "read-only")
    for question, names in (
        ("", {"Bakery", "Hotel"}),
        ("BAKE", {"Bakery"}),
        ("maya", {"Bakery"}),
        ("%", set()),
        ("_", set()),
        ("zeppelin", set()),
        ("\0", {"Bakery", "Hotel"}),
    ):
        page = (await sam.http.get("/staff/customers", params={"q": question}, headers=_with(sam))).text
        assert {name for name in ("Bakery", "Hotel") if f">{name}</span><br>" in page} == names, question
    for number in range(45):
        await portal.link(f"p{number}", f"acc-{number:02}", ("erp", f"7{number:03}"))
    found = []
    for page_number in (1, 2, 3, 4):
        page = (await sam.get(f"/staff/customers?q=acc-&page={page_number}")).text
        found += re.findall(r"acc-\d\d", re.sub(r"<caption.*?</caption>", "", page.partition("<tbody")[2]))
    assert sorted(set(found)) == [f"acc-{number:02}" for number in range(45)]
    assert (await sam.get("/staff/customers?page=0")).status_code == 404


def _with(sam: Staff) -> dict[str, str]:
    return {"Cookie": f"{cookies.SESSION}={sam.cookie}"}
