"""RT's REST2 API: its shapes, and how its records and lists are asked for.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html. A record's id is a number; in a list it is text.
"""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import httpx
from msgspec import Meta, Struct

from connectors.contract import BackOffice
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.ids import digits
from connectors.passes import clock_of
from connectors.transport import SAFE
from connectors.vendors.request_tracker.settings import RequestTrackerConfig

REST = "/REST/2.0"
PER_PAGE = 100  # the most that RT gives
MOST_PAGES = 50

RequestTracker = BackOffice[RequestTrackerConfig]
Instant = Annotated[datetime, Meta(tz=True)]
Key = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]
T = TypeVar("T")


class Ref(Struct):
    """A reference to a record. A user's id is the name, which is unique."""

    type: str
    id: int | str


class Listing(Struct, Generic[T]):
    """A page of a list.

    Where the account may not see every row, RT leaves those out of `items`, says `pages: null` and never names a
    `next_page`: then there may be more until a page is empty.
    """

    items: list[T]
    pages: float | None = None
    next_page: str | None = None

    @property
    def may_go_on(self) -> bool:
        return self.next_page is not None or (self.pages is None and bool(self.items))


class TokenAuth(httpx.Auth):
    def __init__(self, config: RequestTrackerConfig) -> None:
        self._config = config

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"token {self._config.token.reveal()}"
        yield request


async def get(office: RequestTracker, answer: type[T], path: str, params: Mapping[str, str] | None = None) -> T:
    return (await get_dated(office, answer, path, params))[0]


async def get_dated(
    office: RequestTracker, answer: type[T], path: str, params: Mapping[str, str] | None = None
) -> tuple[T, datetime | None]:
    """Give the answer, and when it was given by the clock over there."""
    response = await office.http.get(f"{REST}{path}", params=params)
    return decode_json(response.content, answer, f"RT {path}"), clock_of(response)


async def walk(office: RequestTracker, row: type[T], path: str, fields: str, **more: str) -> list[T]:
    """Read a whole list. The address of its next page is RT's word for it: only that there is one counts."""

    async def page(number: int) -> tuple[list[T], bool]:
        params = {"fields": fields, "per_page": str(PER_PAGE), "page": str(number), **more}
        listing = await get(office, _listing(row), path, params)
        return listing.items, listing.may_go_on

    return await _every(page)


async def search(
    office: RequestTracker, row: type[T], path: str, fields: str, conditions: Sequence[Mapping[str, str]]
) -> list[T]:
    """Search with conditions in JSON. RT joins those of one field by "or". Without any it would give everything."""

    async def page(number: int) -> tuple[list[T], bool]:
        params = {"fields": fields, "orderby": "id", "per_page": str(PER_PAGE), "page": str(number)}
        response = await office.http.post(f"{REST}{path}", params=params, json=conditions, extensions=SAFE)
        listing = decode_json(response.content, _listing(row), f"RT {path}")
        return listing.items, len(listing.items) >= PER_PAGE

    return await _every(page) if conditions else []


async def _every(page: Callable[[int], Awaitable[tuple[list[T], bool]]]) -> list[T]:
    rows: list[T] = []
    for number in range(1, MOST_PAGES + 1):
        items, more = await page(number)
        rows += items
        if not more:
            return rows
    raise BadResponse("RT: a list without an end")


def _listing(row: type[T]) -> type[Listing[T]]:
    return Listing[row]  # type: ignore[valid-type]  # a type made at run time


def as_number(key: int | str) -> str:
    """Check an id before it becomes part of a path."""
    return digits(str(key), "RT")


def quoted(text: str) -> str:
    """Quote a value of TicketSQL. RT takes even a quoted "CF.x" for a column, so nobody can be called that."""
    if text[:3].casefold() == "cf." or not text.isprintable():
        raise NotFound("RT: no such user")
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
