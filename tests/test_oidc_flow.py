"""What belongs together in a sign-in: this browser, this provider, this moment; and what a provider learns from us."""

import asyncio
import socket
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from support_op import GONE, Op
from support_redis import RedisProcess
from support_signin import COOKIE_KEY, Query, Rp, RpAt, Time, sets

from auth.discovery import is_safe
from auth.errors import Declined, NotBelieved, NotSetUp, ProviderDown, SignInError, StartAgain
from auth.once import Once
from auth.pre_login import PreLoginCookies
from auth.profile import Profile
from auth.provider import SignIn
from cache.client import Client, Gate, connect


def without(query: Query, name: str) -> Query:
    return [pair for pair in query if pair[0] != name]


async def reason_of(rp: Rp, query: Query, cookie: str | None, error: type[SignInError]) -> str:
    with pytest.raises(error) as refusal:
        await rp.oidc.finish(query, cookie)
    return refusal.value.reason


async def test_asks_for_a_code_with_pkce_state_and_nonce(rp: Rp) -> None:
    begins = [await rp.oidc.begin("/") for _ in range(2)]
    first, second = (dict(parse_qsl(urlsplit(begin.url).query)) for begin in begins)
    fresh = {"state", "nonce", "code_challenge"}
    assert {name for name in first if first[name] != second[name]} == fresh
    assert {name: value for name, value in first.items() if name not in fresh} == {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": "http://127.0.0.1:8000/auth/callback",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
    }
    assert all(len(first[name]) == 43 for name in fresh)


async def test_keeps_the_query_of_the_authorization_endpoint(op: Op, rp: Rp) -> None:
    op.metadata = {"authorization_endpoint": f"{op.issuer}/authorize?tenant=7"}
    assert (await rp.oidc.begin("/")).url.startswith(f"{op.issuer}/authorize?tenant=7&response_type=code&")


async def test_tells_nothing_in_the_cookie(rp: Rp) -> None:
    begin = await rp.oidc.begin("/invoices")
    state = parse_qs(urlsplit(begin.url).query)["state"][0]
    assert state not in begin.cookie
    assert len(begin.cookie) < 3000


async def test_refuses_a_callback_out_of_nowhere(op: Op, rp: Rp) -> None:
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    foreign = (await rp.oidc.begin("/")).cookie
    later = PreLoginCookies(bytes(32), rp.time).seal(provider="main", state="s", nonce="n", verifier="v", return_to="/")
    assert await reason_of(rp, query, None, StartAgain) == "no pre-login cookie"
    assert await reason_of(rp, query, "", StartAgain) == "no pre-login cookie"
    assert await reason_of(rp, query, later, StartAgain) == "pre-login cookie not ours"
    assert await reason_of(rp, query, foreign, StartAgain) == "state of another sign-in"
    assert await reason_of(rp, without(query, "state"), begin.cookie, StartAgain) == "no state"
    assert await reason_of(rp, [*without(query, "state"), ("state", "\ud800é")], begin.cookie, StartAgain)
    assert await reason_of(rp, [*query, ("state", "x")], begin.cookie, NotBelieved) == "answer with a parameter twice"
    assert await reason_of(rp, [*query, ("code", "x")], begin.cookie, NotBelieved) == "answer with a parameter twice"
    assert op.count("/token") == 0, "no code was spent on any of them"
    await rp.oidc.finish(query, begin.cookie)


@pytest.mark.parametrize("cookie", ["x", "é", "A" * 16, "A" * 4000, "=", "\x00", "-_-_" * 10])
async def test_refuses_a_cookie_that_is_none_of_ours(rp: Rp, cookie: str) -> None:
    assert await reason_of(rp, [], cookie, StartAgain) == "pre-login cookie not ours"


async def test_refuses_a_cookie_with_any_bit_changed(rp: Rp) -> None:
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    for at in range(0, len(begin.cookie) - 1, 7):
        changed = begin.cookie[:at] + ("A" if begin.cookie[at] != "A" else "B") + begin.cookie[at + 1 :]
        assert await reason_of(rp, query, changed, StartAgain) == "pre-login cookie not ours"


async def test_refuses_a_second_callback_with_the_same_state(op: Op, rp: Rp) -> None:
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    await rp.oidc.finish(query, begin.cookie)
    assert await reason_of(rp, query, begin.cookie, StartAgain) == "state used before"
    assert op.count("/token") == 1


