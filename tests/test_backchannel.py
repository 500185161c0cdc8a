"""What ends sessions from the provider's side, and what only looks like it.

The refusals are named by the module of the OpenID Foundation's relying-party tests where there is one.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from litestar.types import ASGIApp
from structlog.testing import capture_logs
from support_audit import ALL
from support_browser import Browser, Visitor, onward
from support_door import portal_at
from support_jose import claims_of, compact, header_of, hs256, rsa_key
from support_needs import need
from support_op import GONE, LOGOUT_EVENT, Op
from support_signin import SHARED, Time

from auth import cookies
from gateway.records.database import Database
from gateway.records.tables import Account, Member, Membership

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DOOR = "/auth/backchannel-logout"
FORM = "application/x-www-form-urlencoded"
TWO = rsa_key("two")

MakeToken = Callable[[Op], str]


class Caller(Browser):
    """The provider's own server, with the headers that a real one was seen to send."""

    async def post(self, body: str | bytes, content_type: str = FORM) -> httpx.Response:
        headers = {"Content-Type": content_type, "Accept": "*/*", "Sec-Fetch-Mode": "cors", "User-Agent": ""}
        return await self.send("POST", DOOR, headers, content=body)

    async def log_out(self, token: str) -> httpx.Response:
        return await self.post(urlencode({"logout_token": token}))


@pytest.fixture
def caller(app: ASGIApp) -> Caller:
    return Caller(app)


def is_refused(answer: httpx.Response) -> bool:
    assert answer.headers["Cache-Control"] == "no-store"
    assert "set-cookie" not in answer.headers
    return answer.status_code == 400 and answer.json() == {"error": "invalid_request"}


def is_done(answer: httpx.Response) -> bool:
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code == 200 and answer.content == b""


async def is_in(visitor: Browser) -> bool:
    return (await visitor.go("/account")).status_code == 200


async def signed_in(app: ASGIApp, op: Op, sub: str, sid: Any = GONE) -> Visitor:
    """Somebody who came by a session of that name at the provider."""
    op.person = {**op.person, "sub": sub}
    op.claims = {"sid": sid}
    visitor = Visitor(app)
    await visitor.sign_in()
    assert await is_in(visitor)  # and Redis has a copy now
    return visitor


# By `sub`, by `sid`, by both


async def test_ends_every_session_of_the_person(app: ASGIApp, caller: Caller, op: Op) -> None:
    anns = [await signed_in(app, op, "ann", sid) for sid in ("laptop", "phone", GONE)]
    bob = await signed_in(app, op, "bob", "laptop")
    assert is_done(await caller.log_out(op.logout_token(sub="ann")))
    assert [await is_in(visitor) for visitor in (*anns, bob)] == [False, False, False, True]


async def test_ends_the_one_session_that_is_named(app: ASGIApp, caller: Caller, op: Op) -> None:
    laptop, phone = [await signed_in(app, op, "ann", sid) for sid in ("laptop", "phone")]
    assert is_done(await caller.log_out(op.logout_token(sub=GONE, sid="laptop")))
    assert [await is_in(visitor) for visitor in (laptop, phone)] == [False, True]


async def test_ends_what_may_be_the_session_that_is_named(app: ASGIApp, caller: Caller, op: Op) -> None:
    """With both names: that session of that person, and theirs that came without a name."""
    laptop, phone, nameless = [await signed_in(app, op, "ann", sid) for sid in ("laptop", "phone", GONE)]
    bob, nobody = await signed_in(app, op, "bob", "laptop"), await signed_in(app, op, "bob")
    assert is_done(await caller.log_out(op.logout_token(sub="ann", sid="laptop")))
    assert [await is_in(who) for who in (laptop, phone, nameless, bob, nobody)] == [False, True, False, True, True]


@SQLITE
@pytest.mark.parametrize("changes", [{"sub": "nobody"}, {"sub": GONE, "sid": "unknown"}, {"sub": "bob", "sid": "s"}])
async def test_is_content_when_there_is_nothing_to_end(
    app: ASGIApp, caller: Caller, op: Op, changes: dict[str, Any]
) -> None:
    ann = await signed_in(app, op, "ann", "s")
    assert is_done(await caller.log_out(op.logout_token(**changes)))
    assert await is_in(ann)


