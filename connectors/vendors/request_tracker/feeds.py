"""What has changed. RT moves a ticket's `LastUpdated` with all that happens to it: a reply, another requestor, a merge.

It takes a time in a question for one of the asker's own zone, which nobody tells us. So we ask for how long ago, from
the date of one answer to the next question. And no search finds a ticket that was deleted, or merged into another: the
former show among the transactions, the latter by the id that they go by since.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil

from msgspec import Struct

from connectors.contract import Changes, ChangesQuery, Feed
from connectors.errors import BadResponse
from connectors.passes import Pass, place_of
from connectors.records import Ticket
from connectors.vendors.request_tracker.api import (
    PER_PAGE,
    Instant,
    Key,
    Listing,
    RequestTracker,
    get,
    get_dated,
    walk,
)
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import FIELDS, TicketRow, answer_of

LAG = timedelta(seconds=60)  # RT writes the time when all is done, mails and all, and commits then
MARGIN = timedelta(seconds=60)  # from the answer with the date to the question that counts from it


class IdRow(Struct):
    id: Key


class LatestRow(Struct):
    LastUpdated: Instant


class EventRow(Struct):
    ObjectId: Key


async def read_changes(office: RequestTracker, query: ChangesQuery) -> Changes[Ticket]:
    """Read one page: the tickets up to an id that have changed, and those that are gone."""
    place = place_of(query)
    newest, now = await _newest(office)
    recent = f"> '-{ceil((now - place.since + MARGIN).total_seconds())} seconds'"
    if not place.after:
        place = place.begun(newest, now, LAG)
    changed = Listing[TicketRow](items=[])
    if newest and newest >= place.since:
        changed = await _changed(office, place, recent)
    deleted = await _deleted(office, place, recent)
    ids, events = [int(row.id) for row in changed.items], [int(row.ObjectId) for row in deleted.items]
    ends = [keys[-1] for keys, listing in ((ids, changed), (events, deleted)) if listing.may_go_on and keys]
    rows = {key: row for key, row in zip(ids, changed.items, strict=True) if key <= min(ends, default=key)}
    told = [row for row in rows.values() if row.shown and row.LastUpdated >= place.since]
    gone = {key for key in events if key <= min(ends, default=key)} | await _merged(office, sorted(rows))
    gone = (gone | rows.keys()) - {key for key, row in rows.items() if row.shown}
    return Changes(
        answers=tuple(answer_of(office, row, query.asked_at) for row in told),
        gone=frozenset(map(str, gone)),
        cursor=place.cursor(after=min(ends, default=None)),
        more=bool(ends),
    )


async def _newest(office: RequestTracker) -> tuple[datetime | None, datetime]:
    """Say when any ticket was changed last, and what time it is over there."""
    params = {"query": "id > 0", "fields": "LastUpdated", "orderby": "LastUpdated", "order": "DESC", "per_page": "1"}
    listing, now = await get_dated(office, Listing[LatestRow], "/tickets", params)
    if now is None:
        raise BadResponse("RT /tickets: an answer without a date")
    return max((row.LastUpdated.astimezone(UTC) for row in listing.items), default=None), now


async def _changed(office: RequestTracker, place: Pass, recent: str) -> Listing[TicketRow]:
    query = f"id > {place.after} AND LastUpdated {recent}"
    params = {"query": query, "fields": FIELDS, "orderby": "id", "order": "ASC", "per_page": str(PER_PAGE)}
    listing = await get(office, Listing[TicketRow], "/tickets", params)
    _check_order([place.after, *(int(row.id) for row in listing.items)], strictly=True)
    return listing


async def _deleted(office: RequestTracker, place: Pass, recent: str) -> Listing[EventRow]:
    """Find the transactions that deleted tickets which are deleted still."""
    query = (
        f"ObjectType = 'RT::Ticket' AND ObjectId > {place.after} AND TicketLastUpdated {recent}"
        " AND TicketStatus = 'deleted' AND Type = 'Status' AND NewValue = 'deleted'"
    )
    params = {"query": query, "fields": "ObjectId", "orderby": "ObjectId", "order": "ASC", "per_page": str(PER_PAGE)}
    listing = await get(office, Listing[EventRow], "/transactions", params)
    _check_order([place.after, *(int(row.ObjectId) for row in listing.items)])
    return listing


async def _merged(office: RequestTracker, keys: Sequence[int]) -> set[int]:
    """Find what was merged into these, whenever it was. RT moves the date of the one that is left."""
    if not keys:
        return set()
    query = " OR ".join(f"EffectiveId = {key}" for key in keys)
    rows = await walk(office, IdRow, "/tickets", "Status", query=query, orderby="id")
    return {int(row.id) for row in rows} - set(keys)


def _check_order(keys: Sequence[int], *, strictly: bool = False) -> None:
    if any(later < earlier or (strictly and later == earlier) for earlier, later in pairwise(keys)):
        raise BadResponse("RT: rows in another order than asked for")


# It tells nothing of a ticket in a queue that the account may see no more, nor of one that was shredded. Two questions
# where nothing has changed.
feed: Feed[RequestTrackerConfig] = Feed(
    read=read_changes,
    lag=timedelta(0),
    every=timedelta(seconds=15),
    whole_every=timedelta(minutes=15),
    tells_owners=True,
)
