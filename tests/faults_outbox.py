"""What customers send, while processes are killed, answers are lost, and the database is locked or has no room.

They write as browsers do, by the form of a request's page, and send the same form again until it is taken. What was
made is counted where it was to be made: in a Request Tracker and a Zendesk of the sandbox's.
"""

import asyncio
import itertools
import os
import re
import resource
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from bench_server import ROOT
from faults_report import Figure, Plan, collect
from faults_world import Accounts, Portal, World, portal, world
from msgspec import Struct, field
from support_sandbox import free_port
from support_serve import descendants, name_of

from auth.cookies import SESSION
from connectors.sandbox.faults import Fault
from connectors.sandbox.rt.seed import add_ticket
from connectors.sandbox.zendesk.changes import create_ticket

HURRIED_PORTAL = (sys.executable, "-c", "from faults_hurry import serve_pages; serve_pages()")
RT_CUSTOMER, ZENDESK_USER = "maya@alderlane.example", 360002000033
ACCOUNTS: Accounts = {
    "workshop": (("tracker", RT_CUSTOMER),),
    "catering": (("helpdesk", f"user:{ZENDESK_USER}"),),
}
WRITERS = 3  # of each account
LOST = Fault(kind="lost", share=0.07)
FIRST_RT = 500_000  # the ids of the tickets that are written to
BACKLOG = 300  # things not done yet, above which customers wait
DONE_WITHIN = 240.0  # seconds; then what is not done is counted
LONGEST = 420.0  # seconds that customers go on writing after the last kill
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
LOCKED_FOR = 10.0  # seconds
WAITS = 5.0  # seconds, at most, for a lock
ROOM = 24  # megabytes of a disk that gets full


class Ledger(Struct):
    """What was answered with 303, how often it had to be sent again, and what was answered that should not be."""

    taken: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    again: int = 0
    odd: Counter[int] = field(default_factory=Counter)


class Writer:
    """A browser of one customer's, on their requests."""

    def __init__(self, address: str, cookie: str, pages: Sequence[str], ledger: Ledger) -> None:
        self._pages = itertools.cycle(pages)
        self._ledger = ledger
        self._token: str | None = None
        self.http = httpx.AsyncClient(
            base_url=address,
            trust_env=False,
            timeout=30,
            headers={"Cookie": f"{SESSION}={cookie}", "Accept": "text/html", **SAME_SITE},
        )

    async def form(self, page: str) -> dict[str, str]:
        """Take what the form for an answer holds. Raises `httpx.HTTPError`."""
        answer = (await self.http.get(page)).raise_for_status()
        found = re.search(r'<form[^>]*action="[^"]*reply".*?</form>', unescape(answer.text), re.DOTALL)
        if found is None:
            raise RuntimeError(f"{page} has no form: {answer.text[:2000]}")
        return dict(FIELD.findall(found[0]))

    async def send(self, page: str, form: dict[str, str], text: str) -> httpx.Response:
        return await self.http.post(f"{page}/reply", data={**form, "text": text})

    async def until_taken(self, text: str) -> None:
        """Write it, and send the same form again until somebody has it."""
        page = next(self._pages)
        form: dict[str, str] | None = None
        self._ledger.sent.add(text)
        while True:
            with suppress(httpx.HTTPError):
                form = form or {**await self.form(page), "nonce": secrets.token_urlsafe(24)}
                answer = await self.send(page, form, text)
                if answer.status_code == HTTPStatus.SEE_OTHER:
                    self._ledger.taken.add(text)
                    return
                if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    self._ledger.odd[answer.status_code] += 1
                    return
            self._ledger.again += 1
            await asyncio.sleep(0.3)

    async def aclose(self) -> None:
        await self.http.aclose()


def outbox(plan: Plan) -> Iterator[tuple[str, Figure]]:
    for part in (_killed, _clicked, _locked, _full):
        yield from collect(part(plan))


