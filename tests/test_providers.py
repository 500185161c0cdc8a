"""Several providers: each signs in its own people, ends its own sessions, and vouches for nobody else's."""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from litestar.types import ASGIApp
from structlog.testing import capture_logs
from support_browser import BASE, Browser, Visitor, onward
from support_door import litestar_of, portal_at
from support_jose import rsa_key
from support_op import GONE, Op, serving

from auth.clock import utc_now
from cache.client import Client
from gateway.records.database import Database
from gateway.records.tables import Member, Session, Staff

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
START = {"main": "/auth/start", "2": "/auth/2/start", "3": "/auth/3/start"}
CALLBACK = {"main": "/auth/callback", "2": "/auth/2/callback", "3": "/auth/3/callback"}
STAFF = {"OIDC_3_FOR": "staff"}

Ops = dict[str, Op]


def settings_of(ops: Ops) -> dict[str, str]:
    """All but the main one's, each with a title."""
    found = {"OIDC_TITLE": "Sign in with One"}
    for id_, op in list(ops.items())[1:]:
        op.redirect_uri = BASE + CALLBACK[id_]
        named = {"ISSUER": op.issuer, "CLIENT_ID": op.client_id, "CLIENT_SECRET": op.client_secret}
        found |= {f"OIDC_{id_}_{name}": value for name, value in named.items()}
    return found | {"OIDC_2_TITLE": "Sign in with Two & Co"}


@pytest.fixture
def staff_op() -> Iterator[Op]:
    key = rsa_key("three")
    with serving(Op(signing=key, keys=[key.jwk])) as op:
        yield op


@pytest.fixture
def ops(op: Op, other_op: Op, staff_op: Op) -> Ops:
    """Two for customers, one for staff; Ann is known to all of them by the same name."""
    return {"main": op, "2": other_op, "3": staff_op}


@pytest_asyncio.fixture
async def app(ops: Ops, database_url: str, redis: Client, redis_url: str, tmp_path: Path) -> AsyncIterator[ASGIApp]:
    async with portal_at(ops["main"], database_url, redis_url, tmp_path, **settings_of(ops), **STAFF) as app:
        yield app


async def signed_in(app: ASGIApp, id_: str) -> Visitor:
    visitor = Visitor(app)
    assert (await visitor.sign_in(START[id_])).status_code == 303
    assert await is_in(visitor, id_)
    return visitor


async def is_in(visitor: Browser, id_: str) -> bool:
    return (await visitor.go("/staff" if id_ == "3" else "/account")).status_code == 200


async def token_of(staff: Visitor) -> str:
    found = re.search(r'name="_token" value="([\w-]+)"', (await staff.go("/staff")).text)
    assert found
    return found[1]


