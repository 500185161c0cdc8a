"""What customers send, while processes are killed, answers are lost, and the database is locked or has no room.

The customers and what they count are those of `faults_writers`.
"""

import asyncio
import itertools
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_server import ROOT
from faults_report import Figure, Plan, collect
from faults_world import Portal, World, portal, world
from faults_writers import (
    ACCOUNTS,
    DONE_WITHIN,
    NEW,
    Blocked,
    Ledger,
    Pages,
    Writer,
    add_tickets,
    count,
    flat,
    made_of,
    path_of,
    until,
    until_done,
    writers_of,
)
from support_sandbox import free_port
from support_serve import descendants, name_of

from connectors.sandbox.faults import Fault

HURRIED_PORTAL = (sys.executable, "-c", "from faults_hurry import serve_pages; serve_pages()")
KILLS, ACKS = 200, 3_000  # at least, in the long form
CLICKS = 50
LOST = Fault(kind="lost", share=0.07)
BACKLOG = 300  # things not done yet, above which customers wait
LONGEST = 420.0  # seconds that customers go on writing after the last kill
LOCKED_FOR = 10.0  # seconds
WAITS = 5.0  # seconds, at most, for a lock
ROOM = 24  # megabytes of a disk that gets full


def outbox(plan: Plan) -> Iterator[tuple[str, Figure]]:
    for part in (_killed, _hindered):
        yield from collect(part(plan))


