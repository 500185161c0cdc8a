"""What Tryton knows of a party: any field, by its name. Of what it refers to it is the names, as its client shows them.

A field that this Tryton has not would be an error, so it is asked first which there are.
"""

from collections.abc import Collection, Mapping

from connectors.contract import Properties
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.properties import spelled, told
from connectors.vendors.tryton.rest import Row, Tryton, as_key, coded, path, search
from connectors.vendors.tryton.settings import TrytonConfig

MODEL = "party.party"
TO_OTHERS = frozenset({"many2one", "one2one", "one2many", "many2many"})
UNFIT = frozenset({"binary", "dict", "reference"})  # no words for people


class FieldType(Row):
    name: str
    ttype: str


async def read_properties(office: Tryton, customer: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    number = as_key(customer)
    clauses = [("model", "=", MODEL), ("name", "in", sorted(names))]
    rows, _ = await search(office, FieldType, "ir.model.field", clauses, limit=max(1, len(names)))
    types = {row.name: row.ttype for row in rows if row.name in names and row.ttype not in UNFIT}
    fields = [f"{name}.rec_name" if ttype in TO_OTHERS else name for name, ttype in sorted(types.items())]
    living = coded([("id", "=", number), ("active", "=", True)])
    params = (("d", living), *(("f", field) for field in ("active", *fields)))
    response = await office.http.get(path(office, "model", MODEL), params=params, headers={"Range": "records=0-1"})
    found = decode_json(response.content, list[dict[str, object]], f"Tryton {MODEL}")
    if not found or found[0].get("id") != number:
        raise NotFound(f"Tryton {MODEL}: no such party, or one that is no longer used")
    # What its user may not read it leaves out, and so nobody knows it.
    return {name: told(_words(found[0][name])) for name in types if name in found[0]}


def _words(value: object) -> object:
    """Make of values that name their class, and of records, what can be read."""
    match value:
        case [*several]:
            return [_words(each) for each in several]
        case {"__class__": "Decimal", "decimal": str(decimal)}:
            return decimal
        case {"__class__": "date" | "datetime", "year": int(year), "month": int(month), "day": int(day)}:
            return f"{year:04}-{month:02}-{day:02}"
        case {"rec_name": str(name)}:
            return name
        case None | str() | bool() | int() | float():
            return value
    raise BadResponse(f"Tryton {MODEL}: a value of another kind")


properties: Properties[TrytonConfig] = Properties(
    known={
        "categories": "Categories",
        "lang": "Language",
        "customer_payment_term": "Payment term",
        "customer_tax_rule": "Tax rule",
        "receivable": "What they owe",
    },
    read=read_properties,
    fits=spelled(r"[a-z][a-z0-9_]{0,62}"),
)
