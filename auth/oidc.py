"""Signing in with an OpenID provider: authorization code flow with PKCE.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
"""

import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # Authlib ships no types
from msgspec.structs import replace

from auth import logout_token
from auth.claimed_role import claimed_role
from auth.clock import Clock
from auth.customer_claim import claimed_customer
from auth.discovery import Discovery, Metadata
from auth.errors import Declined, NotBelieved, NotSetUp, ProviderDown, SignInError, StartAgain
from auth.exchange import Tokens, fetch_profile, redeem
from auth.hidden import Hidden
from auth.id_token import Claims, Expected, check
from auth.logout_token import Logout
from auth.once import Once
from auth.own_path import own_path
from auth.pre_login import PreLogin, PreLoginCookies
from auth.profile import Profile
from auth.provider import Begin, Identity, Provider, SignIn
from auth.provider_keys import ProviderKeys
from auth.same import same

# What a provider may answer instead of a code, and whom it is about. Anything else is its own trouble.
# https://openid.net/specs/openid-connect-core-1_0.html#AuthError
ERRORS: dict[str, type[SignInError]] = {
    "access_denied": Declined,
    "account_selection_required": Declined,
    "consent_required": Declined,
    "interaction_required": Declined,
    "login_required": Declined,
    "invalid_request": NotSetUp,
    "invalid_scope": NotSetUp,
    "unauthorized_client": NotSetUp,
    "unsupported_response_type": NotSetUp,
    "server_error": ProviderDown,
    "temporarily_unavailable": ProviderDown,
}

log = structlog.get_logger()


class OidcClient:
    """Signs people in with one provider. Every failure is a `SignInError`."""

    def __init__(
        self, provider: Provider, http: httpx.AsyncClient, clock: Clock, cookies: PreLoginCookies, once: Once
    ) -> None:
        self.provider = provider
        self._http = http
        self._clock = clock
        self._cookies = cookies
        self._once = once
        self._discovery = Discovery(provider.issuer, http, clock)
        self._keys = ProviderKeys(http, clock)

    async def begin(self, return_to: str) -> Begin:
        """Start a sign-in that ends at a page of ours."""
        metadata = await self._discovery.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        cookie = self._cookies.seal(
            provider=self.provider.id, state=state, nonce=nonce, verifier=verifier, return_to=own_path(return_to)
        )
        question = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        return Begin(_with_query(metadata.authorization_endpoint, question), cookie)

    async def finish(self, query: Iterable[tuple[str, str]], cookie: str | None) -> SignIn:
        """Judge what the browser brought back: the query of the callback, and the pre-login cookie."""
        pre_login = self._cookies.open(cookie)
        answer = _once_each(query)
        if pre_login.provider != self.provider.id:
            raise StartAgain("begun with another provider")
        if not same(answer.get("state", ""), pre_login.state):
            raise StartAgain("state of another sign-in" if "state" in answer else "no state")
        if not await self._once.first_use(f"{self.provider.id} {pre_login.state}"):
            raise StartAgain("state used before")
        metadata = await self._discovery.metadata()
        self._check_sender(answer.get("iss"), metadata)
        tokens = await redeem(self._http, self.provider, metadata, _code(answer), pre_login.verifier)
        claims, payload = await self._prove(tokens, pre_login, metadata)
        identity = await self._identify(claims, tokens, metadata)
        return SignIn(
            identity=replace(identity, number=claimed_customer(payload, self.provider.customer_claim)),
            id_token=Hidden(tokens.id_token),
            sid=claims.provider_sid,
            role=claimed_role(payload, self.provider.role_claim, self.provider.roles),
            return_to=pre_login.return_to,
        )

    async def logout_url(self, id_token: str | None) -> str | None:
        """Where a browser signs out of the provider too. None where there is no such place, or it cannot be learnt.

        https://openid.net/specs/openid-connect-rpinitiated-1_0.html. Our own session has ended before; so nothing
        depends on what comes back, and the `state` that comes with it is not looked at.
        """
        try:
            endpoint = (await self._discovery.metadata()).end_session_endpoint
        except SignInError as error:
            log.warning("no sign-out at the provider", reason=error.reason)
            return None
        if endpoint is None:
            return None
        question = {
            "client_id": self.provider.client_id,
            "post_logout_redirect_uri": self.provider.post_logout_redirect_uri,
            "state": secrets.token_urlsafe(16),
        }
        hint = {"id_token_hint": id_token} if id_token else {}
        return _with_query(endpoint, hint | question)

    async def take_logout(self, token: str) -> Logout:
        """Judge a logout token that the provider, or somebody else, sent us. The same one is believed once."""
        metadata = await self._discovery.metadata()
        signed = await self._keys.verify(token, metadata.jwks_uri)
        logout = logout_token.check(signed, self.provider.issuer, self.provider.client_id, self._clock())
        if not await self._once.first_use(f"logout {self.provider.id} {logout.token_id}"):
            raise NotBelieved("logout token: used before")
        return logout

    async def aclose(self) -> None:
        await self._discovery.aclose()
        await self._keys.aclose()

    def _check_sender(self, issuer: str | None, metadata: Metadata) -> None:
        """Refuse the answer of another provider.

        https://www.rfc-editor.org/rfc/rfc9207
        """
        if issuer is None and metadata.authorization_response_iss_parameter_supported:
            raise NotBelieved("answer without iss")
        if issuer is not None and issuer != self.provider.issuer:
            raise NotBelieved("answer of another issuer")

    async def _prove(self, tokens: Tokens, pre_login: PreLogin, metadata: Metadata) -> tuple[Claims, bytes]:
        """Check the ID token, and give what it claims: what everybody's does, and all of it as it is written."""
        signed = await self._keys.verify(tokens.id_token, metadata.jwks_uri)
        expected = Expected(
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            nonce=pre_login.nonce,
            access_token=tokens.access_token,
        )
        return check(signed, expected, self._clock()), signed.payload

    async def _identify(self, claims: Claims, tokens: Tokens, metadata: Metadata) -> Identity:
        profile: Profile = claims
        if not claims.is_complete and metadata.userinfo_endpoint and tokens.access_token:
            profile = await fetch_profile(self._http, metadata.userinfo_endpoint, tokens.access_token, claims.sub)
        return Identity(
            issuer=self.provider.issuer,
            subject=claims.sub,
            # An address and the word that it is verified come from one document, never half from each.
            email=claims.verified_email or profile.verified_email,
            name=claims.plain_name or profile.plain_name,
        )


def _once_each(query: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Refuse a parameter that comes twice: two readers could each read another one."""
    pairs = list(query)
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise NotBelieved("answer with a parameter twice")
    return answer


def _code(answer: Mapping[str, str]) -> str:
    if "error" in answer:
        error = ERRORS.get(answer["error"], ProviderDown)
        raise error(f"answer: {answer['error']}" if answer["error"] in ERRORS else "answer: unknown error")
    code = answer.get("code")
    if not code:
        raise NotBelieved("answer without a code")
    return code


def _with_query(url: str, question: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(question)}"
