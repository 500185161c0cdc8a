"""HubSpot's CRM API, version 3 of its objects: how records are asked for.

https://developers.hubspot.com/docs/api-reference/crm-orders-v3/guide. Every value of a record is a text, or null
where there is none, and only the properties come that were asked for: those that a row declares.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from connectors.contract import BackOffice
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.transport import SAFE
from connectors.vendors.hubspot.settings import HubSpotConfig
from connectors.vendors.hubspot.values import Instant

BATCH = 100  # the most records that one question may name, or be answered with
NONE = "OBJECT_NOT_FOUND"  # deleted meanwhile, or nothing is associated: no fault, if part of a batch

HubSpot = BackOffice[HubSpotConfig]
ObjectType = Literal["companies", "contacts", "deals", "line_items", "orders", "tickets"]
Id = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]

_ID = re.compile(r"[1-9][0-9]{0,18}")

T = TypeVar("T")
P = TypeVar("P")
S = TypeVar("S", bound=Struct)


class Row(Struct, Generic[P], rename="camel"):
    """A record of theirs. `P` declares its properties."""

    id: Id
    properties: P
    updated_at: Instant
    archived: bool = False


class Problem(Struct):
    category: str


class Batch(Struct, Generic[T]):
    """An answer to many questions at once. One that could not be answered is among the errors."""

    results: list[T]
    errors: list[Problem] = []


class Rows(Struct, Generic[P]):
    results: list[Row[P]]


async def get(office: HubSpot, answer: type[T], path: str, params: Mapping[str, str] | None = None) -> T:
    response = await office.http.get(path, params=params)
    return decode_json(response.content, answer, f"HubSpot {path}")


async def ask(office: HubSpot, answer: type[T], path: str, question: Mapping[str, object]) -> T:
    """Ask what is too long for an address. Nothing is changed by it."""
    response = await office.http.post(path, json=question, extensions=SAFE)
    return decode_json(response.content, answer, f"HubSpot {path}")


async def ask_batch(office: HubSpot, answer: type[T], path: str, question: Mapping[str, object]) -> list[T]:
    """Ask for many records. What is not there is left out; any other error would make a hole that nobody sees."""
    batch = await ask(office, _batch_of(answer), path, question)
    if any(each.category != NONE for each in batch.errors):
        raise BadResponse(f"HubSpot {path}: answered in part")
    return batch.results


async def read_all(office: HubSpot, row: type[S], object_type: ObjectType, ids: Sequence[str]) -> list[Row[S]]:
    """Read records by their ids, `BATCH` at most. What is archived is gone: its date of change may not say so."""
    if not ids:
        return []
    wanted_now = {"properties": properties_of(row), "propertiesWithHistory": []}
    question = {**wanted_now, "inputs": [{"id": key} for key in ids]}
    found = await ask_batch(office, _row_of(row), f"/crm/v3/objects/{object_type}/batch/read", question)
    wanted = {each.id: each for each in found if not each.archived}
    return [wanted[key] for key in ids if key in wanted]


async def read_one(office: HubSpot, row: type[S], object_type: ObjectType, key: str) -> Row[S]:
    """Read one record. Raises `NotFound`."""
    params = {"properties": ",".join(properties_of(row))}
    found = await get(office, _row_of(row), f"/crm/v3/objects/{object_type}/{as_id(key)}", params)
    if found.id != key or found.archived:
        raise NotFound(f"HubSpot {object_type}: no such record")
    return found


async def search(
    office: HubSpot,
    row: type[P],
    object_type: ObjectType,
    any_of: Iterable[tuple[str, str, str]],
    properties: Sequence[str],
) -> list[Row[P]]:
    """Find the records for which one of the conditions holds: (property, operator, value)."""
    groups = [{"filters": [dict(zip(("propertyName", "operator", "value"), each, strict=True))]} for each in any_of]
    question = {"filterGroups": groups, "properties": properties, "limit": BATCH}
    answer = await ask(office, _rows_of(row), f"/crm/v3/objects/{object_type}/search", question)
    return [each for each in answer.results if not each.archived]


def properties_of(row: type[Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(row)]


def as_id(key: str) -> str:
    """Check an id before it becomes part of a path. Anything but a number is nobody's."""
    if not _ID.fullmatch(key):
        raise NotFound("HubSpot: no such id")
    return key


def _row_of(row: type[P]) -> type[Row[P]]:
    return Row[row]  # type: ignore[valid-type]  # a type made at run time


def _rows_of(row: type[P]) -> type[Rows[P]]:
    return Rows[row]  # type: ignore[valid-type]  # a type made at run time


def _batch_of(answer: type[T]) -> type[Batch[T]]:
    return Batch[answer]  # type: ignore[valid-type]  # a type made at run time