async def _killed(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Kill the web processes, the worker and who started them, and Redis in half of the lives."""
    kills, acks = (10, 0) if plan.short else (KILLS, ACKS)
    async with world(plan.rng, ACCOUNTS, promise=3600, tracker=True) as built:
        tickets = add_tickets(built, 4 if plan.short else 32)
        pages = {account: [*theirs, *[NEW] * (len(theirs) // 4)] for account, theirs in tickets.items()}
        built.environ.update(
            PYTHONPATH=os.pathsep.join(["tests", str(ROOT)]),
            HALLWAY_WORKERS="1" if plan.short else "2",
            HALLWAY_WORKER="beside",
            HALLWAY_SWEEP_EVERY="0",
        )
        port, ledger, done = free_port(), Ledger(), asyncio.Event()
        writers = writers_of(built, f"http://127.0.0.1:{port}", pages, ledger)
        numbers = itertools.count()

        async def write(writer: Writer) -> None:
            while not done.is_set():
                await writer.until_taken(f"[Word {next(numbers)}]")
                await until(lambda: done.is_set() or count(built, "due_at IS NOT NULL") < BACKLOG, within=DONE_WITHIN)

        _lose_answers(built)
        writing = [asyncio.create_task(write(writer)) for writer in writers]
        killed = Counter[str]()
        while killed.total() < kills:
            async with portal(built, port, HURRIED_PORTAL) as served:
                await _until_some(ledger, 5)
                for what in plan.rng.choice((("web", "worker"), ("worker", "web", "worker"))):
                    await asyncio.sleep(plan.rng.uniform(0, 0.5))
                    killed[what] += _kill_one(served, what)
                if plan.rng.random() < 0.5:
                    built.redis.restart()
                    killed["Redis"] += 1
                if not plan.short and plan.rng.random() < 0.1:
                    await _stop_for_a_while(served)
                await _until_some(ledger, plan.rng.randint(1, 10 if plan.short else 60))
                await asyncio.sleep(plan.rng.uniform(0, 0.1))
                killed["parent"] += 1
                for pid in (served.server.pid, *descendants(served.server.pid)):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        async with portal(built, port, HURRIED_PORTAL):
            await until(lambda: len(ledger.taken) >= acks, within=LONGEST)
            done.set()
            await asyncio.gather(*writing)
            await until_done(built)
        for writer in writers:
            await writer.aclose()
        lives = ", ".join(f"{count} of {name}" for name, count in sorted(killed.items()))
        for each in _judge(built, ledger, f"{killed.total()} kills -9 ({lives}), {ledger.again} sent again"):
            yield each


def _judge(built: World, ledger: Ledger, how: str) -> Iterator[tuple[str, Figure]]:
    made = made_of(built)
    after = f"of {len(ledger.taken)} acknowledged over {how}:"
    lost = sum(not made[text] for text in ledger.taken)
    yield "R1.lost", Figure(what=f"{after} not made", value=lost, unit="", at_most=0)
    doubled = sum(made[text] > 1 for text in ledger.sent)
    yield "R2.doubled", Figure(what=f"{after} made twice", value=doubled, unit="", at_most=0)
    left = count(built, "state <> 'sent'")
    yield "R2.left", Figure(what=f"{after} not sent in the end", value=left, unit="", at_most=0)
    yield "R1.odd", Figure(what=f"{after} other answers", value=ledger.odd.total(), unit="", at_most=0)


async def _hindered(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Nobody dies: many clicks at once, a lock that is held, and at last a disk without room."""
    with _small_disk() as folder:
        async with (
            world(plan.rng, ACCOUNTS, promise=3600, tracker=True, data_dir=folder) as built,
            portal(built) as served,
        ):
            pages = add_tickets(built, 2)
            for part in (_clicked, _locked, _full):
                async for each in part(built, served, pages, plan):
                    yield each


async def _clicked(built: World, served: Portal, pages: Pages, _: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Send the same form fifty times at once, on connections of their own."""
    statuses: list[int] = []
    for account, (page, *_others) in pages.items():
        many = [Writer(served.address, built.cookies[account], [page], Ledger()) for _ in range(CLICKS)]
        form = await many[0].form(page)
        answers = await asyncio.gather(*(each.send(page, form, f"[Once for {account}]") for each in many))
        statuses += [answer.status_code for answer in answers]
        for each in many:
            await each.aclose()
    await until_done(built)
    made = made_of(built)
    clicks = f"{CLICKS} equal forms at once, twice:"
    refused = sum(status != HTTPStatus.SEE_OTHER for status in statuses)
    yield "R3.refused", Figure(what=f"{clicks} not taken", value=refused, unit="", at_most=0)
    wrong = sum(made[f"[Once for {account}]"] != 1 for account in pages)
    yield "R3.made", Figure(what=f"{clicks} not made once", value=wrong, unit="", at_most=0)


async def _locked(built: World, served: Portal, pages: Pages, plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Hold the database's lock, while customers write and read."""
    writers = writers_of(built, served.address, pages, Ledger())
    blocked = [
        Blocked(writer, page, await writer.form(page), f"[Locked out {place}]")
        for place, (writer, page) in enumerate(zip(writers, flat(pages), strict=True))
    ]
    page = pages["workshop"][0]
    before = await _read(built, served, page, seconds=2.0)
    database = sqlite3.connect(path_of(built), isolation_level=None)
    database.execute("UPDATE sessions SET seen_at = datetime(seen_at, '-2 minutes')")  # their use is to be noted
    await built.cache.delete(*[key async for key in built.cache.scan_iter(match="*session*")])
    database.execute("BEGIN EXCLUSIVE")
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_read(built, served, page, seconds=6.0 if plan.short else LOCKED_FOR))
        trying = [group.create_task(each.try_once()) for each in blocked]
    database.execute("COMMIT")
    database.close()
    for each in blocked:
        await each.until_taken()
    await until_done(built)
    made, during = made_of(built), reading.result()
    for writer in writers:
        await writer.aclose()
    waits = [task.result() for task in trying]
    yield (
        "R21.wait",
        Figure(what="locked: the longest a write waits", value=max(waits), unit="s", at_most=WAITS, timed=True),
    )
    for figure in _given_back("R21", "locked", blocked):
        yield figure
    wrong = sum(made[each.text] != 1 for each in blocked)
    what = f"locked: of {len(blocked)} that are sent again after it not made once"
    yield "R21.made", Figure(what=what, value=wrong, unit="", at_most=0)
    failed = sum(status != HTTPStatus.OK for status, _ in during)
    yield "R21.reads", Figure(what=f"locked: of {len(during)} pages not shown", value=failed, unit="", at_most=0)
    ratio = _p95(during) / _p95(before)
    yield "R21.p95", Figure(what="locked: p95 of a page / before", value=ratio, unit="x", at_most=2, timed=True)


async def _full(built: World, served: Portal, pages: Pages, _: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Let the disk get full, and have room again."""
    (page, *_others) = pages["workshop"]
    writer = Writer(served.address, built.cookies["workshop"], [page], Ledger())
    form = await writer.form(page)
    blocked = [Blocked(writer, page, {**form, "nonce": f"{place:016}"}, f"[No room {place}]") for place in range(10)]
    with _filled(served, path_of(built).parent):
        waits = [await each.try_once() for each in blocked]
        shown = [await writer.http.get(page) for _ in blocked]
    for each in blocked:
        await each.until_taken()
    await until_done(built)
    made = made_of(built)
    await writer.aclose()
    yield (
        "R20.wait",
        Figure(what="disk full: the longest until it is refused", value=max(waits), unit="s", at_most=1, timed=True),
    )
    for figure in _given_back("R20", "disk full", blocked):
        yield figure
    failed = sum(answer.status_code != HTTPStatus.OK for answer in shown)
    yield "R20.reads", Figure(what=f"disk full: of {len(shown)} pages not shown", value=failed, unit="", at_most=0)
    wrong = sum(made[each.text] != 1 for each in blocked)
    what = f"disk full: of {len(blocked)} that are sent again after it not made once"
    yield "R20.made", Figure(what=what, value=wrong, unit="", at_most=0)


def _given_back(promise: str, how: str, blocked: list["Blocked"]) -> Iterator[tuple[str, Figure]]:
    refused = sum(not each.is_refused for each in blocked)
    many = len(blocked)
    yield f"{promise}.said", Figure(what=f"{how}: of {many} not told to come again", value=refused, unit="", at_most=0)
    kept = sum(not each.is_given_back for each in blocked)
    yield f"{promise}.kept", Figure(what=f"{how}: of {many} not given back", value=kept, unit="", at_most=0)


async def _read(built: World, served: Portal, page: str, *, seconds: float) -> list[tuple[int, float]]:
    """Look at pages for so long; give the status of each, and its seconds."""
    seen: list[tuple[int, float]] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in ("/requests", page):
            visit = await served.visit(built.cookies["workshop"], path)
            seen.append((visit.status, visit.seconds))
        await asyncio.sleep(0.05)
    return seen


def _p95(seen: list[tuple[int, float]]) -> float:
    times = sorted(seconds for _, seconds in seen)
    return times[len(times) * 95 // 100]


def _lose_answers(built: World) -> None:
    built.sandbox.rt_fault(LOST)
    built.sandbox.zendesk_fault(LOST)


def _kill_one(served: Portal, what: str) -> int:
    """Kill a process of the portal's, and say how many there were to kill."""
    word = {"web": "spawn_main", "worker": "gateway.cli"}[what]
    pids = [pid for pid in descendants(served.server.pid) if word in name_of(pid)]
    for pid in pids[:1]:
        os.kill(pid, signal.SIGKILL)
    return len(pids[:1])


async def _stop_for_a_while(served: Portal) -> None:
    """Stop a web process for longer than a turn lasts, in the middle of what it does."""
    pids = [pid for pid in descendants(served.server.pid) if "spawn_main" in name_of(pid)]
    for pid in pids[:1]:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(15)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _until_some(ledger: Ledger, more: int, within: float = 10.0) -> None:
    """Wait until so many more are taken."""
    wanted = len(ledger.taken) + more
    await until(lambda: len(ledger.taken) >= wanted, within=within)


@contextmanager
def _small_disk() -> Iterator[Path]:
    """Give a folder on a disk of its own, or any, where we may not make one."""
    with TemporaryDirectory(prefix="full-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", name]
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Path(name)
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", name], check=True)


@contextmanager
def _filled(served: Portal, folder: Path) -> Iterator[None]:
    """Leave no room on its disk; where it is not its own, let the kernel refuse that any file of theirs grows."""
    if folder.is_mount():
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
        yield
        filler.unlink()
        return
    limit = resource.RLIMIT_FSIZE
    pids = [served.server.pid, *descendants(served.server.pid)]
    for pid in pids:
        resource.prlimit(pid, limit, (1, resource.RLIM_INFINITY))
    yield
    for pid in pids:
        resource.prlimit(pid, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
