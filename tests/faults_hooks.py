"""Webhooks at a rate and under kills: answered in time, and what was answered is neither lost nor doubled.

Signed as Zendesk and HubSpot sign, or with Odoo's key. The sender is a vendor: what is not answered it sends again.
"""

import asyncio
import itertools
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import msgspec
from faults_hooks_load import TICKET, Came, by_zendesk
from faults_report import Figure, Plan, collect
from faults_world import BAKERY, Portal, World, portal, until_known, world
from msgspec import Struct, field
from support_sandbox import free_port
from support_serve import descendants

from connectors.sandbox.zendesk.changes import update_ticket

LOAD = (sys.executable, str(Path(__file__).parent / "faults_hooks_load.py"))
RATE = 200  # deliveries a second
WITHIN = 0.5  # seconds, for 99 of 100
SENDERS = 8
SETTLED_WITHIN = 90.0  # seconds: what a killed process had leased is taken over
PAGE = "/requests?show=all"


class Ledger(Struct):
    """What a sender knows: the ids that were answered with 200, and how often it had to send again."""

    taken: set[str] = field(default_factory=set)
    again: int = 0


class Sender:
    """Sends to a portal. An id is sent until it is answered."""

    def __init__(self, address: str, ledger: Ledger) -> None:
        self._ledger = ledger
        self._http = httpx.AsyncClient(base_url=address, trust_env=False, timeout=30)

    async def until_taken(self, name: str) -> None:
        while True:
            sent = by_zendesk(name)
            with suppress(httpx.HTTPError):
                answer = await self._http.post(sent.path, content=sent.body, headers=sent.headers)
                if answer.status_code == HTTPStatus.OK:
                    self._ledger.taken.add(name)
                    return
            self._ledger.again += 1
            await asyncio.sleep(0.2)

    async def aclose(self) -> None:
        await self._http.aclose()


def hooks(plan: Plan) -> Iterator[tuple[str, Figure]]:
    return collect(_hooks(plan))


async def _hooks(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    async with world(plan.rng, {"bakery": BAKERY}, promise=3600) as built:
        async with portal(built) as served:
            await until_known(served, built.cookies["bakery"])
            await until_known(served, built.cookies["bakery"], PAGE)
            async for each in _at_a_rate(built, served, 3 if plan.short else 30):
                yield each
        async for each in _under_kills(built, plan):
            yield each


async def _at_a_rate(built: World, served: Portal, seconds: int) -> AsyncIterator[tuple[str, Figure]]:
    process = await asyncio.create_subprocess_exec(
        *LOAD, served.address, str(RATE), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    came = msgspec.json.decode(out, type=list[Came])
    times = sorted(each.seconds for each in came)
    what = f"of {len(times)} webhooks, {RATE} a second: until the answer"
    yield "R6.p50", Figure(what=f"median {what}", value=times[len(times) // 2], unit="s", at_most=WITHIN, timed=True)
    yield (
        "R6.p99",
        Figure(what=f"p99 {what}", value=times[len(times) * 99 // 100], unit="s", at_most=WITHIN, timed=True),
    )
    refused = sum(each.status != HTTPStatus.OK for each in came)
    yield "R6.refused", Figure(what=f"of {len(times)} not answered with 200", value=refused, unit="", at_most=0)
    taken = {each.name for each in came if each.name and each.status == HTTPStatus.OK}
    lost = taken - set(_written(built))
    yield "R6.lost", Figure(what=f"of {len(taken)} taken and not written", value=len(lost), unit="", at_most=0)


async def _under_kills(built: World, plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Kill the portal with -9 again and again while it takes deliveries, and start it anew as a machine does."""
    kills = 10 if plan.short else 100
    ledger = Ledger()
    port = free_port()
    sender = Sender(f"http://127.0.0.1:{port}", ledger)
    numbers = itertools.count()
    done = asyncio.Event()

    async def send() -> None:
        while not done.is_set():
            await sender.until_taken(f"kill-{next(numbers)}")

    senders = [asyncio.create_task(send()) for _ in range(SENDERS)]
    subject = ""
    for number in range(kills):
        async with portal(built, port) as served:
            await sender.until_taken(f"before-{number}")
            await asyncio.sleep(plan.rng.uniform(0, 0.5))
            subject = f"Changed before kill {number}"
            update_ticket(built.sandbox.site.zendesk, TICKET, {"subject": subject}, datetime.now(UTC))
            senders.append(asyncio.create_task(sender.until_taken(f"change-{number}")))
            await asyncio.sleep(plan.rng.uniform(0, 0.05))
            for pid in (*descendants(served.server.pid), served.server.pid):
                os.kill(pid, signal.SIGKILL)
    done.set()
    async with portal(built, port) as served:
        await asyncio.gather(*senders)
        await sender.aclose()
        async for each in _judge(built, served, ledger, kills, subject):
            yield each


async def _judge(
    built: World, served: Portal, ledger: Ledger, kills: int, subject: str
) -> AsyncIterator[tuple[str, Figure]]:
    written = [name for name in _written(built) if not name.startswith("rate-")]
    sent = f"of {len(ledger.taken)} answered over {kills} kills -9, {ledger.again} sent again:"
    lost = ledger.taken - set(written)
    yield "R6.kills", Figure(what=f"{sent} not written", value=len(lost), unit="", at_most=0)
    doubled = len(written) - len(set(written))
    yield "R6.doubled", Figure(what=f"{sent} written twice", value=doubled, unit="", at_most=0)
    yield "R6.waiting", Figure(what=f"{sent} never followed", value=await _waiting(built), unit="", at_most=0)
    page = await served.read(built.cookies["bakery"], PAGE)
    wrong = 0 if subject in page else 1
    yield "R6.state", Figure(what="pages that differ from the source in the end", value=wrong, unit="", at_most=0)


async def _waiting(built: World) -> int:
    """Wait until all is followed, and count what is not."""
    last = time.monotonic() + SETTLED_WITHIN
    while True:
        ((left,),) = _asked(built, "SELECT count(*) FROM inbox WHERE due_at IS NOT NULL")
        if not left or time.monotonic() > last:
            return int(left)
        await asyncio.sleep(0.5)


def _written(built: World) -> list[str]:
    return [name for (name,) in _asked(built, "SELECT delivery FROM inbox WHERE delivery IS NOT NULL")]


def _asked(built: World, question: str) -> list[tuple[str]]:
    database = sqlite3.connect(Path(built.environ["HALLWAY_DATA_DIR"]) / "hallway.db")
    try:
        return database.execute(question).fetchall()
    finally:
        database.close()
