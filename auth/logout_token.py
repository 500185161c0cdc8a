"""The checks that make a logout token an order to end sessions.

https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation
"""

from datetime import datetime
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from msgspec import Struct

from auth.errors import NotBelieved
from auth.id_token import LEEWAY
from auth.plain import is_plain
from auth.signatures import Signed

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = {"logout+jwt", "jwt"}  # the second by providers older than the first
OLDEST = 600  # seconds, less than `Once` remembers


class Logout(Struct, frozen=True, kw_only=True):
    """Whom the provider signed out: a person, one session, or one session of a person. Only `check` makes one."""

    issuer: str
    subject: str | None
    sid: str | None
    token_id: str  # `jti`, to be taken once


def check(signed: Signed, issuer: str, client_id: str, now: datetime) -> Logout:
    """Raises `NotBelieved` unless everything fits."""
    if signed.type is not None and str(signed.type).lower() not in TYPES:
        raise NotBelieved("logout token: typ")
    claims = _read(signed, issuer, client_id, now)
    if claims["iat"] < now.timestamp() - OLDEST - LEEWAY:
        raise NotBelieved("logout token: too old")
    if "nonce" in claims:
        raise NotBelieved("logout token: nonce")  # an ID token in disguise
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise NotBelieved("logout token: events")
    subject, sid = claims.get("sub"), claims.get("sid")
    if subject is None and sid is None:
        raise NotBelieved("logout token: neither sub nor sid")
    return Logout(
        issuer=issuer,
        subject=None if subject is None else _plain(subject, "sub"),
        sid=None if sid is None else _plain(sid, "sid"),
        token_id=_plain(claims["jti"], "jti"),
    )


def _read(signed: Signed, issuer: str, client_id: str, now: datetime) -> dict[str, Any]:
    registry = JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        jti={"essential": True},
        events={"essential": True},
    )
    try:
        claims = msgspec.json.decode(signed.payload, type=dict[str, Any])
        registry.validate(claims)
    except JoseError as error:
        raise NotBelieved(f"logout token: {error}") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NotBelieved("logout token: claims unreadable") from error
    return claims


def _plain(name: object, claim: str) -> str:
    if not is_plain(name):
        raise NotBelieved(f"logout token: {claim}")
    return name
