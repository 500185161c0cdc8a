"""From a request's cookie to the person behind it, asked once per request and only when somebody wants to know."""

from collections.abc import Iterable
from typing import Any

from auth import cookies
from auth.principals import ROLES, Anyone, Principal, Role, StaffPrincipal
from auth.session import Session
from auth.sessions import Sessions
from gateway.records.database import Database
from gateway.records.tables import Staff

KEY = "user"  # where Litestar looks for it too

Scope = Any  # of ASGI; frameworks type it in ways that fit no mapping


class Visitors:
    """Knows the signed-in. Nothing is kept for anybody else."""

    def __init__(self, sessions: Sessions, database: Database) -> None:
        self._sessions = sessions
        self._database = database

    async def recognise(self, scope: Scope, *, in_use: bool = True) -> Anyone | None:
        """Find out who asks, and put it on the connection. Raises `DatabaseDown` when nobody can tell."""
        if KEY not in scope:
            scope[KEY] = await self.find(scope["headers"], in_use=in_use)
        found: Anyone | None = scope[KEY]
        return found

    async def find(self, headers: Iterable[tuple[bytes, bytes]], *, in_use: bool = True) -> Anyone | None:
        """Find out whose headers these are. `in_use` is explained in `Sessions.get`. Raises `DatabaseDown`."""
        session = await self._sessions.get(cookies.read(headers, cookies.SESSION), in_use=in_use)
        if session is None:
            return None
        return principal_of(session, await self._role_of(session.staff_id) if session.staff_id else "none")

    async def _role_of(self, staff_id: str) -> Role:
        """Ask the row each time: staff are few, and a role that was taken is gone at once."""
        async with self._database.read() as session:
            staff = await session.get(Staff, staff_id)
        return role_of(staff) if staff else "none"


def role_of(staff: Staff) -> Role:
    """What was listed counts, and without that what the provider last claimed."""
    found = staff.listed_role or staff.claimed_role
    return next((role for role in ROLES if role == found), "none")


def principal_of(session: Session, role: Role = "none") -> Anyone | None:
    """None: a session that is neither wholly a member's nor wholly staff's opens nothing. `role` is of staff."""
    match session:
        case Session(kind="member", member_id=str(member_id), staff_id=None, viewing=None):
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
                role=role,
                viewing=session.viewing,
            )
        case _:
            return None
