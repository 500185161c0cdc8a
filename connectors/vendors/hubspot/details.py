"""A contact's own details, and how they are changed: by a change of the contact's properties."""

from collections.abc import Mapping

from msgspec import Struct

from connectors.actions import Action, Change, Done, looking
from connectors.decode import decode_json
from connectors.details import PROOF, DetailName, Held, is_person, person_of, still_to_write, told
from connectors.errors import NotFound
from connectors.vendors.hubspot.api import HubSpot, Id, as_id, read_one
from connectors.vendors.hubspot.associations import associated, customer_of
from connectors.vendors.hubspot.settings import HubSpotConfig

PROPERTIES: Mapping[DetailName, str] = {
    "first_name": "firstname",
    "last_name": "lastname",
    "job_title": "jobtitle",
    "email": "email",
    "phone": "phone",
    "mobile": "mobilephone",
    "street": "address",
    "zip": "zip",
    "city": "city",
}


class DetailProperties(Struct):
    firstname: str | None = None
    lastname: str | None = None
    jobtitle: str | None = None
    email: str | None = None
    phone: str | None = None
    mobilephone: str | None = None
    address: str | None = None
    zip: str | None = None
    city: str | None = None


class Changed(Struct):
    id: Id


async def fetch_details(office: HubSpot, person: str) -> Held:
    key = _key(person)
    its = (await read_one(office, DetailProperties, "contacts", key)).properties
    companies = (await associated(office, "contacts", [key], "companies")).get(key, frozenset())
    return Held(
        customers=frozenset([person, *(f"company:{each}" for each in companies)]),
        values=told({name: getattr(its, named) for name, named in PROPERTIES.items()}),
        locked={"email": PROOF},
    )


async def change(office: HubSpot, asked: Change) -> Done:
    person = person_of(asked)
    with looking():
        wanted = still_to_write(await fetch_details(office, person), asked)
    key = _key(person)
    if wanted:
        path = f"/crm/v3/objects/contacts/{key}"
        properties = {PROPERTIES[name]: value for name, value in wanted.items()}
        response = await office.http.patch(path, json={"properties": properties})
        decode_json(response.content, Changed, f"HubSpot {path}")
    return Done(record=key, number=key)


def _key(person: str) -> str:
    object_type, key = customer_of(person)
    if object_type != "contacts":
        raise NotFound("HubSpot: a company is no person")
    return as_id(key)


to_change: Action[HubSpotConfig, Change] = Action(do=change, same_twice=True, takes=is_person)
