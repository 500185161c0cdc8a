"""What Tryton knows of a person: an e-mail address of a party's, and the name that stands beside it.

Telephone numbers and postal addresses are the party's, which may be a company of many: nobody changes those for all.
"""

from msgspec import Struct

from connectors.actions import Action, Change, Done, looking
from connectors.decode import decode_json
from connectors.details import PROOF, Held, is_person, person_of, still_to_write, told
from connectors.errors import NotFound
from connectors.vendors.tryton.parties import MODEL, PartyRef, fetch_person
from connectors.vendors.tryton.rest import Row, Tryton, as_key, one, path
from connectors.vendors.tryton.settings import TrytonConfig


class DetailRow(Row):
    value: str | None
    name: str | None
    party: PartyRef


class Changed(Struct):
    id: int


async def fetch_details(office: Tryton, person: str) -> Held:
    known = await fetch_person(office, person)
    row = await one(office, DetailRow, MODEL, as_key(person))
    if str(row.party.id) not in known.customers:
        raise NotFound(f"Tryton {MODEL}: the address is another party's by now")
    return Held(customers=known.customers, values=told({"name": row.name, "email": row.value}), locked={"email": PROOF})


async def change(office: Tryton, asked: Change) -> Done:
    person = person_of(asked)
    with looking():
        wanted = still_to_write(await fetch_details(office, person), asked)
    if wanted:
        its = path(office, "model", MODEL, as_key(person))
        response = await office.http.put(its, json={name: value or None for name, value in wanted.items()})
        decode_json(response.content, Changed, f"Tryton {MODEL}")
    return Done(record=person, number=person)


to_change: Action[TrytonConfig, Change] = Action(do=change, same_twice=True, takes=is_person)
