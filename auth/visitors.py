"""From a request's cookie to the person behind it, asked once per request and only when somebody wants to know."""

from collections.abc import Iterable
from typing import Any

from auth import cookies
from auth.principals import Anyone, Principal, StaffPrincipal
from auth.session import Session
from auth.sessions import Sessions

KEY = "user"  # where Litestar looks for it too

Scope = Any  # of ASGI; frameworks type it in ways that fit no mapping


class Visitors:
    """Knows the signed-in. Nothing is kept for anybody else."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def recognise(self, scope: Scope) -> Anyone | None:
        """Find out who asks, and put it on the connection. Raises `DatabaseDown` when nobody can tell."""
        if KEY not in scope:
            scope[KEY] = await self._find(scope["headers"])
        found: Anyone | None = scope[KEY]
        return found

    async def _find(self, headers: Iterable[tuple[bytes, bytes]]) -> Anyone | None:
        session = await self._sessions.get(cookies.read(headers, cookies.SESSION))
        return principal_of(session) if session else None


def principal_of(session: Session) -> Anyone | None:
    """None: a session that is neither wholly a member's nor wholly staff's opens nothing."""
    match session:
        case Session(kind="member", member_id=str(member_id), staff_id=None):
            return Principal(
                member_id=member_id,
                account_id=session.account_id,
                csrf_token=session.csrf_token,
                session=session.id_hash,
                provider=session.provider,
            )
        case Session(kind="staff", member_id=None, staff_id=str(staff_id)):
            return StaffPrincipal(
                staff_id=staff_id,
                csrf_token=session.csrf_token,
                session=session.id_hash,
                provider=session.provider,
            )
        case _:
            return None
