"""What a session's row says, as the rest of the house knows it."""

from datetime import datetime

from msgspec import Struct

from auth.principals import Viewing


class Session(Struct, frozen=True, kw_only=True):
    """`id_hash` names it; the id itself is known to the browser alone."""

    id_hash: bytes
    kind: str
    member_id: str | None
    staff_id: str | None
    provider: str
    account_id: str | None
    csrf_token: str
    seen_at: datetime
    expires_at: datetime
    viewing: Viewing | None = None  # of staff alone