async def _killed(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Kill the web processes, the worker and who started them, and Redis in half of the lives."""
    kills = 10 if plan.short else 200
    acks = 0 if plan.short else 10_000
    async with world(plan.rng, ACCOUNTS, promise=3600, tracker=True) as built:
        pages = _add_tickets(built, 4 if plan.short else 100)
        built.environ.update(
            PYTHONPATH=os.pathsep.join(["tests", str(ROOT)]),
            HALLWAY_WORKERS="1" if plan.short else "2",
            HALLWAY_WORKER="beside",
            HALLWAY_SWEEP_EVERY="0",
        )
        port, ledger, done = free_port(), Ledger(), asyncio.Event()
        writers = _writers(built, f"http://127.0.0.1:{port}", pages, ledger)
        numbers = itertools.count()

        async def write(writer: Writer) -> None:
            while not done.is_set():
                await writer.until_taken(f"Word {next(numbers)}.")
                await _until(lambda: done.is_set() or _count(built, "due_at IS NOT NULL") < BACKLOG, within=DONE_WITHIN)

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
            await _until(lambda: len(ledger.taken) >= acks, within=LONGEST)
            done.set()
            await asyncio.gather(*writing)
            await _until_done(built)
        for writer in writers:
            await writer.aclose()
        lives = ", ".join(f"{count} of {name}" for name, count in sorted(killed.items()))
        for each in _judge(built, ledger, f"{killed.total()} kills -9 ({lives}), {ledger.again} sent again"):
            yield each


def _judge(built: World, ledger: Ledger, how: str) -> Iterator[tuple[str, Figure]]:
    made = _made(built)
    after = f"of {len(ledger.taken)} acknowledged over {how}:"
    lost = sum(not made[text] for text in ledger.taken)
    yield "R1.lost", Figure(what=f"{after} not made", value=lost, unit="", at_most=0)
    doubled = sum(made[text] > 1 for text in ledger.sent)
    yield "R2.doubled", Figure(what=f"{after} made twice", value=doubled, unit="", at_most=0)
    left = _count(built, "state <> 'sent'")
    yield "R2.left", Figure(what=f"{after} not sent in the end", value=left, unit="", at_most=0)
    yield "R1.odd", Figure(what=f"{after} other answers", value=ledger.odd.total(), unit="", at_most=0)


async def _clicked(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Send the same form fifty times at once, on connections of their own."""
    async with world(plan.rng, ACCOUNTS, promise=3600, tracker=True) as built, portal(built) as served:
        pages = _add_tickets(built, 1)
        statuses: list[int] = []
        for account, (page,) in pages.items():
            writer = Writer(served.address, built.cookies[account], [page], Ledger())
            form, text = await writer.form(page), f"Once for {account}."
            many = [Writer(served.address, built.cookies[account], [page], Ledger()) for _ in range(50)]
            answers = await asyncio.gather(*(each.send(page, form, text) for each in many))
            statuses += [answer.status_code for answer in answers]
            for each in (writer, *many):
                await each.aclose()
        await _until_done(built)
        made = _made(built)
    refused = sum(status != HTTPStatus.SEE_OTHER for status in statuses)
    yield "R3.refused", Figure(what=f"of {len(statuses)} equal forms not taken", value=refused, unit="", at_most=0)
    more = sum(made[f"Once for {account}."] for account in pages)
    yield (
        "R3.made",
        Figure(what=f"made of {len(statuses)} forms, 50 of each equal", value=more, unit="", at_most=2, at_least=None),
    )
    yield "R3.lost", Figure(what="made of them at least", value=more, unit="", at_least=2)


async def _locked(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Hold the database's lock for ten seconds, while customers write and read."""
    seconds = 6.0 if plan.short else LOCKED_FOR
    async with world(plan.rng, ACCOUNTS, promise=3600, tracker=True) as built, portal(built) as served:
        pages = _add_tickets(built, 2)
        ledger = Ledger()
        writers = _writers(built, served.address, pages, ledger)
        page = pages["workshop"][0]
        forms = [
            (writer, page_, await writer.form(page_)) for writer, page_ in zip(writers, _flat(pages), strict=False)
        ]
        before = await _read(built, served, page, seconds=2.0)
        database = sqlite3.connect(_path(built), isolation_level=None)
        database.execute("UPDATE sessions SET seen_at = datetime(seen_at, '-2 minutes')")  # their use is to be noted
        await built.cache.flushall()
        database.execute("BEGIN EXCLUSIVE")
        reading = asyncio.create_task(_read(built, served, page, seconds=seconds - 0.5))
        waits, kept, refused = [], 0, 0
        for place, (started, answer) in enumerate(
            await asyncio.gather(*(_try_once(*each, place) for place, each in enumerate(forms)))
        ):
            waits.append(started)
            refused += answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers
            kept += f"Locked out {place}." in answer.text and forms[place][2]["nonce"] in answer.text
        during = await reading
        database.execute("COMMIT")
        database.close()
        for place, (writer, page_, form) in enumerate(forms):
            await _send_again(writer, page_, form, place)
        await _until_done(built)
        made = _made(built)
        for writer in writers:
            await writer.aclose()
    many = len(forms)
    yield (
        "R21.wait",
        Figure(
            what="the longest a write waits for the lock", value=max(waits), unit="s", at_most=WAITS + 1, timed=True
        ),
    )
    yield "R21.said", Figure(what=f"of {many} writes told to come again later", value=refused, unit="", at_least=many)
    yield (
        "R21.kept",
        Figure(what=f"of {many} pages that give back what was written", value=kept, unit="", at_least=many),
    )
    wrong = sum(made[f"Locked out {place}."] != 1 for place in range(many))
    yield "R21.made", Figure(what=f"of {many} sent again after it: not made once", value=wrong, unit="", at_most=0)
    failed = sum(status != HTTPStatus.OK for status, _ in during)
    yield (
        "R21.reads",
        Figure(what=f"of {len(during)} pages read under the lock: not shown", value=failed, unit="", at_most=0),
    )
    yield (
        "R21.p95",
        Figure(
            what="p95 of a page under the lock / without",
            value=_p95(during) / _p95(before),
            unit="x",
            at_most=2,
            timed=True,
        ),
    )


async def _full(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    """Let the disk get full, and have room again."""
    with _small_disk() as folder:
        async with (
            world(plan.rng, ACCOUNTS, promise=3600, tracker=True, data_dir=folder) as built,
            portal(built) as served,
        ):
            pages = _add_tickets(built, 1)
            (page,) = pages["workshop"]
            writer = Writer(served.address, built.cookies["workshop"], [page], Ledger())
            form = await writer.form(page)
            with _filled(built, served, folder):
                waits, kept, said, reads = [], 0, 0, 0
                for _ in range(10):
                    started, answer = await _try_once(writer, page, form, 0)
                    waits.append(started)
                    said += answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
                    kept += "Locked out 0." in answer.text and form["nonce"] in answer.text
                    reads += (await writer.http.get(page)).status_code == HTTPStatus.OK
            await _send_again(writer, page, form, 0)
            await _until_done(built)
            made = _made(built)["Locked out 0."]
            await writer.aclose()
    yield (
        "R20.wait",
        Figure(
            what="disk full: the longest until a write is refused", value=max(waits), unit="s", at_most=1, timed=True
        ),
    )
    yield "R20.said", Figure(what="disk full: of 10 writes refused with 503", value=said, unit="", at_least=10)
    yield (
        "R20.kept",
        Figure(what="disk full: of 10 pages that give back what was written", value=kept, unit="", at_least=10),
    )
    yield (
        "R20.reads",
        Figure(what="disk full: of 10 pages that are shown all the same", value=reads, unit="", at_least=10),
    )
    yield (
        "R20.made",
        Figure(what="disk full: how often it is made, sent again after it", value=made, unit="", at_most=1),
    )
    yield (
        "R20.recovers",
        Figure(what="disk full: and made by itself, once there is room", value=made, unit="", at_least=1),
    )


async def _try_once(writer: Writer, page: str, form: dict[str, str], place: int) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = await writer.send(page, form, f"Locked out {place}.")
    return time.perf_counter() - began, answer


async def _send_again(writer: Writer, page: str, form: dict[str, str], place: int) -> None:
    """Send the same form once more, which is to be taken soon."""
    for _ in range(50):
        _, answer = await _try_once(writer, page, form, place)
        if answer.status_code == HTTPStatus.SEE_OTHER:
            return
        await asyncio.sleep(0.2)
    raise RuntimeError(f"it does not recover: {answer.status_code} {answer.text[:2000]}")


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


def _add_tickets(built: World, many: int) -> dict[str, list[str]]:
    """Give both customers so many requests, and the addresses of their pages."""
    site, now = built.sandbox.site, datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    pages: dict[str, list[str]] = {"workshop": [], "catering": []}
    for number in range(many):
        asked = {"Type": "Create", "by": RT_CUSTOMER, "at": now, "text": "Please help."}
        row = {"id": FIRST_RT + number, "Queue": 3, "Subject": f"Repair {number}", "Status": "open", "Owner": "priya"}
        add_ticket(site.rt, row | {"Requestor": [RT_CUSTOMER], "history": [asked]})
        pages["workshop"].append(f"/requests/tracker/{FIRST_RT + number}")
        fields = {"subject": f"Question {number}", "comment": {"body": "Please help."}, "requester_id": ZENDESK_USER}
        pages["catering"].append(f"/requests/helpdesk/{create_ticket(site.zendesk, fields, now)['id']}")
    return pages


def _writers(built: World, address: str, pages: dict[str, list[str]], ledger: Ledger) -> list[Writer]:
    return [
        Writer(address, built.cookies[account], theirs, ledger)
        for account, theirs in pages.items()
        for _ in range(WRITERS)
    ]


def _flat(pages: dict[str, list[str]]) -> list[str]:
    return [theirs[number % len(theirs)] for theirs in pages.values() for number in range(WRITERS)]


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
        await asyncio.sleep(10)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _until_some(ledger: Ledger, more: int, within: float = 30.0) -> None:
    """Wait until so many more are taken."""
    wanted = len(ledger.taken) + more
    await _until(lambda: len(ledger.taken) >= wanted, within=within)


async def _until_done(built: World) -> None:
    """Wait until nothing is under way. What waits for people stays."""
    await _until(lambda: _count(built, "due_at IS NOT NULL") == 0, within=DONE_WITHIN)


async def _until(holds: Callable[[], bool], *, within: float) -> None:
    """Wait until it holds, and no longer than so many seconds."""
    ends = time.monotonic() + within
    while not holds() and time.monotonic() < ends:  # noqa: ASYNC110  # it changes elsewhere
        await asyncio.sleep(0.05)


def _count(built: World, which: str) -> int:
    database = sqlite3.connect(_path(built))
    try:
        ((many,),) = database.execute(f"SELECT count(*) FROM outbox WHERE {which}").fetchall()
    finally:
        database.close()
    return int(many)


def _path(built: World) -> Path:
    return Path(built.environ["HALLWAY_DATA_DIR"]) / "hallway.db"


def _made(built: World) -> Counter[str]:
    """Count what was said in both systems."""
    site = built.sandbox.site
    said = Counter(row["text"] for row in site.zendesk.comments.values())
    said.update((row["Content"] or b"").decode("utf-8", "replace") for row in site.rt.attachments.values())
    return said


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
def _filled(built: World, served: Portal, folder: Path) -> Iterator[None]:
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
