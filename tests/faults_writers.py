"""Customers of the fault suite who write: by the form of a request's page, again and again until it is taken.

What was made of it is counted where it was to be made: in a Request Tracker and a Zendesk of the sandbox's.
"""

import asyncio
import itertools
import re
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path

import httpx
from faults_world import Accounts, World
from msgspec import Struct, field

from auth.cookies import SESSION
from connectors.sandbox.rt.seed import add_ticket
from connectors.sandbox.zendesk.changes import create_ticket

RT_CUSTOMER, ZENDESK_USER = "maya@alderlane.example", 360002000033
ACCOUNTS: Accounts = {
    "workshop": (("tracker", RT_CUSTOMER),),
    "catering": (("helpdesk", f"user:{ZENDESK_USER}"),),
}
NEW = "/requests/new/something-else"
WRITERS = 3  # of each account
FIRST_RT = 500_000  # the ids of the tickets that are written to
DONE_WITHIN = 600.0  # seconds; then what is not done is counted
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
MARK = re.compile(r"\[[\w ]+\]")  # all that they write
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}

Pages = Mapping[str, list[str]]  # the addresses of requests, by account


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
        found = re.search(rf'<form[^>]*action="{address_of(page)}".*?</form>', unescape(answer.text), re.DOTALL)
        if found is None:
            raise RuntimeError(f"{page} has no form: {answer.text[:2000]}")
        return dict(FIELD.findall(found[0]))

    async def send(self, page: str, form: dict[str, str], text: str) -> httpx.Response:
        return await self.http.post(address_of(page), data={**form, "subject": text, "text": text})

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


class Blocked:
    """Something that cannot be taken yet."""

    def __init__(self, writer: Writer, page: str, form: dict[str, str], text: str) -> None:
        self._writer = writer
        self._page = page
        self._form = form
        self.text = text
        self.is_refused = self.is_given_back = False

    async def try_once(self) -> float:
        """Give the seconds until the answer."""
        began = time.perf_counter()
        answer = await self._writer.send(self._page, self._form, self.text)
        seconds = time.perf_counter() - began
        self.is_refused = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers
        self.is_given_back = self.text in answer.text and self._form["nonce"] in answer.text
        return seconds

    async def until_taken(self) -> None:
        for _ in range(50):
            answer = await self._writer.send(self._page, self._form, self.text)
            if answer.status_code == HTTPStatus.SEE_OTHER:
                return
            await asyncio.sleep(0.2)
        raise RuntimeError(f"it does not recover: {answer.status_code} {answer.text[:2000]}")


def address_of(page: str) -> str:
    """Give the address of its form."""
    return page if page == NEW else f"{page}/reply"


def add_tickets(built: World, many: int) -> dict[str, list[str]]:
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


def writers_of(built: World, address: str, pages: Pages, ledger: Ledger) -> list[Writer]:
    return [
        Writer(address, built.cookies[account], theirs, ledger)
        for account, theirs in pages.items()
        for _ in range(WRITERS)
    ]


def flat(pages: Pages) -> list[str]:
    return [theirs[number % len(theirs)] for theirs in pages.values() for number in range(WRITERS)]


async def until_done(built: World) -> None:
    """Wait until nothing is under way. What waits for people stays."""
    await until(lambda: count(built, "due_at IS NOT NULL") == 0, within=DONE_WITHIN)


async def until(holds: Callable[[], bool], *, within: float) -> None:
    """Wait until it holds, and no longer than so many seconds."""
    ends = time.monotonic() + within
    while not holds() and time.monotonic() < ends:  # noqa: ASYNC110  # it changes elsewhere
        await asyncio.sleep(0.05)


def count(built: World, which: str) -> int:
    database = sqlite3.connect(path_of(built))
    try:
        ((many,),) = database.execute(f"SELECT count(*) FROM outbox WHERE {which}").fetchall()
    finally:
        database.close()
    return int(many)


def path_of(built: World) -> Path:
    return Path(built.environ["HALLWAY_DATA_DIR"]) / "hallway.db"


def made_of(built: World) -> Counter[str]:
    """Count what was said in both systems."""
    site = built.sandbox.site
    said = [row["text"] for row in site.zendesk.comments.values()]
    said += [(row["Content"] or b"").decode("utf-8", "replace") for row in site.rt.attachments.values()]
    return Counter(mark for text in said for mark in set(MARK.findall(text)))
