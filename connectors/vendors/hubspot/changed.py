"""Which orders or deals have changed, by id: the search by date of change, a page at a time, the oldest first.

https://developers.hubspot.com/docs/api-reference/search/guide. It ends after 10,000 records, so the date moves on and
no page of it is ever turned. It sorts by one property alone: what changed in the same millisecond comes in any order.
So a page leaves its last instant to the next one, and an instant that fills a page is walked by id.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connectors.errors import BadResponse
from connectors.feeds import EARLIEST, Place
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import BATCH, HubSpot, Id, ask
from connectors.vendors.hubspot.associations import Paging
from connectors.vendors.hubspot.listing import Condition, Sold

CHANGED, KEY = "hs_lastmodifieddate", "hs_object_id"
LAG = timedelta(seconds=30)  # HubSpot speaks of moments until what has changed is found
MOMENT = timedelta(milliseconds=1)  # the finest that it tells
LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # there must be moments after it


class Modified(Struct):
    hs_lastmodifieddate: str


class Found(Struct):
    id: Id
    properties: Modified

    @property
    def key(self) -> int:
        return int(self.id)

    @property
    def at(self) -> datetime:
        at = values.instant(self.properties.hs_lastmodifieddate)
        if at is None or at > LATEST:
            raise BadResponse("HubSpot: not a point in time at which something was changed")
        return at


class Results(Struct):
    results: list[Found]
    paging: Paging = Paging()


class Step(Struct, frozen=True):
    """What has changed, and where to go on. While there is more, the place knows what was newest at the beginning."""

    found: tuple[Found, ...]
    following: Place

    @property
    def more(self) -> bool:
        return self.following.newest is not None


async def changed(office: HubSpot, object_type: Sold, place: Place) -> Step:
    """Read the page of changes that begins at a place."""
    if place.after:
        return await _at_one_instant(office, object_type, place)
    page = await _search(office, object_type, [_when("GTE", place.at)], CHANGED)
    last = max((each.at for each in page.results), default=None)
    if page.paging.next is None:
        return Step(tuple(page.results), place.at_rest(last, LAG))
    if last is None or last < place.at:
        raise BadResponse(f"HubSpot {object_type}: found what was not looked for")
    if place.newest is None:
        place = replace(place, newest=await _newest(office, object_type, last))
    if last == place.at:
        return await _at_one_instant(office, object_type, place)
    return Step(tuple(each for each in page.results if each.at < last), place.behind(last))


async def _at_one_instant(office: HubSpot, object_type: Sold, place: Place) -> Step:
    beyond: Condition = {"propertyName": KEY, "operator": "GT", "value": str(place.after)}
    page = await _search(office, object_type, [_when("EQ", place.at), beyond], KEY)
    if page.paging.next is None:
        return Step(tuple(page.results), place.behind(place.at + MOMENT))
    last = max((each.key for each in page.results), default=0)
    if last <= place.after:
        raise BadResponse(f"HubSpot {object_type}: found what was not looked for")
    return Step(tuple(page.results), place.behind(place.at, last))


async def _newest(office: HubSpot, object_type: Sold, least: datetime) -> datetime:
    """Say when the latest change was that the search knows."""
    page = await _search(office, object_type, [_when("GTE", least)], CHANGED, direction="DESCENDING", most=1)
    return max((each.at for each in page.results), default=least)


async def _search(
    office: HubSpot,
    object_type: Sold,
    conditions: Sequence[Condition],
    by: str,
    *,
    direction: Literal["ASCENDING", "DESCENDING"] = "ASCENDING",
    most: int = BATCH,
) -> Results:
    question = {
        "filterGroups": [{"filters": conditions}],
        "sorts": [{"propertyName": by, "direction": direction}],
        "properties": [CHANGED],
        "limit": most,
    }
    return await ask(office, Results, f"/crm/v3/objects/{object_type}/search", question)


def _when(operator: str, at: datetime) -> Condition:
    return {"propertyName": CHANGED, "operator": operator, "value": str((at - EARLIEST) // MOMENT)}
