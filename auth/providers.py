"""The sign-in providers, each with a client of its own and known by its id."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from auth.errors import NotBelieved
from auth.oidc import OidcClient
from auth.principals import Kind
from auth.provider import Provider
from auth.signatures import parse


class Claimed(Struct, frozen=True):
    """Who made a token and for whom, as it says itself."""

    iss: Any = None
    aud: Any = None


class Providers:
    """Finds a provider's client. What is asked of it is then proven by that provider alone."""

    def __init__(self, clients: Iterable[OidcClient]) -> None:
        self._clients = {client.provider.id: client for client in clients}

    def get(self, provider_id: str) -> OidcClient | None:
        return self._clients.get(provider_id)

    def of_kind(self, kind: Kind) -> list[Provider]:
        """List the providers for one kind of people, in the order of the settings."""
        return [client.provider for client in self._clients.values() if client.provider.kind == kind]

    def for_address(self, address: str) -> Provider | None:
        """Find the one at which customers with addresses of this domain sign in. Of the address only that is told."""
        domain = address.rpartition("@")[2].lower()
        return next((provider for provider in self.of_kind("member") if domain in provider.domains), None)

    def named_in(self, token: str) -> OidcClient:
        """Find the one that a logout token says it is from. Nothing is proven yet. Raises `NotBelieved`."""
        claimed = _claimed(token)
        there = [client for client in self._clients.values() if client.provider.issuer == claimed.iss]
        if not there:
            raise NotBelieved("logout token: iss of no provider")
        audience = claimed.aud if isinstance(claimed.aud, list) else [claimed.aud]
        # One issuer may know us under two names, for customers and for staff.
        return next((client for client in there if client.provider.client_id in audience), there[0])

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()


def _claimed(token: str) -> Claimed:
    try:
        return msgspec.json.decode(parse(token).payload, type=Claimed)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NotBelieved("logout token: claims unreadable") from error
