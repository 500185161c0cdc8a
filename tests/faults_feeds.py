"""Following back offices while things go wrong: no webhook comes, Redis is emptied, processes are killed.

What is measured is what a customer would see, beside what the source says at that moment.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import sqlalchemy as sa
from bench_server import ROOT
from faults_kept import Change, Mirror, mirror
from faults_report import Figure, Plan, collect
from faults_world import (
    BAKERY,
    CAFE,
    CATERING,
    ENVIRON,
    HOTEL,
    Accounts,
    Portal,
    World,
    portal,
    until_known,
    world,
)
from msgspec import Struct, field

from auth.clock import utc_now
from auth.cookies import SESSION
from gateway.inbox import PAUSES
from gateway.pull import Known
from gateway.records.database import Database
from gateway.records.webhook_tables import InboxRow
from gateway.settings import load

WORKER = (sys.executable, "-m", "gateway.cli", "worker")
HURRIED_WORKER = (sys.executable, "-c", "from faults_hurry import work; work()")
HURRIED_PORTAL = (sys.executable, "-c", "from faults_hurry import serve_pages; serve_pages()")
ALL: Accounts = {"bakery": BAKERY, "hotel": HOTEL, "cafe": CAFE, "catering": CATERING}
CROWD: Accounts = {f"customer-{n}": (("erp", str(5000 + n)),) for n in range(40)}  # whom Odoo does not know
SOURCES = ("erp", "helpdesk", "crm")
AREAS = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}
PROMISE = 60.0  # seconds
AT_MOST = 300.0  # seconds without any webhook, whatever the promise is
CALL = 2.0  # seconds that a page may need beyond the promise: the call that it waits for, or the look after it
LOOP = 6.0  # seconds; a web process that dies twice in less ends the server, for whoever looks after it to see


def feeds(plan: Plan) -> Iterator[tuple[str, Figure]]:
    for part in (_without_webhooks, _flushed, _killed):
        yield from collect(part(plan))


class Seen(Struct):
    """Which changes were seen, and after how many seconds. `lies`: where more was claimed than was so."""

    waiting: list[Change]
    after: dict[str, list[float]] = field(default_factory=dict)  # by source
    lies: int = 0

    def note(self, change: Change, *, shown: bool, as_of: datetime | None) -> None:
        if shown:
            self.waiting.remove(change)
            self.after.setdefault(change.want.source, []).append((utc_now() - change.at).total_seconds())
        elif as_of and as_of > change.at:
            self.lies += 1


async def _without_webhooks(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Change records everywhere. One customer looks at pages all the time, and of the others it counts what is kept."""
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, ALL, promise=int(PROMISE)))
        look = await stack.enter_async_context(mirror(built, ALL, plan.rng))
        following = await stack.enter_async_context(worker(built))
        await _until(look.missing, within=120)
        served = await stack.enter_async_context(portal(built))
        await until_known(served, built.cookies["hotel"])
        of_pages, of_kept = Seen([]), Seen([])
        others = [account for account in ALL if account != "hotel"]
        for _ in range(1 if plan.short else 5):
            for source in SOURCES:
                for seen, whose in ((of_pages, ["hotel"]), (of_kept, others), (of_kept, others)):
                    seen.waiting += await look.change(source, served.http, whose)
            until = time.monotonic() + AT_MOST
            while (of_pages.waiting or of_kept.waiting) and time.monotonic() < until:
                await _look_at_kept(look, of_kept)
                await _look_at_pages(served, built.cookies["hotel"], of_pages)
                await asyncio.sleep(0.25)
        dead = following.ended
    for name, seen, most in (("kept", of_kept, AT_MOST), ("page", of_pages, PROMISE + CALL)):
        for source, after in sorted(seen.after.items()):
            yield (
                f"R8.{name}.{source}",
                Figure(
                    what=f"without webhooks: the longest until {name} shows a change, of {len(after)} in {source}",
                    value=max(after),
                    unit="s",
                    at_most=most,
                    timed=True,
                ),
            )
        yield (
            f"R8.{name}.lost",
            Figure(what=f"changes not seen ({name}) in {AT_MOST:g} s", value=len(seen.waiting), unit="", at_most=0),
        )
        yield (
            f"R8.{name}.claims",
            Figure(what=f"looks ({name}) that lack what is older than they claim", value=seen.lies, unit="", at_most=0),
        )
    yield "R8.worker", Figure(what="ends of the worker", value=dead, unit="", at_most=0)


async def _look_at_kept(look: Mirror, seen: Seen) -> None:
    known: dict[str, Known | None] = {}
    for account in {change.want.account for change in seen.waiting}:
        keys = [want.key for want in look.wants[account]]
        known |= dict(zip(keys, await look.kept(account), strict=True))
    for change in list(seen.waiting):
        have = known[change.want.key]
        seen.note(change, shown=change.is_in(have), as_of=have.as_of if have else None)


