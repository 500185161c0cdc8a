"""The one way to a back office, from the top of the stack to the bottom.

Client: one deadline, retries, statuses as our errors.
httpx.Auth: sees the statuses first, so it may renew a token and ask again.
Exchange: checks the address, bounds the body, names what breaks.
PoolTransport over Dialer, or in tests an httpx.MockTransport: the bytes.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from connectors.addresses import AddressPolicy, parse_base_url
from connectors.answers import question, raise_for_status
from connectors.dialer import Dialer
from connectors.errors import AddressRefused, BadResponse, ConnectorError, RateLimited, Unavailable
from connectors.exchange import Exchange
from connectors.pace import Pace
from connectors.wire import PoolTransport

ATTEMPTS = 3
SAFE: Final[Mapping[str, Any]] = MappingProxyType({"repeatable": True})  # for a POST that only reads

_full_jitter = wait_random_exponential(multiplier=0.25, max=2)

# They write whole URLs and header values; ours never reach a log.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)


def up_to(max_bytes: int) -> Mapping[str, Any]:
    """Mark a request whose answer may have so many bytes: `http.stream("GET", url, extensions=up_to(25_000_000))`."""
    return MappingProxyType({"max_bytes": max_bytes})


def utc_now() -> datetime:
    return datetime.now(UTC)


@cache
def _system_trust() -> ssl.SSLContext:
    """Read the system's certificates, once: it takes a fiftieth of a second, in which nobody else is served."""
    return ssl.create_default_context()


def open_client(
    base_url: str,
    *,
    policy: AddressPolicy,
    auth: httpx.Auth | None = None,
    deadline: float = 8.0,
    connections: int = 10,
    ca_file: Path | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = utc_now,
) -> "Client":
    """Open a client for one source, with a pool of its own. Raises `AddressRefused`.

    `deadline` is in seconds, over all attempts. `ca_file` holds the certificates to trust instead of the system's.
    """
    url = parse_base_url(base_url, policy)
    if transport is None:
        tls = ssl.create_default_context(cafile=ca_file) if ca_file else _system_trust()
        transport = PoolTransport(Dialer(policy), tls=tls, connections=connections)
    return Client(url, auth=auth, transport=Exchange(transport, policy), deadline=deadline, sleep=sleep, clock=clock)


class Client(httpx.AsyncClient):
    """An `httpx.AsyncClient` that returns only answers with a 2xx and raises only `ConnectorError`s.

    It speaks to the origin of its base URL and to nobody else; an `httpx.Auth` may also speak to a token endpoint.
    With `stream=True` the deadline ends with the headers, and each read has as long again.
    """

    def __init__(
        self,
        base_url: httpx.URL,
        *,
        auth: httpx.Auth | None,
        transport: httpx.AsyncBaseTransport,
        deadline: float,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(
            base_url=base_url,
            auth=auth,
            transport=transport,
            timeout=deadline,
            headers={"Accept-Encoding": "gzip", "User-Agent": "hallway"},
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),  # takes none, so sends none
            follow_redirects=False,
            trust_env=False,
        )
        self._exchange = transport
        self._deadline = deadline
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace()

    def elsewhere(self, url: httpx.URL) -> "Client":
        """Make a client for the origin of `url`: the same connections and policy, none of our credentials.

        It is not to be closed: it lives and ends with this one.
        """
        origin = url.copy_with(path="/", query=None, fragment=None)
        transport, deadline = self._exchange, self._deadline
        return Client(origin, auth=None, transport=transport, deadline=deadline, sleep=self._sleep, clock=self._clock)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401  # httpx's
        try:
            return super().build_request(method, url, **options)
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise BadResponse(f"{method} {self.base_url}: not sent, we made no legal HTTP of it") from None

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        self._check_origin(request.url)
        if silence := self._pace.silence(asyncio.get_running_loop().time()):
            raise RateLimited(f"{question(request)}: not sent, we were told to wait", retry_after=silence)
        attempt = partial(self._attempt, request, stream=stream, **options)
        try:
            async with asyncio.timeout(self._deadline):
                if request.method not in ("GET", "HEAD") and not request.extensions.get("repeatable"):
                    return await attempt()
                await request.aread()  # so that it can be sent again
                return await self._retrying()(attempt)
        except TimeoutError as error:
            raise Unavailable(f"{question(request)}: no answer within {self._deadline:g} s") from error

    async def _attempt(self, request: httpx.Request, *, stream: bool, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        try:
            response = await super().send(request, stream=True, **options)
            try:
                raise_for_status(response, self._clock())
                if not stream:
                    await response.aread()
            except BaseException:
                await response.aclose()
                raise
        except ConnectorError as error:
            self._pace.failed(error, asyncio.get_running_loop().time())
            raise
        self._pace.succeeded()
        return response

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception(self._is_worth_repeating),
            wait=_wait,
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(self._deadline),
            reraise=True,
        )

    def _is_worth_repeating(self, error: BaseException) -> bool:
        return isinstance(error, ConnectorError) and error.retry and self._pace.may_repeat

    def _check_origin(self, url: httpx.URL) -> None:
        # A back office that is wrong about its own address, or hostile, could else lead our credentials away.
        home = self.base_url
        if (url.scheme, url.host, url.port) != (home.scheme, home.host, home.port):
            raise AddressRefused(
                f"{home.host} sent us on to {url.scheme}://{url.netloc.decode()}. Correct its idea of its own address"
            )


def _wait(state: RetryCallState) -> float:
    """Wait as long as we were told to, else anything up to a growing limit."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ConnectorError) and error.retry_after is not None:
        return error.retry_after
    return _full_jitter(state)
