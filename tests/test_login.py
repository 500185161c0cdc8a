"""The way in and out of the real application, in a browser, at a real provider on loopback."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from litestar.types import ASGIApp
from structlog.testing import capture_logs
from support_audit import ALL, BY, TRAIL
from support_browser import Browser, Visitor, onward
from support_door import litestar_of, portal_at
from support_needs import need
from support_op import GONE, Op
from support_redis import RedisProcess
from support_signin import SHARED

from auth import cookies
from auth.client_address import Callers
from auth.errors import Declined, NotBelieved, ProviderDown, SignInError, StartAgain
from auth.own_path import own_path
from auth.rate_limit import MANY, RateLimit
from cache.client import Client, connect
from gateway.app import SIGN_INS_PER_MINUTE
from gateway.identity.invitations import Wish, invite
from gateway.records.database import Database
from gateway.records.tables import Account, Member, Membership, Session
from gateway.rights import COMPANY
from web.refused import SENTENCES

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def only_member(database: Database) -> Member:
    async with database.read() as session:
        return (await session.scalars(sa.select(Member))).one()


async def live_sessions(database: Database) -> list[Session]:
    async with database.read() as session:
        return list((await session.scalars(sa.select(Session).where(Session.ended_at.is_(None)))).all())


async def test_signs_in_and_out(ann: Visitor, op: Op, database: Database) -> None:
    answer = await ann.go("/invoices?show=paid")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/invoices%3Fshow%3Dpaid")
    door = await ann.go(answer.headers["Location"])
    assert door.status_code == 200
    assert 'href="/auth/start?next=/invoices%3Fshow%3Dpaid"' in unescape(door.text)
    back = await ann.sign_in("/auth/start?next=/invoices%3Fshow%3Dpaid")
    assert (back.status_code, back.headers["Location"]) == (303, "/invoices?show=paid")
    assert ann.cookies.keys() == {cookies.SESSION}
    assert (await ann.go("/invoices?show=paid")).status_code == 200
    member = await only_member(database)
    assert (member.issuer, member.subject, member.email) == (op.issuer, "ann", "ann@acme.example")

    token, cookie = await ann.token(), ann.cookies[cookies.SESSION]
    farewell = await ann.submit("/sign-out", _token=token)
    assert onward(farewell).startswith(f"{op.issuer}/end_session?id_token_hint=")
    assert ann.cookies == {}
    ann.cookies[cookies.SESSION] = cookie
    assert (await ann.go("/")).headers["Location"] == "/sign-in"
    assert (await ann.go("/signed-out?state=whatever")).status_code == 200


@SQLITE
async def test_brings_back_what_was_written_when_the_session_was_over(ann: Visitor, database: Database) -> None:
    await ann.sign_in()
    old, state = ann.cookies[cookies.SESSION], litestar_of(ann.app).state
    await state.sessions.end(old)
    answer = await ann.submit("/requests/helpdesk/17/reply", text="Written before.")
    assert answer.headers["Location"] == "/sign-in?next=/requests/helpdesk/17/reply%3Fdraft%3D1"
    await ann.sign_in("/auth/start?next=/requests/helpdesk/17/reply%3Fdraft%3D1")
    member = await only_member(database)
    name = state.sessions.name_of(ann.cookies[cookies.SESSION])
    found = await state.drafts.find(name, member.id, None, "/requests/helpdesk/17/reply")
    assert found == {"text": "Written before."}
    assert await state.drafts.find(state.sessions.name_of(old), member.id, None, "/requests/helpdesk/17/reply") is None


async def test_takes_the_first_account_by_name(ann: Visitor, database: Database) -> None:
    await ann.sign_in()
    member = await only_member(database)
    async with database.write() as session:
        for name in ("zebra", "acme"):
            session.add(Account(id=name, name=name.title(), created_at=member.created_at))
        await session.flush()
        for name in ("zebra", "acme"):
            session.add(Membership(member_id=member.id, account_id=name, rights=ALL, created_at=member.created_at))
    await ann.sign_in()
    assert {row.account_id for row in await live_sessions(database)} == {"acme"}


async def test_acts_at_once_for_the_account_that_invited(ann: Visitor, database: Database) -> None:
    now = datetime.now(UTC)
    async with database.write() as session:
        session.add(Account(id="acme", name="Acme", created_at=now))
    wish = Wish(email="ann@acme.example", account="acme", rights=COMPANY, until=now + timedelta(days=1))
    assert await invite(database, trail=TRAIL, by=BY, made_by="priya", wish=wish, now=now)
    await ann.sign_in()
    assert {row.account_id for row in await live_sessions(database)} == {"acme"}


@pytest.mark.parametrize("said", [False, "true", 1, None, GONE])
async def test_takes_no_invitation_for_an_address_that_is_not_verified(
    ann: Visitor, database: Database, op: Op, said: object
) -> None:
    now = datetime.now(UTC)
    async with database.write() as session:
        session.add(Account(id="acme", name="Acme", created_at=now))
    wish = Wish(email="ann@acme.example", account="acme", rights=COMPANY, until=now + timedelta(days=1))
    assert await invite(database, trail=TRAIL, by=BY, made_by="priya", wish=wish, now=now)
    op.claims["email_verified"] = said
    op.userinfo["email_verified"] = said
    await ann.sign_in()
    assert {row.account_id for row in await live_sessions(database)} == {None}


async def test_sees_nothing_without_an_account(ann: Visitor, database: Database) -> None:
    await ann.sign_in()
    assert [row.account_id for row in await live_sessions(database)] == [None]
    assert (await ann.go("/")).status_code == 200


async def test_never_adopts_the_session_that_a_browser_brings(ann: Visitor, database: Database) -> None:
    """Fixation, reversed: neither an invented id nor one of an attacker's own live session survives a sign-in."""
    attacker = Visitor(ann.app)
    await attacker.sign_in()
    planted = attacker.cookies[cookies.SESSION]
    for brought in ("A" * 43, planted):
        ann.cookies[cookies.SESSION] = brought
        await ann.sign_in()
        assert ann.cookies[cookies.SESSION] not in {"A" * 43, planted}
        assert (await ann.go("/account")).status_code == 200
    assert (await attacker.go("/account")).status_code == 303, "the session that was replaced has ended"
    assert len(await live_sessions(database)) == 2, "one for each sign-in that was not replaced"


