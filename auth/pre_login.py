"""What a browser keeps while its person is away at the provider: sealed, for ten minutes, in one cookie."""

import base64
import os
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from auth.clock import Clock
from auth.errors import StartAgain

LIFETIME = timedelta(minutes=10)
PURPOSE = b"hallway pre-login 1"  # sealed with it, so that nothing else made with this key opens as a sign-in
NONCE_BYTES = 12


class PreLogin(Struct, frozen=True, kw_only=True):
    """One sign-in under way. `provider` is the id of the one to which the person was sent."""

    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    expires_at: datetime


class PreLoginCookies:
    """Seals and opens with a key of 32 bytes. A changed key costs only the sign-ins under way."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._cipher = AESGCM(key)
        self._clock = clock

    def seal(self, *, provider: str, state: str, nonce: str, verifier: str, return_to: str) -> str:
        pre_login = PreLogin(
            provider=provider,
            state=state,
            nonce=nonce,
            verifier=verifier,
            return_to=return_to,
            expires_at=self._clock() + LIFETIME,
        )
        iv = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(iv, msgspec.json.encode(pre_login), PURPOSE)
        return base64.urlsafe_b64encode(iv + sealed).decode().rstrip("=")

    def open(self, cookie: str | None) -> PreLogin:
        """Raises `StartAgain` for anything but a cookie of ours that is still good."""
        if not cookie:
            raise StartAgain("no pre-login cookie")
        try:
            sealed = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PURPOSE)
        except (InvalidTag, ValueError) as error:
            raise StartAgain("pre-login cookie not ours") from error
        pre_login = msgspec.json.decode(plain, type=PreLogin)
        if pre_login.expires_at <= self._clock():
            raise StartAgain("pre-login cookie too old")
        return pre_login
