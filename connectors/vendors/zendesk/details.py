"""An end user's own details, and how they are changed. What staff note about them is never among these."""

from typing import Any

from msgspec import Struct

from connectors.actions import Action, Change, Done, looking
from connectors.decode import decode_json
from connectors.details import PROOF, Held, is_person, person_of, still_to_write, told
from connectors.vendors.zendesk.api import API, Id, Zendesk, get, person_key
from connectors.vendors.zendesk.settings import ZendeskConfig
from connectors.vendors.zendesk.users import fetch_person


class DetailRow(Struct):
    id: Id
    name: Any = None
    email: Any = None
    phone: Any = None


class OneDetailed(Struct):
    user: DetailRow


async def fetch_details(office: Zendesk, person: str) -> Held:
    known = await fetch_person(office, person)
    row = (await get(office, OneDetailed, f"/users/{person_key(person)}")).user
    return Held(
        customers=known.customers,
        values=told({"name": row.name, "email": row.email, "phone": row.phone}),
        locked={"email": PROOF},
    )


async def change(office: Zendesk, asked: Change) -> Done:
    person = person_of(asked)
    with looking():
        wanted = still_to_write(await fetch_details(office, person), asked)
    key = person_key(person)
    if wanted:
        path = f"/users/{key}"
        response = await office.http.put(f"{API}{path}", json={"user": wanted})
        decode_json(response.content, OneDetailed, f"Zendesk {path}")
    return Done(record=key, number=key)


to_change: Action[ZendeskConfig, Change] = Action(do=change, same_twice=True, takes=is_person)
