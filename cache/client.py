"""Redis that fails fast: whoever asks learns within 200 ms that it is away, and goes on without it.

Everything that goes wrong is a `CacheDown`; nobody else needs to know the errors of the client library.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cache.ear import Ear, Hear, open_ear
from cache.line import Line, Word, open_line
from cache.lookups import Lookups

DEADLINE = 0.2  # seconds for one command, with everything the client library does before and after it
PAUSE = 1.0  # seconds for which a Redis that did not answer is left alone
CONNECTIONS = 16  # commands at once; more would only fight for the same core

log = structlog.get_logger()


class CacheDown(Exception):  # noqa: N818  # says what is the matter, as the errors of connectors do
    """Redis did not do what was asked. Go on without it."""


class Gate:
    """Leaves a silent Redis alone for a moment, so that a page waits for it once and not at every step.

    After each pause one caller tries; the others are refused at once until that one had an answer.
    """

    def __init__(self, pause: float = PAUSE, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._closed_until: float | None = None
        self._answered_at = clock()

    @property
    def reachable(self) -> bool:
        return self._closed_until is None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask Redis inside. Raises `CacheDown` for whatever Redis or the way to it raises."""
        started = self._enter()
        try:
            yield
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._silent(error, started)
            raise CacheDown(type(error).__name__) from error
        except RedisError as error:
            log.warning("redis refused a command", error=type(error).__name__)
            self._answered()
            raise CacheDown(type(error).__name__) from error
        self._answered()

    def _enter(self) -> float:
        now = self._clock()
        if self._closed_until is not None:
            if now < self._closed_until:
                raise CacheDown("left alone for a moment")
            self._closed_until = now + self._pause  # this caller tries, the next ones do not
        return now

    def _answered(self) -> None:
        self._answered_at = self._clock()
        if self._closed_until is not None:
            self._closed_until = None
            log.info("redis is back")

    def _silent(self, error: Exception, started: float) -> None:
        if self._answered_at > started:
            return  # it answered somebody else meanwhile: we are busy, it is not away
        if self._closed_until is None:
            log.warning("redis is away", error=type(error).__name__)
        self._closed_until = self._clock() + self._pause


class Client(Redis):
    """A Redis behind a gate. One command or one script at a time: a pipeline would go around the gate.

    All go over one connection, see `cache.line`. The pool is for libraries that bring commands of their own. Whoever
    finds it busy waits for a turn outside the gate. That is no time lost when Redis is silent: the gate is closed when
    the turn comes.

    `patience` is how many seconds a command may take, None: as long as somebody waits for a page.
    """

    def __init__(self, pool: BlockingConnectionPool, gate: Gate, patience: float | None = None) -> None:
        super().__init__(connection_pool=pool)
        self._patience = patience
        self.auto_close_connection_pool = True
        self._gate = gate
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._line: Line | None = None
        self._run_id: str | None = None
        self._opening = asyncio.Lock()
        self._lookups: Lookups[str, bytes | None] = Lookups(self._read)

    @property
    def reachable(self) -> bool:
        return self._gate.reachable

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Do something with a connection of the pool, as one command: behind the gate. Raises `CacheDown`."""
        async with self._turns:
            with self._gate.asking():
                async with asyncio.timeout_at(self._until()):
                    with _no_lost_cancel():
                        yield

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # the library's signature
        words = (*args[0].split(), *args[1:])  # CONFIG SET are two
        with self._gate.asking():
            line, until = await self._open_line()
            answer = await line.ask(words, until)
        options.pop("keys", None)  # for a cache of the library's
        understand = self.response_callbacks.get(args[0])
        return understand(answer, **options) if understand else answer

    async def look_up(self, *keys: str) -> Sequence[bytes | None]:
        """Read values of one moment. Callers of the same moment share a round trip."""
        return await self._lookups.get(keys)

    async def run(self, script: str, keys: Sequence[str], args: Sequence[Word]) -> Any:  # noqa: ANN401  # what it returns
        """Run a script of Redis. Raises `CacheDown`, and then nobody knows whether it ran."""
        with self._gate.asking():
            line, until = await self._open_line()
            return await line.run(script, keys, args, until)

    async def listen(self, hear: Hear) -> Ear:
        """Open a connection on which to follow what is announced. Raises `CacheDown`."""
        with self._gate.asking():
            connection = self.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # the library's
            return await open_ear(connection, self._until(), hear)

    async def run_id(self) -> str:
        """Name the run of the server from which was read last: another one may not have all that we wrote to it."""
        if self._run_id is None:
            said = await self.info()
            self._run_id = f"{said['run_id']}:{said['master_replid']}"
        return self._run_id

    async def _read(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        with self._gate.asking():
            line, until = await self._open_line()
            return await line.read(keys, until)

    async def _open_line(self) -> tuple[Line, float]:
        """Give the connection, and until when an answer has to be there."""
        until = self._until()
        if self._line is None or not self._line.is_open:
            async with self._opening:
                if self._line is None or not self._line.is_open:
                    connection = self.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # the library's
                    self._line = await open_line(connection, until)
                self._run_id = None
        return self._line, until

    def _until(self) -> float:
        """Say until when an answer has to be there, on the event loop's clock."""
        return asyncio.get_running_loop().time() + (self._patience or DEADLINE)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001  # the library's signature
        if self._line:
            self._line.end()
        await super().aclose(close_connection_pool)

    def pipeline(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("a pipeline goes around the gate")


@contextmanager
def _no_lost_cancel() -> Iterator[None]:
    """Raise the cancel that `asyncio.wait_for`, inside the library, swallows before Python 3.12 when it comes late."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


def connect(url: str, gate: Gate | None = None, *, patience: float | None = None) -> Client:
    """Make a client for redis://, rediss:// or unix://. Nothing is sent before the first command.

    `patience` is in seconds for one command, where nobody waits for it; None: no page has to wait long.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=0.05,
        socket_timeout=patience or 0.15,
        socket_connect_timeout=patience or 0.1,
        # The library's default repeats a command ten times: slow when Redis is away, and an INCR counts twice.
        retry=Retry(NoBackoff(), 0),
        # An address typed by hand may hold a lone surrogate: that is a miss, not an error.
        encoding_errors="surrogatepass",
        # Fewer round trips on a new connection.
        protocol=2,
        driver_info=None,
    )
    return Client(pool, gate or Gate(), patience)
