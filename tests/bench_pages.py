"""Benchmarks of whole pages: how far the portal is above the floor, and what it costs to start.

python tests/bench_pages.py        ONLY=B3 picks, QUICK=1 is for a first look
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bench_report
import msgspec
from bench_load import per_second
from bench_report import QUICK, Finding, ratio_of_rounds
from bench_server import FLOOR, PORTAL, Page, Server, running
from bench_world import World, world

ROUNDS, SECONDS = (2, 0.5) if QUICK else (7, 2.0)
STARTS = 2 if QUICK else 5
HOME = "/"
NOT_OF_THE_PAGE = {"connection", "content-length", "date", "server", "transfer-encoding"}
MEGABYTE = 1024 * 1024

# Names every module that a web process loads and that is not ours, in an order in which they can be imported.
FOREIGN_MODULES = """
import json, sys, gateway.cli.commands, gateway.app, granian
ours = {"gateway", "connectors", "cache", "auth", "web", "__main__"}
print(json.dumps([name for name in sys.modules if name.partition(".")[0] not in ours]))
"""
IMPORT_THEM = """
import contextlib, importlib, json, sys
for name in json.load(sys.stdin):
    with contextlib.suppress(ImportError):  # parts of compiled modules that have no file of their own
        importlib.import_module(name)
"""


def ask(server: Server, path: str, cookie: str) -> Page:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{path} answered {answer.status}")
    return Page([(name.lower().encode(), value.encode()) for name, value in answer.getheaders()], body)


def floor_of(page: Page) -> Page:
    """The same answer as ready bytes, less what the server adds by itself."""
    headers = [(name, value) for name, value in page.headers if name.decode() not in NOT_OF_THE_PAGE]
    return Page([*headers, (b"content-length", str(len(page.body)).encode())], page.body)


def home_rebuilt() -> Iterator[tuple[str, Finding]]:
    with world() as built, running(PORTAL, built.environ) as portal:
        page = ask(portal, HOME, built.cookie)
        check(page)
        file = Path(built.environ["HALLWAY_DATA_DIR"]) / "floor"
        file.write_bytes(msgspec.msgpack.encode(floor_of(page)))
        with running(FLOOR, {**built.environ, "BENCH_FLOOR": str(file)}) as floor:
            ratio = ratio_of_rounds(
                ROUNDS,
                lambda: per_second(portal.port, HOME, built.cookie, SECONDS),
                lambda: per_second(floor.port, HOME, built.cookie, SECONDS),
            )
    what = f"Home of 60 records ({len(page.body) / 1000:.0f} kB), rebuilt on every request / floor"
    yield "B3", Finding(what=what, value=ratio, at_least=0.12, unit="x floor")


def check(page: Page) -> None:
    """Make sure that it is the page we think: with records from both sources, and none of them missing."""
    for wanted in (b"INV-000", b"S0000", b"A question about article"):
        if wanted not in page.body:
            raise RuntimeError(f"Home does not show {wanted.decode()}")


def start_and_rest() -> Iterator[tuple[str, Finding]]:
    with world() as built:
        modules = subprocess.check_output([sys.executable, "-c", FOREIGN_MODULES], text=True)
        ratio = ratio_of_rounds(STARTS, lambda: start_time(built), lambda: import_time(modules))
        with running(PORTAL, built.environ) as portal:
            ask(portal, HOME, built.cookie)
            resident = resident_bytes(web_process(portal))
    yield (
        "B11a",
        Finding(
            what="web process: start to first answer / importing the same packages", value=ratio, at_most=1.3, unit="x"
        ),
    )
    yield "B11b", Finding(what="web process: memory at rest", value=resident / MEGABYTE, at_most=160, unit="MB")


def start_time(built: World) -> float:
    """Seconds from the beginning of the web process to its first answer."""
    with running(PORTAL, built.environ) as portal:
        answered = time.clock_gettime(time.CLOCK_BOOTTIME)
        return answered - began_at(web_process(portal))


def import_time(modules: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORT_THEM], input=modules, check=True, text=True)
    return time.perf_counter() - began


def web_process(server: Server) -> int:
    """Find the largest child; the other one, if any, is Python's own keeper of resources."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return max(map(int, children), key=resident_bytes)


def began_at(pid: int) -> float:
    """Seconds between the start of the machine and that of the process."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    bench_report.run({"B3": home_rebuilt, "B11": start_and_rest})