async def test_reaches_a_session_that_went_on_for_another_account(
    app: ASGIApp, caller: Caller, op: Op, database: Database, time: Time
) -> None:
    """Another account means another id. It must not mean another end."""
    ann = await signed_in(app, op, "ann", "laptop")
    async with database.write() as session:
        member_id = (await session.scalars(sa.select(Member.id))).one()
        session.add(Account(id="acme", name="Acme", created_at=time()))
        await session.flush()
        session.add(Membership(member_id=member_id, account_id="acme", rights=ALL, created_at=time()))
    before = ann.cookies[cookies.SESSION]
    moved = await ann.submit("/account/use", _token=await ann.token(), account="acme")
    assert (moved.status_code, moved.headers["Location"]) == (303, "/")
    assert ann.cookies[cookies.SESSION] != before
    assert await is_in(ann)
    assert is_done(await caller.log_out(op.logout_token(sub=GONE, sid="laptop")))
    assert not await is_in(ann)


@SQLITE
@pytest.mark.parametrize("sid", ["x" * 256, "a\x00b", "é", "", 7, None, ["laptop"]])
async def test_lets_people_in_whose_session_has_a_name_that_cannot_be_kept(
    app: ASGIApp, caller: Caller, op: Op, sid: object
) -> None:
    ann = await signed_in(app, op, "ann", sid)
    assert is_done(await caller.log_out(op.logout_token(sub="ann", sid="laptop")))
    assert not await is_in(ann)


# The modules


def changed(**changes: Any) -> MakeToken:
    return lambda op: op.logout_token(**{name: make(op) if callable(make) else make for name, make in changes.items()})


def null(claim: str) -> MakeToken:
    def make(op: Op) -> str:
        claims = {**json.loads(claims_of(op.logout_token())), claim: None}
        return compact({"alg": "RS256", "kid": "one"}, json.dumps(claims).encode(), op.signing.sign)

    return make


def headed(header: dict[str, Any], sign: Callable[[Op], Callable[[bytes], bytes]]) -> MakeToken:
    """Put another header and signature to the right claims."""
    return lambda op: compact({"kid": "one", **header}, claims_of(op.logout_token()), sign(op))


def right(op: Op) -> Callable[[bytes], bytes]:
    return op.signing.sign


def case(words: str, make: MakeToken, *reason: str) -> Any:
    """Name a test after a conformance module and what is special in it."""
    return pytest.param(make, *reason, id=words)


BELIEVED = [
    case("OIDCCClientTestBackChannelLogout", changed()),
    case("no typ", headed({"alg": "RS256"}, right)),
    case("the typ of any token", headed({"alg": "RS256", "typ": "JWT"}, right)),
    case("aud as a list", changed(aud=lambda op: ["x", op.client_id])),
    case("no exp", changed(exp=GONE)),
    case("no sid but sub", changed(sid=GONE)),
    case("sid null", null("sid")),
    case("made ten minutes ago", changed(iat=lambda op: op.now() - 600)),
    case("made 57 seconds from now", changed(iat=lambda op: op.now() + 57)),
    case("an event with something in it", changed(events={LOGOUT_EVENT: {"x": 1}, "https://x.example": {}})),
]

