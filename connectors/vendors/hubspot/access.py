"""How we are let in: by a token that an admin made, or by the consent of somebody to an app.

https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth
"""

from collections.abc import Generator
from datetime import UTC, datetime

import httpx

from connectors.config import Secret
from connectors.consents import Consent
from connectors.contract import TokenStore
from connectors.oauth2 import Refreshing
from connectors.vendors.hubspot.account import SCOPES
from connectors.vendors.hubspot.settings import HubSpotConfig

API, PAGE = "https://api.hubapi.com", "https://app.hubspot.com/oauth/authorize"
# For requests, for details that customers change, and for who looks after them.
OPTIONAL = "tickets crm.objects.contacts.write crm.objects.owners.read"


class BearerAuth(httpx.Auth):
    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


def auth_of(config: HubSpotConfig, tokens: TokenStore) -> httpx.Auth:
    """A token of an admin's counts before a consent."""
    if config.access_token:
        return BearerAuth(config.access_token)
    return Refreshing(
        refresh_token=config.refresh_token,
        token_url=_token_url(config),
        client_id=config.client_id,
        client_secret=config.client_secret,
        tokens=tokens,
        clock=lambda: datetime.now(UTC),
    )


def _base(config: HubSpotConfig) -> str:
    return config.base_url.rstrip("/")


def _token_url(config: HubSpotConfig) -> str:
    return f"{_base(config)}/oauth/v1/token"


consent = Consent[HubSpotConfig](
    page=lambda config: PAGE if _base(config) == API else f"{_base(config)}/oauth/authorize",
    token_url=_token_url,
    client_id=lambda config: "" if config.access_token else config.client_id,
    client_secret=lambda config: config.client_secret,
    scope=" ".join(["oauth", *(scope for _, scope in SCOPES)]),
    optional_scope=OPTIONAL,
)