async def log_out(app: ASGIApp, token: str) -> int:
    """Send a logout token, as a provider's server does."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await Browser(app).send(
        "POST", "/auth/backchannel-logout", headers, content=urlencode({"logout_token": token})
    )
    return answer.status_code


async def rows(database: Database, *columns: Any) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        return sorted(tuple(row) for row in await session.execute(sa.select(*columns)))


# The page


@SQLITE
async def test_offers_a_button_for_each_provider_and_a_quiet_way_for_staff(app: ASGIApp) -> None:
    page = unescape((await Browser(app).go("/sign-in?next=/invoices")).text)
    links = re.findall(r'<a (?:class="([^"]*)" )?href="(/auth[^"]*)">(?:<svg.*?</svg>)?([^<]*)</a>', page)
    assert links == [
        ("btn btn-primary full", "/auth/start?next=/invoices", "Sign in with One"),
        ("btn full", "/auth/2/start?next=/invoices", "Sign in with Two & Co"),
        ("", "/auth/3/start", "Staff sign-in"),
    ]


@SQLITE
async def test_offers_one_button_where_there_is_one_provider(
    op: Op, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with portal_at(op, database_url, redis_url, tmp_path) as app:
        page = (await Browser(app).go("/sign-in")).text
        assert re.findall(r"Sign in with[^<]*", page) == ["Sign in with your company account"]
        assert "Staff" not in page
        for path in ("/auth/2/start", "/auth/2/callback", "/auth/x/start"):
            assert (await Visitor(app).go(path)).status_code == 404, path


async def test_makes_another_member_of_the_same_name_elsewhere(app: ASGIApp, ops: Ops, database: Database) -> None:
    for id_ in ("main", "2"):
        await signed_in(app, id_)
    assert await rows(database, Member.issuer, Member.subject) == sorted((ops[i].issuer, "ann") for i in ("main", "2"))
    assert await rows(database, Session.kind, Session.provider) == [("member", "2"), ("member", "main")]


@SQLITE
async def test_says_so_when_one_provider_is_down_and_serves_the_others(app: ASGIApp, ops: Ops) -> None:
    ops["2"].replies["/.well-known/openid-configuration"] = (500, b"")
    answer = await Visitor(app).go("/auth/2/start?next=/invoices")
    assert answer.status_code == 503
    assert 'href="/auth/2/start?next=/invoices"' in unescape(answer.text)
    await signed_in(app, "main")


# Mix-up


@SQLITE
@pytest.mark.parametrize(("ours", "other"), list(permutations(START, 2)))
async def test_takes_no_answer_at_the_callback_of_another(app: ASGIApp, ops: Ops, ours: str, other: str) -> None:
    """Begun with one provider and brought to the callback of another: nothing is told to either of them."""
    ann = Visitor(app)
    query = urlsplit(await ann.to_callback(START[ours])).query
    kept = dict(ann.cookies)
    with capture_logs() as logs:
        answer = await ann.go(f"{CALLBACK[other]}?{query}", site="cross-site")
    assert answer.status_code == 400
    assert [line["reason"] for line in logs if line["event"] == "sign-in failed"] == ["begun with another provider"]
    assert [op.count("/token") for op in ops.values()] == [0, 0, 0]
    assert ann.cookies == {}
    ann.cookies = kept
    assert (await ann.go(f"{CALLBACK[ours]}?{query}", site="cross-site")).status_code == 303, "it was not used up"


@SQLITE
@pytest.mark.parametrize(("ours", "bad"), list(permutations(START, 2)))
async def test_tells_no_code_to_a_provider_that_did_not_give_it(app: ASGIApp, ops: Ops, ours: str, bad: str) -> None:
    """Mix-up: the bad provider got hold of our state, and has the person bring its own code with it."""
    ann, other = Visitor(app), Visitor(app)
    answer = dict(parse_qsl(urlsplit(await other.to_callback(START[bad])).query))
    answer["state"] = parse_qs(urlsplit(await ann.to_callback(START[ours])).query)["state"][0]
    with capture_logs() as logs:
        refused = await ann.go(f"{CALLBACK[ours]}?{urlencode(answer)}", site="cross-site")
    assert refused.status_code == 400
    assert "answer of another issuer" in [line.get("reason") for line in logs]
    assert [op.count("/token") for op in ops.values()] == [0, 0, 0]


@SQLITE
async def test_believes_no_token_of_another_provider(app: ASGIApp, ops: Ops) -> None:
    """A provider that is ours but bad: it signs with its own keys that somebody is at the other one."""
    ops["2"].claims = {"iss": ops["main"].issuer}
    ann = Visitor(app)
    assert (await ann.sign_in(START["2"])).status_code == 400
    ops["2"].claims = {}
    ops["2"].signing = ops["main"].signing
    assert (await ann.sign_in(START["2"])).status_code == 400
    assert not await is_in(ann, "2")


# Signing out


async def test_signs_out_at_the_provider_that_it_began_at(app: ASGIApp, ops: Ops) -> None:
    for id_, op in ops.items():
        visitor = await signed_in(app, id_)
        token = await token_of(visitor) if id_ == "3" else await visitor.token()
        url = onward(await visitor.submit("/sign-out", _token=token))
        assert url.startswith(f"{op.issuer}/end_session?id_token_hint=")
        assert not await is_in(visitor, id_)


@SQLITE
async def test_signs_out_here_alone_where_the_provider_is_set_no_more(
    app: ASGIApp, op: Op, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A session outlives a restart with other settings; its ID token goes to no other provider."""
    ann = await signed_in(app, "2")
    async with portal_at(op, database_url, redis_url, tmp_path, OIDC_TITLE="Sign in with One") as restarted:
        later = Visitor(restarted)
        later.cookies = dict(ann.cookies)
        assert re.findall(r"Sign in with[^<]*", (await Browser(restarted).go("/sign-in")).text) == ["Sign in with One"]
        farewell = await later.submit("/sign-out", _token=await later.token())
        assert (farewell.status_code, farewell.headers["Location"]) == (303, "/signed-out")
        assert not await is_in(later, "2")


