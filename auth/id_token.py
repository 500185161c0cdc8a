"""The checks that make an ID token a proof.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from msgspec import Struct

from auth.errors import NotBelieved
from auth.plain import is_plain
from auth.profile import Profile
from auth.same import same
from auth.signatures import Signed

LEEWAY = 60  # seconds by which their clock and ours may differ

# The hash of `at_hash` goes with the algorithm of the signature.
HASHES: dict[str, Callable[[bytes], Any]] = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "EdDSA": hashlib.sha512,
    "Ed25519": hashlib.sha512,
}


class Claims(Profile, frozen=True, kw_only=True):
    """What a checked ID token says. Only `check` makes one."""

    sub: str
    nonce: str
    aud: str | list[str]
    azp: str | None = None
    at_hash: str | None = None
    sid: Any = None

    @property
    def provider_sid(self) -> str | None:
        """The provider's session. One that cannot be kept is no reason to let nobody in."""
        return self.sid if is_plain(self.sid) else None


class Expected(Struct, frozen=True, kw_only=True):
    """What the token must have been made for. `access_token` is the one it came with."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None


def check(signed: Signed, expected: Expected, now: datetime) -> Claims:
    """Raises `NotBelieved` unless everything fits."""
    claims = _read(signed, expected, now)
    # The library takes a list that has the nonce among others, and knows neither `azp` nor `at_hash`.
    if not same(claims.nonce, expected.nonce):
        raise NotBelieved("id token: nonce")
    if claims.azp != expected.client_id and (claims.azp is not None or _names_several(claims.aud)):
        raise NotBelieved("id token: azp")
    if not is_plain(claims.sub):
        raise NotBelieved("id token: sub")
    if claims.at_hash is not None and not _is_half_hash(claims.at_hash, expected.access_token, signed.algorithm):
        raise NotBelieved("id token: at_hash")
    return claims


def _read(signed: Signed, expected: Expected, now: datetime) -> Claims:
    registry = JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True},
    )
    try:
        registry.validate(msgspec.json.decode(signed.payload, type=dict[str, Any]))
        return msgspec.json.decode(signed.payload, type=Claims)
    except JoseError as error:
        raise NotBelieved(f"id token: {error}") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NotBelieved("id token: claims unreadable") from error


def _names_several(audience: str | list[str]) -> bool:
    return isinstance(audience, list) and len(audience) > 1


def _is_half_hash(given: str, access_token: str | None, algorithm: str) -> bool:
    digest = HASHES[algorithm]((access_token or "").encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return access_token is not None and same(given, half)