REFUSED = [
    case("OIDCCClientTestBackChannelLogoutAlgNone", headed({"alg": "none"}, lambda _: lambda _: b""), "algorithm not"),
    case("OIDCCClientTestBackChannelLogoutNoEvent", changed(events=GONE), "Missing claim: 'events'"),
    case("OIDCCClientTestBackChannelLogoutWithNonce", changed(nonce="n"), "logout token: nonce"),
    case(
        "OIDCCClientTestBackChannelLogoutWrongAlg: our secret as the key",
        headed({"alg": "HS256"}, lambda op: hs256(op.client_secret.encode())),
        "algorithm not allowed",
    ),
    case(
        "OIDCCClientTestBackChannelLogoutWrongAlg: nobody's", headed({"alg": "RS512"}, right), "algorithm not allowed"
    ),
    case("OIDCCClientTestBackChannelLogoutWrongAlg: another key's", headed({"alg": "ES256"}, right), "unknown key"),
    case("OIDCCClientTestBackChannelLogoutWrongAud", changed(aud="somebody"), "Invalid claim: 'aud'"),
    case(
        "OIDCCClientTestBackChannelLogoutWrongEvent", changed(events={"https://x.example": {}}), "logout token: events"
    ),
    case("OIDCCClientTestBackChannelLogoutWrongIssuer", changed(iss="https://evil.example"), "iss of no provider"),
    case("a nonce that is null", null("nonce"), "logout token: nonce"),
    case("an event that is text", changed(events={LOGOUT_EVENT: "x"}), "logout token: events"),
    case("an event that is null", changed(events={LOGOUT_EVENT: None}), "logout token: events"),
    case("events as a list", changed(events=[LOGOUT_EVENT]), "logout token: events"),
    case("events as text", changed(events=LOGOUT_EVENT), "logout token: events"),
    case("another key", lambda op: TWO.token(json.loads(claims_of(op.logout_token()))), "unknown key"),
    case("another key of that name", headed({"alg": "RS256"}, lambda _: TWO.sign), "wrong signature"),
    case(
        "a key that the token points to", headed({"alg": "RS256", "jku": "https://evil.example/k"}, right), "header not"
    ),
    case("an ID token by its typ", headed({"alg": "RS256", "typ": "at+jwt"}, right), "logout token: typ"),
    case("a typ that is none", headed({"alg": "RS256", "typ": ["JWT"]}, right), ""),
    case("no iss", changed(iss=GONE), "iss of no provider"),
    case("no aud", changed(aud=GONE), "Missing claim: 'aud'"),
    case("no iat", changed(iat=GONE), "Missing claim: 'iat'"),
    case("iat that is text", changed(iat="now"), "invalid_claim"),
    case("made eleven minutes ago", changed(iat=lambda op: op.now() - 661), "logout token: too old"),
    case("made in the future", changed(iat=lambda op: op.now() + 90), "issued in the future"),
    case("expired a minute ago", changed(exp=lambda op: int(op.now()) - 60), "expired_token"),
    case("exp that is text", changed(exp="later"), "invalid_claim"),
    case("no jti", changed(jti=GONE), "Missing claim: 'jti'"),
    case("a jti that is a number", changed(jti=7), "'jti'"),
    case("a jti without end", changed(jti="x" * 256), "logout token: jti"),
    case("neither sub nor sid", changed(sub=GONE), "neither sub nor sid"),
    case("a sub that is a number", changed(sub=7), "'sub'"),
    case("a sub that a database cannot take", changed(sub="a\x00b"), "logout token: sub"),
    case("a sub outside ASCII", changed(sub="\u0430nn"), "logout token: sub"),
    case("a sid that is a list", changed(sid=["laptop"]), "logout token: sid"),
    case("an empty sid", changed(sid=""), "logout token: sid"),
    case(
        "claims that are no object",
        lambda op: compact({"alg": "RS256", "kid": "one"}, b"[]", op.signing.sign),
        "unreadable",
    ),
    case("claims without bottom", lambda op: compact({"alg": "RS256", "kid": "one"}, b"[" * 9000, op.signing.sign), ""),
    case("no token", lambda _: "", "unreadable"),
    case("something else", lambda _: "é.\x00.\ud7ff", "unreadable"),
]


@SQLITE
@pytest.mark.parametrize("make", BELIEVED)
async def test_believes(app: ASGIApp, caller: Caller, op: Op, make: MakeToken) -> None:
    ann = await signed_in(app, op, "ann")
    assert is_done(await caller.log_out(make(op)))
    assert not await is_in(ann)


@SQLITE
@pytest.mark.parametrize(("make", "reason"), REFUSED)
async def test_refuses(app: ASGIApp, caller: Caller, op: Op, make: MakeToken, reason: str) -> None:
    ann = await signed_in(app, op, "ann")
    with capture_logs() as logs:
        assert is_refused(await caller.log_out(make(op)))
    (line,) = [line for line in logs if line["event"] == "logout of the provider refused"]
    assert reason in line["reason"]
    assert await is_in(ann)


@SQLITE
async def test_refuses_an_id_token(app: ASGIApp, caller: Caller, op: Op) -> None:
    ann = await signed_in(app, op, "ann")
    farewell = await ann.submit("/sign-out", _token=await ann.token())
    id_token = dict(parse_qsl(urlsplit(onward(farewell)).query))["id_token_hint"]
    ann = await signed_in(app, op, "ann")
    assert is_refused(await caller.log_out(id_token))
    assert await is_in(ann)


async def test_believes_the_same_token_once(app: ASGIApp, caller: Caller, op: Op) -> None:
    token = op.logout_token()
    assert is_done(await caller.log_out(token))
    ann = await signed_in(app, op, "ann")
    assert is_refused(await caller.log_out(token))
    assert await is_in(ann), "whoever kept the token cannot sign her out for ever"


