"""How the provider is asked: once, within a deadline, for a small answer, with nothing remembered in between."""

import asyncio
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx
import msgspec

from auth.errors import ProviderDown

DEADLINE = 10.0  # seconds for one call as a whole; the client's own limits are per read
MAX_BYTES = 512 * 1024

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True):
    """What came back, read to its end."""

    status: int
    body: bytes
    media_type: str


def open_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Make a client for the calls to a provider: no redirects, no proxies of the environment, no cookies."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # one person's cookies would go with another's code
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(5.0),
        follow_redirects=False,
        trust_env=False,
        cookies=no_cookies,
        # Uncompressed, so that the size on the wire is the size in memory.
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


async def ask(http: httpx.AsyncClient, method: str, url: str, **content: Any) -> Reply:  # noqa: ANN401  # httpx's own
    """Send a request and read the reply. Raises `ProviderDown` for what is no usable answer on the wire."""
    try:
        async with asyncio.timeout(DEADLINE), http.stream(method, url, follow_redirects=False, **content) as response:
            return Reply(response.status_code, await _read(response), response.headers.get("Content-Type", ""))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise ProviderDown(f"no answer: {type(error).__name__}") from error


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ProviderDown("answer too large")
    return bytes(body)


async def get_document(http: httpx.AsyncClient, url: str, type_: type[T], what: str) -> T:
    """Fetch one of the documents that a provider publishes. `what` names it in our logs."""
    reply = await ask(http, "GET", url)
    if reply.status != httpx.codes.OK:
        raise ProviderDown(f"{what}: status {reply.status}")
    return understood(reply, type_, what)


def understood(reply: Reply, type_: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(reply.body, type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ProviderDown(f"{what}: unreadable") from error
