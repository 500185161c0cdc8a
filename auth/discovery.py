"""What a provider says of itself.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import structlog
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]  # Authlib ships no types
from msgspec import Struct

from auth.clock import Clock
from auth.errors import NotBelieved, ProviderDown
from auth.loopback import is_loopback
from auth.provider_http import get_document
from cache.flight import Flight

GOOD_FOR = timedelta(hours=1)
NEXT_TRY = timedelta(minutes=1)  # while the provider's document cannot be had and an older one serves

log = structlog.get_logger()


class Metadata(Struct, frozen=True):
    """The part of the document that we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool | None = None

    @property
    def addresses(self) -> list[str]:
        optional = (self.userinfo_endpoint, self.end_session_endpoint)
        return [self.authorization_endpoint, self.token_endpoint, self.jwks_uri, *filter(None, optional)]


class Discovery:
    """Keeps the document of one issuer for an hour. Raises `ValueError` for an issuer that may not be called."""

    def __init__(self, issuer: str, http: httpx.AsyncClient, clock: Clock) -> None:
        if not is_safe(issuer, issuer):
            raise ValueError("an issuer is an https address, or an http address of this very machine")
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._flight: Flight[Metadata] = Flight()
        self._known: Metadata | None = None
        self._due = clock()

    async def metadata(self) -> Metadata:
        """Raises `ProviderDown` when there is none yet, `NotBelieved` when it is not the issuer's own."""
        if self._known and self._clock() < self._due:
            return self._known
        try:
            self._known = await self._flight.join(self._issuer, self._fetch)
            self._due = self._clock() + GOOD_FOR
        except ProviderDown as error:
            if self._known is None:
                raise
            log.warning("sign-in provider not refreshed", reason=error.reason)
            self._due = self._clock() + NEXT_TRY
        return self._known

    async def aclose(self) -> None:
        await self._flight.aclose()

    async def _fetch(self) -> Metadata:
        url = get_well_known_url(self._issuer, external=True)
        metadata = await get_document(self._http, url, Metadata, "discovery")
        if metadata.issuer != self._issuer:
            raise NotBelieved("discovery: another issuer")
        if not all(is_safe(address, self._issuer) for address in metadata.addresses):
            raise NotBelieved("discovery: an endpoint without https")
        return metadata


def is_safe(url: str, issuer: str) -> bool:
    """Whether secrets may travel to an address: https, or the issuer's own place if that is this very machine."""
    try:
        parts, home = urlsplit(url), urlsplit(issuer)
        host = parts.hostname
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment or not url.isascii() or not url.isprintable():
        return False
    if parts.scheme == "https":
        return True
    return parts.scheme == home.scheme == "http" and parts.netloc == home.netloc and is_loopback(host)
