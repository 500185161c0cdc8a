"""Whether what was kept was what a back office has: record by record."""

from datetime import timedelta

from connectors.records import Record
from gateway.newest import is_same
from gateway.pull import Known

CLOCKS = timedelta(minutes=1)  # that their clock may be behind ours: what changed then may be news to us


def compare(kept: Known, whole: Known) -> tuple[int, list[str]]:
    """Give how many records agreed, and the ids of those that did not.

    What has changed since `kept` was known to be true is no disagreement, nor is what lies beyond the end of either.
    """
    before = {record.origin.id: record for record in kept.records}
    now = {record.origin.id: record for record in whole.records}
    agreed, differing = 0, []
    for key in before.keys() | now.keys():
        ours, theirs = before.get(key), now.get(key)
        if theirs is None and whole.older is None:
            differing.append(key)
        elif theirs is None or (ours is None and kept.older is not None) or _is_new(theirs, kept):
            continue
        elif ours is not None and is_same(ours, theirs):
            agreed += 1
        else:
            differing.append(key)
    return agreed, sorted(differing)


def _is_new(record: Record, kept: Known) -> bool:
    changed_at = record.origin.changed_at
    return changed_at is None or changed_at > kept.as_of - CLOCKS