@SQLITE
@pytest.mark.parametrize("endpoint", [GONE, "http://elsewhere.example/out", "javascript:alert(1)", "//evil.example"])
async def test_goes_on_to_nowhere_that_could_not_be_trusted(app: ASGIApp, ops: Ops, endpoint: str) -> None:
    """An address without https makes the whole document worthless; it comes from nowhere but there."""
    ann = await signed_in(app, "main")
    ops["2"].metadata = {"end_session_endpoint": endpoint}
    other = Visitor(app)
    if endpoint is GONE:
        await other.sign_in(START["2"])
        farewell = await other.submit("/sign-out?url=https://evil.example", _token=await other.token())
        assert (farewell.status_code, farewell.headers["Location"]) == (303, "/signed-out")
    else:
        assert (await other.go(START["2"])).status_code == 400
    chosen = {"url": "https://evil.example", "next": "https://evil.example"}
    url = onward(await ann.submit("/sign-out", _token=await ann.token(), **chosen))
    assert url.startswith(ops["main"].issuer)
    assert "evil" not in url


@SQLITE
async def test_shows_the_way_on_once(app: ASGIApp) -> None:
    """Sent again, the form finds nobody signed in, and no token is anywhere any more."""
    ann = await signed_in(app, "main")
    token = await ann.token()
    onward(await ann.submit("/sign-out", _token=token))
    again = await ann.submit("/sign-out", _token=token)
    assert (again.status_code, again.headers["Location"]) == (303, "/signed-out")
    assert (await ann.go("/sign-out")).status_code == 404


# Back-channel logout


@pytest.mark.parametrize("whom", [{"sub": "ann"}, {"sub": GONE, "sid": "laptop"}, {"sub": "ann", "sid": "laptop"}])
async def test_lets_a_provider_end_its_own_sessions_only(app: ASGIApp, ops: Ops, whom: dict[str, str]) -> None:
    """All of them know an Ann, by a session of the same name."""
    for op in ops.values():
        op.claims = {"sid": "laptop"}
    visitors = {id_: await signed_in(app, id_) for id_ in ops}
    over: set[str] = set()
    for id_, op in ops.items():
        assert await log_out(app, op.logout_token(**whom)) == 200
        over.add(id_)
        assert {i for i, visitor in visitors.items() if not await is_in(visitor, i)} == over


@SQLITE
@pytest.mark.parametrize(("ours", "bad"), list(permutations(START, 2)))
async def test_believes_no_logout_that_one_provider_orders_for_another(
    app: ASGIApp, ops: Ops, ours: str, bad: str
) -> None:
    ann = await signed_in(app, ours)
    assert await log_out(app, ops[bad].logout_token(iss=ops[ours].issuer)) == 400
    stolen = ops[ours].logout_token
    assert await log_out(app, ops[bad].signing.token({"iss": ops[ours].issuer})) == 400
    assert await log_out(app, stolen(iss=ops[bad].issuer)) == 400
    assert await log_out(app, stolen(iss=[ops[ours].issuer])) == 400
    assert await is_in(ann, ours)


@SQLITE
async def test_needs_only_the_provider_that_signs_out(app: ASGIApp, ops: Ops) -> None:
    ann = await signed_in(app, "2")
    for path in ("/.well-known/openid-configuration", "/jwks"):
        ops["main"].replies[path] = (500, b"")
    assert await log_out(app, ops["2"].logout_token()) == 200
    assert not await is_in(ann, "2")


async def test_tells_two_clients_at_one_issuer_apart(
    op: Op, database_url: str, redis: Client, redis_url: str, tmp_path: Path
) -> None:
    """Customers and staff in one directory: the same person, and two different principals."""
    console = {"OIDC_2_ISSUER": op.issuer, "OIDC_2_CLIENT_ID": "console", "OIDC_2_CLIENT_SECRET": op.client_secret}
    op.claims = {"sid": "laptop"}
    async with portal_at(op, database_url, redis_url, tmp_path, **console, OIDC_2_FOR="staff") as app:
        ann = await signed_in(app, "main")
        op.client_id, op.redirect_uri = "console", f"{BASE}/auth/2/callback"
        sam = Visitor(app)
        await sam.sign_in("/auth/2/start")
        assert [await is_in(ann, "main"), await is_in(sam, "3")] == [True, True]
        assert await log_out(app, op.logout_token(aud="somebody", sid="laptop")) == 400
        assert await log_out(app, op.logout_token(aud=["console"], sid="laptop")) == 200
        assert [await is_in(ann, "main"), await is_in(sam, "3")] == [True, False]
        assert await log_out(app, op.logout_token(aud="portal", sid="laptop")) == 200
        assert not await is_in(ann, "main")


