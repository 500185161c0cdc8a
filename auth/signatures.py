"""Whether a token was signed by one of these keys. The token chooses nothing but the name of the key."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import CompactSignature, JWSRegistry
from msgspec import Struct

from auth.errors import NotBelieved

# What exists for us; the library's other algorithms, with HMAC and `none`, do not.
ALGORITHMS = {name: JWSRegistry.algorithms[name] for name in ("RS256", "PS256", "ES256", "Ed25519")}
ALGORITHMS["EdDSA"] = ALGORITHMS["Ed25519"]  # the older name, of more curves than this one
POINTS_ELSEWHERE = {"jwk", "jku", "x5u", "x5c", "crit", "b64"}  # a token that brings its key, or rules of its own
MIN_RSA_BITS = 2048
BITS_PER_CHARACTER = 6  # of base64
UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)  # met with hostile JSON

log = structlog.get_logger()


class Registry(JWSRegistry):
    """The library's checks over our algorithms. Unknown headers that nobody calls critical are left unread."""

    algorithms = ALGORITHMS


REGISTRY = Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


class Signed(Struct, frozen=True):
    """The content of a token whose signature is proven. Only `verify` makes one."""

    payload: bytes
    algorithm: str
    type: Any  # the header's `typ`, if there is one


class NoSuchKey(NotBelieved):
    """None of the keys made this signature; newer keys may have."""


def parse(token: str) -> CompactSignature:
    """Take a token apart. Nothing is proven yet."""
    try:
        signature = jws.extract_compact(token.encode(), registry=REGISTRY)
        header = dict(signature.headers())
        allowed = header["alg"] in ALGORITHMS
    except UNREADABLE as error:
        raise NotBelieved("signed token: unreadable") from error
    if not allowed:
        raise NotBelieved("signed token: algorithm not allowed")
    if POINTS_ELSEWHERE & header.keys():
        raise NotBelieved("signed token: header not allowed")
    return signature


def verify(signature: CompactSignature, keys: Iterable[Key]) -> Signed:
    """Check against the one key that fits. Where the token does not name its key, only one may fit."""
    header = signature.headers()
    fitting = [key for key in keys if _fits(key, header)]
    if len(fitting) != 1:
        raise NoSuchKey("signed token: several keys fit" if fitting else "signed token: unknown key")
    try:
        genuine = jws.validate_compact(signature, fitting[0], registry=REGISTRY)
    except UNREADABLE as error:
        raise NotBelieved("signed token: signature not checkable") from error
    if not genuine:
        raise NoSuchKey("signed token: wrong signature")
    return Signed(signature.payload, header["alg"], header.get("typ"))


def _fits(key: Key, header: Mapping[str, Any]) -> bool:
    try:
        ALGORITHMS[header["alg"]].check_key(key)
    except JoseError:
        return False
    return "kid" not in header or header["kid"] == key.kid


def usable_keys(documents: Iterable[dict[str, Any]]) -> list[Key]:
    """Read a provider's published keys, without those that we could not or should not use."""
    keys = []
    for document in documents:
        try:
            if _is_acceptable(document):
                # Ed25519 has two names, and the library wants the same one on the key and on the algorithm.
                name = {"alg": "Ed25519"} if document.get("alg") == "EdDSA" else {}
                keys.append(JWKRegistry.import_key({**document, **name}))
        except UNREADABLE as error:
            log.warning("sign-in provider has an unreadable key", error=type(error).__name__)
    return keys


def _is_acceptable(document: Mapping[str, Any]) -> bool:
    """Asymmetric, and not so short that it can be broken."""
    if document["kty"] == "RSA":
        return len(document["n"]) * BITS_PER_CHARACTER >= MIN_RSA_BITS
    return document["kty"] in {"EC", "OKP"}
