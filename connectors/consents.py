"""How an admin lets us in on the vendor's own page: OAuth 2 with a code (RFC 6749, 4.1) and PKCE (RFC 7636)."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Meta, Struct

from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret
from connectors.errors import BadResponse
from connectors.transport import open_client

C = TypeVar("C", bound=Config)

KEPT_IN = "refresh_token"  # the setting that holds what the vendor gave


class Consent(Struct, Generic[C], frozen=True, kw_only=True):
    """Where an admin agrees, and where a code becomes a token. `client_id` empty: this source is let in otherwise.

    Both addresses follow from those to which secrets are sent anyway. The settings have a secret `refresh_token`.
    """

    page: Callable[[C], str]
    token_url: Callable[[C], str]
    client_id: Callable[[C], str]
    client_secret: Callable[[C], Secret | None]
    scope: str
    optional_scope: str = ""

    def address(self, config: C, *, redirect_uri: str, state: str, challenge: str) -> str:
        """Give the address at which somebody agrees."""
        optional = {"optional_scope": self.optional_scope} if self.optional_scope else {}
        asked = {
            "response_type": "code",
            "client_id": self.client_id(config),
            "redirect_uri": redirect_uri,
            "scope": self.scope,
            **optional,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.page(config)}?{urlencode(asked)}"


class _Given(Struct):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+\Z")]


async def redeem(
    consent: Consent[Any], config: Config, policy: AddressPolicy, *, code: str, verifier: str, redirect_uri: str
) -> Secret:
    """Turn a code into what we come back with. No secret goes into an address. Raises `ConnectorError`."""
    secret = consent.client_secret(config)
    form = {
        "grant_type": "authorization_code",
        "client_id": consent.client_id(config),
        "client_secret": secret.reveal() if secret else "",
        "redirect_uri": redirect_uri,
        "code": code,
        "code_verifier": verifier,
    }
    url = httpx.URL(consent.token_url(config))
    async with open_client(str(url.copy_with(path="/", query=None)), policy=policy, auth=None, connections=1) as http:
        response = await http.post(url, data=form, headers={"Accept": "application/json"})
    try:
        return Secret(msgspec.json.decode(response.content, type=_Given).refresh_token)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # without the cause: it may quote the answer
        raise BadResponse(f"the answer has no token to come back with ({type(error).__name__})") from None