async def test_refuses_it_in_another_process_too(op: Op, rp_at: RpAt) -> None:
    one, other = rp_at(op), rp_at(op)
    begin = await one.oidc.begin("/")
    query = await one.come_back(begin)
    await one.oidc.finish(query, begin.cookie)
    assert await reason_of(other, query, begin.cookie, StartAgain) == "state used before"


async def test_lets_one_of_many_callbacks_at_once_through(op: Op, rp: Rp) -> None:
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    results = await asyncio.gather(*(rp.oidc.finish(query, begin.cookie) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, SignIn) for result in results) == 1
    assert op.count("/token") == 1


async def test_remembers_used_states_without_redis(
    op: Op, http: httpx.AsyncClient, redis_process: RedisProcess
) -> None:
    client = connect(redis_process.url)
    rp = Rp(op, http, client, Time())
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    redis_process.kill()
    await rp.oidc.finish(query, begin.cookie)
    assert await reason_of(rp, query, begin.cookie, StartAgain) == "state used before"
    redis_process.start()
    assert await reason_of(rp, query, begin.cookie, StartAgain) == "state used before"
    await client.aclose()


async def test_forgets_used_states_in_time(redis_url: str) -> None:
    now = 0.0
    client = connect(redis_url, Gate(pause=3600))
    once = Once(client, lambda: now)
    assert [await once.first_use(str(number)) for number in (1, 2, 1)] == [True, True, False]
    now = 15 * 60.0
    await once.first_use("3")
    assert list(once._used) == ["3"]
    await client.aclose()


async def test_refuses_a_sign_in_after_ten_minutes(rp: Rp, time: Time) -> None:
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    time.advance(minutes=10)
    assert await reason_of(rp, query, begin.cookie, StartAgain) == "pre-login cookie too old"
    time.advance(seconds=-2)
    await rp.oidc.finish(query, begin.cookie)


async def test_refuses_what_another_provider_mixed_in(
    op: Op, other_op: Op, http: httpx.AsyncClient, redis: Client
) -> None:
    """The person went to the other one, whose answer is brought to our callback for the first; and the reverse."""
    time = Time()
    ours, other = Rp(op, http, redis, time, id_="main"), Rp(other_op, http, redis, time, id_="other")
    begin, other_begin = await ours.oidc.begin("/"), await other.oidc.begin("/")
    query, other_query = await ours.come_back(begin), await other.come_back(other_begin)
    state = dict(query)["state"]
    assert await reason_of(ours, other_query, other_begin.cookie, StartAgain) == "begun with another provider"
    assert await reason_of(ours, other_query, begin.cookie, StartAgain) == "state of another sign-in"
    mixed = [*without(other_query, "state"), ("state", state)]
    assert await reason_of(ours, mixed, begin.cookie, NotBelieved) == "answer of another issuer"
    assert op.count("/token") == other_op.count("/token") == 0, "no code was told to the wrong provider"
    await other.oidc.finish(other_query, other_begin.cookie)


async def test_spends_no_foreign_code(op: Op, other_op: Op, rp_at: RpAt) -> None:
    """Two providers that both leave out `iss`: the other one's code is worth nothing at ours."""
    for provider in (op, other_op):
        sets(answer={"iss": GONE}, metadata={"authorization_response_iss_parameter_supported": GONE})(provider)
    ours, other = rp_at(op), rp_at(other_op)
    begin = await ours.oidc.begin("/")
    query = await ours.come_back(begin)
    foreign = dict(await other.come_back(await other.oidc.begin("/")))["code"]
    injected = [*without(query, "code"), ("code", foreign)]
    assert await reason_of(ours, injected, begin.cookie, StartAgain) == "token: code refused"