@SQLITE
async def test_keeps_nothing_for_strangers(app: ASGIApp, database: Database, redis: Client) -> None:
    for path in ("/", "/sign-in", "/signed-out", "/invoices", "/nowhere", "/static/tokens.css"):
        stranger = Browser(app)
        stranger.cookies[cookies.SESSION] = "B" * 43
        await stranger.go(path)
        assert [answer.headers.get("set-cookie") for answer in stranger.answers] == [None], path
    assert await live_sessions(database) == []
    assert await redis.keys("*") == []
    starting = Browser(app)
    await starting.go("/auth/start")
    assert starting.cookies.keys() == {cookies.PRE_LOGIN}


@SQLITE
async def test_sends_safe_headers_and_cookies_with_every_answer(ann: Visitor) -> None:
    """The browser here refuses cookies that break the rules; this is about the rest."""
    await ann.sign_in()
    for path in ("/account", "/sign-in", "/signed-out", "/auth/callback", "/nowhere"):
        await ann.go(path)
    await ann.submit("/sign-out", _token="wrong")
    await ann.submit("/sign-out", _token=await ann.token())
    assert {answer.headers["Cache-Control"] for answer in ann.answers} == {"no-store"}
    assert {answer.headers["Referrer-Policy"] for answer in ann.answers} == {"no-referrer"}
    assert {answer.headers["X-Content-Type-Options"] for answer in ann.answers} == {"nosniff"}
    lines = [line for answer in ann.answers for line in answer.headers.get_list("set-cookie")]
    assert {line.partition("=")[0] for line in lines} == {cookies.SESSION, cookies.PRE_LOGIN}
    pre_login = [line for line in lines if line.startswith(f"{cookies.PRE_LOGIN}=") and "Max-Age=0" not in line]
    assert all("Max-Age=600" in line for line in pre_login)


