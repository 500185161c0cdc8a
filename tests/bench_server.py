"""Servers to be measured: `hallway serve`, and the floor under it by the same server with the same settings.

    python tests/bench_server.py        the floor, with the settings in HALLWAY_* variables

The floor gives ready bytes from plain ASGI: the file named by BENCH_FLOOR holds what the portal answered.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from bench_load import Page
from msgspec import Struct

from gateway.serve import serve
from gateway.settings import load

PORTAL = (sys.executable, "-m", "gateway.cli", "serve")
FLOOR = (sys.executable, __file__)
ROOT = Path(__file__).parent.parent

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Server(Struct, frozen=True):
    """`pid` is the main process; the web processes are its children."""

    port: int
    pid: int


def load_floor() -> Callable[..., Awaitable[None]]:
    page = msgspec.msgpack.decode(Path(os.environ["BENCH_FLOOR"]).read_bytes(), type=Page)

    async def app(scope: dict[str, Any], _receive: object, send: Send) -> None:
        if scope["type"] == "http":
            status = page.status if scope["path"] != "/healthz" else 200
            await send({"type": "http.response.start", "status": status, "headers": page.headers})
            await send({"type": "http.response.body", "body": page.body})

    return app


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """Serve until the block ends. It begins when the server has answered for the first time."""
    port = free_port()
    address = {"HALLWAY_WORKER": "elsewhere", "HALLWAY_PORT": str(port), "HALLWAY_BASE_URL": f"http://127.0.0.1:{port}"}
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ, **address}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError("the server did not start")
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.communicate()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(load(os.environ), load_floor, say)
