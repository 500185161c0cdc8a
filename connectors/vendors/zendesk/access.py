"""How we are let in: by the API token of an agent's, or by the consent of an admin to an OAuth client.

https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/. With each renewal Zendesk deletes the
access token and the refresh token before it; what it answers is the only way back.
"""

import httpx

from connectors.consents import Consent
from connectors.contract import TokenStore
from connectors.oauth2 import Lent
from connectors.vendors.zendesk.settings import ZendeskConfig, account_address

SCOPES = "read write"  # those for single resources leave files and incremental exports out


def auth_of(config: ZendeskConfig, tokens: TokenStore) -> httpx.Auth:
    """A token of an agent's counts before a consent."""
    if config.api_token:
        return httpx.BasicAuth(f"{config.email}/token", config.api_token.reveal())
    return Lent(tokens)


consent = Consent[ZendeskConfig](
    page=lambda config: f"{account_address(config).rstrip('/')}/oauth/authorizations/new",
    token_url=lambda config: f"{account_address(config).rstrip('/')}/oauth/tokens",
    client_id=lambda config: "" if config.api_token else config.client_id,
    client_secret=lambda config: config.client_secret,
    scope=SCOPES,
    rotates=True,
)
