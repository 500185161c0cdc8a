"""What a provider may say to prove who a person is, and what it may not.

One misbehaviour at a time, named by the module of the OpenID Foundation's relying-party tests where there is one. The
others are what libraries were measured to accept.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support_jose import SigningKey, claims_of, compact, ec_key, ed_key, half_hash, hs256, rsa_key
from support_needs import need
from support_op import GONE, Op
from support_signin import SHARED, RpAt, Time, sets

from auth.errors import NotBelieved
from auth.provider import Identity
from auth.provider_keys import ProviderKeys

Arrange = Callable[[Op], None]


def signs_with(key: SigningKey, *others: SigningKey) -> Arrange:
    return sets(signing=key, keys=[key.jwk, *(other.jwk for other in others)])


def forges(header: dict[str, Any], sign: Callable[[Op], Callable[[bytes], bytes]]) -> Arrange:
    """Put another header and signature to the same claims."""

    def arrange(op: Op) -> None:
        op.token = lambda token: compact(header, claims_of(token), sign(op))

    return arrange


def spoilt(token: str) -> str:
    """Change the first bits of the signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def unsigned(_: Op) -> Callable[[bytes], bytes]:
    return lambda _: b""


def by_public_key(op: Op) -> Callable[[bytes], bytes]:
    return hs256(json.dumps(op.keys[0]).encode())


def by(key: SigningKey) -> Callable[[Op], Callable[[bytes], bytes]]:
    return lambda _: key.sign


def signed_by(op: Op, claims: bytes) -> Callable[[str], str]:
    return lambda _: compact({"alg": "RS256", "kid": "one"}, claims, op.signing.sign)


def client_authentication(*methods: str) -> Arrange:
    return sets(metadata={"token_endpoint_auth_methods_supported": [f"client_secret_{method}" for method in methods]})


def keys_at(path: str) -> Arrange:
    """Publish the keys at another address, and nothing at the usual one."""

    def arrange(op: Op) -> None:
        op.metadata = {"jwks_uri": f"{op.issuer}{path}"}
        op.replies = {path: (200, json.dumps({"keys": op.keys}).encode()), "/jwks": (404, b"")}

    return arrange


def right(op: Op) -> Callable[[bytes], bytes]:
    return op.signing.sign


ONE, TWO, NAMELESS = rsa_key("one"), rsa_key("two"), rsa_key(None)
SHORT = ec_key("short")
ED_NAMED_SO = SigningKey(ed_key("ed").private, {**ed_key("ed").jwk, "alg": "EdDSA", "use": "sig"}, "EdDSA")
FOR_SECRETS = SigningKey(TWO.private, {**TWO.jwk, "use": "enc"}, "RS256")
EVIL = "https://evil.example"
ISS_PROMISED = "authorization_response_iss_parameter_supported"
STRANGE: dict[str, Any] = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}
BROKEN: dict[str, Any] = {"kty": "EC", "crv": "P-256", "x": "!", "y": 7, "kid": "broken"}


def case(words: str, *values: Any) -> Any:
    """Name a test after a conformance module and what is special in it."""
    return pytest.param(*values, id=words)


