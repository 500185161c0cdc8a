"""Redis hung, killed, emptied, and back from an old file, while pages are served: nothing is lost but speed."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from faults_report import Figure, Plan, collect
from faults_world import BAKERY, CATERING, HOTEL, Portal, Visit, World, portal, until_known, world

PROMISE = 5  # seconds
SLACK = timedelta(seconds=2)  # a page may take its budget to come, and times are compared across two processes
PAGES = ("/", "/orders", "/invoices", "/requests")
VISITORS = 4
SIGNED_OUT_WITHIN = 10.0  # seconds, as cache.keys promises for copies of sessions
APPEND = ("--appendonly", "yes", "--appendfsync", "always")


def redis(plan: Plan) -> Iterator[tuple[str, Figure]]:
    return collect(_redis(plan))


async def _redis(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    accounts = {"bakery": BAKERY, "hotel": HOTEL, "gone": CATERING}
    faults = {"hung": _hang, "killed": _kill, "flushed": _flush, "older file": _restore}
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, accounts, promise=PROMISE, redis_options=APPEND))
        served = await stack.enter_async_context(portal(built))
        for account in accounts:
            await until_known(served, built.cookies[account])
        old = built.redis.folder / "old"
        shutil.copytree(built.redis.folder / "appendonlydir", old)  # with the session that is about to end
        await built.sessions.end(built.cookies["gone"])
        gone_at = time.monotonic()
        for name, fault in faults.items():
            seconds = 1.0 if plan.short else 15.0
            visits = await _under(built, served, fault, seconds, plan)
            for key, figure in _judge(visits, name):
                yield f"{key}.{name.partition(' ')[0]}", figure
            back = time.monotonic() - gone_at
            status = (await served.visit(built.cookies["gone"])).status
            yield (
                f"R14.{name.partition(' ')[0]}.gone",
                Figure(
                    what=f"pages for one who signed out {back:.0f} s before, redis {name}",
                    value=int(status == HTTPStatus.OK),
                    unit="",
                    at_most=0,
                ),
            )
        async for each in _stampede(built, served, 40 if plan.short else 200):
            yield each
        traces = len(served.log_lines('"trace"'))
        yield "R14.calm", Figure(what="tracebacks in the log", value=traces, unit="lines", at_most=0)


def _judge(visits: Sequence[Visit], name: str) -> Iterator[tuple[str, Figure]]:
    count = len(visits)
    errors = sum(visit.status >= HTTPStatus.INTERNAL_SERVER_ERROR for visit in visits)
    yield "R14.errors", Figure(what=f"server errors in {count} pages, redis {name}", value=errors, unit="", at_most=0)
    out = sum(visit.status in {HTTPStatus.SEE_OTHER, HTTPStatus.UNAUTHORIZED} for visit in visits)
    yield "R14.sessions", Figure(what=f"customers signed out, redis {name}", value=out, unit="", at_most=0)
    stale = sum(_claims_too_much(visit) for visit in visits)
    yield (
        "R15.fresh",
        Figure(what=f"pages that call old records on time, redis {name}", value=stale, unit="", at_most=0),
    )
    slowest = max(visit.seconds for visit in visits)
    yield "R14.slowest", Figure(what=f"slowest page, redis {name}", value=slowest, unit="s", at_most=1.7, timed=True)


def _claims_too_much(visit: Visit) -> bool:
    """Whether a page calls records on time that were read longer ago than promised."""
    oldest = visit.began - timedelta(seconds=PROMISE) - SLACK
    return any(stamp.state == "ontime" and (stamp.at is None or stamp.at < oldest) for stamp in visit.stamps)


async def _under(
    built: World, served: Portal, fault: Callable[[World], Awaitable[None]], seconds: float, plan: Plan
) -> list[Visit]:
    """Look at pages before, while and after something happens to Redis."""
    visits: list[Visit] = []
    over = asyncio.Event()

    async def visitor() -> None:
        while not over.is_set():
            account = plan.rng.choice(("bakery", "hotel"))
            visits.append(await served.visit(built.cookies[account], plan.rng.choice(PAGES)))
            await asyncio.sleep(0.02)

    visitors = [asyncio.create_task(visitor()) for _ in range(VISITORS)]
    await asyncio.sleep(seconds / 4)
    await fault(built)
    await asyncio.sleep(seconds)
    over.set()
    await asyncio.gather(*visitors)
    return visits


async def _hang(built: World) -> None:
    built.redis.pause()
    await asyncio.sleep(1.5)
    built.redis.resume()


async def _kill(built: World) -> None:
    """Away for a moment, and back with what it had."""
    built.redis.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(built.redis.start)


async def _flush(built: World) -> None:
    await built.cache.flushall()


async def _restore(built: World) -> None:
    """Back with what it had long before: also the session of one who has signed out since."""
    built.redis.kill()
    folder: Path = built.redis.folder
    shutil.rmtree(folder / "appendonlydir")
    shutil.copytree(folder / "old", folder / "appendonlydir")
    await asyncio.to_thread(built.redis.start)


async def _stampede(built: World, served: Portal, at_once: int) -> AsyncIterator[tuple[str, Figure]]:
    """Compare what many pages ask for at once with what one asks for."""
    cookie = built.cookies["bakery"]
    await until_known(served, cookie)  # tokens and the like are there now
    asked: dict[str, int] = {}
    for name, pages, away in (("one", 1, False), ("many", at_once, False), ("without", at_once, True)):
        await built.cache.flushall()
        if away:
            built.redis.kill()
        before = built.arrivals()
        visits = await asyncio.gather(*(served.visit(cookie) for _ in range(pages)))
        await _until_quiet(built)  # calls may outlast their page
        asked[name] = built.arrivals() - before
        errors = sum(visit.status != HTTPStatus.OK for visit in visits)
        yield f"R16.{name}.pages", Figure(what=f"of {pages} pages not served", value=errors, unit="", at_most=0)
    for name, where in (("many", "at an emptied redis"), ("without", "without a redis")):
        yield (
            f"R16.{name}",
            Figure(
                what=f"requests for {at_once} pages at once {where} / for one",
                value=asked[name] / asked["one"],
                unit="x",
                at_most=1,
            ),
        )


async def _until_quiet(built: World) -> None:
    """Wait until no request has come for a second."""
    before = -1
    while before != built.arrivals():
        before = built.arrivals()
        await asyncio.sleep(1)
