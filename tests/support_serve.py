"""`hallway serve` as a process of its own, with what is needed to talk to it byte by byte."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from support_cli import Hallway
from support_sandbox import free_port

from gateway import door, serve
from gateway.app import create_app
from gateway.settings import load
from web import body

SERVE = [sys.executable, "-m", "gateway.cli", "serve"]
SERVE_IMPATIENTLY = [sys.executable, "-c", "from support_serve import serve_impatiently; serve_impatiently()"]
PATIENCE = 60  # seconds; a limit for machines that are busy, not a promise
IMPATIENT = 1.0  # seconds, for a server that is not to keep a test waiting


class Served:
    """A running server, in a process group of its own, as a terminal has it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.host = f"127.0.0.1:{port}".encode()

    def wait_until_open(self) -> str:
        """Read the first line that it writes."""
        assert self.process.stdout
        return self.process.stdout.readline()

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def exchange(self, *parts: bytes) -> bytes:
        """Send these bytes, where HOST stands for the server's host, and give all that comes until it closes."""
        with self.connect() as connection:
            with suppress(ConnectionError):  # it may have closed before it had everything
                for part in parts:
                    connection.sendall(part.replace(b"HOST", self.host))
            return read_to_the_end(connection)

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def processes(self, name: str) -> set[int]:
        """Give the pids of its processes whose command has this in it."""
        return {pid for pid in descendants(self.process.pid) if name in name_of(pid)}

    def worker(self) -> int:
        """Give the pid of its only worker."""
        (pid,) = self.processes("spawn_main")
        return pid

    def redis(self) -> int:
        """Give the pid of its Redis."""
        (pid,) = self.processes("redis-server")
        return pid


def start(environ: dict[str, str], command: list[str] | None = None) -> Served:
    """Start one on a free port, unless the environment names another.

    Nobody reads on while it runs: one that has much to say would wait for that, unless its log level is `error`.
    """
    port = int(environ.get("HALLWAY_PORT") or free_port())
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HALLWAY_")},
        "PYTHONPATH": os.pathsep.join(["tests", "."]),
        "HALLWAY_PORT": str(port),
        "HALLWAY_BASE_URL": f"http://127.0.0.1:{port}",
        "HALLWAY_OIDC_ISSUER": "https://login.example",
        "HALLWAY_OIDC_CLIENT_ID": "portal",
        "HALLWAY_OIDC_CLIENT_SECRET": "canary-client-secret",
        **environ,
    }
    process = subprocess.Popen(
        command or SERVE, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    return Served(process, port)


def end(server: Served) -> None:
    if server.process.poll() is None:
        server.process.terminate()
        server.process.communicate(timeout=PATIENCE)


def serve_impatiently() -> None:
    """Serve with limits of `IMPATIENT` for those who are slow."""
    serve.HEADERS_WITHIN = door.UNREAD_WITHIN = int(IMPATIENT * 1000)
    serve.serve(load(os.environ), load_impatiently, lambda line: print(line, flush=True))  # noqa: T201  # as the CLI


def serve_interrupted(number: int, step: str) -> None:
    """Be told to stop during a step of the start."""
    owner, _, name = step.rpartition(".")
    inside = getattr(serve, owner) if owner else serve
    real = getattr(inside, name)

    def interrupted(*arguments: object) -> object:
        os.kill(os.getpid(), number)
        return real(*arguments)

    setattr(inside, name, interrupted)
    serve.serve(load(os.environ), create_app, lambda line: print(line, flush=True))  # noqa: T201  # as the CLI


def load_impatiently() -> object:
    body.BODY_WITHIN = IMPATIENT
    return create_app()


class Customer(threading.Thread):
    """Asks again and again over a connection that it keeps while it may, until the server is gone."""

    def __init__(self, server: Served, path: bytes = b"/sign-in") -> None:
        super().__init__(daemon=True)
        self._server = server
        self._request = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (path, server.host)
        self.answered = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while True:
            try:
                connection = self._server.connect()
            except ConnectionError:
                return
            with connection:
                self._ask(connection)

    def _ask(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\nconnection: close" not in head:
            try:
                connection.sendall(self._request)
                head = read_answer(connection)
            except ConnectionError as error:
                self.failed.append(repr(error))
                return
            if not head.startswith(b"HTTP/1.1 200"):
                self.failed.append(head.decode() or "closed without an answer")
                return
            self.answered += 1


def read_to_the_end(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            received += part
    return received


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer that tells its length; give its head, or nothing where the connection has ended before it."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            assert received == b"", "an answer was cut short"
            return b""
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    (length,) = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    left = int(length) - len(rest)
    while left > 0:
        part = connection.recv(65_536)
        assert part, "an answer was cut short"
        left -= len(part)
    return head


def descendants(pid: int) -> set[int]:
    """Every process that comes from this one, by the kernel's own list."""
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found |= {int(child), *descendants(int(child))}
    return found


def name_of(pid: int) -> str:
    """The command of a process, or nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except FileNotFoundError:
        return ""


@contextmanager
def nothing_outlives(process: subprocess.Popen[str]) -> Iterator[None]:
    pids = descendants(process.pid)
    names = {pid: name_of(pid) for pid in pids}
    assert any("redis-server" in name for name in names.values())
    yield
    last = time.monotonic() + 5  # Python's own helper needs a moment to see that we are gone
    while alive := [names[pid] for pid in pids if name_of(pid) == names[pid]]:
        assert time.monotonic() < last, f"still there: {alive}"
        time.sleep(0.02)


@pytest.fixture
def serving(hallway: Hallway) -> Iterator[Callable[..., Served]]:
    """A way to start servers, which end with the test."""
    servers: list[Served] = []

    def begin(command: list[str] | None = None, **more: str) -> Served:
        servers.append(start({**hallway.environ, **more}, command))
        return servers[-1]

    yield begin
    for server in servers:
        end(server)
