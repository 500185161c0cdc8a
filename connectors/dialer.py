"""Connections to checked addresses only.

A name is resolved once per connection and every address it stands for is checked. The connection then goes to an
address, not to the name, so a DNS server that answers differently the next moment gains nothing. TLS still proves
the name.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore2

from connectors.addresses import AddressPolicy

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

ADDRESSES_TRIED = 4
HURRY = 2.0  # seconds for an address while there is another one to try


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system which IP addresses a name stands for."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} does not resolve") from error
    return [str(address[0]) for *_, address in found]


class Dialer(httpcore2.AsyncNetworkBackend):
    """httpcore2's way onto the network, with the policy in between."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        resolver: Resolver = resolve,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = network or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._resolver(host, port)
        for address in addresses:
            self._policy.check_address(host, address)
        error: Exception = httpcore2.ConnectError(f"{host} does not resolve")
        tried = addresses[:ADDRESSES_TRIED]
        for position, address in enumerate(tried, start=1):
            patience = timeout if position == len(tried) else HURRY
            try:
                stream = await self._network.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
            else:
                return _Stream(stream)
        raise error


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that is also closed when a TLS handshake is cancelled; httpcore2 2.16 leaves it open."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket | None = stream.get_extra_info("socket")

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore2's signature
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            await self._stream.aclose()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # same
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # same
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore2's signature
        if info == "is_readable" and self._socket is not None:  # asked of each idle connection at each call
            return _is_readable(self._socket)
        return self._stream.get_extra_info(info)


def _is_readable(connection: socket.socket) -> bool:
    """Whether there is something to read. Of a connection that nobody uses, that is its end."""
    number = connection.fileno()
    if number < 0:
        return True
    look = select.poll()
    look.register(number, select.POLLIN)
    return bool(look.poll(0))
