"""Files that a back office keeps elsewhere: the one place where a redirect is followed."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import httpx

from connectors.answers import Redirected
from connectors.errors import BadResponse
from connectors.transport import Client, up_to

MOST_REDIRECTS = 3


@asynccontextmanager
async def download(
    http: httpx.AsyncClient, url: str, *, place: str, hosts: Collection[str], max_bytes: int
) -> AsyncIterator[httpx.Response]:
    """Open a file by the address that the back office names.

    Below `place`, a path on the back office itself like "attachments/", it is asked for with our credentials;
    anywhere else on it, and at `hosts` and hosts below them, without. So is whatever a redirect leads to. Each
    address is held against the policy as any other. Raises `BadResponse` for one that leads elsewhere.
    """
    if not isinstance(http, Client):
        raise TypeError("a client that cannot leave its origin without its credentials")
    address = _join(http.base_url, url)
    client = http if _is_below(http.base_url.join(place), address) else _abroad(http, address, hosts)
    response = await _open(client, address, http, hosts, max_bytes)
    try:
        yield response
    finally:
        await response.aclose()


def check_is_file(response: httpx.Response, media_type: str, size: int, vendor: str) -> None:
    """Refuse what is not the file before anything is passed on: a sign-in page comes with a 200 too.

    What comes packed says how long it is packed, so only `exactly` sees. Raises `BadResponse`.
    """
    said = response.headers
    is_page = said.get("Content-Type", "").startswith("text/html") and not media_type.startswith("text/html")
    fits = "Content-Encoding" in said or said.get("Content-Length", str(size)) == str(size)
    if is_page or not fits:
        raise BadResponse(f"{vendor}: answered something else than the file")


async def exactly(response: httpx.Response, size: int, vendor: str) -> AsyncIterator[bytes]:
    """Pass on as many bytes as were announced. Raises `BadResponse` where there are more or less."""
    received = 0
    async for chunk in response.aiter_bytes():
        received += len(chunk)
        if received > size:
            break
        yield chunk
    if received != size:
        raise BadResponse(f"{vendor}: a file of another size than was announced")


async def _open(
    client: Client, address: httpx.URL, home: Client, hosts: Collection[str], max_bytes: int
) -> httpx.Response:
    for _ in range(MOST_REDIRECTS + 1):
        try:
            request = client.build_request("GET", address, extensions=up_to(max_bytes))
            return await client.send(request, stream=True)
        except Redirected as redirected:
            address = _join(address, redirected.location)
            client = _abroad(home, address, hosts)
    raise BadResponse(f"{home.base_url.host}: redirected more than {MOST_REDIRECTS} times")


def _abroad(home: Client, address: httpx.URL, hosts: Collection[str]) -> Client:
    """Make the client for an address that is asked without credentials; after a redirect, even for one of its own."""
    declared = any(address.host == host or address.host.endswith(f".{host}") for host in hosts)
    safe = address.scheme == "https" or home.base_url.scheme != "https"
    if not (_is_at(home.base_url, address) or (declared and safe)):
        raise BadResponse(f"{home.base_url.host} sent us on to a host where it keeps no files")
    return home.elsewhere(address)


def _is_at(origin: httpx.URL, address: httpx.URL) -> bool:
    return (address.scheme, address.host, address.port) == (origin.scheme, origin.host, origin.port)


def _is_below(place: httpx.URL, address: httpx.URL) -> bool:
    """Whether it is there however its path is read: "%2e%2e" climbs for some."""
    return _is_at(place, address) and address.path.startswith(place.path) and ".." not in address.path


def _join(base: httpx.URL, reference: str) -> httpx.URL:
    try:
        return base.join(reference)
    except httpx.InvalidURL:
        # Without the cause: it quotes the address, which may hold a token.
        raise BadResponse(f"{base.host}: a link that is no address") from None
