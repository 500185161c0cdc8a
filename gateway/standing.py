"""Who somebody is here and what they may see: read from the rows in one moment, and copied for ten seconds."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from auth.principals import Principal
from cache.copies import Copies
from gateway.access import AccountRef, Scope, read_accounts, read_scope
from gateway.profile import Profile, read_profile
from gateway.records.database import Database


class Standing(Struct, frozen=True, kw_only=True):
    """`scope` None: nothing to see. `accounts` are all that the member may act for."""

    member_id: str
    account_id: str | None
    scope: Scope | None
    profile: Profile
    accounts: tuple[AccountRef, ...]

    def is_of(self, who: Principal) -> bool:
        return (self.member_id, self.account_id) == (who.member_id, who.account_id)


class Standings:
    """Knows where the signed-in stand. A right that was taken is gone within ten seconds."""

    def __init__(self, db: Database, copies: Copies[Standing], clock: Callable[[], datetime]) -> None:
        self._db = db
        self._copies = copies
        self._clock = clock

    def key(self, session: str) -> str:
        """Name the copy for a session, for those who read several values in one round trip."""
        return self._copies.key(session)

    def believe(self, who: Principal, value: bytes | None) -> Standing | None:
        """Judge what Redis held under `key`. None: the rows have to be asked."""
        copy = self._copies.believe(who.session.hex(), value)
        return copy if copy and copy.is_of(who) else None

    async def of(self, who: Principal) -> Standing:
        """Raises `DatabaseDown` when nobody can tell."""
        name = who.session.hex()
        copy = await self._copies.get(name)
        if copy and copy.is_of(who):
            return copy
        read_at = self._clock()
        async with self._db.read() as session:
            standing = Standing(
                member_id=who.member_id,
                account_id=who.account_id,
                scope=await read_scope(session, who.member_id, who.account_id) if who.account_id else None,
                profile=await read_profile(session, who.member_id, who.session),
                accounts=await read_accounts(session, who.member_id),
            )
        await self._copies.put(name, standing, read_at)
        return standing