@SQLITE
@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"answer": {"code": GONE, "error": "access_denied"}}, Declined, "answer: access_denied"),
        ({"answer": {"state": "x" * 43}}, StartAgain, "state of another sign-in"),
        ({"claims": {"nonce": "x" * 43}}, NotBelieved, "id token: nonce"),
        ({"replies": {"/token": (500, b"")}}, ProviderDown, "token: status 500"),
    ],
)
async def test_says_what_to_do_when_it_fails(
    ann: Visitor, op: Op, change: dict[str, object], error: type[SignInError], reason: str
) -> None:
    for name, value in change.items():
        setattr(op, name, value)
    with capture_logs() as logs:
        answer = await ann.sign_in("/auth/start?next=/invoices")
    assert answer.status_code == (503 if error is ProviderDown else 400)
    assert SENTENCES[error] in unescape(answer.text)
    assert reason not in answer.text
    assert 'href="/auth/start"' in unescape(answer.text)
    assert {"event": "sign-in failed", "log_level": "warning", "reason": reason} in logs
    assert ann.cookies == {}, "neither signed in nor still on the way"


@SQLITE
async def test_says_so_when_the_provider_is_down_at_the_start(ann: Visitor, op: Op) -> None:
    op.replies["/.well-known/openid-configuration"] = (500, b"")
    answer = await ann.go("/auth/start?next=/invoices")
    assert answer.status_code == 503
    assert SENTENCES[ProviderDown] in unescape(answer.text)
    assert 'href="/auth/start?next=/invoices"' in unescape(answer.text)


@SQLITE
async def test_refuses_the_same_callback_twice_and_another_browsers(ann: Visitor, app: ASGIApp) -> None:
    callback = await ann.to_callback()
    other = Visitor(app)
    await other.to_callback()
    assert (await other.go(callback)).status_code == 400
    assert (await Browser(app).go(callback)).status_code == 400
    kept = dict(ann.cookies)
    assert (await ann.go(callback)).status_code == 303
    ann.cookies |= kept
    assert (await ann.go(callback)).status_code == 400


@SQLITE
async def test_brings_no_cookie_to_the_provider(app: ASGIApp, op: Op) -> None:
    """It sets one with each answer; the one of Ann's would go with Bob's code."""
    for _ in range(2):
        await Visitor(app).sign_in()
    assert [asked.path for asked in op.asked if "cookie" in asked.headers] == []


@SQLITE
async def test_tells_no_log_what_only_the_browser_should_know(ann: Visitor, op: Op) -> None:
    with capture_logs() as logs:
        callback = await ann.to_callback()
        pre_login = ann.cookies[cookies.PRE_LOGIN]
        await ann.go(callback)
        token = await ann.token()
        session = ann.cookies[cookies.SESSION]
        farewell = await ann.submit("/sign-out", _token=token)
    query = urlsplit(callback).query.split("&")
    id_token = onward(farewell).partition("id_token_hint=")[2].partition("&")[0]
    secrets = [pre_login, token, session, id_token, op.client_secret, "ann@acme.example", "Ann Acme"]
    secrets += [part.partition("=")[2] for part in query if not part.startswith("iss")]
    assert logs
    assert [secret for secret in secrets if secret in repr(logs)] == []


@SQLITE
@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 403), ({"_token": ""}, 403), ({"_token": "x" * 43}, 403), ({"_token": "é\x00\ud7ff"}, 403)],
)
async def test_signs_out_only_who_means_it(ann: Visitor, given: dict[str, str], status: int) -> None:
    await ann.sign_in()
    assert (await ann.submit("/sign-out", **given)).status_code == status
    assert (await ann.go("/account")).status_code == 200


@SQLITE
async def test_signs_out_though_the_session_is_over(ann: Visitor, op: Op) -> None:
    answer = await ann.submit("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out")
    ann.cookies[cookies.SESSION] = "A" * 43
    assert (await ann.submit("/sign-out", _token="old")).headers["Location"] == "/signed-out"
    assert ann.cookies == {}
    assert op.count("/end_session") == 0


@SQLITE
async def test_signs_out_here_where_the_provider_has_no_way_out(ann: Visitor, op: Op) -> None:
    op.metadata = {"end_session_endpoint": GONE}
    await ann.sign_in()
    answer = await ann.submit("/sign-out", _token=await ann.token())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out")


@SQLITE
async def test_cannot_be_signed_out_by_a_link_or_an_image(ann: Visitor) -> None:
    await ann.sign_in()
    assert (await ann.go("/sign-out", site="cross-site")).status_code == 404
    assert (await ann.go("/account")).status_code == 200


