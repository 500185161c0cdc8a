"""The one way to a back office, from the top of the stack to the bottom.

Client: one deadline, retries, statuses as our errors, and restraint towards who fails.
httpx.Auth: sees the statuses first, so it may renew a token and ask again.
Exchange: checks the address, bounds the body, names what breaks.
PoolTransport over Dialer, or in tests an httpx.MockTransport: the bytes.
"""

import asyncio
import logging
import ssl
import time
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
from connectors.bodies import WholeBody, async_stream
from connectors.breaker import Call, State
from connectors.budget import Budget
from connectors.dialer import Dialer
from connectors.errors import AddressRefused, BadResponse, ConnectorError, NotSent, Unavailable
from connectors.exchange import Exchange
from connectors.restraint import Restraint
from connectors.wire import PoolTransport

ATTEMPTS = 3
FILE_HOSTS = 16  # elsewhere, of which a client remembers how they fared
SAFE: Final[Mapping[str, Any]] = MappingProxyType({"repeatable": True})  # for a POST that only reads

_full_jitter = wait_random_exponential(multiplier=0.25, max=2)

# They write whole URLs and header values; ours never reach a log.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)


def up_to(max_bytes: int) -> Mapping[str, Any]:
    """Mark a request whose answer may have so many bytes: `http.stream("GET", url, extensions=up_to(25_000_000))`."""
    return MappingProxyType({"max_bytes": max_bytes})


def lasting(seconds: float) -> dict[str, Any]:
    """Let a request take longer than others, as one with files does: `http.post(url, **lasting(60))`."""
    return {"timeout": seconds, "extensions": {"deadline": seconds}}


def counted_apart(name: str) -> Mapping[str, Any]:
    """Mark a request of those that the vendor has another limit for: asked too often, only these have to wait."""
    return MappingProxyType({"counted_apart": name})


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
    budget: Budget | None = None,
    ca_file: Path | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = utc_now,
    timer: Callable[[], float] = time.monotonic,
) -> "Client":
    """Open a client for one source, with a pool of its own. Raises `AddressRefused`.

    `deadline` is in seconds, over all attempts. `ca_file` holds the certificates to trust instead of the system's.
    `timer` gives the seconds for which it keeps silent, or leaves who fails alone.
    """
    url = parse_base_url(base_url, policy)
    if transport is None:
        tls = ssl.create_default_context(cafile=ca_file) if ca_file else _system_trust()
        transport = PoolTransport(Dialer(policy), tls=tls, connections=connections)
    restraint = Restraint(str(url), asyncio.Semaphore(connections), timer, budget)
    exchange = Exchange(transport, policy)
    return Client(url, auth=auth, transport=exchange, restraint=restraint, deadline=deadline, sleep=sleep, clock=clock)


