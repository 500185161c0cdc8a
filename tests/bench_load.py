"""Load: a few kept-alive connections that ask for one page again and again, from a process of their own.

    python tests/bench_load.py HOST:PORT PATH COOKIE SECONDS  ->  {"answers": ..., "seconds": ..., "busy": ...}

`busy` is the part of the time in which this process itself was at work: near 1, it measured itself.
"""

import asyncio
import json
import re
import subprocess
import sys
import time

from msgspec import Struct

CONNECTIONS = 16
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
TOO_BUSY = 0.85


class Load(Struct, frozen=True):
    answers: int
    seconds: float
    busy: float


class Asker(asyncio.Protocol):
    """Asks, reads the whole answer, and asks again. Anything but a 200 ends the measurement."""

    def __init__(self, request: bytes, failed: asyncio.Future[None]) -> None:
        self._request = request
        self._failed = failed
        self._head = b""
        self._missing = 0  # bytes of the answer's body
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self._head)
            if length is None or not self._head.startswith(b"HTTP/1.1 200 "):
                self._fail(self._head[:end].decode("latin-1"))
                return
            self._missing = int(length[1]) - (len(self._head) - end - 4)
            self._head = b""
        if self._missing == 0:
            self.answers += 1
            self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("connection lost")

    def close(self) -> None:
        self._transport.abort()

    def _fail(self, why: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(RuntimeError(why))


async def ask(host: str, port: int, request: bytes, seconds: float) -> Load:
    """Ask for a moment to get warm, and then count."""
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    askers: list[Asker] = []
    try:
        for _ in range(CONNECTIONS):
            _transport, asker = await loop.create_connection(lambda: Asker(request, failed), host, port)
            askers.append(asker)
        await asyncio.wait([failed], timeout=seconds / 4)
        before, began, worked = total(askers), time.perf_counter(), time.process_time()
        await asyncio.wait([failed], timeout=seconds)
        answers, took, work = total(askers) - before, time.perf_counter() - began, time.process_time() - worked
        if failed.done():
            failed.result()
    finally:
        failed.cancel()
        for asker in askers:
            asker.close()
    return Load(answers, took, work / took)


def total(askers: list[Asker]) -> int:
    return sum(asker.answers for asker in askers)


def per_second(port: int, path: str, cookie: str, seconds: float) -> float:
    """Load a server on this machine and give the answers per second. Raises `RuntimeError` when that proves nothing."""
    command = [sys.executable, __file__, f"127.0.0.1:{port}", path, cookie, str(seconds)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    load = Load(**json.loads(done.stdout))
    if load.busy > TOO_BUSY:
        raise RuntimeError(f"the load itself was the limit: busy for {load.busy:.0%} of the time")
    return load.answers / load.seconds


def main(address: str, path: str, cookie: str, seconds: str) -> None:
    host, _, port = address.partition(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n".encode()
    load = asyncio.run(ask(host, int(port), request, float(seconds)))
    json.dump({"answers": load.answers, "seconds": load.seconds, "busy": load.busy}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
