"""Making a copy: all that the pages would show, read as they read it, in bounds of time, number and size.

What could not be put in is named in the last part, `manifest.json`. A copy without one was cut off.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from auth.clock import Clock
from connectors.records import Kind
from gateway.access import Scope
from gateway.account_view import DEEPEST, AccountView, AccountViews, Part
from gateway.asked import asked_of
from gateway.audit import Trail
from gateway.audit_reading import Wanted, read
from gateway.documents import Document, documents
from gateway.languages import gettext, gettext_noop
from gateway.leases import end_lease, take_lease
from gateway.offices import seen_through
from gateway.outbox.desk import Desk
from gateway.outbox.steps import steps_of
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.takeout import papers
from gateway.takeout.files import FileNote, Files
from gateway.takeout.given import Given, given_files
from gateway.takeout.packing import Packing
from gateway.vault import Vault

KINDS: tuple[Kind, ...] = ("orders", "invoices", "tickets")
WITHIN = timedelta(minutes=5)  # for all of it
LASTS = WITHIN + timedelta(minutes=5)  # a process that dies leaves the turn to the next one after it
EVERY = timedelta(minutes=1)
READING = 60.0  # seconds for lists and conversations
MOST_CONVERSATIONS = 200
MOST_LINES = 5000  # of the log, and of what was sent
README = gettext_noop("""This is a copy of what the portal shows you, and of what it knows of your login.

login.json      your login, what it may see, where you are signed in, and which mails you want
records/        orders, invoices and requests, each with the system that it is from and when it was read there
sent.json       what you sent from the portal, and what became of it
documents.json  the documents that we asked for, and the names of what came
files/          documents of your records, and the files that you gave us, as long as we keep them
log.json        what was done with your login, by whom and when
manifest.json   what is in this copy, and what could not be put in, with the reason

Times are in UTC. Amounts are decimals, each with its currency.
""")

STATES = {
    "on_time": gettext_noop("read now"),
    "late": gettext_noop("read before"),
    "paused": gettext_noop("not asked: the last that we knew"),
    "down": gettext_noop("did not answer: the last that we knew"),
}


class OneAtATime(Exception):  # noqa: N818  # says what is the matter
    """The member has one made already, or had one a moment ago."""


class SourceNote(Struct, frozen=True, kw_only=True):
    """A list of one source. `whole` False: there is more than could be read."""

    source: str
    title: str
    kind: Kind
    records: int
    read_at: datetime | None
    state: str
    whole: bool


class Manifest(Struct, frozen=True, kw_only=True):
    format: str = "hallway copy 1"
    made_at: datetime
    account: str
    sources: list[SourceNote]
    conversations_missing: int
    files: list[FileNote]


class Takeouts:
    """Makes copies: one at a time for each member."""

    def __init__(
        self, db: Database, vault: Vault, clock: Clock, *, trail: Trail, views: AccountViews, desk: Desk
    ) -> None:
        self._db = db
        self._vault = vault
        self._trail = trail
        self._views = views
        self._desk = desk
        self._clock = clock

    @asynccontextmanager
    async def begun(self, scope: Scope, by: By) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Have a turn, and give the pieces of the ZIP. Raises `OneAtATime`, and `DatabaseDown` before the first."""
        turn, now = f"takeout/{scope.member_id}", self._clock()
        token = await take_lease(self._db, turn, now, every=EVERY, lasts=LASTS)
        if token is None:
            raise OneAtATime
        await self._note(scope, by)
        try:
            yield self._pieces(scope)
        finally:
            await end_lease(self._db, turn, token, self._clock())

    async def _note(self, scope: Scope, by: By) -> None:
        owner = f"member/{scope.member_id}"
        line = Line(what="member.downloaded", by=by, about=owner, account=scope.account_id, owner=owner)
        async with self._db.write() as session:
            await self._trail.record(session, line)

    async def _pieces(self, scope: Scope) -> AsyncGenerator[bytes, None]:
        now, ends = self._clock(), asyncio.get_running_loop().time() + WITHIN.total_seconds()
        packing = Packing(now)
        yield packing.put("README.txt", gettext(README).encode())
        yield packing.put("login.json", _json(await papers.login_of(self._db, scope)))
        about = f"member/{scope.member_id}"
        lines = await read(self._db, self._vault, Wanted(latest=MOST_LINES, who=about))
        yield packing.put("log.json", _json(papers.log(lines, about)))
        own = await self._desk.every(scope, most=MOST_LINES)
        view = await self._views.of(scope, budget=READING)
        shown_to, steps = (
            seen_through(view.offices, scope.segments).shown,
            await steps_of(self._db, [each.id for each in own]),
        )
        yield packing.put("sent.json", _json(papers.sent(own, shown_to, steps)))
        parts = await _every(view)
        tickets = [part for part in parts if part.kind == "tickets"]
        whole = await view.conversations(tickets, MOST_CONVERSATIONS)
        shown = {"tickets": _with_conversations(tickets, whole)}
        for kind in KINDS:
            found = shown.get(kind) or [part for part in parts if part.kind == kind]
            yield packing.put(f"records/{papers.NAMES[kind]}.json", _json(papers.records(found, kind)))
        async with self._db.read() as session:
            asked = await asked_of(session, scope)
        yield packing.put("documents.json", _json(papers.asked(asked)))
        notes: list[FileNote] = []
        files = Files(self._db, view, ends, WITHIN)
        given = await given_files(
            self._db, scope.member_id, sent=[each.id for each in own], asked=[each.id for each in asked]
        )
        wanted: list[Given | Document] = [*given, *documents([*parts, *whole])]
        for each in wanted:
            async with files.opened(each) as (note, file):
                notes.append(note)
                if file and note.path:
                    for piece in packing.put_file(note.path, file):
                        yield piece
        manifest = Manifest(
            made_at=now,
            account=scope.account_name,
            sources=[_source(part) for part in parts],
            conversations_missing=sum(len(part.records) for part in tickets) - sum(len(part.records) for part in whole),
            files=notes,
        )
        yield packing.put("manifest.json", _json(manifest))
        yield packing.end()


async def _every(view: AccountView) -> list[Part]:
    """Read all lists as far back as a page can, each kind in its turn."""
    found = [await view.parts([kind], deep=kind, depth=DEEPEST) for kind in KINDS]
    return [part for parts in found for part in parts]


def _with_conversations(tickets: list[Part], whole: tuple[Part, ...]) -> list[Part]:
    """Put each ticket that was read whole in the place of what the list has of it."""
    read_whole = {(part.source, record.origin.id): record for part in whole for record in part.records}
    return [
        msgspec.structs.replace(
            part, records=tuple(read_whole.get((part.source, record.origin.id), record) for record in part.records)
        )
        for part in tickets
    ]


def _source(part: Part) -> SourceNote:
    return SourceNote(
        source=part.source,
        title=part.title,
        kind=part.kind,
        records=len(part.records) + len(part.left_out),
        read_at=part.fetched_at,
        state=gettext(STATES[part.state]) if part.state in STATES else gettext("did not answer"),
        whole=part.complete,
    )


def _json(value: Any) -> bytes:  # noqa: ANN401  # whatever is to be written
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