class Client(httpx.AsyncClient):
    """An `httpx.AsyncClient` that returns only answers with a 2xx and raises only `ConnectorError`s.

    It speaks to the origin of its base URL and to nobody else; an `httpx.Auth` may also speak to a token endpoint.
    With `stream=True` the deadline ends with the headers, and each read has as long again.

    A back office that mostly fails is left alone: then it is `Unavailable` at once, and nothing is sent. After a
    Retry-After it is `RateLimited` in the same way.
    """

    def __init__(
        self,
        base_url: httpx.URL,
        *,
        auth: httpx.Auth | None,
        transport: httpx.AsyncBaseTransport,
        restraint: Restraint,
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
        self._restraint = restraint
        self._deadline = deadline
        self._sleep = sleep
        self._clock = clock
        self._large = asyncio.Lock()
        self._elsewhere: dict[httpx.URL, Client] = {}

    @property
    def state(self) -> State:
        """Say whether the back office is asked ("closed"), left alone ("open") or being tried ("probing")."""
        return self._restraint.state

    def elsewhere(self, url: httpx.URL) -> "Client":
        """Give a client for the origin of `url`: the same connections and policy, none of our credentials.

        It is not to be closed: it lives and ends with this one.
        """
        origin = url.copy_with(path="/", query=None, fragment=None)
        client = self._elsewhere.pop(origin, None) or self._without_credentials(origin)
        self._elsewhere[origin] = client  # the latest is the last
        if len(self._elsewhere) > FILE_HOSTS:
            del self._elsewhere[next(iter(self._elsewhere))]
        return client

    def _without_credentials(self, origin: httpx.URL) -> "Client":
        at_home = _origin(origin) == _origin(self.base_url)
        return Client(
            origin,
            auth=None,
            transport=self._exchange,
            restraint=self._restraint if at_home else self._restraint.beside(str(origin)),
            deadline=self._deadline,
            sleep=self._sleep,
            clock=self._clock,
        )

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401  # httpx's
        try:
            return super().build_request(method, url, **options)
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise BadResponse(f"{method} {self.base_url}: not sent, we made no legal HTTP of it") from None

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        self._check_origin(request.url)
        call = self._restraint.begin(request)
        try:
            response = await self._send(request, call, stream=stream, **options)
        except BaseException:
            self._restraint.settle(call)
            raise
        if call.probe or not stream:  # what is streamed is settled at its end; of a probe the headers say enough
            self._restraint.settle(call)
        return response

    async def _send(self, request: httpx.Request, call: Call, *, stream: bool, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        ask = partial(self._ask, request, stream=stream, **options)
        attempt = partial(self._restraint.attempt, request, call, ask, stream=stream)
        deadline: float = request.extensions.get("deadline", self._deadline)
        until = asyncio.get_running_loop().time() + deadline
        try:
            async with asyncio.timeout_at(until):
                if request.method not in ("GET", "HEAD") and not request.extensions.get("repeatable"):
                    return await attempt()
                await request.aread()  # so that it can be sent again
                return await self._repeating(call, attempt, until)
        except TimeoutError as error:
            if not call.sent:  # our doing, not theirs
                raise NotSent(f"{question(request)}: not sent, no turn within {deadline:g} s") from error
            call.failed = True
            raise Unavailable(f"{question(request)}: no answer within {deadline:g} s") from error

    async def _ask(self, request: httpx.Request, *, stream: bool, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        response = await super().send(request, stream=True, **options)
        try:
            raise_for_status(response, self._clock())
            if not stream:
                response.stream = WholeBody(async_stream(response), self._large)
                await response.aread()
                response.stream = httpx.ByteStream(b"")  # httpx's own leads back to the answer and keeps it in memory
        except BaseException:
            await response.aclose()
            raise
        return response

    async def _repeating(
        self, call: Call, attempt: Callable[[], Awaitable[httpx.Response]], until: float
    ) -> httpx.Response:
        """Attempt it, and again as long as that is worth it.

        Tenacity looks closely at every function that it calls. So it is called in when the first attempt has failed.
        """
        try:
            return await attempt()
        except ConnectorError as error:
            if not self._is_worth_repeating(call, error):
                raise
            failed: list[ConnectorError] = [error]

        async def attempt_again() -> httpx.Response:
            if failed:
                raise failed.pop()
            return await attempt()

        retrying = AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception(partial(self._is_worth_repeating, call)),
            wait=_wait,
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(until - asyncio.get_running_loop().time()),
            reraise=True,
        )
        return await retrying(attempt_again)

    def _is_worth_repeating(self, call: Call, error: BaseException) -> bool:
        return isinstance(error, ConnectorError) and error.retry and self._restraint.may_repeat(call)

    def _check_origin(self, url: httpx.URL) -> None:
        # A back office that is wrong about its own address, or hostile, could else lead our credentials away.
        if _origin(url) != _origin(self.base_url):
            home = self.base_url.host
            raise AddressRefused(
                f"{home} sent us on to {url.scheme}://{url.netloc.decode()}. Correct its idea of its own address"
            )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _wait(state: RetryCallState) -> float:
    """Wait as long as we were told to, else anything up to a growing limit."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ConnectorError) and error.retry_after is not None:
        return error.retry_after
    return _full_jitter(state)
