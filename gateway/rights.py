"""What a member may see of an account's records: per area, how far it reaches."""

from typing import Literal

from msgspec import Struct

Area = Literal["orders", "invoices", "requests", "documents"]
Reach = Literal["none", "own", "company"]
AREAS: tuple[Area, ...] = ("orders", "invoices", "requests", "documents")


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


OWN = Rights()
COMPANY = Rights(orders="company", invoices="company", requests="company", documents="company")
