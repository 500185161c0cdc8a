"""What it costs to start a web process, and to let one rest."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench_report import QUICK, Finding, ratio_of_rounds
from bench_server import PORTAL, Server, running
from bench_warm import home_of
from bench_world import World, world

STARTS = 2 if QUICK else 5
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


def start_and_rest() -> Iterator[tuple[str, Finding]]:
    """B11."""
    with world() as built:
        modules = subprocess.check_output([sys.executable, "-c", FOREIGN_MODULES], text=True)
        ratio = ratio_of_rounds(STARTS, lambda: start_time(built), lambda: import_time(modules))
        with running(PORTAL, built.environ) as portal:
            home_of(portal, built)
            resident = resident_bytes(web_process(portal))
    what = "web process: start to first answer / importing the same packages"
    yield "B11a", Finding(what=what, value=ratio.value, spread=ratio.spread, at_most=1.3, unit="x")
    what = "web process: memory at rest"
    yield "B11b", Finding(what=what, value=resident / MEGABYTE, at_most=160, unit="MB")


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
