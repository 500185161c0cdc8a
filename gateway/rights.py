"""What a member may see of an account's records: per area, how far it reaches."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from connectors.records import Kind

RecordArea = Literal["orders", "invoices", "requests"]
Area = Literal[RecordArea, "documents"]
Reach = Literal["none", "own", "company"]
AREAS: tuple[Area, ...] = ("orders", "invoices", "requests", "documents")
REACHES: tuple[Reach, ...] = ("none", "own", "company")  # each sees what the one before it sees, and more
AREA_OF: Mapping[Kind, RecordArea] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}


class Rights(Struct, frozen=True, kw_only=True):
    """Per area: nothing, the member's own records, or all of the company's.

    A file is shown to who may see its record, and documents. `manages`: may invite colleagues, and set their rights
    within these.
    """

    orders: Reach = "own"
    invoices: Reach = "own"
    requests: Reach = "own"
    documents: Reach = "own"
    manages: bool = False

    def reach(self, area: Area) -> Reach:
        reach: Reach = getattr(self, area)
        return reach

    def is_within(self, other: "Rights") -> bool:
        """Whether nobody would see more with these than with the others. Who may give rights is no part of it."""
        return all(REACHES.index(self.reach(area)) <= REACHES.index(other.reach(area)) for area in AREAS)


OWN = Rights()
COMPANY = Rights(orders="company", invoices="company", requests="company", documents="company")
