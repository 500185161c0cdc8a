"""HTTP/1.1 over connection pools. httpcore2's, because httpx's own loses connections when calls are cancelled."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

import httpcore2
import httpx

KEPT_IDLE = 30.0  # seconds
# Octets that wait on a connection, unread. They fit one read of the event loop: where more wait, it takes dozens of
# such helpings at once and keeps them, whether anybody wants them or not.
WAITING = (socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
POOLED = 8  # connections in one pool, which looks at every one of them when a call begins and when it ends

# The first row that fits counts.
_SAME: Mapping[type[Exception], type[httpx.TransportError]] = {
    httpcore2.ConnectError: httpx.ConnectError,
    httpcore2.ReadError: httpx.ReadError,
    httpcore2.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore2.LocalProtocolError: httpx.LocalProtocolError,
    httpcore2.TimeoutException: httpx.TimeoutException,
    httpcore2.NetworkError: httpx.NetworkError,
    httpcore2.ProtocolError: httpx.ProtocolError,
    OSError: httpx.NetworkError,  # ssl.SSLError too: a record damaged on its way
}


class Pool:
    """Some of a transport's connections. `busy` are its calls that have not ended."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend, tls: ssl.SSLContext, connections: int) -> None:
        self.http = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            keepalive_expiry=KEPT_IDLE,
            retries=0,  # `connectors.transport` is the one layer that repeats
            network_backend=network,
            socket_options=[WAITING],
        )
        self.connections = connections
        self.busy = 0

    @property
    def has_room(self) -> bool:
        return self.busy < self.connections


class PoolTransport(httpx.AsyncBaseTransport):
    """The connections to one source, so that a slow back office takes none from another.

    They lie in small pools, of which the first with room is taken: so few calls at once go over few connections.
    """

    def __init__(self, network: httpcore2.AsyncNetworkBackend, *, tls: ssl.SSLContext, connections: int = 10) -> None:
        full, rest = divmod(connections, POOLED)
        sizes = [POOLED] * full + [rest] * bool(rest)
        self._pools = [Pool(network, tls, size) for size in sizes]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("a body that cannot be sent without blocking")
        question = httpcore2.Request(
            request.method,
            httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        pool = next((pool for pool in self._pools if pool.has_room), self._pools[0])
        pool.busy += 1
        try:
            with _in_httpx_words():
                answer = await pool.http.handle_async_request(question)
        except BaseException:
            pool.busy -= 1
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer, pool))

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.http.aclose()


class _Stream(httpx.AsyncByteStream):
    """The bytes of a body as they arrive."""

    def __init__(self, answer: httpcore2.Response, pool: Pool) -> None:
        self._answer = answer
        self._pool = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not isinstance(self._answer.stream, AsyncIterable):
            raise TypeError("a body that cannot be read without blocking")
        with _in_httpx_words():
            async for chunk in self._answer.stream:
                yield chunk

    async def aclose(self) -> None:
        # In a task of its own: cancelled halfway, the pool would keep the request in its books for good.
        await asyncio.shield(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            self._pool.busy -= 1


@contextmanager
def _in_httpx_words() -> Iterator[None]:
    """Raise httpx's error of the same kind.

    Its text says nothing but the name, except where no connection came about: h11 quotes bytes of the request
    (a credential with a line break) and of the answer. For the same reason the original is not kept as a cause.
    """
    try:
        yield
    except tuple(_SAME) as error:
        name = next(kind for kind in _SAME if isinstance(error, kind))
        text = str(error) if isinstance(error, httpcore2.ConnectError) else type(error).__name__
        raise _SAME[name](text) from None