def test_knows_every_module_of_the_plan() -> None:
    known = SHARED / "corpora" / "oidc_rp_conformance.json"
    need("shared corpora", known.is_file(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    wanted = set(json.loads(known.read_bytes())["plans"]["OIDCCClientBackChannelLogoutRPBasicTestPlan"])
    tested = {str(param.id).partition(":")[0] for param in [*BELIEVED, *REFUSED]}
    assert wanted <= tested


@SQLITE
@pytest.mark.parametrize(
    "module",
    [
        pytest.param({}, id="OIDCCClientTestRPInitLogout"),
        pytest.param({"state": "other"}, id="OIDCCClientTestRPInitLogoutInvalidState"),
        pytest.param({"state": GONE}, id="OIDCCClientTestRPInitLogoutNoState"),
    ],
)
async def test_is_told_of_a_sign_out_that_began_here(
    app: ASGIApp, caller: Caller, op: Op, module: dict[str, Any]
) -> None:
    """As in the foundation's tests: our form, their door, their message to us, and the way back to our page."""
    op.farewell = module
    ann, elsewhere = [await signed_in(app, op, "ann", "laptop") for _ in range(2)]
    answer = await ann.submit("/sign-out", _token=await ann.token())
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=False), trust_env=False) as web:
        back = await web.get(onward(answer))
    assert is_done(await caller.log_out(op.logout_token(sid="laptop")))
    assert (await ann.go(back.headers["Location"], site="cross-site")).status_code == 200
    assert [await is_in(visitor) for visitor in (ann, elsewhere)] == [False, False]


# What is no logout request at all


@SQLITE
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", FORM),
        ("logout_token=", FORM),
        ("token=TOKEN", FORM),
        ("logout_token=TOKEN&logout_token=TOKEN", FORM),
        ("logout_token=TOKEN", "text/plain"),
        ("logout_token=TOKEN", "multipart/form-data; boundary=x"),
        ('{"logout_token": "TOKEN"}', "application/json"),
        ("&" * 60_000, FORM),
        ("logout_token=%ff%00%f0%9f", FORM),
        (b"\xff\x00=\xfe", FORM),
    ],
)
async def test_refuses_what_is_no_such_form(
    app: ASGIApp, caller: Caller, op: Op, body: str | bytes, content_type: str
) -> None:
    ann = await signed_in(app, op, "ann")
    body = body.replace("TOKEN", op.logout_token()) if isinstance(body, str) else body
    assert is_refused(await caller.post(body, content_type))
    assert await is_in(ann)


@SQLITE
async def test_reads_no_form_without_end(app: ASGIApp, caller: Caller, op: Op) -> None:
    ann = await signed_in(app, op, "ann")
    assert (await caller.post(f"logout_token={op.logout_token()}&x={'x' * 70_000}")).status_code == 413
    assert await is_in(ann)


@SQLITE
async def test_cannot_be_opened_in_a_browser(ann: Visitor, op: Op) -> None:
    await ann.sign_in()
    assert (await ann.go(f"{DOOR}?logout_token={op.logout_token()}")).status_code == 404
    assert await is_in(ann)


@SQLITE
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
async def test_refuses_while_it_cannot_check(caller: Caller, op: Op, path: str) -> None:
    """And then believes the same token when it is sent again: it was not used up."""
    token = op.logout_token()
    op.replies[path] = (500, b"")
    assert is_refused(await caller.log_out(token))
    del op.replies[path]
    assert is_done(await caller.log_out(token))


async def test_refuses_while_there_is_no_database(op: Op, redis_url: str, tmp_path: Path) -> None:
    """Four hundred, not five: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with portal_at(op, nowhere, redis_url, tmp_path) as app:
        assert is_refused(await Caller(app).log_out(op.logout_token()))


@SQLITE
async def test_tells_no_log_whose_session_it_was(app: ASGIApp, caller: Caller, op: Op) -> None:
    await signed_in(app, op, "subject-ann", "session-laptop")
    token = op.logout_token(sid="session-laptop")
    with capture_logs() as logs:
        await caller.log_out(token)
        await caller.log_out(token)
        await caller.log_out(op.logout_token(aud="evil-audience"))
    assert {"event": "signed out at the provider", "log_level": "info", "sessions": 1} in logs
    told = repr(logs)
    assert [word for word in (token, "subject-ann", "session-laptop", "evil-audience") if word in told] == []


@SQLITE
async def test_reads_what_a_real_provider_sent(op: Op, caller: Caller) -> None:
    """Recorded from oidc-provider, whose key is gone: the same header and claims, signed by ours."""
    recording = SHARED / "captures" / "oidc" / "panva_backchannel.json"
    need("shared captures", recording.is_file(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    sent = json.loads(recording.read_bytes())
    token = dict(parse_qsl(sent["body"]))["logout_token"]
    header, claims = json.loads(header_of(token)), json.loads(claims_of(token))
    now = int(op.now())
    claims |= {"iss": op.issuer, "iat": now, "exp": now + claims["exp"] - claims["iat"]}
    op.keys = [{**op.keys[0], "kid": header["kid"]}]
    body = urlencode({"logout_token": compact(header, claims, op.signing.sign)})
    assert is_done(await caller.post(body, sent["headers"]["content-type"]))