# Staff


async def test_signs_staff_in_as_staff(app: ASGIApp, ops: Ops, database: Database) -> None:
    sam = Visitor(app)
    back = await sam.sign_in("/auth/3/start?next=/invoices")
    assert (back.status_code, back.headers["Location"]) == (303, "/staff")
    page = await sam.go("/staff")
    assert page.status_code == 200
    assert "You have no role yet" in page.text
    assert await rows(database, Member.id) == []
    assert await rows(database, Session.kind, Session.provider, Session.account_id) == [("staff", "3", None)]
    assert await rows(database, Staff.issuer, Staff.subject, Staff.name, Staff.listed_role) == [
        (ops["3"].issuer, "ann", "Ann Acme", None)
    ]


async def test_leaves_staff_the_role_and_name_that_they_were_given(app: ASGIApp, ops: Ops, database: Database) -> None:
    given = {"issuer": ops["3"].issuer, "subject": "ann", "name": "Boss", "listed_role": "owner"}
    async with database.write() as session:
        session.add(Staff(id="boss", created_at=utc_now(), **given))
    for _ in range(2):
        await signed_in(app, "3")
    assert await rows(database, Staff.id, Staff.name, Staff.listed_role) == [("boss", "Boss", "owner")]


@SQLITE
async def test_opens_no_route_of_a_customer_to_staff(app: ASGIApp) -> None:
    """Every route there is that does not say that it is for everybody, or for staff."""
    sam = await signed_in(app, "3")
    token = await token_of(sam)
    tried = set()
    for route in litestar_of(app).routes:
        for handler in getattr(route, "route_handlers", []):
            for method in handler.http_methods - {"OPTIONS"}:
                if handler.opt.get("public") or handler.opt.get("staff"):
                    continue
                path = re.sub(r"\{\w+(:\w+)?\}", "x", route.path)
                headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token}
                answer = await sam.send(method, path, headers)
                assert answer.status_code == 403, (method, path)
                if path.startswith("/api/"):
                    assert "staff" in answer.json()["detail"]
                else:
                    assert "This page is for customers" in answer.text, path
                tried.add(path)
    assert {"/", "/account", "/invoices", "/account/use", "/usage/left", "/search"} <= tried
    assert {"/api/v1/invoices", "/api/v1/schema/openapi.json"} <= tried
    assert await is_in(sam, "3")


@SQLITE
async def test_opens_no_route_of_staff_to_anybody_else(app: ASGIApp) -> None:
    for id_ in ("main", "2"):
        member = await signed_in(app, id_)
        answer = await member.go("/staff")
        assert answer.status_code == 404
        assert "console" not in answer.text
    assert (await Browser(app).go("/staff")).headers["Location"] == "/sign-in?next=/staff"


@SQLITE
async def test_is_one_kind_of_person_at_a_time(app: ASGIApp) -> None:
    """Whoever is both signs in as one of them, and is the other no more."""
    ann = await signed_in(app, "main")
    before = dict(ann.cookies)
    await ann.sign_in(START["3"])
    assert [await is_in(ann, "3"), await is_in(ann, "main")] == [True, False]
    again = Visitor(app)
    again.cookies = before
    assert not await is_in(again, "main"), "the session that was replaced has ended"


@SQLITE
async def test_signs_staff_out_only_who_means_it(app: ASGIApp) -> None:
    sam = await signed_in(app, "3")
    assert (await sam.submit("/sign-out", _token="x" * 43)).status_code == 403
    assert await is_in(sam, "3")


async def test_goes_back_to_our_page_after_the_providers(app: ASGIApp) -> None:
    sam = await signed_in(app, "3")
    url = onward(await sam.submit("/sign-out", _token=await token_of(sam)))
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=False), trust_env=False) as web:
        back = await web.get(url)
    assert (await sam.go(back.headers["Location"], site="cross-site")).status_code == 200
