"""Real Redis servers on private unix sockets: one for the whole run, and one per test to be ill-treated."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis
from support_needs import need_program

from cache.client import Client, connect
from cache.snapshots import _decode
from gateway.compact import expand

PATIENCE = 10  # seconds
PATIENTLY = f"?socket_timeout={PATIENCE}&socket_connect_timeout={PATIENCE}"  # added to an address
# Linux ends the server with us, however we end.
LEASH = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def as_read(family: bytes, value: bytes) -> bytes:
    """Unpack a snapshot, in which records lie compressed. Other values are what they are."""
    return expand(_decode(value).payload) if family in {b"list", b"older", b"detail"} else value


def held(redis: Redis, key: bytes) -> bytes:
    """Give all that a key holds, whatever its type."""
    parts: Any
    match redis.type(key):
        case b"string":
            value: Any = redis.get(key)
            return as_read(key.split(b":")[1], value or b"")
        case b"hash":
            parts = [part for pair in redis.hgetall(key).items() for part in pair]
        case b"list":
            parts = redis.lrange(key, 0, -1)
        case b"zset":
            parts = redis.zrange(key, 0, -1)
        case other:
            raise AssertionError(other)
    return b"\n".join(parts)


class RedisProcess:
    """A redis-server that keeps nothing on disk unless `options` say so. Stopping it in any way, twice too, is fine."""

    def __init__(self, program: str, *options: str) -> None:
        self._program = program
        self._options = options
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))  # short: a socket's path may have 107 bytes
        self.socket_path = self.folder / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.socket_path.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(self.socket_path), "--dir", str(self.folder), "--save", ""]
        options += self._options
        self._process = subprocess.Popen([*LEASH, self._program, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "redis-server did not start"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.005)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.socket_path))
                probe.sendall(b"PING\r\n")
                return probe.recv(7) == b"+PONG\r\n"
            except OSError:
                return False

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Crash, and come back empty."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Leave its connections open and answer nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)


def _started() -> Iterator[RedisProcess]:
    process = RedisProcess(need_program("redis-server", package="redis-server"))
    try:
        process.start()
        yield process
    finally:
        process.close()


_shared = pytest.fixture(scope="session", name="shared_redis_process")(_started)
_own = pytest.fixture(name="redis_process")(_started)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> str:
    """What to add to an address, so that a Redis that is well counts as well however busy this machine is."""
    monkeypatch.setattr("cache.client.DEADLINE", PATIENCE)
    return PATIENTLY


@pytest.fixture
def redis_url(shared_redis_process: RedisProcess, patience: str) -> str:
    """The run's Redis. It is only sure to be empty for a test that asks for `redis` too."""
    return shared_redis_process.url + patience


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Client]:
    """The run's Redis, emptied."""
    client = connect(redis_url)
    await client.flushall()
    yield client
    await client.aclose()
