"""A provider's signing keys, fetched when they are needed and no more often."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from joserfc.jwk import Key
from msgspec import Struct

from auth.clock import Clock
from auth.provider_http import get_document
from auth.signatures import NoSuchKey, Signed, parse, usable_keys, verify
from cache.flight import Flight

GOOD_FOR = timedelta(hours=1)  # after which a withdrawn key is no longer believed
PAUSE = timedelta(minutes=1)  # after a look that did not help; a flood of bad tokens is one look a minute

log = structlog.get_logger()


class KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


class Fetched(Struct, frozen=True):
    keys: list[Key]
    at: datetime


class ProviderKeys:
    """Verifies tokens by the keys at a provider's `jwks_uri`, and looks there again when a token wants a newer one."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._flight: Flight[Fetched] = Flight()
        self._known: Fetched | None = None
        self._next_look = clock()

    async def verify(self, token: str, jwks_uri: str) -> Signed:
        """Raises `NotBelieved`, or `ProviderDown` when keys are needed and cannot be had."""
        signature = parse(token)
        known = self._known
        looked = known is None or self._clock() - known.at >= GOOD_FOR
        while True:
            if looked or known is None:
                known = await self._flight.join(jwks_uri, lambda: self._look(jwks_uri))
            try:
                signed = verify(signature, known.keys)
            except NoSuchKey:
                if looked or self._clock() < self._next_look:
                    raise
                looked = True
            else:
                if looked:
                    self._next_look = self._clock()  # it helped, so the next one need not wait
                return signed

    async def aclose(self) -> None:
        await self._flight.aclose()

    async def _look(self, jwks_uri: str) -> Fetched:
        asked_at = self._clock()
        document = await get_document(self._http, jwks_uri, KeySet, "keys")
        log.info("sign-in provider's keys fetched", keys=len(document.keys))
        self._known = Fetched(usable_keys(document.keys), asked_at)
        self._next_look = self._clock() + PAUSE
        return self._known
