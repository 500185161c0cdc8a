"""Us at the provider of support_op, with a browser between `begin` and `finish`, and a clock."""

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio
from support_op import Op

from auth.oidc import OidcClient
from auth.once import Once
from auth.pre_login import PreLoginCookies
from auth.provider import Begin, Provider, SignIn
from auth.provider_http import open_client
from cache.client import Client
from connectors.config import Secret

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
COOKIE_KEY = bytes(range(32))

Query = list[tuple[str, str]]


class Time:
    """The real time, moved by as much as a test wants."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def timestamp(self) -> float:
        return self().timestamp()

    def advance(self, **by: float) -> None:
        self.shift += timedelta(**by)


class Rp:
    """Us, registered at one provider, with a browser that follows one redirect."""

    def __init__(self, op: Op, http: httpx.AsyncClient, redis: Client, time: Time, *, id_: str = "main") -> None:
        self.op = op
        self.http = http
        self.redis = redis
        self.time = time
        op.now = time.timestamp
        self.provider = Provider(
            id=id_,
            issuer=op.issuer,
            client_id=op.client_id,
            client_secret=Secret(op.client_secret),
            redirect_uri=op.redirect_uri,
            post_logout_redirect_uri="http://127.0.0.1:8000/signed-out",
        )
        self.oidc = OidcClient(self.provider, http, time, PreLoginCookies(COOKIE_KEY, time), Once(redis))

    async def come_back(self, begin: Begin) -> Query:
        """Sign in at the provider, and bring back the query with which it sends the browser to the callback."""
        answer = await self.http.get(begin.url)
        assert answer.status_code == 302, self.op.refused
        assert answer.headers["Location"].startswith(self.op.redirect_uri)
        return parse_qsl(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)

    async def sign_in(self, return_to: str = "/") -> SignIn:
        begin = await self.oidc.begin(return_to)
        return await self.oidc.finish(await self.come_back(begin), begin.cookie)


RpAt = Callable[[Op], Rp]


def sets(**changes: Any) -> Callable[[Op], None]:
    """Change how a provider behaves. A callable is given the provider and makes the value."""

    def arrange(op: Op) -> None:
        for name, change in changes.items():
            setattr(op, name, change(op) if callable(change) else change)

    return arrange


@pytest.fixture
def time() -> Time:
    return Time()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    plain = httpx.AsyncHTTPTransport(verify=False)  # the certificates of the world take longer to load than a test
    async with open_client(plain) as http:
        yield http


@pytest.fixture
def rp_at(http: httpx.AsyncClient, redis: Client, time: Time) -> RpAt:
    """Registers us at a provider, once it behaves as a test wants."""
    return lambda op: Rp(op, http, redis, time)


@pytest.fixture
def rp(op: Op, rp_at: RpAt) -> Rp:
    return rp_at(op)
