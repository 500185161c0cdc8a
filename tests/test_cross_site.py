"""Nothing changes because another site wanted it, and nothing is open that does not say so."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from typing import Annotated, Any

import httpx
import pytest
from litestar import Litestar, Request, asgi, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.types import Receive, Scope, Send
from structlog.testing import capture_logs
from support_audit import TRAIL
from support_door import litestar_of
from support_portal import BASE, Portal
from support_signin import Time

from auth import cookies
from auth.cross_site import MAX_FORM_BYTES
from auth.guards import FROM_ELSEWHERE, PUBLIC, Protection, for_staff
from auth.principals import Principal, StaffPrincipal
from auth.sessions import Sessions
from auth.visitors import Visitors
from cache.client import Client
from gateway.records.database import Database
from gateway.records.tables import Member, Staff

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ORIGIN = "https://portal.example"
FORM = "application/x-www-form-urlencoded"
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


class Unsealed:
    def seal(self, id_token: str, row: str) -> str:
        return f"{row}{id_token}"

    def open(self, sealed: str, row: str) -> str | None:
        return sealed.removeprefix(row)


@get("/page")
async def page(request: Request[Principal, Any, Any]) -> str:
    return request.user.member_id


@get("/staff", opt=for_staff("none"))
async def staff_page(request: Request[StaffPrincipal, Any, Any]) -> str:
    return request.user.staff_id


@get("/public", opt=PUBLIC)
async def public(request: Request[Any, Any, Any]) -> str:
    return "anybody" if request.scope.get("user") is None else "somebody"


@post("/form")
async def form(data: Form) -> dict[str, Any]:
    return data


@post("/raw")
async def raw(request: Request[Any, Any, Any]) -> str:
    return str(len(await request.body()))


@post("/json")
async def json_(request: Request[Any, Any, Any]) -> Any:
    return await request.json()


@put("/thing")
async def put_thing() -> None:
    return None


@patch("/thing")
async def patch_thing() -> None:
    return None


@delete("/thing")
async def delete_thing() -> None:
    return None


@post("/open", opt=PUBLIC)
async def open_() -> str:
    return "done"


@post("/hook", opt={**PUBLIC, **FROM_ELSEWHERE})
async def hook(request: Request[Any, Any, Any]) -> str:
    return f"{len(await request.body())}"


@asgi("/mounted", is_mount=True, copy_scope=True)
async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"mounted", "more_body": False})


HANDLERS = [page, staff_page, public, form, raw, json_, put_thing, patch_thing, delete_thing, open_, hook, mounted]


class Site:
    """An application with Ann's session and one of staff, and requests to it with any headers."""

    def __init__(self, database: Database, sessions: Sessions, cookie: str, token: str, staff: str) -> None:
        app = Litestar(
            HANDLERS,
            plugins=[Protection()],
            state=State({"visitors": Visitors(sessions, database), "base_url": ORIGIN}),
            openapi_config=None,
            logging_config=None,
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)  # type: ignore[arg-type]
        self.session = {"Cookie": f"{cookies.SESSION}={cookie}"}
        self.staff = {"Cookie": f"{cookies.SESSION}={staff}"}
        self.token = token

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Ask as Ann, from a page of ours with its token, unless `headers` say otherwise. Empty ones are left out."""
        ours = {**self.session, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.token, **(headers or {})}
        kept = [(name.encode(), value.encode()) for name, value in ours.items() if value]
        return await self.http.request(method, path, headers=kept, **body)


@pytest.fixture
async def site(database: Database, redis: Client, time: Time) -> Site:
    async with database.write() as session:
        session.add(Member(id="ann", issuer="https://op.example", subject="ann", created_at=time()))
        session.add(Staff(id="sam", issuer="https://op.example", subject="ann", listed_role="owner", created_at=time()))
    sessions = Sessions(
        database, redis, Unsealed(), time, trail=TRAIL, idle=timedelta(hours=1), lifetime=timedelta(hours=1)
    )
    cookie = await sessions.create("ann", None, None)
    found = await sessions.get(cookie)
    assert found is not None
    return Site(database, sessions, cookie, found.csrf_token, await sessions.create_for_staff("sam", None, None, "2"))


UNSAFE: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/form", {"data": {"a": "1"}}),
    ("POST", "/json", {"json": {"a": 1}}),
    ("POST", "/json", {"content": b'{"a": 1}', "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/raw", {"content": b"\x00\xff"}),
    ("POST", "/raw", {"files": {"_token": ("x.txt", b"x")}}),
    ("PUT", "/thing", {}),
    ("PATCH", "/thing", {}),
    ("DELETE", "/thing", {}),
    ("POST", "/mounted/x", {}),
    ("PUT", "/mounted/x", {}),
]
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    {"Sec-Fetch-Site": "SAME-ORIGIN"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "\u00e9"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "", "Origin": "null"},
    {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "", "Origin": f"{ORIGIN}.evil.example"},
    {"Sec-Fetch-Site": "", "Origin": f"{ORIGIN}:444"},
    {"Sec-Fetch-Site": "", "Origin": "http://portal.example"},
    {"Sec-Fetch-Site": "", "Origin": f"{ORIGIN}/"},
    {"Sec-Fetch-Site": "", "Origin": f"{ORIGIN} https://evil.example"},
    {"Sec-Fetch-Site": "", "Referer": f"{ORIGIN}/page"},
]
OURS: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "", "Origin": ORIGIN},
]


async def statuses(site: Site, headers: dict[str, str]) -> set[int]:
    """What all unsafe requests with these headers are answered."""
    answers = [
        await site.send(method, path, **{**options, "headers": {**options.get("headers", {}), **headers}})
        for method, path, options in UNSAFE
    ]
    return {answer.status_code for answer in answers}


async def test_refuses_other_sites_though_they_know_the_token(site: Site) -> None:
    for headers in FOREIGN:
        assert await statuses(site, headers) == {403}, headers


async def test_serves_our_own_pages(site: Site) -> None:
    for headers in OURS:
        assert await statuses(site, headers) <= {200, 201, 204}, headers


async def test_refuses_our_own_pages_without_the_sessions_token(site: Site) -> None:
    for token in ("", "x" * 43, "é" * 43, "\ud7ff", "A" * 10_000, "null", "[]"):
        assert await statuses(site, {"X-CSRF-Token": token}) == {403}, token


async def test_refuses_the_token_of_another_session(site: Site, database: Database) -> None:
    before = site.token
    found = await site.http.get("/page", headers=site.session)
    assert found.status_code == 200
    for token in (before[:-1], before + "x", before.swapcase(), f" {before}x"):
        assert (await site.send("PUT", "/thing", {"X-CSRF-Token": token})).status_code == 403


@pytest.mark.parametrize("media_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper(), f" {FORM} ;x=y"])
async def test_takes_the_token_from_a_form_and_leaves_the_form_to_its_reader(site: Site, media_type: str) -> None:
    content = f"a=1&_token={site.token}&b=%C3%A9&b=2"
    headers = {"X-CSRF-Token": "", "Content-Type": media_type}
    answer = await site.send("POST", "/raw", headers, content=content)
    assert (answer.status_code, answer.text) == (201, str(len(content)))
    parsed = await site.send("POST", "/form", {**headers, "Content-Type": FORM}, content=content)
    assert parsed.json() == {"a": "1", "_token": site.token, "b": ["é", "2"]}


ODD_FORMS = [
    "",
    "_token",
    "_token=",
    "_token=x",
    "_token=%00",
    "_token=%FF%FE",
    "_token=%C3%A9",
    "_token[]={token}",
    "_TOKEN={token}",
    "_token={token}&_token={token}",
    "_token=x&_token={token}",
    "a=1;_token={token}",
    "&".join(["a=1"] * 1001) + "&_token={token}",
    "\x00\xff",
    "=" * 5000,
    "%" * 5000,
]


async def test_refuses_forms_with_an_odd_token(site: Site) -> None:
    headers = {"X-CSRF-Token": "", "Content-Type": FORM}
    for odd in ODD_FORMS:
        content = odd.replace("{token}", site.token).encode()
        assert (await site.send("POST", "/form", headers, content=content)).status_code == 403, odd


async def test_refuses_two_tokens(site: Site) -> None:
    content = f"_token={site.token}"
    assert (await site.send("POST", "/form", {"Content-Type": FORM}, content=content)).status_code == 403
    twice = [(b"cookie", site.session["Cookie"].encode()), (b"sec-fetch-site", b"same-origin")]
    twice += [(b"x-csrf-token", site.token.encode())] * 2
    assert (await site.http.put("/thing", headers=twice)).status_code == 403
    sites = [*twice[:1], (b"x-csrf-token", site.token.encode()), *[(b"sec-fetch-site", b"same-origin")] * 2]
    assert (await site.http.put("/thing", headers=sites)).status_code == 403


@pytest.mark.parametrize(("size", "status"), [(MAX_FORM_BYTES, 201), (MAX_FORM_BYTES + 1, 413), (10_000_000, 413)])
async def test_reads_forms_up_to_a_limit(site: Site, size: int, status: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 1000):
            yield b"a" * min(1000, size - start)

    answer = await site.send("POST", "/raw", {"Content-Type": FORM}, content=pieces())
    assert answer.status_code == status
    assert status == 413 or answer.text == str(size)


async def test_takes_no_token_from_what_is_no_form(site: Site) -> None:
    """Other bodies are not read before their handler; they bring the token in the header."""
    headers = {"X-CSRF-Token": ""}
    assert (await site.send("POST", "/raw", headers, json={"_token": site.token})).status_code == 403
    plain = {**headers, "Content-Type": "text/plain"}
    assert (await site.send("POST", "/raw", plain, content=f"_token={site.token}")).status_code == 403


async def test_takes_the_token_of_a_form_with_files_from_its_first_field(site: Site) -> None:
    headers = {"X-CSRF-Token": ""}
    big = ("files", ("a.txt", b"a" * 300_000))
    good = await site.send("POST", "/raw", headers, files=[("_token", (None, site.token)), big])
    assert (good.status_code, int(good.text) > 300_000) == (201, True), "the handler reads all of it"
    for fields in (
        [big, ("_token", (None, site.token))],
        [("_token", (None, f"{site.token}x")), big],
        [("_token", ("a.txt", site.token))],
        [("token", (None, site.token))],
    ):
        assert (await site.send("POST", "/raw", headers, files=fields)).status_code == 403
    twice = await site.send("POST", "/raw", files=[("_token", (None, site.token)), big])
    assert twice.status_code == 403, "in the header as well"


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\n", b"--x--\r\n", b"--x\r\nContent-Disposition: x\r\n\r\n", b"\0" * 9]
)
@pytest.mark.parametrize("boundary", ["; boundary=x", "", "; boundary=", '; boundary="\n"'])
async def test_refuses_a_form_with_files_that_is_none(site: Site, body: bytes, boundary: str) -> None:
    headers = {"X-CSRF-Token": "", "Content-Type": f"multipart/form-data{boundary}"}
    assert (await site.send("POST", "/raw", headers, content=body)).status_code == 403


async def test_reads_no_more_of_a_form_with_files_than_its_first_field(site: Site) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="_token"\r\n\r\n'
        while True:
            read += 1000
            yield b"a" * 1000

    headers = {"X-CSRF-Token": "", "Content-Type": "multipart/form-data; boundary=x"}
    assert (await site.send("POST", "/raw", headers, content=pieces())).status_code == 413
    assert read < 2 * MAX_FORM_BYTES


async def test_lets_no_stranger_change_anything(site: Site) -> None:
    """On routes that are there, and on those that are not."""
    stranger = {"Cookie": "", "X-CSRF-Token": ""}
    paths = ("/page", "/form", "/thing", "/nowhere", "/open", "/mounted/x")
    for method, path in product(("POST", "PUT", "PATCH", "DELETE", "QUERY"), paths):
        elsewhere = await site.send(method, path, {**stranger, "Sec-Fetch-Site": "cross-site"})
        assert elsewhere.status_code in {403, 404, 405}, (method, path)
        assert "set-cookie" not in elsewhere.headers
        here = await site.send(method, path, stranger)
        assert here.status_code in ({201} if (method, path) == ("POST", "/open") else {401, 404, 405}), (method, path)


async def test_lets_no_stranger_see_a_page(site: Site) -> None:
    for cookie in ("", "A" * 43, "x", "é", '"', ";;=;"):
        stranger = {"Cookie": f"{cookies.SESSION}={cookie}", "X-CSRF-Token": ""}
        for method, path in (("GET", "/page"), ("GET", "/mounted/x"), ("OPTIONS", "/page")):
            assert (await site.send(method, path, stranger)).status_code == 401, (method, path)
        assert (await site.send("GET", "/public", stranger)).text == "anybody"


async def test_keeps_staff_and_members_apart(site: Site) -> None:
    """A route that says nothing is for members; one that says staff is for staff."""
    member, staff, nobody = site.session, site.staff, {"Cookie": ""}
    seen = {
        path: [(await site.send("GET", path, who)).status_code for who in (member, staff, nobody)]
        for path in ("/page", "/staff", "/public", "/mounted/x")
    }
    assert seen == {
        "/page": [200, 403, 401],
        "/staff": [404, 200, 401],
        "/public": [200, 200, 200],
        "/mounted/x": [200, 403, 401],
    }


async def test_knows_nobody_by_two_cookies(site: Site) -> None:
    both = {"Cookie": f"{site.session['Cookie']}; {cookies.SESSION}=x"}
    assert (await site.send("GET", "/page", both)).status_code == 401
    assert (await site.send("GET", "/page", {"Cookie": f"a=b;{site.session['Cookie']} ; c"})).status_code == 200


async def test_keeps_declared_exceptions_apart(site: Site) -> None:
    """A delivery comes from no browser: it proves itself in another way."""
    large = b"a" * (MAX_FORM_BYTES + 1)
    for headers in FOREIGN:
        sender = {**headers, "Cookie": "", "X-CSRF-Token": "", "Content-Type": FORM}
        answer = await site.send("POST", "/hook", sender, content=large)
        assert (answer.status_code, answer.text) == (201, str(len(large)))


async def test_says_in_the_log_what_was_refused_and_not_what_was_sent(site: Site) -> None:
    with capture_logs() as logs:
        await site.send("PUT", "/thing", {"X-CSRF-Token": "sent-by-stranger"})
        await site.send("PUT", "/thing", {"Sec-Fetch-Site": "cross-site"})
    assert [entry["reason"] for entry in logs if entry["event"] == "unsafe request refused"] == [
        "token",
        "not from our site",
    ]
    assert "sent-by-stranger" not in repr(logs)
    assert site.token not in repr(logs)


# The real application: every route there is

FROM_SERVERS = {  # no browser sends these with anybody's session
    *("/auth/backchannel-logout", "/hooks/{source:str}", "/mails/stop/{token:str}"),
    *("/invited/{token:str}", "/invited/{token:str}/stop"),
}


async def test_opens_only_the_routes_that_are_meant_to_be_open(portal: Portal) -> None:
    routes = litestar_of(portal.app).routes
    handlers = [(route.path, handler) for route in routes for handler in getattr(route, "route_handlers", [])]
    opened = {
        (method, path)
        for path, handler in handlers
        for method in handler.http_methods
        if handler.opt.get("public") and method != "OPTIONS"
    }
    assert opened == {
        ("GET", "/sign-in"),
        ("GET", "/signed-out"),
        ("GET", "/auth/start"),
        ("GET", "/auth/callback"),
        ("GET", "/auth/{provider:str}/start"),
        ("GET", "/auth/{provider:str}/callback"),
        ("GET", "/sign-in/address"),
        ("POST", "/sign-in/address"),
        ("GET", "/sign-in/code"),
        ("POST", "/sign-in/code"),
        ("GET", "/sign-in/link/{token:str}"),
        ("POST", "/sign-in/link/{token:str}"),
        ("GET", "/sign-in/with/{provider:str}"),
        ("POST", "/auth/backchannel-logout"),
        ("POST", "/hooks/{source:str}"),
        ("POST", "/sign-out"),
        ("GET", "/static/{name:path}"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),  # to who has its token
        ("GET", "/readyz"),
        ("GET", "/mails/stop/{token:str}"),  # to who has a mail
        ("POST", "/mails/stop/{token:str}"),
        ("GET", "/invited/{token:str}"),  # likewise
        ("POST", "/invited/{token:str}"),
        ("GET", "/invited/{token:str}/stop"),
        ("POST", "/invited/{token:str}/stop"),
    }
    assert {path for path, handler in handlers if handler.opt.get("from_elsewhere")} == FROM_SERVERS


async def test_asks_for_the_token_on_every_unsafe_route_there_is(portal: Portal) -> None:
    maya = await portal.browser("maya", "bakery")
    tried = set()
    for route in litestar_of(portal.app).routes:
        if route.path in FROM_SERVERS:
            continue
        for method in {"POST", "PUT", "PATCH", "DELETE"} & set(route.methods):
            path = re.sub(r"\{\w+(:\w+)?\}", "1", route.path)
            tried.add((method, path))
            for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}, {}):
                answer = await maya.request(method, path, headers=headers)
                assert answer.status_code == 403, (method, path, headers)
    assert ("POST", "/sign-out") in tried
    assert BASE == ORIGIN
    assert (await maya.get("/account")).status_code == 200
