"""Slow clients, restarts under load and a crowd at the door, against `hallway serve` itself.

python tests/faults_edges.py  SHORT=1 takes a minute
"""

import itertools
import os
import resource
import selectors
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import bench_report
from bench_report import Finding
from support_sandbox import free_port
from support_serve import PATIENCE, Customer, Served, end, read_answer, start

LATEST = Path(__file__).parent.parent / ".faults" / "edges.json"
SHORT = bool(os.environ.get("SHORT"))
SLOW = 60 if SHORT else 500  # of each kind
VISITS = 100 if SHORT else 500
RESTARTS = 3 if SHORT else 50
STARTS = 2 if SHORT else 10
CUSTOMERS = 10
CROWD = 1000  # more than may be under way
PAGE = b"GET /sign-in HTTP/1.1\r\nHost: %b\r\n\r\n"
FILE = b"GET /static/hallway.css HTTP/1.1\r\nHost: %b\r\n\r\n" * 20
FORM = b"POST /auth/backchannel-logout HTTP/1.1\r\nHost: %b\r\nContent-Length: 60000\r\n\r\n"
# What each sends first, what it sends every second, the seconds until it does nothing but that, and those after which
# it must have been closed on.
KINDS = {
    "headers": (b"GET / HTTP/1.1\r\n", b"X: a\r\n", 0, 12),
    "body": (FORM, b"a", 0, 33),
    "reading": (FILE, b"", 3 if SHORT else 15, 75),  # 30 without a byte, as soon as the kernel asks again
}


def slow_clients() -> Iterator[tuple[str, Finding]]:
    with running() as server:
        before = p95(server)
        for name, (first, more, pause, within) in KINDS.items():
            with crowd(server, first) as connections:
                begun = time.monotonic()
                stop = threading.Event()
                dripping = threading.Thread(target=drip, args=(connections, more, stop), daemon=True)
                dripping.start()
                time.sleep(pause)
                ratio = p95(server) / before
                while (held := established(server.port)) and time.monotonic() < begun + within:
                    time.sleep(0.2)
                stop.set()
                dripping.join()
            yield (
                f"R22.{name}",
                Finding(what=f"p95 of others beside {SLOW} slow clients / without", value=ratio, unit="x", at_most=2),
            )
            yield (
                f"R22.{name}-held",
                Finding(what=f"of them still connected after {within} s", value=held, unit="", at_most=0),
            )


def restarts() -> Iterator[tuple[str, Finding]]:
    """Stop and start at one port, with customers who come back as long as somebody listens."""
    failed = answered = 0
    longest = 0.0
    port = str(free_port())
    with TemporaryDirectory(prefix="h-") as folder:
        for _ in range(RESTARTS):
            server = begin(folder, port)
            customers = [Customer(server) for _ in range(CUSTOMERS)]
            for customer in customers:
                customer.start()
            time.sleep(0.5)
            stopped = time.monotonic()
            server.stop(signal.SIGTERM)
            longest = max(longest, time.monotonic() - stopped)
            for customer in customers:
                customer.join()
                failed += len(customer.failed)
                answered += customer.answered
    what = f"requests without an answer, of {answered} over {RESTARTS} restarts"
    yield "R24.failed", Finding(what=what, value=failed, unit="", at_most=0)
    yield "R24.stop", Finding(what="longest stop under load", value=longest, unit="s", at_most=10)


def starts() -> Iterator[tuple[str, Finding]]:
    """Kill the whole server, and wait until it answers again."""
    taken = []
    port = str(free_port())
    with TemporaryDirectory(prefix="h-") as folder:
        end_hard(begin(folder, port))
        for _ in range(STARTS):
            begun = time.monotonic()
            server = begin(folder, port)
            taken.append(time.monotonic() - begun)
            end_hard(server)
        end(begin(folder, port))  # takes away what the last one left
    what = f"from start to ready after a kill, the median of {STARTS}"
    yield "R24.start", Finding(what=what, value=statistics.median(taken), unit="s", at_most=3)


