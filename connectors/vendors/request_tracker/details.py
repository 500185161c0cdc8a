"""A user's own details, and how they are changed: for which the token's account needs the right AdminUsers.

Without it RT says of all but name and address that there is none, and changes nothing. So an admin has to say so.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connectors.actions import Action, Change, Done, looking
from connectors.details import ASK, PROOF, DetailName, Held, is_person, person_of, still_to_write, told
from connectors.errors import NotAllowed, NotFound
from connectors.vendors.request_tracker.api import REST, Key, RequestTracker, search
from connectors.vendors.request_tracker.settings import RequestTrackerConfig

FIELDS: Mapping[DetailName, str] = {
    "name": "RealName",
    "email": "EmailAddress",
    "phone": "WorkPhone",
    "mobile": "MobilePhone",
    "street": "Address1",
    "zip": "Zip",
    "city": "City",
}
SHOWN_TO_ALL: Mapping[DetailName, str] = {name: FIELDS[name] for name in ("name", "email")}


class DetailRow(Struct):
    id: Key
    Name: str
    RealName: Any = None
    EmailAddress: Any = None
    WorkPhone: Any = None
    MobilePhone: Any = None
    Address1: Any = None
    Zip: Any = None
    City: Any = None


async def fetch_details(office: RequestTracker, person: str) -> Held:
    return _held(office, await _row(office, person))


async def change(office: RequestTracker, asked: Change) -> Done:
    """Write what is not there yet. RT answers 200 even where it does not: so we look."""
    person = person_of(asked)
    with looking():
        row = await _row(office, person)
        wanted = still_to_write(_held(office, row), asked)
    if wanted:
        await office.http.put(f"{REST}/user/{int(row.id)}", json={FIELDS[name]: wanted[name] for name in wanted})
        now = _held(office, await _row(office, person)).values
        if any(now[name] != value for name, value in wanted.items()):
            raise NotAllowed("RT: the details stay. The account needs AdminUsers")
    return Done(record=person, number=person)


async def _row(office: RequestTracker, person: str) -> DetailRow:
    condition = {"field": "Name", "operator": "=", "value": person}
    for row in await search(office, DetailRow, "/users", ",".join(["id", "Name", *FIELDS.values()]), [condition]):
        if row.Name == person:
            return row
    raise NotFound("RT: no such user, or one who is disabled")


def _held(office: RequestTracker, row: DetailRow) -> Held:
    may = office.config.changes_details
    shown = FIELDS if may else SHOWN_TO_ALL
    return Held(
        customers=frozenset([row.Name]),
        values=told({name: getattr(row, field) for name, field in shown.items()}),
        locked={"email": PROOF, **({} if may else {"name": ASK})},
    )


to_change: Action[RequestTrackerConfig, Change] = Action(do=change, same_twice=True, takes=is_person)
