"""Who is asking, as the rest of the house knows them."""

from typing import Literal

from msgspec import Struct

Kind = Literal["member", "staff"]


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


class StaffPrincipal(Struct, frozen=True, kw_only=True):
    """One of staff who is signed in. Never a member, and no page of a member's opens for them."""

    staff_id: str
    csrf_token: str
    session: bytes
    provider: str


Anyone = Principal | StaffPrincipal
