"""Who is asking, as the rest of the house knows them."""

from msgspec import Struct


class Principal(Struct, frozen=True, kw_only=True):
    """A member who is signed in, as put on the connection under `user`. What they may see is decided elsewhere.

    `csrf_token` goes into every form of this session. `session` names the session and opens nothing.
    """

    member_id: str
    account_id: str | None  # None: linked to nothing yet, sees nothing
    csrf_token: str
    session: bytes