async def test_lives_through_a_dead_and_a_hung_redis(
    op: Op, database_url: str, redis_process: RedisProcess, tmp_path: Path
) -> None:
    """Signed in stays in, signed out stays out, signing in goes on; never an error page."""
    async with portal_at(op, database_url, redis_process.url, tmp_path) as app:
        stays, leaves = Visitor(app), Visitor(app)
        for visitor in (stays, leaves):
            await visitor.sign_in()
            assert (await visitor.go("/account")).status_code == 200
        token, left = await leaves.token(), dict(leaves.cookies)
        redis_process.pause()
        assert (await stays.go("/account")).status_code == 200
        assert (await leaves.submit("/sign-out", _token=token)).status_code == 200
        redis_process.resume()
        redis_process.kill()
        leaves.cookies = left
        late = Visitor(app)
        await late.sign_in()
        for redis in ("dead", "back"):
            assert (await leaves.go("/account")).status_code == 303, redis
            assert (await stays.go("/account")).status_code == 200, redis
            assert (await late.go("/account")).status_code == 200, redis
            if redis == "dead":
                redis_process.start()


@SQLITE
async def test_limits_tries_from_one_address_and_says_when(app: ASGIApp) -> None:
    strangers = [Browser(app) for _ in range(SIGN_INS_PER_MINUTE + 2)]
    for stranger in strangers[:SIGN_INS_PER_MINUTE]:
        await stranger.go("/auth/start")
    answers = [await strangers[-2].go("/auth/start"), await strangers[-1].go("/auth/callback?state=x")]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert {answer.headers["Retry-After"] for answer in answers} == {"60"}
    assert len({re.sub(r"\s+", " ", answer.text) for answer in answers}) == 1, "the same words, whatever was tried"
    assert (await strangers[-1].go("/sign-in")).status_code == 200


async def test_counts_a_thousand_tries(redis: Client) -> None:
    limit = RateLimit(redis, "test", 20)
    assert sum([await limit.allows("10.0.0.1") for _ in range(1000)]) == 20
    assert await limit.allows("10.0.0.2")
    assert [0 < await redis.ttl(name) <= 120 for name in await redis.keys("*")] == [True, True]


async def test_counts_a_thousand_tries_without_redis(redis_process: RedisProcess) -> None:
    redis_process.kill()
    client = connect(redis_process.url)
    limit = RateLimit(client, "test", 20)
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False) as clock:
        assert sum([await limit.allows("10.0.0.1") for _ in range(1000)]) == 20
        assert await limit.allows("10.0.0.2")
        clock.shift(120)
        assert await limit.allows("10.0.0.1")
    await client.aclose()


async def test_counts_all_processes_together(redis: Client, redis_url: str) -> None:
    other = connect(redis_url)
    limits = [RateLimit(redis, "test", 20), RateLimit(other, "test", 20)]
    assert sum([await limit.allows("10.0.0.1") for _ in range(20) for limit in limits]) == 20
    assert await RateLimit(redis, "another", 20).allows("10.0.0.1")
    await other.aclose()


async def test_counts_for_a_bounded_number_of_strangers(redis_process: RedisProcess) -> None:
    redis_process.kill()
    client = connect(redis_process.url)
    limit = RateLimit(client, "test", 1)
    for number in range(MANY + 10):
        await limit.allows(str(number))
    assert len(limit._counters.storage) <= MANY + 1
    await client.aclose()


