"""Answers that want to do harm: no page fails, nothing of them is kept, and the web process stays small."""

import asyncio
import json
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

from faults_report import Figure, Plan, collect
from faults_world import APPS, BAKERY, Accounts, Portal, Visit, World, portal, until_known, world
from support_needs import need
from support_upstream import reply

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpora" / "json" / "parsing"
HINT = "put the shared folder beside the checkout, or set HALLWAY_SHARED"
MEGABYTE = 1024 * 1024
MORE_MEMORY = 64  # megabytes
SAMPLE = 25  # documents of the corpus in the short form
# Not among them: an object as Odoo's result. It is a right answer to the question which of some fields there are.
WRONG_TYPES = (
    '{"jsonrpc": "2.0", "id": 1, "result": "x"}',
    '{"jsonrpc": "2.0", "id": 1, "result": [{"id": "x"}]}',
    '{"jsonrpc": "2.0", "id": 1, "result": NaN}',
    '{"jsonrpc": "2.0", "id": 1, "result": [], "result": 1}',
    '{"jsonrpc": "2.0", "id": 1, "error": []}',
    '{"results": "x"}',
    '{"results": [{"id": {}}]}',
    '{"results": NaN}',
    '{"results": [], "results": 1}',
    '{"tickets": {"a": []}}',
    '{"tickets": [{"id": "x"}]}',
    '{"tickets": [Infinity]}',
    '{"tickets": [], "tickets": 1}',
    '{"tickets": [{"id": 1, "subj',
    "[" * 100_000,
    '{"a":' * 100_000,
    "null",
    "[]",
    "{}",
    "",
    "9" * 100_000,
    '"\\ud800"',
    "\ufeff{}",
)


def hostile(plan: Plan) -> Iterator[tuple[str, Figure]]:
    need("shared corpora", CORPUS.is_dir(), HINT)
    return collect(_hostile(plan))


async def _hostile(plan: Plan) -> AsyncIterator[tuple[str, Figure]]:
    documents = sorted(CORPUS.glob("*.json"))
    if plan.short:
        documents = plan.rng.sample(documents, SAMPLE)
    answers = {path.stem: reply(200, path.read_bytes(), Content_Type="application/json") for path in documents}
    answers |= made_up() | heavy()
    # Each has an account of its own, whom nobody knows: whatever is kept for it came from a hostile answer.
    accounts: Accounts = {"bakery": BAKERY, **{f"hostile-{n}": _strangers(n) for n in range(len(answers))}}
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(world(plan.rng, accounts, promise=1))
        served = await stack.enter_async_context(portal(built))
        whole = await until_known(served, built.cookies["bakery"])
        for n in range(50):  # warm
            await served.visit(built.cookies["bakery"], ("/", "/orders", "/invoices", "/requests")[n % 4])
        strange, known, more = await _assault(built, served, answers)
        kept = [key async for key in built.cache.scan_iter(match="h?:list:*hostile-*")]
        failed = sum(visit.status != HTTPStatus.OK for visit in strange + known)
        yield (
            "R13.pages",
            Figure(
                what=f"of {len(strange + known)} pages over hostile answers not served",
                value=failed,
                unit="",
                at_most=0,
            ),
        )
        yield "R13.kept", Figure(what="cache entries made of hostile answers", value=len(kept), unit="", at_most=0)
        yield (
            "R13.memory",
            Figure(what="memory of the web process: more at its peak", value=more, unit="MB", at_most=MORE_MEMORY),
        )
        traces = len(served.log_lines('"trace"'))
        yield "R13.calm", Figure(what="tracebacks in the log", value=traces, unit="lines", at_most=0)
        lacking = sum(visit.records != whole.records for visit in known)
        yield (
            "R13.whole",
            Figure(
                what=f"of {len(known)} pages of a known customer lacking records", value=lacking, unit="", at_most=0
            ),
        )


async def _assault(
    built: World, served: Portal, answers: Mapping[str, bytes]
) -> tuple[list[Visit], list[Visit], float]:
    """Show each answer to an account of its own and to a known customer.

    Gives the pages of both, and by how many megabytes the web process grew at most.
    """
    before, over = served.resident_bytes, asyncio.Event()
    watching = asyncio.create_task(_peak(served, over))
    strange: list[Visit] = []
    known: list[Visit] = []
    for n, answer in enumerate(answers.values()):
        for name in APPS:
            built.proxies[name].answer = answer
        strange.append(await served.visit(built.cookies[f"hostile-{n}"]))
        known.append(await served.visit(built.cookies["bakery"]))
    await asyncio.sleep(1)  # for calls that are repeated; nothing good is answered before the entries were counted
    over.set()
    return strange, known, (await watching - before) / MEGABYTE


async def _peak(served: Portal, over: asyncio.Event) -> int:
    peak = 0
    while not over.is_set():
        peak = max(peak, served.resident_bytes)
        await asyncio.sleep(0.01)
    return peak


def _strangers(n: int) -> tuple[tuple[str, str], ...]:
    return (("crm", f"company:{70_000 + n}"), ("erp", str(70_000 + n)), ("helpdesk", f"organization:{70_000 + n}"))


def made_up() -> dict[str, bytes]:
    """What no corpus has: the vendors' own forms with other things in them, and answers that are no good HTTP."""
    json_like = {
        f"type {n}": reply(200, text.encode(), Content_Type="application/json") for n, text in enumerate(WRONG_TYPES)
    }
    good = json.dumps({"jsonrpc": "2.0", "id": 1, "result": []}).encode()
    return json_like | {
        "no such encoding": reply(200, good, Content_Encoding="br"),
        "no gzip": reply(200, good, Content_Encoding="gzip"),
        "html": reply(200, b"<html><title>Login</title></html>", Content_Type="text/html"),
        "elsewhere": reply(302, Location="http://169.254.169.254/"),
        "status": b"HTTP/1.1 999 \xff\r\nContent-Length: 2\r\n\r\n{}",
        "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000 + b"\r\n\r\n",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "no http": b"220 mail.example ESMTP\r\n",
        "utf-16": reply(200, good.decode().encode("utf-16"), Content_Type="application/json"),
    }


def heavy() -> dict[str, bytes]:
    return {
        "1 GB of gzip": reply(200, bomb(1000), Content_Encoding="gzip", Content_Type="application/json"),
        "over 10 MB": reply(200, b'{"result": "' + b"x" * 10_000_000 + b'"}', Content_Type="application/json"),
        "under 10 MB": reply(200, b'{"result": "' + b"x" * 9_900_000 + b'"}', Content_Type="application/json"),
        "many numbers": reply(200, b"[" + b"1," * 2_000_000 + b"1]", Content_Type="application/json"),
    }


def bomb(megabytes: int) -> bytes:
    """Compress zeros to a thousandth, quickly: all megabytes but the first look the same."""
    pack = zlib.compressobj(9, wbits=31)
    first, other = (pack.compress(bytes(1_000_000)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * (megabytes - 1)