async def _look_at_pages(served: Portal, cookie: str, seen: Seen) -> None:
    for change in list(seen.waiting):
        path = f"/api/v1/{AREAS[change.want.kind]}/{change.want.source}/{change.id}"
        answer = await served.http.get(path, headers={"Cookie": f"{SESSION}={cookie}"})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            seen.note(change, shown=change.record is None, as_of=None)
            continue
        page = answer.json()
        stamps = [datetime.fromisoformat(each["fetchedAt"]) for each in page["sources"] if each["fetchedAt"]]
        shown = change.record is not None and page["item"]["status"]["state"] == change.record.state
        seen.note(change, shown=shown, as_of=min(stamps, default=None))


async def _flushed(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Empty Redis while pages are asked for and changes come: nothing is asked twice, and all is right again."""
    two = {"bakery": BAKERY, "cafe": CAFE}
    promise, seconds = 20, 8.0
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, two, promise=promise))
        built.environ["HALLWAY_SWEEP_EVERY"] = "0"  # a list is read by pages alone, and so by one process
        look = await stack.enter_async_context(mirror(built, two, plan.rng))
        await stack.enter_async_context(worker(built))
        served = await stack.enter_async_context(portal(built))
        statuses: list[int] = []
        most = 0.0
        for _ in range(1 if plan.short else 10):
            visiting = asyncio.create_task(_visit(built, served, plan, statuses))
            await asyncio.gather(*(until_known(served, cookie) for cookie in built.cookies.values()))
            asked = await _asked(built, built.cache.flushall(), asyncio.sleep(seconds))
            alone = await _asked(built, look.read_once())
            most = max(most, *(asked[each] / times for each, times in alone.items()))
            for source in SOURCES:
                await look.change(source, served.http, list(two))
            wrong = await _until(lambda: _count(look, two), within=promise * 3 + AT_MOST)
            await _stop(visiting)
        lines = served.log_lines('"trace"')
    errors = sum(status >= HTTPStatus.INTERNAL_SERVER_ERROR for status in statuses)
    yield (
        "R15.feeds.errors",
        Figure(what=f"server errors in {len(statuses)} pages, redis flushed", value=errors, unit="", at_most=0),
    )
    yield (
        "R15.feeds.asked",
        Figure(
            what=f"a question in {seconds:g} s after it / the same when each list is read once, at most",
            value=most,
            unit="x",
            at_most=1,
        ),
    )
    yield (
        "R15.feeds.state",
        Figure(what="records that differ from the source in the end", value=wrong, unit="", at_most=0),
    )
    yield "R15.feeds.calm", Figure(what="tracebacks in the log", value=len(lines), unit="lines", at_most=0)


async def _visit(built: World, served: Portal, plan: Plan, statuses: list[int]) -> None:
    async def visitor() -> None:
        while True:
            cookie = plan.rng.choice(list(built.cookies.values()))
            visit = await served.visit(cookie, plan.rng.choice(("/", "/orders", "/invoices", "/requests")))
            statuses.append(visit.status)
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(visitor())


async def _asked(built: World, *doing: Awaitable[object]) -> Counter[tuple[str, str, str, bytes]]:
    """Count each question that comes while something is done, by all that it says."""
    site = built.sandbox.site
    switches = (site.odoo_switch, site.zendesk_switch, site.hubspot_switch)
    before = [len(switch.seen) for switch in switches]
    for each in doing:
        await each
    seen = [each for switch, start in zip(switches, before, strict=True) for each in switch.seen[start:]]
    return Counter((each.method, each.path, each.query, each.body) for each in seen)


async def _killed(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Kill the worker and the web process while changes, webhooks, sweeps and feeds are under way.

    Half of the kills come over sweeps. Then there are none, so that what is right in the end is so by the feeds.
    """
    accounts = {**ALL, **CROWD}
    kills = 8 if plan.short else 100
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, accounts, promise=int(PROMISE)))
        built.environ["PYTHONPATH"] = os.pathsep.join(["tests", str(ROOT)])
        built.sandbox.site.zendesk.exports_a_minute = 100_000
        look = await stack.enter_async_context(mirror(built, accounts, plan.rng))
        served = await stack.enter_async_context(portal(built, command=HURRIED_PORTAL))
        acknowledged: dict[str, datetime] = {}
        done = Counter[str]()
        web_killed_at = time.monotonic()
        for sweeps in ("1", "0"):
            built.environ["HALLWAY_SWEEP_EVERY"] = sweeps
            async with worker(built, HURRIED_WORKER) as working:
                await _until(look.missing, within=120)
                busy = [
                    asyncio.create_task(_change(look, served, plan)),
                    asyncio.create_task(_tell(built, served, plan, acknowledged)),
                ]
                for _ in range(kills // 2):
                    await asyncio.sleep(plan.rng.uniform(0.5, 3))
                    if plan.rng.random() < 0.7 and time.monotonic() - web_killed_at > LOOP:
                        await _until_open(served)
                        await asyncio.sleep(plan.rng.uniform(0, 1))
                        done["web process"] += 1
                        served.kill_web()
                        web_killed_at = time.monotonic()
                    else:
                        done["worker"] += 1
                        await working.kill()
                for each in busy:
                    await _stop(each)
                if sweeps == "0":
                    open_ = await _until(lambda: _inbox(built, "open"), within=AT_MOST)
                    wrong = await _until(lambda: _count(look, accounts), within=AT_MOST)
        names = await look.differing(list(accounts)) if wrong else []
        lost = await _lost(built, acknowledged)
        given_up = await _inbox(built, "given up")
    killed = " and ".join(f"{count} of the {name}" for name, count in sorted(done.items()))
    yield (
        "R6.feeds.taken",
        Figure(what="orders of which an event was acknowledged", value=len(acknowledged), unit="", at_least=1),
    )
    yield (
        "R6.feeds.lost",
        Figure(
            what=f"of {len(acknowledged)} orders, whose last event was taken and lost in kills: {killed}",
            value=lost,
            unit="",
            at_most=0,
        ),
    )
    yield "R6.feeds.open", Figure(what="of them not done in the end", value=open_ + given_up, unit="", at_most=0)
    yield (
        "R7.feeds.state",
        Figure(
            what=" ".join(["records that differ from the source in the end", *names[:9]]),
            value=wrong,
            unit="",
            at_most=0,
        ),
    )


async def _change(look: Mirror, served: Portal, plan: Plan) -> None:
    while True:
        await look.change(plan.rng.choice(SOURCES), served.http, list(ALL), again=True)
        await asyncio.sleep(plan.rng.uniform(0, 0.2))


async def _tell(built: World, served: Portal, plan: Plan, acknowledged: dict[str, datetime]) -> None:
    """Tell of orders, and of nothing else: the rest is only right by the feeds. Notes when each was acknowledged."""
    orders = list(built.sandbox.site.odoo.rows["sale.order"])
    while True:
        key, sent_at = plan.rng.choice(orders), utc_now()
        told = {"_id": key, "_model": "sale.order"}
        with suppress(httpx.HTTPError):  # nobody has taken it
            answer = await served.http.post("/hooks/erp", params={"key": ENVIRON["HOOK"]}, json=told)
            if answer.status_code == HTTPStatus.OK:
                acknowledged[str(key)] = sent_at
        await asyncio.sleep(plan.rng.uniform(0, 0.1))


async def _until_open(served: Portal) -> None:
    while (await served.visit("", "/healthz")).status != HTTPStatus.OK:  # noqa: ASYNC110  # it begins elsewhere
        await asyncio.sleep(0.1)


async def _lost(built: World, acknowledged: Mapping[str, datetime]) -> int:
    """Count the orders of which no row tells that is as new as what was acknowledged."""
    newest: dict[str, datetime] = {}
    for row in await _rows(built):
        for event in row.events:
            newest[event["record"]] = max(row.received_at, newest.get(event["record"], row.received_at))
    return sum(key not in newest or newest[key] < sent_at for key, sent_at in acknowledged.items())


async def _inbox(built: World, state: str) -> int:
    rows = await _rows(built)
    return sum(row.due_at is not None if state == "open" else row.tries > len(PAUSES) for row in rows)


async def _rows(built: World) -> Sequence[InboxRow]:
    database = Database(load(built.environ).database_url.reveal())
    async with database.read() as session:
        rows = (await session.scalars(sa.select(InboxRow))).all()
    await database.close()
    return rows


async def _stop(task: asyncio.Task[None]) -> None:
    """Stop what goes on for ever. Raises what has stopped it before."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _count(look: Mirror, accounts: Accounts) -> int:
    return len(await look.differing(list(accounts)))


async def _until(count: Callable[[], Awaitable[int]], *, within: float) -> int:
    """Count again until it is nothing, or for so many seconds."""
    end = time.monotonic() + within
    while (left := await count()) and time.monotonic() < end:  # noqa: ASYNC110  # it ends in other processes
        await asyncio.sleep(1)
    return left


class Working:
    """A worker that is started again whenever it was killed."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environ = environ
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, env=self._environ, stdout=out, stderr=out
            )

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self.start()

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


@asynccontextmanager
async def worker(built: World, command: Sequence[str] = WORKER) -> AsyncIterator[Working]:
    """Follow the sources until the block ends."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HALLWAY_")}
    log = Path(built.environ["HALLWAY_DATA_DIR"]) / "worker.log"
    working = Working(command, ours | built.environ, log)
    await working.start()
    try:
        yield working
    finally:
        await working.stop()
