"""How an admin lets us in on the vendor's own page: OAuth 2 with a code (RFC 6749, 4.1) and PKCE (RFC 7636)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Meta, Struct

from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret
from connectors.errors import BadResponse, NotAgreed, Refused
from connectors.transport import open_client, utc_now

C = TypeVar("C", bound=Config)

KEPT_IN = "refresh_token"  # the setting that holds what the vendor gave
EARLY = 60.0  # seconds before its end that an access token is renewed; at most a tenth of its life
PRINTS = r"^[\x21-\x7e]+\Z"  # it becomes a header


class Pair(Struct, frozen=True, kw_only=True):
    """What a vendor gives: a token to come in with, and one to come back with. Without an end: until it is refused."""

    access: Secret
    refresh: Secret
    renew_at: datetime | None = None
    ends_at: datetime | None = None


class Consent(Struct, Generic[C], frozen=True, kw_only=True):
    """Where an admin agrees, and where a code becomes a token. `client_id` empty: this source is let in otherwise.

    Both addresses follow from those to which secrets are sent anyway. The settings have a secret `refresh_token`.
    `rotates`: each refresh token counts once, and with the next one the access token before it ends.
    """

    page: Callable[[C], str]
    token_url: Callable[[C], str]
    client_id: Callable[[C], str]
    client_secret: Callable[[C], Secret | None]
    scope: str
    optional_scope: str = ""
    rotates: bool = False

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
    access_token: Annotated[str, Meta(max_length=4000, pattern=PRINTS)]
    refresh_token: Annotated[str, Meta(max_length=2000, pattern=PRINTS)]
    expires_in: Annotated[float, Meta(ge=0, le=1e9)] | None = None


async def redeem(
    consent: Consent[Any], config: Config, policy: AddressPolicy, *, code: str, verifier: str, redirect_uri: str
) -> Pair:
    """Turn a code into what we come back with. No secret goes into an address. Raises `ConnectorError`."""
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
        "code": code,
        "code_verifier": verifier,
        "scope": consent.scope,
    }
    return await _ask(consent, config, policy, form)


async def renew(
    consent: Consent[Any], config: Config, policy: AddressPolicy, refresh: Secret, *, clock: Callable[[], datetime]
) -> Pair:
    """Come back with a refresh token, which may count once. Raises `ConnectorError`: `NotAgreed` where it is void."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh.reveal()}
    try:
        return await _ask(consent, config, policy, form, clock=clock)
    except Refused as error:
        raise NotAgreed(str(error)) from error


async def _ask(
    consent: Consent[Any],
    config: Config,
    policy: AddressPolicy,
    form: Mapping[str, str],
    *,
    clock: Callable[[], datetime] = utc_now,
) -> Pair:
    secret = consent.client_secret(config)
    whole = {
        **form,
        "client_id": consent.client_id(config),
        **({"client_secret": secret.reveal()} if secret else {}),
    }
    url = httpx.URL(consent.token_url(config))
    asked_at = clock()
    async with open_client(str(url.copy_with(path="/", query=None)), policy=policy, auth=None, connections=1) as http:
        response = await http.post(url, data=whole, headers={"Accept": "application/json"})
    try:
        given = msgspec.json.decode(response.content, type=_Given, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # without the cause: it may quote the answer
        raise BadResponse(f"the answer has no tokens to come back with ({type(error).__name__})") from None
    life = given.expires_in
    return Pair(
        access=Secret(given.access_token),
        refresh=Secret(given.refresh_token),
        renew_at=None if life is None else asked_at + timedelta(seconds=life - min(EARLY, life / 10)),
        ends_at=None if life is None else asked_at + timedelta(seconds=life),
    )
