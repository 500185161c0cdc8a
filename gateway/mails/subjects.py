"""What messages are about: found among what the member sees on their pages now, by their rights, or not at all."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from connectors.actions import ACTIONS, ActionName
from connectors.errors import ConnectorError
from connectors.records import KINDS, Kind, Record, Ticket
from gateway.access import Scope
from gateway.account_view import AccountView, AccountViews, Part
from gateway.asked import Asked, asked_of
from gateway.declined import address_of, place_of
from gateway.mails.queue import Note
from gateway.mails.words import Said, say, say_asked, say_failed
from gateway.message_rules import Rules
from gateway.occasions import EventName, is_still_so
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow
from gateway.rights import AREA_OF

# "not listed": their lists go back further than what was read of them.
Absent = Literal["not theirs", "not listed", "not known", "not so"]


class Subject(Struct, frozen=True, kw_only=True):
    """What a message says, by which of its names, and the page that it leads to."""

    name: EventName
    said: Said
    place: str


class Ask(Struct, frozen=True, kw_only=True):
    """How to look: for which events, on which of the business's days, by which rules.

    `is_news`: what is no longer so is not told. False: as the inbox tells it, whatever has become of it since.
    """

    wanted: Collection[EventName]
    today: date
    rules: Rules
    is_news: bool


Found = Mapping[str, Subject | Absent]  # by the id of the message


class Subjects:
    """Finds what messages of one member in one account are about."""

    def __init__(self, db: Database, views: AccountViews) -> None:
        self._db = db
        self._views = views

    async def find(self, scope: Scope, notes: Sequence[Note], ask: Ask, view: AccountView | None = None) -> Found:
        """Look at all of them in one go. Raises `DatabaseDown`."""
        found: dict[str, Subject | Absent] = {}
        ours = [note for note in notes if note.kind in KINDS]
        if ours:
            view = view or await self._views.of(scope)
            parts = await view.parts(dict.fromkeys(_kind(note) for note in ours))
            for note in ours:
                found[note.id] = await self._of_record(view, parts, note, ask)
        asked = [note for note in notes if note.kind == "documents"]
        if asked:
            async with self._db.read() as session:
                theirs = {each.id: each for each in await asked_of(session, scope)}
            found |= {note.id: _of_document(theirs.get(note.record), note, ask) for note in asked}
        if sent := [note for note in notes if note.kind == "sent"]:
            found |= await self._of_sent(scope, sent, ask)
        return found

    async def _of_record(self, view: AccountView, parts: Iterable[Part], note: Note, ask: Ask) -> Subject | Absent:
        of_source = [part for part in parts if (part.source, part.kind) == (note.source, note.kind)]
        listed = (record for part in of_source for record in part.records if record.origin.id == note.record)
        record = next(listed, None)
        if record is None:
            if any(part.fetched_at is None or part.state != "on_time" for part in of_source):
                return "not known"
            return "not listed" if any(part.older for part in of_source) else "not theirs"
        # That it waits for them may have come minutes after the answer was noted, and is one change with it.
        told = ("request_waits", *note.names) if ask.is_news and "request_answered" in note.names else note.names
        names = [name for name in told if name in ask.wanted]
        name = is_still_so(names, record, ask.today) if ask.is_news else next(iter(names), None)
        if name is None:
            return "not so"
        bodies = ask.is_news and ask.rules.bodies
        if bodies and isinstance(record, Ticket) and record.messages is None:
            record = await _whole(view, note, record)
        return of_record(name, record, ask.today, amounts=ask.rules.amounts, bodies=bodies)

    async def _of_sent(self, scope: Scope, notes: Sequence[Note], ask: Ask) -> Found:
        ids = [note.record for note in notes]
        mine = sa.select(OutboxRow).where(
            OutboxRow.id.in_(ids), OutboxRow.account_id == scope.account_id, OutboxRow.member_id == scope.member_id
        )
        async with self._db.read() as session:
            rows = {row.id: row for row in await session.scalars(mine)}
        return {note.id: _of_row(rows.get(note.record), ask) for note in notes}


def of_record(name: EventName, record: Record, today: date, *, amounts: bool = False, bodies: bool = False) -> Subject:
    """Say what happened to a record, and where its page is."""
    area = next(AREA_OF[kind] for kind, record_type in KINDS.items() if isinstance(record, record_type))
    said = say(name, record, today, amounts=amounts, bodies=bodies)
    return Subject(name=name, said=said, place=address_of(area, record.origin.source, record.origin.id))


async def _whole(view: AccountView, note: Note, record: Record) -> Record:
    """Read a request with its messages. Where nobody can say now, the mail goes without."""
    try:
        part = await view.one("tickets", note.source, note.record)
    except ConnectorError:
        return record
    return next(iter(part.records), record)


def _of_document(document: Asked | None, note: Note, ask: Ask) -> Subject | Absent:
    if document is None:
        return "not theirs"
    if "document_asked" not in ask.wanted or (ask.is_news and not document.is_wanted):
        return "not so"
    place = address_of("documents", "asked", note.record)
    return Subject(name="document_asked", said=say_asked(document, ask.today), place=place)


def _of_row(row: OutboxRow | None, ask: Ask) -> Subject | Absent:
    if row is None:
        return "not theirs"
    if "request_failed" not in ask.wanted or (ask.is_news and row.state != "needs_you"):
        return "not so"
    action: ActionName = row.action  # type: ignore[assignment]  # as it was written
    asked = msgspec.convert(row.asked, ACTIONS[action])
    return Subject(name="request_failed", said=say_failed(asked), place=place_of(row.id, row.source, asked))


def _kind(note: Note) -> Kind:
    return note.kind  # type: ignore[return-value]  # asked before whether it is one