ACCEPTED = [
    case("OIDCCClientTest", sets()),
    case("OIDCCClientTestClientSecretBasic", sets()),
    case("OIDCCClientAuthType: basic where both are offered", client_authentication("post", "basic")),
    case("OIDCCClientAuthType: post where nothing else is", client_authentication("post")),
    case("OIDCCClientTestKidAbsentSingleJwks", signs_with(NAMELESS)),
    case("OIDCCClientTestIdTokenSignedUsingRS256", signs_with(ONE, TWO)),
    case("OIDCCClientTestScopeUserInfoClaims", sets(profile_in_token=False)),
    case("OIDCCClientTestDiscoveryOpenIDConfiguration", sets(path="/a", issuer=lambda op: f"{op.issuer}/a")),
    case("OIDCCClientTestDiscoveryJwksUriKeys", keys_at("/keys-7")),
    case("signed by ES256", signs_with(ec_key("ec"), ONE)),
    case("signed by PS256", signs_with(rsa_key("ps", "PS256"))),
    case("signed by EdDSA", signs_with(ed_key("ed"), ONE)),
    case("signed by EdDSA, and the key says so", signs_with(ED_NAMED_SO)),
    case("signed by EdDSA under its newer name", signs_with(ed_key("ed", "Ed25519"))),
    case("no key named, one of its kind", signs_with(NAMELESS, ec_key("ec"), FOR_SECRETS)),
    case("keys beside it that we cannot read", sets(keys=[STRANGE, BROKEN, {}, ONE.jwk])),
    case("a header without meaning to us", forges({"alg": "RS256", "kid": "one", "ctx": 1}, right)),
    case("aud as a list", sets(claims=lambda op: {"aud": [op.client_id]})),
    case("several aud, made for us", sets(claims=lambda op: {"aud": ["x", op.client_id], "azp": op.client_id})),
    case("expired 50 seconds ago", sets(claims=lambda op: {"exp": op.now() - 50})),
    case("issued 57 seconds from now", sets(claims=lambda op: {"iat": op.now() + 57})),
    case("no at_hash", sets(claims={"at_hash": GONE})),
    case("no iss in the answer, and none promised", sets(answer={"iss": GONE}, metadata={ISS_PROMISED: GONE})),
]

