"""What has changed in the whole account: Zendesk's incremental export of tickets, by its own cursor.

https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/. It leaves out
what was changed within the last minute, so that nothing turns up late behind a cursor, and it goes by when Zendesk
wrote a ticket, be it for a job of its own: one comes again, then, whose date of change is old. Everything is told:
what was deleted, what became private, what has another requester or organization. Only admins may ask.
"""

from datetime import timedelta

from msgspec import Raw, Struct

from connectors.contract import Changes, ChangesQuery, Feed
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotAllowed
from connectors.records import Ticket
from connectors.transport import counted_apart, up_to
from connectors.vendors.zendesk.api import API, Id, Zendesk
from connectors.vendors.zendesk.settings import ZendeskConfig
from connectors.vendors.zendesk.tickets import DELETED, TicketRow, answer_of

EXPORT = "/incremental/tickets/cursor"
AT_ONCE = 250  # tickets; a thousand could be asked for, but each may hold 64 KB of a text that we have no use for
MOST_BYTES = 25_000_000
EXTENSIONS = {**up_to(MOST_BYTES), **counted_apart("export")}  # ten a minute, whoever asks
LAG = timedelta(seconds=90)  # the minute that is left out, and half of one to write a ticket


class Change(Struct):
    """All that is sure of a ticket: one that was deleted for good has been emptied."""

    id: Id
    status: str


class Export(Struct):
    tickets: list[Raw]
    end_of_stream: bool
    after_cursor: str | None = None


async def read_changes(office: Zendesk, query: ChangesQuery) -> Changes[Ticket]:
    """Read one page. A ticket that comes twice is as it comes last."""
    cursor = query.cursor or _starting(query)
    export = await _export(office, cursor)
    following = f"cursor:{export.after_cursor}" if export.after_cursor else cursor
    if following == cursor and not export.end_of_stream:
        raise BadResponse(f"Zendesk {EXPORT}: a cursor that leads nowhere")
    latest = {each.id: each for each in map(_ticket, export.tickets)}
    shown = [each for each in latest.values() if isinstance(each, TicketRow) and each.shown]
    return Changes(
        answers=tuple(answer_of(office, each, query.asked_at) for each in shown),
        gone=frozenset(map(str, latest.keys() - {each.id for each in shown})),
        cursor=following,
        more=not export.end_of_stream,
    )


def _starting(query: ChangesQuery) -> str:
    """Begin a little earlier: Zendesk refuses an instant of the last minute."""
    return f"start_time:{max(0, int((query.since - LAG).timestamp()))}"


async def _export(office: Zendesk, cursor: str) -> Export:
    name, _, value = cursor.partition(":")
    params = {name: value, "per_page": str(AT_ONCE)}
    try:
        response = await office.http.get(f"{API}{EXPORT}", params=params, extensions=EXTENSIONS)
    except NotAllowed as error:
        raise NotAllowed(
            f"{error}. Zendesk tells admins alone what has changed: let `email` be an admin's. Until then we look only "
            "when somebody asks"
        ) from None
    return decode_json(response.content, Export, f"Zendesk {EXPORT}")


def _ticket(raw: Raw) -> TicketRow | Change:
    change = decode_json(raw, Change, f"Zendesk {EXPORT}")
    return change if change.status == DELETED else decode_json(raw, TicketRow, f"Zendesk {EXPORT}")


# It may be asked ten times a minute, whoever asks: this takes two of these, and leaves the others to a look of many
# pages and to other programs. It is blind to nothing, so the whole list is a check, not a need.
feed: Feed[ZendeskConfig] = Feed(
    read=read_changes, lag=LAG, every=timedelta(seconds=30), whole_every=timedelta(days=1), tells_owners=True
)
