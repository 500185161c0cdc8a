"""Who is asking, as the rest of the house knows them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Kind = Literal["member", "staff"]
Role = Literal["none", "read-only", "support", "admin", "owner"]
ROLES: tuple[Role, ...] = ("none", "read-only", "support", "admin", "owner")  # each may do what those before it may
VIEW_AS: Role = "support"  # the least role that may look at what a member sees


class Principal(Struct, frozen=True, kw_only=True):
    """A member who is signed in, as put on the connection under `user`. What they may see is decided elsewhere.

    `csrf_token` goes into every form of this session. `session` names the session and opens nothing. `provider` is the
    id of the one that it began at.
    """

    member_id: str
    account_id: str | None  # None: linked to nothing yet, sees nothing
    csrf_token: str
    session: bytes
    provider: str


class Viewing(Struct, frozen=True):
    """What one of staff looks at as a member sees it, and until when. Only the row of a staff session says so."""

    member_id: str
    account_id: str
    until: datetime


class StaffPrincipal(Struct, frozen=True, kw_only=True):
    """One of staff who is signed in. Never a member, and no page of a member's opens for them.

    `role` is read from the row for each request. `viewing` makes no member of them: see `Onlooker`.
    """

    staff_id: str
    csrf_token: str
    session: bytes
    provider: str
    role: Role = "none"
    viewing: Viewing | None = None

    def reaches(self, least: object) -> bool:
        """Whether the role is enough. What is no role asks for more than anybody has."""
        return least in ROLES and ROLES.index(self.role) >= ROLES.index(least)


class Onlooker(Struct, frozen=True, kw_only=True):
    """One of staff who looks at what a member sees, and can do nothing. Made by the guard alone, for safe methods.

    It reads like a `Principal` and is none: what asks for one refuses it.
    """

    staff_id: str
    member_id: str
    account_id: str
    csrf_token: str
    session: bytes
    provider: str
    until: datetime


Anyone = Principal | StaffPrincipal
Visiting = Principal | Onlooker  # whose pages are a customer's