async def test_spends_no_code_of_another_browser(rp: Rp) -> None:
    """PKCE: a stolen code does not fit the verifier in the thief's own cookie."""
    stolen = dict(await rp.come_back(await rp.oidc.begin("/")))["code"]
    begin = await rp.oidc.begin("/")
    injected = [*without(await rp.come_back(begin), "code"), ("code", stolen)]
    assert await reason_of(rp, injected, begin.cookie, StartAgain) == "token: code refused"
    assert rp.op.refused == ["PKCE or redirect URI"]


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ("access_denied", Declined, "answer: access_denied"),
        ("login_required", Declined, "answer: login_required"),
        ("invalid_scope", NotSetUp, "answer: invalid_scope"),
        ("unauthorized_client", NotSetUp, "answer: unauthorized_client"),
        ("server_error", ProviderDown, "answer: server_error"),
        ("temporarily_unavailable", ProviderDown, "answer: temporarily_unavailable"),
        ("<script>\r\nforged log line", ProviderDown, "answer: unknown error"),
        ("", ProviderDown, "answer: unknown error"),
    ],
)
async def test_takes_a_no_for_a_no(rp: Rp, error: str, kind: type[SignInError], reason: str) -> None:
    rp.op.answer = {"code": GONE, "error": error, "error_description": "<b>secret</b>"}
    begin = await rp.oidc.begin("/")
    with pytest.raises(kind) as refusal:
        await rp.oidc.finish(await rp.come_back(begin), begin.cookie)
    assert refusal.value.reason == reason
    assert "secret" not in str(refusal.value)
    assert rp.op.count("/token") == 0


@pytest.mark.parametrize("changes", [{"iss": "https://evil.example"}, {"iss": GONE}])
async def test_takes_a_no_only_from_the_right_issuer(rp: Rp, changes: dict[str, str]) -> None:
    rp.op.answer = {"code": GONE, "error": "access_denied", **changes}
    with pytest.raises(NotBelieved):
        await rp.sign_in()


@pytest.mark.parametrize("code", [GONE, ""])
async def test_refuses_an_answer_without_a_code(rp: Rp, code: str) -> None:
    rp.op.answer = {"code": code}
    with pytest.raises(NotBelieved, match="without a code"):
        await rp.sign_in()


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, b'{"error": "invalid_grant"}', StartAgain, "token: code refused"),
        (401, b'{"error": "invalid_client"}', NotSetUp, "token: invalid_client"),
        (400, b'{"error": "invalid_request"}', ProviderDown, "token: refused with status 400"),
        (400, b'{"error": 7}', ProviderDown, "token: refused with status 400"),
        (400, b"<html>", ProviderDown, "token: refused with status 400"),
        (302, b"", ProviderDown, "token: refused with status 302"),
        (503, b'{"error": "invalid_grant"}', ProviderDown, "token: status 503"),
        (200, b"", ProviderDown, "token: unreadable"),
        (200, b"[]", ProviderDown, "token: unreadable"),
        (200, b'{"id_token": 7}', ProviderDown, "token: unreadable"),
        (200, b'{"id_token": "' + b"[" * 100_000 + b'"}', NotBelieved, "signed token: unreadable"),
        (200, b"[" * 500_000, ProviderDown, "token: unreadable"),
        (200, b" " * 600_000, ProviderDown, "answer too large"),
        (200, b"{}", NotBelieved, "token: no id token"),
        (200, b'{"id_token": null}', NotBelieved, "token: no id token"),
    ],
)
async def test_names_what_was_wrong_with_a_token_reply(
    rp: Rp, status: int, body: bytes, kind: type[SignInError], reason: str
) -> None:
    rp.op.replies["/token"] = (status, body)
    with pytest.raises(kind) as refusal:
        await rp.sign_in()
    assert refusal.value.reason == reason


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/userinfo"])
@pytest.mark.parametrize("reply", [(500, b""), (302, b""), (200, b"<html>"), (200, b"[7]"), (200, b"\xff" * 600_000)])
async def test_says_that_the_provider_is_down(rp: Rp, path: str, reply: tuple[int, bytes]) -> None:
    rp.op.profile_in_token = False
    rp.op.replies[path] = reply
    with pytest.raises(ProviderDown):
        await rp.sign_in()


async def test_says_so_when_nobody_listens(rp: Rp, http: httpx.AsyncClient, redis: Client) -> None:
    gone = Rp(Op(issuer="http://127.0.0.1:1"), http, redis, Time())
    with pytest.raises(ProviderDown, match="no answer: ConnectError"):
        await gone.oidc.begin("/")


