"""A dead back office is not stormed: it is hardly asked, left alone, probed, and taken back. Retry-After is obeyed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from faults_report import Figure, Plan, collect
from faults_world import BAKERY, Accounts, Portal, World, portal, until_known, world
from support_toxics import ToxicProxy
from support_upstream import reply

CROWD: Accounts = {f"customer-{n}": (("erp", str(5000 + n)),) for n in range(40)}  # whom Odoo does not know: no records
PROBE_EVERY, OPENS_WITHIN = 30.0, 10.0  # seconds
LATER = 0.5  # seconds for calls that were under way


def storms(plan: Plan) -> Iterator[tuple[str, Figure]]:
    return collect(_storms(plan))


async def _storms(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, {"bakery": BAKERY, **CROWD}, promise=1))
        served = await stack.enter_async_context(portal(built))
        await until_known(served, built.cookies["bakery"], "/requests")
        for form in ("seconds", "date"):
            yield f"R12.{form}", await _told_to_wait(built, served, form, 1 if plan.short else 20)
        async for each in _dead(built, served, plan):
            yield each


async def _told_to_wait(built: World, served: Portal, form: str, seconds: int) -> Figure:
    """Answer 429 once and be well again: nobody may ask before the time."""
    victim, cookie = built.proxies["helpdesk"], built.cookies["bakery"]
    await asyncio.sleep(1.1)  # longer than the promise
    now = datetime.now(UTC)
    date = (now + timedelta(seconds=seconds + 1)).replace(microsecond=0)
    earliest = time.monotonic() + (date - now).total_seconds()
    victim.answer = reply(429, Retry_After=str(seconds) if form == "seconds" else format_datetime(date, usegmt=True))
    told = await _next_request(victim, served, cookie)
    victim.answer = None
    if form == "seconds":
        earliest = told + seconds
    earliest -= 0.1  # their clock and ours are read at different moments
    while time.monotonic() < earliest:
        await served.visit(cookie, "/requests")
        await asyncio.sleep(0.1)
    early = [each for each in victim.requests if told < each.at < earliest]
    await until_known(served, cookie, "/requests")
    return Figure(
        what=f"requests in the {seconds} s after a Retry-After in {form}", value=len(early), unit="", at_most=0
    )


async def _next_request(victim: ToxicProxy, served: Portal, cookie: str) -> float:
    before = len(victim.requests)
    while len(victim.requests) == before:
        await served.visit(cookie, "/requests")
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)  # others of the same moment
    return victim.requests[-1].at


async def _dead(built: World, served: Portal, plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    victim = built.proxies["erp"]
    before, began = len(victim.requests), time.monotonic()
    victim.answer = reply(503)
    pages = 0
    while not served.log_lines("source left alone") and time.monotonic() - began < 2 * OPENS_WITHIN:
        await asyncio.gather(*(served.visit(built.cookies[account], "/invoices") for account in CROWD))
        pages += len(CROWD)
    took = time.monotonic() - began
    arrived = len(victim.requests) - before
    yield (
        "R11.dead",
        Figure(what=f"requests to a dead source / {pages} pages", value=arrived / pages, unit="x", at_most=1.1),
    )
    yield "R10.opens", Figure(what="until it is left alone", value=took, unit="s", at_most=OPENS_WITHIN, timed=True)
    opened = len(served.log_lines("source left alone"))
    yield "R10.open", Figure(what="times that it was left alone", value=opened, unit="", at_least=1)
    await asyncio.sleep(LATER)
    quiet = 3.0 if plan.short else 95.0
    before, began = len(victim.requests), time.monotonic()
    statuses: list[int] = []
    while time.monotonic() - began < quiet:
        some = ("bakery", *plan.rng.sample(list(CROWD), 3))
        visits = await asyncio.gather(*(served.visit(built.cookies[account], "/invoices") for account in some))
        statuses += [visit.status for visit in visits]
        await asyncio.sleep(0.2)
    probes = len(victim.requests) - before
    yield (
        "R10.probes",
        Figure(
            what=f"requests in {quiet:g} s of {len(statuses)} pages while it is left alone",
            value=probes,
            unit="",
            at_most=quiet // PROBE_EVERY,
        ),
    )
    refused = sum(status != 200 for status in statuses)
    yield "R10.pages", Figure(what="pages that were not served meanwhile", value=refused, unit="", at_most=0)
    if plan.short:
        return
    victim.answer, before, lifted = None, len(victim.requests), time.monotonic()
    while not served.log_lines("source asked again") and time.monotonic() - lifted < 2 * PROBE_EVERY:
        await served.visit(built.cookies["bakery"], "/invoices")
        await asyncio.sleep(0.1)
    back = time.monotonic() - lifted
    yield (
        "R10.closes",
        Figure(what="until it is asked again once it is well", value=back, unit="s", at_most=PROBE_EVERY + 1),
    )
