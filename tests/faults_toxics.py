"""Eight toxics on one of three back offices: pages stay quick and say how old they are, and nobody else notices.

Two equal portals are asked in turn, one of them over a toxic, so that a busy moment of the machine hits both. The
short form has no time for the other one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from statistics import quantiles

from faults_report import Figure, Plan, collect
from faults_world import BAKERY, CAFE, CATERING, HOTEL, Portal, Visit, World, portal, until_known, world
from msgspec import Struct
from msgspec.structs import replace
from support_toxics import NONE, Toxic

TOXICS = (
    Toxic(kind="latency", seconds=3.0, jitter=1.0),
    Toxic(kind="down"),
    Toxic(kind="bandwidth", size=500),
    Toxic(kind="slow_close", seconds=5.0),
    Toxic(kind="timeout"),
    Toxic(kind="reset_peer", seconds=0.05),
    Toxic(kind="slicer", size=20, seconds=0.1),
    Toxic(kind="limit_data", size=100),
)
VICTIMS = ("erp", "helpdesk", "crm")  # in turn
PAGES = ("/", "/orders", "/invoices", "/requests")
ROUND = 0.1  # seconds from one page of each account at each portal to the next
WITHIN, RATIO = 1.5, 1.1
ACCOUNTS = {
    "bakery": BAKERY,
    "without-erp": tuple(each for each in HOTEL if each[0] != "erp"),
    "without-helpdesk": tuple(each for each in CAFE if each[0] != "helpdesk"),
    "without-crm": tuple(each for each in CATERING if each[0] != "crm"),
}


class Seen(Struct, frozen=True):
    """Pages of one portal while a victim suffered at one of the two: with its records, and of an account without it.

    `requests` are those that the victim got from this portal.
    """

    hit: list[Visit]
    spared: list[Visit]
    requests: int


class Side(Struct, frozen=True):
    """One of the two portals. `whole` are the addresses of all that the bakery's pages show."""

    world: World
    portal: Portal
    whole: dict[str, Visit]

    async def look(self, path: str, victim: str, seen: Seen) -> None:
        seen.spared.append(await self.portal.visit(self.world.cookies[f"without-{victim}"], path))
        seen.hit.append(await self.portal.visit(self.world.cookies["bakery"], path))

    def wrong(self, seen: Seen) -> list[str]:
        """Name the pages that were not served, that do not say of when their records are, or that lack some."""
        found = [_undated(visit) for visit in seen.hit + seen.spared]
        found += [
            f"{visit.path} lacks {sorted(lacking)}"
            for visit in seen.hit
            if (lacking := {address for _, address in self.whole[visit.path].records - visit.records})
        ]
        return list(filter(None, found))


def toxics(plan: Plan) -> Iterator[tuple[str, Figure]]:
    return collect(_toxics(plan))


async def _toxics(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    times: tuple[list[float], list[float]] = ([], [])  # of pages without the victim
    async with AsyncExitStack() as stack:
        worlds = [
            await stack.enter_async_context(world(plan.rng, ACCOUNTS, promise=1)) for _ in range(1 if plan.short else 2)
        ]
        serving = await stack.enter_async_context(AsyncExitStack())
        sides = await _sides(worlds, serving)
        for n, toxic in enumerate(TOXICS):
            victim = VICTIMS[n % len(VICTIMS)]
            if n and not plan.short:  # fresh processes, whose breakers know nothing yet
                await serving.aclose()
                sides = await _sides(worlds, serving)
            seen = await _suffer(sides, toxic, victim, plan)
            for all_times, each in zip(times, seen, strict=False):
                all_times += [visit.seconds for visit in each.spared]
            wrong = [each for side, what in zip(sides, seen, strict=True) for each in side.wrong(what)]
            for key, figure in _judge(seen, wrong, f"{toxic.kind} of {victim}"):
                yield f"{key}.{toxic.kind}", figure
        traces = sum(len(side.portal.log_lines('"trace"')) for side in sides)
    yield "R9.calm", Figure(what="tracebacks in the log", value=traces, unit="lines", at_most=0)
    if not plan.short:
        what = f"p95 of {len(times[0])} pages without the victim: with / without toxic"
        ratio = p95(times[0]) / p95(times[1])
        yield "R9.others", Figure(what=what, value=ratio, unit="x", at_most=RATIO, timed=True)


def _judge(seen: Sequence[Seen], wrong: Sequence[str], name: str) -> Iterator[tuple[str, Figure]]:
    ill = seen[0]
    slowest = max(visit.seconds for visit in ill.hit)
    what = f"slowest of {len(ill.hit)} pages under {name}"
    yield "R9.page", Figure(what=what, value=slowest, unit="s", at_most=WITHIN, timed=True)
    what = f"pages under {name}: failed, undated or lacking records {wrong[:1] or ''}"
    yield "R9.right", Figure(what=what.rstrip(), value=len(wrong), unit="pages", at_most=0)
    if len(seen) > 1:
        what = f"requests to the victim under {name} / without"
        yield "R11.asked", Figure(what=what, value=ill.requests / seen[1].requests, unit="x", at_most=RATIO)


async def _sides(worlds: Sequence[World], stack: AsyncExitStack) -> list[Side]:
    served = await asyncio.gather(*(stack.enter_async_context(portal(each)) for each in worlds))
    sides = [Side(each, made, {}) for each, made in zip(worlds, served, strict=True)]
    for side in sides:
        for account, cookie in side.world.cookies.items():
            for path in PAGES:
                visit = await until_known(side.portal, cookie, path)
                if account == "bakery":
                    side.whole[path] = visit
    return sides


async def _suffer(sides: Sequence[Side], toxic: Toxic, victim: str, plan: Plan) -> list[Seen]:
    """Look at pages of the portals while the victim suffers at the first of them. Gives what was seen at each."""
    loop = asyncio.get_running_loop()
    proxies = [side.world.proxies[victim] for side in sides]
    before = [len(proxy.requests) for proxy in proxies]
    seen = [Seen([], [], 0) for _ in sides]
    await proxies[0].inflict(toxic)
    end, n = loop.time() + (1.2 if plan.short else 60.0), 0
    while loop.time() < end:
        for at in plan.rng.sample(range(len(sides)), len(sides)):
            await sides[at].look(PAGES[n % len(PAGES)], victim, seen[at])
        n += 1
        await asyncio.sleep(ROUND)
    await proxies[0].inflict(NONE)
    after = [len(proxy.requests) for proxy in proxies]
    return [replace(each, requests=late - early) for each, late, early in zip(seen, after, before, strict=True)]


def _undated(visit: Visit) -> str:
    if visit.status != HTTPStatus.OK:
        return f"{visit.path} answered {visit.status}"
    states = [stamp.state for stamp in visit.stamps if stamp.at is None]
    return f"{visit.path} has no date, but {states}" if states else ""


def p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]