def overload() -> Iterator[tuple[str, Finding]]:
    """Ask with more connections at once than may be under way: some are refused, quickly, and the others answered."""
    with running() as server:
        alone = answers_per_second(server, CUSTOMERS)
        served = answers_per_second(server, CROWD)
        answers = [answer for _ in range(5) for answer in at_once(server)]
    pages = [taken for status, taken in answers if status == b"200"]
    refusals = sorted(taken for status, taken in answers if status == b"503")
    yield (
        "R23.goodput",
        Finding(
            what=f"pages a second with {CROWD} clients / with {CUSTOMERS}", value=served / alone, unit="x", at_least=0.8
        ),
    )
    yield (
        "R23.answered",
        Finding(
            what=f"of {len(answers)} requests, {CROWD} at once, neither answered nor refused",
            value=len(answers) - len(pages) - len(refusals),
            unit="",
            at_most=0,
        ),
    )
    if refusals:
        yield (
            "R23.refusal",
            Finding(
                what=f"p95 of {len(refusals)} refusals",
                value=refusals[int(len(refusals) * 0.95)] * 1000,
                unit="ms",
                at_most=50,
            ),
        )


def at_once(server: Served) -> Iterator[tuple[bytes, float]]:
    """Ask once on each of many connections at the same moment. Gives each status, and after how many seconds."""
    waiting = selectors.DefaultSelector()
    sent = {}
    connections = [server.connect() for _ in range(CROWD)]
    for connection in connections:
        connection.sendall(PAGE % server.host)
        sent[connection] = time.monotonic()
        waiting.register(connection, selectors.EVENT_READ)
    while sent and (ready := waiting.select(PATIENCE)):
        for key, _ in ready:
            connection = cast("socket.socket", key.fileobj)
            waiting.unregister(connection)
            with connection:
                yield connection.recv(65_536)[9:12], time.monotonic() - sent.pop(connection)


def answers_per_second(server: Served, clients: int, seconds: float = 5.0) -> float:
    """Give the pages per second that so many clients got, each asking again at once."""
    counts = {b"200": 0, b"503": 0}
    last = time.monotonic() + seconds

    def ask() -> None:
        with suppress(OSError), server.connect() as connection:
            while time.monotonic() < last:
                connection.sendall(PAGE % server.host)
                counts[read_answer(connection).split(b" ")[1]] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts[b"200"] / seconds


def begin(folder: str, port: str = "") -> Served:
    server = start({"HALLWAY_DATA_DIR": folder, "HALLWAY_LOG_LEVEL": "error", "HALLWAY_PORT": port or str(free_port())})
    if not server.wait_until_open():
        raise SystemExit(server.process.communicate()[1])
    return server


@contextmanager
def running() -> Iterator[Served]:
    with TemporaryDirectory(prefix="h-") as folder:
        server = begin(folder)
        try:
            yield server
        finally:
            end(server)


def end_hard(server: Served) -> None:
    """Kill it with all its workers, as a machine does that runs out of memory. Its Redis stays, an orphan."""
    for pid in (*server.processes("spawn_main"), server.process.pid):
        os.kill(pid, signal.SIGKILL)
    server.process.communicate()


@contextmanager
def crowd(server: Served, first: bytes) -> Iterator[list[socket.socket]]:
    connections = []
    for _ in range(SLOW):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(first.replace(b"%b", server.host))
        connections.append(connection)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def drip(connections: list[socket.socket], more: bytes, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        for connection in connections:
            with suppress(OSError):  # it has been closed on
                connection.send(more, socket.MSG_DONTWAIT)


def p95(server: Served) -> float:
    taken = []
    for _ in range(VISITS):
        begun = time.monotonic()
        with server.connect() as connection:
            connection.sendall(PAGE % server.host)
            read_answer(connection)
        taken.append(time.monotonic() - begun)
    return sorted(taken)[int(len(taken) * 0.95)]


def established(port: int) -> int:
    """Count the connections that the server holds at this port, or that the kernel ends for it, by its own list."""
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines())
    return sum(row[1].endswith(f":{port:04X}") and row[3] in {"01", "04"} for row in rows)


SUITES: dict[str, Callable[[], Iterator[tuple[str, Finding]]]] = {
    "slow": slow_clients,
    "restarts": restarts,
    "starts": starts,
    "overload": overload,
}


def edges() -> Iterator[tuple[str, Finding]]:
    """All of them, for the suite of all faults."""
    return itertools.chain.from_iterable(suite() for suite in SUITES.values())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    bench_report.run(SUITES, LATEST)
