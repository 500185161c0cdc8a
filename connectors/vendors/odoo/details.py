"""A contact's own details, and how they are changed. The address of who works for a company is the company's."""

from collections.abc import Mapping

from connectors.actions import Action, Change, Done, looking
from connectors.details import COMPANYS, PROOF, DetailName, Held, is_person, person_of, still_to_write, told
from connectors.errors import NotFound
from connectors.vendors.odoo.models import as_key, one
from connectors.vendors.odoo.partners import MODEL, Human
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Ref, Text, owners

FIELDS: Mapping[DetailName, str] = {
    "name": "name",
    "job_title": "function",
    "email": "email",
    "phone": "phone",
    "mobile": "mobile",
    "street": "street",
    "zip": "zip",
    "city": "city",
}
ADDRESS: tuple[DetailName, ...] = ("street", "zip", "city")


class Detailed(Human, kw_only=True):
    name: Text
    function: Text
    email: Text
    phone: Text
    mobile: Text | None = None  # newer ones have a single number
    street: Text
    zip: Text
    city: Text
    parent_id: Ref
    commercial_partner_id: Ref


async def fetch_details(office: Odoo, person: str) -> Held:
    row = await one(office, Detailed, MODEL, [("active", "=", True)], person)
    customers = owners(row.commercial_partner_id)
    if row.person is None or not customers:
        raise NotFound(f"Odoo {MODEL}: no person")
    has = {name: getattr(row, field) for name, field in FIELDS.items()}
    of_a_company = dict.fromkeys(ADDRESS, COMPANYS) if row.parent_id else {}
    return Held(
        customers=customers,
        values=told({name: value for name, value in has.items() if value is not None}),
        locked={"email": PROOF, **of_a_company},
    )


async def change(office: Odoo, asked: Change) -> Done:
    person = person_of(asked)
    with looking():
        wanted = still_to_write(await fetch_details(office, person), asked)
    if wanted:
        values = {FIELDS[name]: value or False for name, value in wanted.items()}
        await execute_once(office, bool, MODEL, "write", [as_key(person)], values)
    return Done(record=person, number=person)


to_change: Action[OdooConfig, Change] = Action(do=change, same_twice=True, takes=is_person)
