"""What has changed in the whole account: orders and deals alike, each followed on their own.

What the search finds is read again by id, as for a list, and what was archived is looked for beside it. The search goes
by a date that no association moves: so another owner, or another line, shows only when a list is read as a whole.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from connectors.contract import Answer, Changes, ChangesQuery, Feed
from connectors.errors import BadResponse
from connectors.feeds import Place, place_of, read_place
from connectors.records import Order
from connectors.vendors.hubspot.api import HubSpot
from connectors.vendors.hubspot.archive import archived
from connectors.vendors.hubspot.changed import LAG, Step, changed
from connectors.vendors.hubspot.listing import Sold
from connectors.vendors.hubspot.pipelines import stages
from connectors.vendors.hubspot.reading import answers_of
from connectors.vendors.hubspot.sales import key_of
from connectors.vendors.hubspot.settings import HubSpotConfig

LOOKS = 2  # after the first, in which what was found is read again: some programs associate what they have just made
MARK = "+"
TYPES: tuple[Sold, ...] = ("orders", "deals")


class Stand(Struct, frozen=True):
    """How far one of the types is, and its archive.

    `seen` names what the last look has found, with a mark for each look before it that has found the same.
    """

    place: Place
    archive: str = ""
    seen: str = ""

    @property
    def cursor(self) -> str:
        return f"{self.place.cursor} {self.archive} {self.seen}"

    @property
    def under_way(self) -> bool:
        return self.place.newest is not None


class Told(Struct, frozen=True):
    answers: tuple[Answer[Order], ...]
    gone: frozenset[str]
    stand: Stand


async def read_changes(office: HubSpot, query: ChangesQuery) -> Changes[Order]:
    """Read a page of each type. In the midst of a look, only of those that have more."""
    stands = _stands(query)
    under_way = any(stand.under_way for stand in stands)
    told = [
        await _told(office, object_type, stand, query.asked_at)
        if stand.under_way or not under_way
        else Told((), frozenset(), stand)
        for object_type, stand in zip(TYPES, stands, strict=True)
    ]
    return Changes(
        answers=tuple(answer for each in told for answer in each.answers),
        gone=frozenset(key for each in told for key in each.gone),
        cursor=",".join(each.stand.cursor for each in told),
        more=any(each.stand.under_way for each in told),
    )


async def _told(office: HubSpot, object_type: Sold, stand: Stand, asked_at: datetime) -> Told:
    """Read a page of one type, with its archive where a look begins."""
    deleted, archive = (frozenset[str](), stand.archive)
    if not stand.under_way:
        deleted, archive = await archived(office, object_type, stand.archive)
    step = await changed(office, object_type, stand.place)
    seen = "" if stand.under_way or step.more else _seen(step, stand.seen)
    ids = [] if seen and seen == stand.seen else list(dict.fromkeys(each.id for each in step.found))
    known = await stages(office, object_type) if ids else {}
    answers = await answers_of(office, object_type, ids, known, asked_at)
    gone = {key_of(object_type, key) for key in (*deleted, *ids)} - {each.record.origin.id for each in answers}
    return Told(answers, frozenset(gone), Stand(step.following, archive, seen))


def _seen(step: Step, before: str) -> str:
    """Name what the next look will find again, should nothing have changed. The same name: it was read often enough."""
    again = sorted(f"{each.at.isoformat()} {each.id}" for each in step.found if each.at >= step.following.at)
    name = sha256("\n".join(again).encode()).hexdigest()[:16]
    if not before.startswith(name):
        return name
    return before if before.count(MARK) == LOOKS else before + MARK


def _stands(query: ChangesQuery) -> list[Stand]:
    if query.cursor is None:
        return [Stand(place_of(query)) for _ in TYPES]
    parts = [part.split(" ") for part in query.cursor.split(",")]
    if [len(part) for part in parts] != [3] * len(TYPES):
        raise BadResponse("not a cursor of this feed's")
    return [Stand(read_place(place), archive, seen) for place, archive, seen in parts]


# A look without news asks four times: twice of the five searches a second that all programs of an account share, and
# 23,000 times a day of 250,000. Whose an order is, and its lines, may be as old as `whole_every`.
feed: Feed[HubSpotConfig] = Feed(
    read=read_changes, lag=LAG, every=timedelta(seconds=15), whole_every=timedelta(minutes=15)
)
