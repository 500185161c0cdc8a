"""What a client holds itself to with one back office: its number of calls at once, its pace, and its breaker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from connectors.answers import question
from connectors.bodies import async_stream
from connectors.breaker import Breaker, Call, State
from connectors.budget import Budget
from connectors.errors import ConnectorError, NotSent, RateLimited, Unavailable
from connectors.pace import Pace


class Restraint:
    """Every call begins and is settled here, and each of its attempts takes its turn. `timer` gives seconds.

    `budget` None: only the slots bound how often it is asked.

    Who has asked too often what the vendor counts apart is to wait with that alone.

    `slots` are as many as there are connections. Whoever finds none free waits here, not in the pool: what waited
    may have to learn at last that it is not to be sent any more.
    """

    def __init__(
        self, name: str, slots: asyncio.Semaphore, timer: Callable[[], float], budget: Budget | None = None
    ) -> None:
        self._slots = slots
        self._timer = timer
        self._budget = budget
        self._pace = Pace()
        self._paces_apart: dict[str, Pace] = {}
        self._breaker = Breaker(name, timer)

    def beside(self, name: str) -> "Restraint":
        """Make one for another back office over the same connections."""
        return Restraint(name, self._slots, self._timer)

    @property
    def state(self) -> State:
        return self._breaker.state

    def begin(self, request: httpx.Request) -> Call:
        """Raises `RateLimited` or `Unavailable` when nothing may be sent now. What begins must be settled."""
        self._keep_silence(request)
        call = self._breaker.admit()
        if call is None:
            raise self._left_alone(request)
        return call

    def settle(self, call: Call) -> None:
        self._breaker.settle(call)

    async def attempt(
        self, request: httpx.Request, call: Call, ask: Callable[[], Awaitable[httpx.Response]], *, stream: bool
    ) -> httpx.Response:
        """Wait for a turn, and ask if that is still right. A streamed answer keeps its turn until it is closed."""
        if self._budget:
            await self._budget.take()
        await self._slots.acquire()
        try:
            response = await self._ask(request, call, ask)
            if stream:
                response.stream = _Watched(async_stream(response), lambda broke: self._streamed(call, broke=broke))
                return response
        except BaseException:
            self._slots.release()
            raise
        self._slots.release()
        return response

    def may_repeat(self, call: Call) -> bool:
        return not call.probe and self._breaker.still_admits(call) and self._pace.may_repeat

    async def _ask(
        self, request: httpx.Request, call: Call, ask: Callable[[], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        self._keep_silence(request)
        if not self._breaker.still_admits(call):
            raise self._left_alone(request)
        call.sent = True
        try:
            response = await ask()
        except ConnectorError as error:
            call.failed = isinstance(error, Unavailable)
            apart = self._apart(request) if isinstance(error, RateLimited) else None
            (apart or self._pace).failed(error, self._timer())
            if self._budget and error.retry_after and not apart:
                await self._budget.told({}, error.retry_after)
            raise
        call.failed = False
        self._pace.succeeded()
        if self._budget and not self._apart(request):
            await self._budget.told(response.headers, None)
        return response

    def _streamed(self, call: Call, *, broke: bool) -> None:
        self._slots.release()
        call.failed = broke
        self._breaker.settle(call)

    def _keep_silence(self, request: httpx.Request) -> None:
        paces = filter(None, (self._pace, self._apart(request)))
        if silence := max(pace.silence(self._timer()) for pace in paces):
            raise RateLimited(f"{question(request)}: not sent, we were told to wait", retry_after=silence)

    def _apart(self, request: httpx.Request) -> Pace | None:
        name = request.extensions.get("counted_apart")
        return self._paces_apart.setdefault(name, Pace()) if name else None

    def _left_alone(self, request: httpx.Request) -> NotSent:
        return NotSent(f"{question(request)}: not sent, it keeps failing; next try in {self._breaker.wait:.0f} s")


class _Watched(httpx.AsyncByteStream):
    """A streamed body that tells when it ends, and whether it broke off."""

    def __init__(self, stream: httpx.AsyncByteStream, ended: Callable[[bool], None]) -> None:
        self._stream = stream
        self._ended = ended
        self._broke = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except Unavailable:
            self._broke = True
            raise

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._ended(self._broke)
