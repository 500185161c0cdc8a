"""Zendesk's Support API: how its records and lists are asked for.

https://developer.zendesk.com/api-reference/ticketing/introduction/. Ids are 64-bit numbers. A customer of ours is
an organization of theirs, "organization:123", or a user, "user:456".
"""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from connectors.contract import BackOffice
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.vendors.zendesk.settings import ZendeskConfig

API = "/api/v2"
PER_PAGE = 100  # the most that Zendesk gives
MOST_PAGES = 100

Zendesk = BackOffice[ZendeskConfig]
Instant = Annotated[datetime, Meta(tz=True)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]

_CUSTOMER = re.compile(r"(organization|user):([1-9][0-9]{0,18})")
_ID = re.compile(r"[1-9][0-9]{0,18}")


class Cursors(Struct):
    has_more: bool
    after_cursor: str | None = None


class Paged(Struct):
    """A page of a list that is read by cursor."""

    meta: Cursors

    @property
    def cursor(self) -> str | None:
        """Where the next page begins. None: there is none."""
        return self.meta.after_cursor if self.meta.has_more else None


T = TypeVar("T")
P = TypeVar("P", bound=Paged)


async def get(office: Zendesk, answer: type[T], path: str, params: Mapping[str, str] | None = None) -> T:
    response = await office.http.get(f"{API}{path}", params=params)
    return decode_json(response.content, answer, f"Zendesk {path}")


async def get_page(
    office: Zendesk, page: type[P], path: str, cursor: str | None = None, *, size: int = PER_PAGE, **params: str
) -> P:
    asked = {**params, "page[size]": str(size)}
    if cursor:
        asked["page[after]"] = cursor
    answer = await get(office, page, path, asked)
    if answer.meta.has_more and answer.meta.after_cursor in (None, "", cursor):
        raise BadResponse(f"Zendesk {path}: a cursor that leads nowhere")
    return answer


async def walk(office: Zendesk, page: type[P], path: str, *, size: int = PER_PAGE, **params: str) -> AsyncIterator[P]:
    """Read a list page by page, as far as our patience goes."""
    cursor = None
    for _ in range(MOST_PAGES):
        answer = await get_page(office, page, path, cursor, size=size, **params)
        yield answer
        cursor = answer.cursor
        if cursor is None:
            return


def person_key(person: str) -> str:
    """Give the id of a user's. Whoever is called otherwise is nobody."""
    match = _CUSTOMER.fullmatch(person)
    if match is None or match[1] != "user":
        raise NotFound("Zendesk: no such user")
    return match[2]


def organization_key(customer: str) -> int | None:
    """Give the id of an organization's. None: it is no organization."""
    match = _CUSTOMER.fullmatch(customer)
    return int(match[2]) if match and match[1] == "organization" else None


def tickets_of(customer: str) -> str:
    """Give the address of a customer's tickets. Whoever is called otherwise is nobody's customer."""
    match = _CUSTOMER.fullmatch(customer)
    if match is None:
        raise NotFound("Zendesk: no such organization or user")
    kind, key = match.groups()
    return f"/organizations/{key}/tickets" if kind == "organization" else f"/users/{key}/tickets/requested"


def organization(key: int) -> str:
    return f"organization:{key}"


def user(key: int) -> str:
    return f"user:{key}"


def as_id(key: str) -> str:
    """Check an id before it becomes part of a path. Anything but a number is nobody's."""
    if not _ID.fullmatch(key):
        raise NotFound("Zendesk: no such id")
    return key
