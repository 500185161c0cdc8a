"""Which of two answers about a record counts: the newer one, by their clock, in whatever order they come.

An answer is as old as its question. So where their clock does not tell two apart, the later question does.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from connectors.records import Record
from gateway.pull import Known

# A record that is older than what we have may come from a copy of theirs that is behind, for so long after ours.
BEHIND = timedelta(minutes=5)
# What was deleted is remembered for longer than any answer is under way.
REMEMBERED = timedelta(minutes=15)


def is_newer(one: Record, other: Record) -> bool:
    """Say whether `one` counts, and not `other`. Both have the same id."""
    theirs, others = one.origin.changed_at, other.origin.changed_at
    if theirs and others and theirs != others:
        return theirs > others
    return one.origin.fetched_at >= other.origin.fetched_at


def joined(whole: Known, kept: Known | None) -> Known:
    """Put what was read as a whole in the place of what is kept, but for what was seen later than it was asked for."""
    if kept is None:
        return whole
    if kept.fetched_at > whole.fetched_at:
        return kept
    records = {record.origin.id: record for record in whole.records}
    for record in kept.records:
        read = records.get(record.origin.id)
        if record.origin.fetched_at > whole.fetched_at:
            if read is None or not is_newer(read, record):
                records[record.origin.id] = record
        elif read and not is_newer(read, record) and whole.fetched_at - record.origin.fetched_at < BEHIND:
            records[record.origin.id] = record
    gone = {each: at for each, at in kept.gone.items() if at > whole.fetched_at}
    for each in gone:
        records.pop(each, None)
    return replace(whole, records=tuple(records.values()), gone=gone)


def changed(kept: Known, news: Sequence[Record], gone: Iterable[str], at: datetime) -> Known | None:
    """Bring changes into what is kept, in answer to a question of `at`. None: they change nothing."""
    records = {record.origin.id: record for record in kept.records}
    tombs = {each: when for each, when in kept.gone.items() if at - when < REMEMBERED}
    new: dict[str, Record] = {}
    for record in news:
        key = record.origin.id
        have = records if key in records else new
        known = have.get(key)
        if key in tombs and tombs[key] >= record.origin.fetched_at:
            continue
        if known is None or (is_newer(record, known) and not is_same(record, known)):
            have[key] = record
            tombs.pop(key, None)
    records = {**dict(reversed(new.items())), **records}  # the latest first
    for key in gone:
        known = records.get(key)
        if known is None or known.origin.fetched_at <= at:
            records.pop(key, None)
            tombs[key] = max(at, tombs.get(key, at))
    if tuple(records.values()) == kept.records and tombs.keys() <= kept.gone.keys():
        return None
    return replace(kept, records=tuple(records.values()), gone=tombs)


def is_same(one: Record, other: Record) -> bool:
    """Whether two answers say the same of a record, whenever each was asked for."""
    if one.origin.changed_at != other.origin.changed_at:
        return False
    return replace(one, origin=replace(one.origin, fetched_at=other.origin.fetched_at)) == other
