"""How the sign-in providers are called."""

import ssl
from collections.abc import Iterable, Iterator

import httpx

from auth.clock import utc_now
from auth.oidc import OidcClient
from auth.once import Once
from auth.pre_login import PreLoginCookies
from auth.provider_http import open_client
from connectors.addresses import AddressPolicy
from connectors.dialer import Dialer
from connectors.wire import PoolTransport
from gateway.keyring import Keyring
from gateway.sign_in import SignInSettings, provider_of


def clients_of(
    sign_ins: Iterable[SignInSettings], base_url: str, http: httpx.AsyncClient, keyring: Keyring, once: Once
) -> Iterator[OidcClient]:
    pre_login = PreLoginCookies(keyring.current.derive(b"pre-login cookies"), utc_now)
    for sign_in in sign_ins:
        yield OidcClient(provider_of(sign_in, base_url), http, utc_now, pre_login, once)


def provider_client() -> httpx.AsyncClient:
    """Call the sign-in provider, whose address only this deployment's operator sets, over a pool that loses no slot."""
    anywhere = AddressPolicy(allow_http=True, allow_private=True)
    pool = PoolTransport(Dialer(anywhere), tls=ssl.create_default_context())
    return open_client(pool)
