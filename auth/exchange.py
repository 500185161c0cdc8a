"""The two calls to a provider that carry secrets: the code for tokens, the access token for the person's profile."""

import base64
from urllib.parse import quote_plus

import httpx
import msgspec
from msgspec import Struct

from auth.discovery import Metadata
from auth.errors import NotBelieved, NotSetUp, ProviderDown, SignInError, StartAgain
from auth.profile import Profile
from auth.provider import Provider
from auth.provider_http import Reply, ask, understood

FIRST_SERVER_ERROR = 500


class Tokens(Struct, frozen=True):
    """What proves who the person is, and what opens their profile."""

    id_token: str
    access_token: str | None


class TokenReply(Struct, frozen=True):
    """As received, not checked yet."""

    id_token: str | None = None
    access_token: str | None = None


class Refusal(Struct, frozen=True):
    """Why there are no tokens.

    https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    """

    error: str = ""


class UserInfo(Profile, frozen=True, kw_only=True):
    sub: str


async def redeem(http: httpx.AsyncClient, provider: Provider, metadata: Metadata, code: str, verifier: str) -> Tokens:
    """Change an authorization code into tokens."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "code_verifier": verifier,
    }
    headers: dict[str, str] = {}
    secret = provider.client_secret.reveal()
    methods = metadata.token_endpoint_auth_methods_supported or ("client_secret_basic",)
    if "client_secret_basic" in methods:
        headers["Authorization"] = _basic(provider.client_id, secret)
    elif "client_secret_post" in methods:
        form |= {"client_id": provider.client_id, "client_secret": secret}
    else:
        raise NotSetUp("token: no way of authentication that we know")
    reply = await ask(http, "POST", metadata.token_endpoint, data=form, headers=headers)
    if reply.status != httpx.codes.OK:
        raise _refusal(reply)
    tokens = understood(reply, TokenReply, "token")
    if not tokens.id_token:
        raise NotBelieved("token: no id token")
    return Tokens(tokens.id_token, tokens.access_token)


def _basic(client_id: str, secret: str) -> str:
    """Both parts are form-encoded first, or a colon or a plus in them would be read as something else.

    https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    """
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _refusal(reply: Reply) -> SignInError:
    if reply.status >= FIRST_SERVER_ERROR:
        return ProviderDown(f"token: status {reply.status}")
    try:
        error = msgspec.json.decode(reply.body, type=Refusal).error
    except (msgspec.MsgspecError, RecursionError):
        error = ""
    if error == "invalid_grant":
        return StartAgain("token: code refused")
    if error in {"invalid_client", "unauthorized_client"}:
        return NotSetUp(f"token: {error}")
    return ProviderDown(f"token: refused with status {reply.status}")


async def fetch_profile(http: httpx.AsyncClient, address: str, access_token: str, subject: str) -> Profile:
    """Ask userinfo. Its answer is about the same person or worth nothing."""
    reply = await ask(http, "GET", address, headers={"Authorization": f"Bearer {access_token}"})
    if reply.status != httpx.codes.OK:
        raise ProviderDown(f"userinfo: status {reply.status}")
    info = understood(reply, UserInfo, "userinfo")
    if info.sub != subject:
        raise NotBelieved("userinfo: another sub")
    return info