async def test_gives_up_on_a_provider_that_hangs(
    http: httpx.AsyncClient, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.provider_http.DEADLINE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = Rp(Op(issuer=f"http://127.0.0.1:{silent.getsockname()[1]}"), http, redis, Time())
        with pytest.raises(ProviderDown, match="no answer: TimeoutError"):
            await hanging.oidc.begin("/")


async def test_sends_neither_cookies_nor_redirects_after_secrets(rp: Rp) -> None:
    """The provider sets a cookie with every answer; one person's would travel with the next one's code."""
    for _ in range(2):
        await rp.sign_in()
    assert [asked.path for asked in rp.op.asked if "cookie" in asked.headers] == []
    ours = [asked for asked in rp.op.asked if not asked.path.endswith("/authorize")]
    assert {asked.headers["accept-encoding"] for asked in ours} == {"identity"}, "a small answer cannot swell"
    rp.op.replies["/token"] = (307, b"")
    with pytest.raises(ProviderDown):
        await rp.sign_in()


@pytest.mark.parametrize(
    ("methods", "places"),
    [
        (None, {"header"}),
        (["client_secret_post", "client_secret_basic"], {"header"}),
        (["client_secret_post", "private_key_jwt"], {"form"}),
    ],
)
async def test_sends_the_client_secret_in_one_place_only(rp: Rp, methods: list[str] | None, places: set[str]) -> None:
    rp.op.metadata = {"token_endpoint_auth_methods_supported": methods}
    await rp.sign_in()
    asked = rp.op.last("/token")
    assert {"header"} & places == ({"header"} if "authorization" in asked.headers else set())
    assert {"form"} & places == ({"form"} if "client_secret" in asked.form else set())


@pytest.mark.parametrize("methods", [["private_key_jwt"], ["none"]])
async def test_sends_no_client_secret_where_none_is_wanted(rp: Rp, methods: list[str]) -> None:
    rp.op.metadata = {"token_endpoint_auth_methods_supported": methods}
    with pytest.raises(NotSetUp, match="no way of authentication"):
        await rp.sign_in()
    assert rp.op.count("/token") == 0


@pytest.mark.parametrize(
    ("person", "email"),
    [
        ({"email_verified": True}, "ann@acme.example"),
        ({"email_verified": False}, None),
        ({"email_verified": "true"}, None),
        ({"email_verified": 1}, None),
        ({}, None),
        ({"email_verified": True, "email": ["ann@acme.example"]}, None),
        ({"email_verified": True, "email": "ann@acme.example\nbcc:x@evil.example"}, None),
        ({"email_verified": True, "email": "ann @acme.example"}, None),
        ({"email_verified": True, "email": "ann"}, None),
        ({"email_verified": True, "email": "a" * 250 + "@x.io"}, None),
    ],
)
@pytest.mark.parametrize("in_token", [True, False])
async def test_takes_an_address_only_where_it_was_verified(
    rp: Rp, *, person: dict[str, object], email: str | None, in_token: bool
) -> None:
    rp.op.person = {"sub": "ann", "name": "Ann", "email": "ann@acme.example", **person}
    rp.op.profile_in_token = in_token
    assert (await rp.sign_in()).identity.email == email


@pytest.mark.parametrize("missing", ["name", "email", "email_verified"])
async def test_asks_userinfo_for_whatever_the_token_leaves_out(rp: Rp, missing: str) -> None:
    rp.op.claims = {missing: GONE}
    identity = (await rp.sign_in()).identity
    assert (identity.name, identity.email) == ("Ann Acme", "ann@acme.example")


async def test_does_without_userinfo_where_there_is_none(rp: Rp) -> None:
    rp.op.profile_in_token = False
    rp.op.metadata = {"userinfo_endpoint": GONE}
    identity = (await rp.sign_in()).identity
    assert (identity.subject, identity.name, identity.email) == ("ann", None, None)


async def test_never_joins_an_address_with_the_word_of_another_document(rp: Rp) -> None:
    rp.op.person = {"sub": "ann", "email": "boss@acme.example"}
    rp.op.userinfo = {"email": GONE, "email_verified": True}
    assert (await rp.sign_in()).identity.email is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Ann Acme", "Ann Acme"),
        ("  Ann \t Acme\r\n", "Ann Acme"),
        ("Ann\x00\u202eAcme", "Ann Acme"),
        ("Zoë 李", "Zoë 李"),
        ("x" * 300, "x" * 255),
        ("", None),
        ("\u200b", None),
        (7, None),
        (None, None),
    ],
)
def test_makes_a_name_fit_to_be_stored_and_shown(said: object, shown: str | None) -> None:
    assert Profile(name=said).plain_name == shown