PROXIES = [ip_network("10.0.0.0/24"), ip_network("::1"), ip_network("192.168.7.7")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("9.9.9.7", [], "9.9.9.7"),
        ("9.9.9.7", ["8.8.8.8"], "9.9.9.7"),
        ("127.0.0.1", ["9.9.9.7"], "127.0.0.1"),
        ("10.0.1.2", ["9.9.9.7"], "10.0.1.2"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["9.9.9.7"], "9.9.9.7"),
        ("10.0.0.2", ["1.1.1.1, 9.9.9.7"], "9.9.9.7"),
        ("10.0.0.2", ["9.9.9.7", "9.9.9.8"], "9.9.9.8"),
        ("10.0.0.2", ["1.1.1.1, 9.9.9.7, 192.168.7.7", "10.0.0.3"], "9.9.9.7"),
        ("10.0.0.2", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        ("10.0.0.2", ["9.9.9.7, unknown"], "10.0.0.2"),
        ("10.0.0.2", ["9.9.9.7, unknown, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.2", ["\xff, "], "10.0.0.2"),
        ("10.0.0.2", ["9.9.9.7:4711"], "9.9.9.7"),
        ("::1", ["[2001:db8:1:2:3:4:5:6]:4711"], "2001:db8:1:2::/64"),
        ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        ("::ffff:9.9.9.7", [], "9.9.9.7"),
        ("::ffff:10.0.0.2", ["9.9.9.7"], "9.9.9.7"),
        ("", ["9.9.9.7"], ""),
        ("unix", [], "unix"),
    ],
)
def test_counts_for_who_comes_through_our_own_proxy(peer: str, forwarded: list[str], address: str) -> None:
    headers = [(b"x-forwarded-for", entry.encode("latin-1")) for entry in forwarded]
    headers.append((b"forwarded", b"for=7.7.7.7"))
    assert Callers(PROXIES).address(peer, headers) == address


def test_says_once_that_a_proxy_is_not_known() -> None:
    callers = Callers(())
    with capture_logs() as logs:
        for _ in range(2):
            assert callers.address("10.0.0.2", [(b"x-forwarded-for", b"9.9.9.7")]) == "10.0.0.2"
        callers.address("9.9.9.7", [(b"x-forwarded-for", b"8.8.8.8")])
    assert [line["address"] for line in logs] == ["10.0.0.2"]


OURS = [
    "/",
    "/invoices",
    "/invoices?show=paid",
    "/requests/helpdesk/17",
    "/a?u=https://x.example",
    "/a%20b",
    "/account#x",
]
ELSEWHERE = [
    None,
    "",
    "invoices",
    "?x",
    "https://evil.example",
    "HTTPS://evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%252fevil.example",
    "/%25252fevil.example",
    "/%252525252525252fevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/ /evil.example",
    " //evil.example",
    "/a\r\nSet-Cookie: x=y",
    "/a%0d%0aSet-Cookie:%20x=y",
    "/a%00",
    "/a%E2%80%AE",
    "/a//evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/\u2028/evil.example",
    "/\uff0fevil.example",
    "/%ef%bc%8f%0aevil",
    "/é",
    "/a@evil.example\\",
    "/" + "a" * 1024,
    "/sign-in",
    "/sign-in?next=/sign-in",
    "/sign-out",
    "/signed-out",
    "/auth/start",
    "/%61uth/start",
    "/sign%2din",
]


@pytest.mark.parametrize("wanted", OURS)
def test_returns_to_a_page_of_ours(wanted: str) -> None:
    assert own_path(wanted) == wanted


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_goes_home_rather_than_elsewhere(wanted: str | None) -> None:
    assert own_path(wanted) == "/"


def test_goes_home_rather_than_to_any_naughty_string() -> None:
    strings = SHARED / "corpora" / "blns" / "blns.json"
    need("shared corpora", strings.is_file(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    for wanted in json.loads(strings.read_bytes()):
        kept = own_path(wanted)
        assert kept == "/" or re.fullmatch(r"/(?![/\\])[!-~]*", kept)


@SQLITE
@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/%5cevil.example", "/a%0d%0ax:y"])
async def test_leads_nowhere_else_on_any_way(ann: Visitor, next_: str) -> None:
    assert 'href="/auth/start"' in unescape((await ann.go(f"/sign-in?next={next_}")).text)
    assert (await ann.sign_in(f"/auth/start?next={next_}")).headers["Location"] == "/"


@SQLITE
async def test_sends_only_browsers_to_the_sign_in_page(app: ASGIApp) -> None:
    stranger = Browser(app)
    assert (await stranger.send("GET", "/invoices", {"Accept": "application/json"})).status_code == 401
    piece = await stranger.send("GET", "/invoices", {"Accept": "text/html", "HX-Request": "true"})
    assert (piece.status_code, piece.headers["HX-Refresh"]) == (401, "true")
    form = await stranger.submit("/usage/left", page="home")
    assert (form.status_code, form.headers["Location"]) == (303, "/sign-in")
    assert (await stranger.go("/%2fevil.example")).status_code in {303, 404}
