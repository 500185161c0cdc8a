"""What an account holds. It may be changed while it is served."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from connectors.sandbox.dates import Json

Properties = dict[str, str | None]
SINGULAR = {
    "companies": "company",
    "contacts": "contact",
    "deals": "deal",
    "line_items": "line_item",
    "orders": "order",
    "tickets": "ticket",
}


class Record(Struct, rename="camel"):
    """A record of any type. Instants are texts, as HubSpot gives them; archiving leaves `updatedAt` alone."""

    id: str
    properties: Properties
    created_at: str
    updated_at: str
    archived: bool = False
    archived_at: str | None = None


class Store(Struct):
    """`tokens` are the scopes of each. `links` holds each association in both directions, with its labels.

    `found_after` is how long the search takes to know of a change.
    """

    tokens: dict[str, list[str]]
    account: dict[str, Any]
    properties: dict[str, list[str]]
    defaults: dict[str, list[str]]
    pipelines: dict[str, list[dict[str, Any]]]
    objects: dict[str, dict[str, Record]]
    owners: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[str, str], dict[tuple[str, str], list[dict[str, Any]]]] = field(default_factory=dict)
    found_after: timedelta = timedelta(0)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # -> what was asked for when somebody agreed
    consents: list[str] = field(default_factory=list)  # refresh tokens

    def associate(self, one: tuple[str, str], other: tuple[str, str], types: tuple[int, int]) -> None:
        """Associate two records, each a type and an id. `types` are HubSpot's numbers for either direction."""
        for (source, target), number in zip(((one, other), (other, one)), types, strict=True):
            label = {"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}
            self.links.setdefault(source, {}).setdefault(target, []).append(label)

    def part(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        del self.links[one][other], self.links[other][one]

    def associated(self, one: tuple[str, str], to: str) -> list[dict[str, Any]]:
        """List what of type `to` is associated with a record. What is archived is associated with nothing."""
        return [
            {"toObjectId": int(key), "associationTypes": labels}
            for (type_, key), labels in sorted(self.links.get(one, {}).items(), key=lambda link: int(link[0][1]))
            if type_ == to and not self.objects[type_][key].archived
        ]


def text_of(value: Json | Decimal) -> str:
    """HubSpot gives every value as a text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
