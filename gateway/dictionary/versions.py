"""What staff say about statuses is published whole, for all of them at once, and drafted before."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from connectors.records import Kind
from gateway.audit import Trail
from gateway.publishing import Published
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.status_tables import StatusDraft, StatusVersion
from gateway.wording import NOTHING, Entry, Words, entry_of, places, read_words, stored, with_entry


class Difference(Struct, frozen=True, kw_only=True):
    """What two dictionaries say of one status."""

    source: str
    kind: Kind
    status: str
    before: Entry
    after: Entry


def differences(before: Words, after: Words) -> Iterator[Difference]:
    for source, kind, status in places(before, after):
        old, new = entry_of(before, source, kind, status), entry_of(after, source, kind, status)
        if old != new:
            yield Difference(source=source, kind=kind, status=status, before=old, after=new)


def told(before: Words, after: Words) -> list[dict[str, Any]]:
    """Write the differences for the trail."""
    return [_told(each) for each in differences(before, after)]


DICTIONARIES: Published[Words] = Published(
    name="statuses",
    versions=StatusVersion,
    drafts=StatusDraft,
    none_yet={},
    read=read_words,
    stored=stored,
    told=told,
    tells_mails=True,
)


async def change_entry(
    db: Database,
    *,
    trail: Trail,
    by: By,
    now: datetime,
    seen: int,
    source: str,
    kind: Kind,
    status: str,
    entry: Entry,
) -> None:
    """Say something of one status in the draft, which `seen` is the version of. Raises `ChangedMeanwhileError`."""

    def change(words: Words) -> Words:
        return with_entry(words, source, kind, status, entry)

    await DICTIONARIES.change_draft(
        db, change, trail=trail, by=by, now=now, seen=seen, details=lambda changes: changes[0]
    )


def _told(each: Difference) -> dict[str, Any]:
    told: dict[str, Any] = {"source": each.source, "kind": each.kind, "status": each.status}
    return told | {
        name: msgspec.to_builtins(entry)
        for name, entry in (("before", each.before), ("after", each.after))
        if entry != NOTHING
    }
