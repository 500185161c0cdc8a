"""What Odoo knows of a customer: any field of the partner, by its name. Of what it refers to it is the names."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from connectors.contract import Properties
from connectors.errors import NotFound
from connectors.properties import spelled, told
from connectors.vendors.odoo.models import Row, as_key, read
from connectors.vendors.odoo.partners import MODEL
from connectors.vendors.odoo.rpc import Odoo, execute
from connectors.vendors.odoo.settings import OdooConfig

TO_MANY = frozenset({"one2many", "many2many"})


class About(Struct):
    """A field. `relation`: the model that it refers to."""

    type: str
    relation: str = ""


class Named(Row):
    name: str


async def read_properties(office: Odoo, customer: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    fields = await execute(
        office, dict[str, About], MODEL, "fields_get", sorted(names), attributes=["type", "relation"]
    )
    there = sorted(fields.keys() & set(names))
    found = await execute(
        office,
        list[dict[str, object]],
        MODEL,
        "search_read",
        [("id", "=", as_key(customer)), ("active", "=", True)],
        fields=["id", *there],
        order="id",
        limit=1,
    )
    if not found or str(found[0].get("id")) != customer:
        raise NotFound(f"Odoo {MODEL}: no such record")
    # What it does not have, or does not let this account read, is left out: nobody knows it.
    return {name: await _words(office, fields[name], found[0].get(name)) for name in there}


async def _words(office: Odoo, field: About, value: object) -> tuple[str, ...]:
    match value:
        case [int(), str(called)] if field.type == "many2one":
            return told(called)
        case [*ids] if field.type in TO_MANY:
            rows = await read(office, Named, field.relation, {each for each in ids if isinstance(each, int)})
            return told([row.name for row in rows.values()])
        case _:
            return told(value)


properties: Properties[OdooConfig] = Properties(
    known={
        "category_id": "Tags",
        "industry_id": "Industry",
        "country_id": "Country",
        "city": "Town",
        "customer_rank": "Customer rank",
    },
    read=read_properties,
    fits=spelled(r"[a-z][a-z0-9_]{0,62}"),
)