async def test_hides_the_id_token(rp: Rp) -> None:
    sign_in = await rp.sign_in()
    assert sign_in.id_token.reveal().count(".") == 2
    assert sign_in.id_token.reveal() not in f"{sign_in} {sign_in!r} {sign_in.id_token}"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "/sign-in?next=/", "evil", ""]
)
async def test_returns_home_where_it_was_told_to_leave(rp: Rp, wanted: str) -> None:
    assert (await rp.sign_in(wanted)).return_to == "/"


@pytest.mark.parametrize(
    "module",
    [
        pytest.param({}, id="OIDCCClientTestRPInitLogout"),
        pytest.param({"state": "other"}, id="OIDCCClientTestRPInitLogoutInvalidState"),
        pytest.param({"state": GONE}, id="OIDCCClientTestRPInitLogoutNoState"),
    ],
)
async def test_signs_out_at_the_provider(rp: Rp, module: dict[str, str]) -> None:
    """Our session has ended before; so whatever comes back, there is nothing left that it could decide."""
    rp.op.farewell = module
    url = await rp.oidc.logout_url("the.id.token")
    assert url is not None
    answer = await rp.http.get(url)
    question = rp.op.last("/end_session").query
    assert question.pop("state") != (await rp.oidc.logout_url(None) or "").partition("state=")[2]
    assert question == {
        "id_token_hint": "the.id.token",
        "client_id": "portal",
        "post_logout_redirect_uri": "http://127.0.0.1:8000/signed-out",
    }
    assert answer.headers["Location"].startswith("http://127.0.0.1:8000/signed-out")


async def test_signs_out_without_a_hint(rp: Rp) -> None:
    url = await rp.oidc.logout_url(None)
    assert url is not None
    assert "id_token_hint" not in url


async def test_signs_out_here_alone_where_the_provider_offers_nothing(op: Op, rp_at: RpAt) -> None:
    op.metadata = {"end_session_endpoint": GONE}
    assert await rp_at(op).oidc.logout_url("the.id.token") is None
    op.replies["/.well-known/openid-configuration"] = (500, b"")
    assert await rp_at(op).oidc.logout_url("the.id.token") is None


@pytest.mark.parametrize(
    ("url", "issuer", "safe"),
    [
        ("https://op.example/jwks", "https://op.example", True),
        ("https://keys.example/jwks", "https://op.example", True),
        ("https://keys.example/jwks", "http://127.0.0.1:9", True),
        ("http://op.example/jwks", "https://op.example", False),
        ("http://op.example", "http://op.example", False),
        ("http://127.0.0.1:9/jwks", "http://127.0.0.1:9", True),
        ("http://[::1]:9/jwks", "http://[::1]:9", True),
        ("http://localhost:9/jwks", "http://localhost:9", True),
        ("http://127.0.0.1:8/jwks", "http://127.0.0.1:9", False),
        ("http://127.0.0.1:9/jwks", "https://op.example", False),
        ("http://localhost.evil.example", "http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example", False),
        ("https://a@op.example/", "https://op.example", False),
        ("https://op.example/#x", "https://op.example", False),
        ("https://op.example/\r\nx", "https://op.example", False),
        ("https://öp.example/", "https://op.example", False),
        ("https:///jwks", "https://op.example", False),
        ("//op.example/jwks", "https://op.example", False),
        ("file:///etc/passwd", "https://op.example", False),
        ("", "https://op.example", False),
    ],
)
def test_calls_only_where_nobody_listens_in(*, url: str, issuer: str, safe: bool) -> None:
    assert is_safe(url, issuer) is safe


@pytest.mark.parametrize("issuer", ["http://op.example", "ftp://op.example", "op.example", ""])
def test_takes_no_issuer_that_somebody_could_impersonate(http: httpx.AsyncClient, redis: Client, issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Rp(Op(issuer=issuer), http, redis, Time())


def test_seals_cookies_for_one_purpose_and_key() -> None:
    time = Time()
    cookies = PreLoginCookies(COOKIE_KEY, time)
    sealed = [
        cookies.seal(provider="main", state="s", nonce="n", verifier="v", return_to="/invoices") for _ in range(2)
    ]
    assert sealed[0] != sealed[1]
    opened = cookies.open(sealed[0])
    assert (opened.state, opened.return_to) == ("s", "/invoices")
    assert opened.expires_at - time() < timedelta(minutes=10, seconds=1)
