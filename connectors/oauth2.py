"""OAuth 2: tokens for client credentials (RFC 6749, 4.4), and for what an admin agreed to (6)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import quote_plus

import httpx
import msgspec
from msgspec import Meta, Struct

from connectors.answers import question, raise_for_status
from connectors.config import Secret
from connectors.consents import EARLY
from connectors.contract import Token, TokenStore
from connectors.errors import AccessDenied, BadResponse, NotAgreed, NotFound, Refused
from connectors.tokens import NOBODY_AGREED

NAME = "oauth2"  # in the token store


class Grant(Struct, frozen=True):
    """What a token endpoint answers."""

    access_token: Annotated[str, Meta(pattern=r"^[\x21-\x7e]+\Z")]  # it becomes a header
    token_type: Annotated[str, Meta(pattern="^(?i:bearer)$")]
    expires_in: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class ClientCredentials(httpx.Auth):
    """Sends a bearer token from the store, and gets one when it is missing, about to end or refused.

    The token request goes through the client's own transport and within its deadline. The secret goes into a header,
    never into a URL. A refused secret is `AccessDenied`; an endpoint that fails is `Unavailable`.
    """

    refused_as: ClassVar[type[AccessDenied]] = AccessDenied

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: Secret,
        tokens: TokenStore,
        clock: Callable[[], datetime],
        scope: str | None = None,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._tokens = tokens
        self._clock = clock
        self._scope = scope
        self._fetching = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        refused: Secret | None = None
        for _ in range(2):
            async with self._fetching:  # parallel callers wait for the first one's token
                token = await self._stored(refused)
                if token is None:
                    token = await self._read((yield self._question()))
                    await self._tokens.put(NAME, token)
            request.headers["Authorization"] = f"Bearer {token.value.reveal()}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            refused = token.value
        await self._tokens.drop(NAME)

    async def _stored(self, refused: Secret | None) -> Token | None:
        token = await self._tokens.get(NAME)
        if token is None or token.value == refused:
            return None
        return token if token.expires_at is None or token.expires_at > self._clock() else None

    def _question(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret.reveal())}"
        return httpx.Request(
            "POST",
            self._token_url,
            data=form,
            headers={"Authorization": f"Basic {b64encode(pair.encode()).decode()}", "Accept": "application/json"},
        )

    async def _read(self, response: httpx.Response) -> Token:
        now = self._clock()
        try:
            raise_for_status(response, now)
        except (Refused, NotFound) as error:
            raise self.refused_as(str(error)) from error
        try:
            grant = msgspec.json.decode(await response.aread(), type=Grant, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Without the cause: it may quote the answer.
            raise BadResponse(
                f"{question(response.request)}: answered no bearer token ({type(error).__name__})"
            ) from None
        if grant.expires_in is None:
            return Token(value=Secret(grant.access_token))
        life = grant.expires_in - min(EARLY, grant.expires_in / 10)
        return Token(value=Secret(grant.access_token), expires_at=now + timedelta(seconds=life))


class Refreshing(ClientCredentials):
    """The same for somebody's consent: what they gave us gets a token whenever one is needed.

    The client's secret goes into the body, as some vendors read it nowhere else. Without a consent: `NotAgreed`.
    """

    refused_as = NotAgreed

    def __init__(self, *, refresh_token: Secret | None, **given: Any) -> None:  # noqa: ANN401  # as above
        super().__init__(**given)
        self._refresh_token = refresh_token

    def _question(self) -> httpx.Request:
        if self._refresh_token is None:
            raise NotAgreed(NOBODY_AGREED)
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
            "refresh_token": self._refresh_token.reveal(),
        }
        return httpx.Request("POST", self._token_url, data=form, headers={"Accept": "application/json"})


class Lent(httpx.Auth):
    """Sends the token that the store lends, which renews it for all processes, and once more another one if refused."""

    def __init__(self, tokens: TokenStore) -> None:
        self._tokens = tokens

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        lent = await self._tokens.lend()
        request.headers["Authorization"] = f"Bearer {lent.reveal()}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            another = await self._tokens.lend(refused=lent)
            request.headers["Authorization"] = f"Bearer {another.reveal()}"
            yield request