REFUSED = [
    case("OIDCCClientTestInvalidIssuerInIdToken", sets(claims={"iss": EVIL}), "Invalid claim: 'iss'"),
    case("OIDCCClientTestMissingSubInIdToken", sets(claims={"sub": GONE}), "Missing claim: 'sub'"),
    case("OIDCCClientTestInvalidAudInIdToken", sets(claims={"aud": "somebody"}), "Invalid claim: 'aud'"),
    case("OIDCCClientTestMissingAudInIdToken", sets(claims={"aud": GONE}), "Missing claim: 'aud'"),
    case("OIDCCClientTestMissingIatInIdToken", sets(claims={"iat": GONE}), "Missing claim: 'iat'"),
    case("OIDCCClientTestKidAbsentMultipleMatchingKeysInJwks", signs_with(NAMELESS, ONE), "several keys fit"),
    case("OIDCCClientTestIdTokenSigAlgNone", forges({"alg": "none"}, unsigned), "algorithm not allowed"),
    case("OIDCCClientTestInvalidIdTokenSignatureWithRS256", sets(token=lambda _: spoilt), "wrong signature"),
    case(
        "OIDCCClientTestInvalidIdTokenSignatureWithES256",
        sets(signing=ec_key("ec"), keys=[ec_key("ec").jwk], token=lambda _: spoilt),
        "wrong signature",
    ),
    case(
        "OIDCCClientTestInvalidIdTokenSignatureWithHS256",
        forges({"alg": "HS256"}, lambda op: hs256(op.client_secret.encode())),
        "algorithm not allowed",
    ),
    case(
        "OIDCCClientTestInvalidSubInUserinfoResponse",
        sets(profile_in_token=False, userinfo={"sub": "bob"}),
        "userinfo: another sub",
    ),
    case("OIDCCClientTestNonceInvalid", sets(claims={"nonce": "x" * 43}), "id token: nonce"),
    case("OIDCCClientTestInvalidAtHashInIdToken", sets(claims={"at_hash": half_hash("other")}), "id token: at_hash"),
    case("OIDCCClientTestDiscoveryIssuerMismatch", sets(metadata={"issuer": EVIL}), "discovery: another issuer"),
    case("discovery of the issuer with a slash", sets(metadata=lambda op: {"issuer": f"{op.issuer}/"}), "another iss"),
    case("keys without https", sets(metadata={"jwks_uri": "http://127.0.0.2/jwks"}), "endpoint without https"),
    case("tokens without https", sets(metadata={"token_endpoint": "http://op.example/t"}), "endpoint without https"),
    case("an address with a password", sets(metadata={"jwks_uri": "https://a:b@op.example/"}), "endpoint without"),
    case("an address of another kind", sets(metadata={"end_session_endpoint": "javascript:1"}), "endpoint without"),
    case("an address that is none", sets(metadata={"userinfo_endpoint": "https://[::1"}), "endpoint without"),
    case("no id token", sets(tokens={"id_token": GONE}), "token: no id token"),
    case("an empty id token", sets(tokens={"id_token": ""}), "token: no id token"),
    case("signed by the published key as a secret", forges({"alg": "HS256", "kid": "one"}, by_public_key), "algorithm"),
    case("an algorithm nobody chose", forges({"alg": "RS512", "kid": "one"}, right), "algorithm not allowed"),
    case("an algorithm of another kind of key", forges({"alg": "ES256", "kid": "one"}, right), "unknown key"),
    case("a key that the token brings", forges({"alg": "ES256", "jwk": SHORT.jwk}, by(SHORT)), "header not allowed"),
    case("a key that the token points to", forges({"alg": "RS256", "jku": f"{EVIL}/k"}, by(TWO)), "header not allowed"),
    case("a certificate that it points to", forges({"alg": "RS256", "x5u": f"{EVIL}/c"}, by(TWO)), "header not"),
    case("a certificate that it brings", forges({"alg": "RS256", "x5c": ["AA"]}, by(TWO)), "header not allowed"),
    case("a critical header", forges({"alg": "RS256", "kid": "one", "crit": ["exp"], "exp": 1}, right), "header not"),
    case("an unknown critical header", forges({"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1}, right), "header"),
    case("another name for the same key", forges({"alg": "RS256", "kid": "two"}, right), "unknown key"),
    case("another key of that name", forges({"alg": "RS256", "kid": "one"}, by(TWO)), "wrong signature"),
    case("two keys of that name", sets(keys=[ONE.jwk, {**TWO.jwk, "kid": "one"}]), "several keys fit"),
    case("a key for secrets", sets(keys=[{**ONE.jwk, "use": "enc"}]), "unknown key"),
    case("a key for another algorithm", sets(keys=[{**ONE.jwk, "alg": "PS256"}]), "unknown key"),
    case("a key not for checking", sets(keys=[{**ONE.jwk, "key_ops": ["encrypt"]}]), "not checkable"),
    case("a short key", signs_with(rsa_key("short", bits=1024)), "unknown key"),
    case("a published secret", sets(keys=[{"kty": "oct", "k": "AAAA", "kid": "one"}]), "unknown key"),
    case("no keys", sets(keys=[]), "unknown key"),
    case("no nonce", sets(claims={"nonce": GONE}), "Missing claim: 'nonce'"),
    case("a nonce among others", sets(claims={"nonce": ["x", "y"]}), "claims unreadable"),
    case("no iss", sets(claims={"iss": GONE}), "Missing claim: 'iss'"),
    case("iss among others", sets(claims=lambda op: {"iss": [op.issuer]}), "invalid_claim"),
    case("no exp", sets(claims={"exp": GONE}), "Missing claim: 'exp'"),
    case("exp that is text", sets(claims={"exp": "2999-01-01"}), "invalid_claim"),
    case("exp that is true", sets(claims={"exp": True}), "invalid_claim"),
    case("expired a minute ago", sets(claims=lambda op: {"exp": int(op.now()) - 60}), "expired_token"),
    case("issued in the future", sets(claims=lambda op: {"iat": op.now() + 90}), "issued in the future"),
    case("not yet valid", sets(claims=lambda op: {"nbf": op.now() + 90}), "not yet valid"),
    case("an empty sub", sets(claims={"sub": ""}), "'sub'"),
    case("a blank sub", sets(claims={"sub": "  "}), "id token: sub"),
    case("a sub that is a number", sets(claims={"sub": 7}), "invalid_claim"),
    case("a sub with a line end", sets(claims={"sub": "ann\nbob"}), "id token: sub"),
    case("a sub outside ASCII", sets(claims={"sub": "\u0430nn"}), "id token: sub"),
    case("a sub without end", sets(claims={"sub": "x" * 256}), "id token: sub"),
    case("several aud, made for nobody", sets(claims=lambda op: {"aud": ["x", op.client_id]}), "id token: azp"),
    case("made for somebody else", sets(claims={"azp": "x"}), "id token: azp"),
    case("an empty aud", sets(claims={"aud": []}), "'aud'"),
    case("at_hash without an access token", sets(tokens={"access_token": GONE}), "id token: at_hash"),
    case("claims that are no object", sets(token=lambda op: signed_by(op, b"[]")), "claims unreadable"),
    case("claims that are no JSON", sets(token=lambda op: signed_by(op, b"{")), "claims unreadable"),
    case("an answer of another issuer", sets(answer={"iss": EVIL}), "answer of another issuer"),
    case("an answer without the promised iss", sets(answer={"iss": GONE}), "answer without iss"),
]


@pytest.mark.parametrize("arrange", ACCEPTED)
async def test_signs_in(op: Op, arrange: Arrange, rp_at: RpAt) -> None:
    arrange(op)
    sign_in = await rp_at(op).sign_in("/invoices?page=2")
    assert op.refused == []
    assert sign_in.return_to == "/invoices?page=2"
    assert sign_in.identity == Identity(issuer=op.issuer, subject="ann", email="ann@acme.example", name="Ann Acme")


@pytest.mark.parametrize(("arrange", "reason"), REFUSED)
async def test_refuses(op: Op, arrange: Arrange, reason: str, rp_at: RpAt) -> None:
    arrange(op)
    with pytest.raises(NotBelieved) as refusal:
        await rp_at(op).sign_in()
    assert reason in refusal.value.reason
    assert op.count("/userinfo") == ("userinfo" in reason), "a token that is not believed opens nothing"


def test_knows_every_module_of_the_plans() -> None:
    """Those of sign-out are in test_oidc_flow, those of back-channel logout in test_backchannel."""
    known = SHARED / "corpora" / "oidc_rp_conformance.json"
    need("shared corpora", known.is_file(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    plans = json.loads(known.read_bytes())["plans"]
    wanted = {*plans["OIDCCClientBasicTestPlan"], *plans["OIDCCClientConfigTestPlan"]}
    tested = {str(param.id).partition(":")[0] for param in [*ACCEPTED, *REFUSED]}
    assert wanted - tested == {name for name in wanted if "SigningKeyRotation" in name}, "those are in test_oidc_keys"


def odd_headers() -> Iterator[bytes]:
    yield from (b"", b"null", b"[]", b"7", b'"alg"', b'["alg"]', b"{}", b'{"alg": null}', b'{"alg": ["RS256"]}')
    yield from (b'{"alg": {}}', b'{"alg": "RS256", "kid": 7}', b'{"alg": "RS256", "kid": null}', b"[" * 100_000)
    yield from (b'{"alg": "RS256", "b64": false}', b'{"alg": "RS256", "b64": false, "crit": ["b64"]}', b"\xff")
    yield from (b'{"alg": "RS256", "crit": 7}', b'{"alg": "RS256", "x5t": 7}', b'{"alg": "RS256", "alg": "none"}')
    yield from (path.read_bytes() for path in sorted((SHARED / "corpora" / "json" / "parsing").glob("*.json")))


async def test_refuses_odd_tokens_without_stumbling(op: Op, http: httpx.AsyncClient, time: Time) -> None:
    keys = ProviderKeys(http, time)
    tokens = [compact(header, b"{}", op.signing.sign) for header in odd_headers()]
    tokens += ["", ".", "..", "...", "a.b.c", "\ud800.\ud800.", "\u00e9.\u00e9.\u00e9", "=.=.=", "A" * 1_000_000]
    for token in tokens:
        with pytest.raises(NotBelieved):
            await keys.verify(token, f"{op.issuer}/jwks")
