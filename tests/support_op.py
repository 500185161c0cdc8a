"""An OpenID provider of ours on loopback, over real HTTP. It does everything right until a test says otherwise.

It checks what a relying party sends (client authentication, redirect URI, PKCE, one use of a code) and keeps every
request. Changes are dictionaries laid over its answers; `GONE` takes an entry away.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import pytest
from support_jose import SigningKey, b64, half_hash, rsa_key

GONE: Any = object()
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
DIGESTS = {"EdDSA": "sha512", "Ed25519": "sha512"}

Changes = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass
class Asked:
    """A request as it came. Query and form hold the last value of each name."""

    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]  # lower-case names


@dataclass
class Grant:
    """What an authorization code stands for."""

    question: dict[str, str]
    used: bool = False


@dataclass
class Op:
    """`signing` signs, `keys` are published; a rotation is a change of both."""

    client_id: str = "portal"
    client_secret: str = "s:e+c r/é%t"  # every character that form-encoding is about
    redirect_uri: str = "http://127.0.0.1:8000/auth/callback"
    path: str = ""
    now: Callable[[], float] = time.time
    signing: SigningKey = field(default_factory=lambda: rsa_key("one"))
    keys: list[dict[str, Any]] = field(default_factory=lambda: [rsa_key("one").jwk])
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "ann", "name": "Ann Acme", "email": "ann@acme.example", "email_verified": True}
    )
    profile_in_token: bool = True
    metadata: Changes = field(default_factory=dict)
    answer: Changes = field(default_factory=dict)  # the query that the browser brings back
    claims: Changes = field(default_factory=dict)  # of the ID token
    tokens: Changes = field(default_factory=dict)  # the token reply
    userinfo: Changes = field(default_factory=dict)
    farewell: Changes = field(default_factory=dict)  # the query that comes back from signing out
    token: Callable[[str], str] = str  # a last change of the whole ID token
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # by path, in place of the right one
    asked: list[Asked] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # what a relying party did wrong
    issuer: str = ""
    _grants: dict[str, Grant] = field(default_factory=dict)
    _access: dict[str, dict[str, str]] = field(default_factory=dict)

    def count(self, path: str) -> int:
        return sum(asked.path == self.path + path for asked in self.asked)

    def last(self, path: str) -> Asked:
        return [asked for asked in self.asked if asked.path == self.path + path][-1]

    def rotate(self, key: SigningKey) -> None:
        """Sign with this key from now on, and publish no other."""
        self.signing, self.keys = key, [key.jwk]

    def handle(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        path = asked.path.removeprefix(self.path)
        if path in self.replies:
            status, body = self.replies[path]
            return status, {"Content-Type": "application/json", "Set-Cookie": "op=remembers; Path=/"}, body
        doors = {
            "/.well-known/openid-configuration": lambda _: _json(200, _laid_over(self._metadata(), self.metadata)),
            "/jwks": lambda _: _json(200, {"keys": self.keys}),
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/end_session": self._end_session,
        }
        return doors[path](asked) if path in doors else (404, {}, b"")

    def logout_token(self, **changes: Any) -> str:
        """Say that the person has signed out here, as it is posted to relying parties."""
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
            "sub": self.person["sub"],
        }
        return self.token(self.signing.token(_laid_over(claims, changes), typ="logout+jwt"))

    def _end_session(self, asked: Asked) -> Reply:
        back = asked.query["post_logout_redirect_uri"]
        state = _laid_over({"state": asked.query["state"]}, self.farewell)
        return 302, {"Location": f"{back}?{urlencode(state)}"}, b""

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end_session",
            "authorization_response_iss_parameter_supported": True,
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "none"],
        }

    def _authorize(self, asked: Asked) -> Reply:
        question = asked.query
        wrong = [
            name
            for name, value in {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "code_challenge_method": "S256",
            }.items()
            if question.get(name) != value
        ]
        wrong += [name for name in ("state", "nonce", "code_challenge") if len(question.get(name, "")) < 43]
        if wrong or "openid" not in question.get("scope", "").split():
            return self._refuse(400, "invalid_request", f"authorize: {wrong or 'scope'}")
        code = secrets.token_urlsafe(16)
        self._grants[code] = Grant(question)
        answer = {"code": code, "state": question["state"], "iss": self.issuer}
        return 302, {"Location": f"{question['redirect_uri']}?{urlencode(_laid_over(answer, self.answer))}"}, b""

    def _token(self, asked: Asked) -> Reply:
        form = asked.form
        if not self._is_our_client(asked):
            return self._refuse(401, "invalid_client", "client authentication")
        grant = self._grants.get(form.get("code", ""))
        if grant is None or grant.used or form.get("grant_type") != "authorization_code":
            return self._refuse(400, "invalid_grant", "code")
        grant.used = True
        challenge = b64(sha256(form.get("code_verifier", "").encode()).digest())
        if challenge != grant.question["code_challenge"] or form.get("redirect_uri") != grant.question["redirect_uri"]:
            return self._refuse(400, "invalid_grant", "PKCE or redirect URI")
        access_token = secrets.token_urlsafe(16)
        self._access[access_token] = self.person
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": grant.question["nonce"],
            "at_hash": half_hash(access_token, DIGESTS.get(self.signing.alg, "sha256")),
            **(self.person if self.profile_in_token else {"sub": self.person["sub"]}),
        }
        id_token = self.token(self.signing.token(_laid_over(claims, self.claims)))
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}
        return _json(200, _laid_over(tokens, self.tokens))

    def _is_our_client(self, asked: Asked) -> bool:
        kind, _, pair = asked.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            id_and_secret = base64.b64decode(pair).decode().split(":")
            return [unquote_plus(part) for part in id_and_secret] == [self.client_id, self.client_secret]
        posted = [asked.form.get("client_id"), asked.form.get("client_secret")]
        return posted == [self.client_id, self.client_secret]

    def _userinfo(self, asked: Asked) -> Reply:
        person = self._access.get(asked.headers.get("authorization", "").removeprefix("Bearer "))
        if person is None:
            return self._refuse(401, "invalid_token", "access token")
        return _json(200, _laid_over(person, self.userinfo))

    def _refuse(self, status: int, error: str, why: str) -> Reply:
        self.refused.append(why)
        return _json(status, {"error": error})


def _laid_over(base: Changes, changes: Changes) -> Changes:
    return {name: value for name, value in {**base, **changes}.items() if value is not GONE}


def _json(status: int, document: Any) -> Reply:
    # A cookie with every answer: nobody should ever bring it back.
    return status, {"Content-Type": "application/json", "Set-Cookie": "op=remembers"}, json.dumps(document).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    op: Op


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: the second would wait for 40 ms
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[-1] for name, values in parse_qs(body, strict_parsing=True).items()})

    def _answer(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), form, headers)
        status, answer_headers, body = self.server.op.handle(asked)
        self.send_response(status)
        for name, value in answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(op: Op) -> Iterator[Op]:
    """Serve on a free port, and set the issuer to it."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.op = op
        op.issuer = f"http://127.0.0.1:{server.server_port}{op.path}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield op
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def op() -> Iterator[Op]:
    with serving(Op()) as op:
        yield op


@pytest.fixture
def other_op() -> Iterator[Op]:
    """A second provider, with keys and a redirect URI of its own."""
    key = rsa_key("two")
    with serving(Op(signing=key, keys=[key.jwk])) as op:
        yield op
