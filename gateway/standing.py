"""Who somebody is here and what they may see: read from the rows in one moment, and copied for ten seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from auth.principals import Visiting
from cache.copies import Copies
from cache.lookups import Lookups
from gateway.access import AccountRef, Scope, read_access
from gateway.asked import Asked, wanted_of
from gateway.counterparts import LooksAfter, counterparts_of
from gateway.declined import Declined, declined_of
from gateway.profile import Profile, read_profiles
from gateway.records.database import Database
from gateway.rights import Area


class Post(Struct, frozen=True, kw_only=True):
    """What waits in a member's inbox, and whether mails to their address come back."""

    unread: int = 0
    address_refused: bool = False


Posts = Callable[[AsyncSession, Collection[Scope], datetime], Awaitable[Mapping[Scope, Post]]]


class Standing(Struct, frozen=True, kw_only=True):
    """`scope` None: nothing to see. `accounts` are all that the member may act for."""

    member_id: str
    account_id: str | None
    scope: Scope | None
    profile: Profile
    accounts: tuple[AccountRef, ...]
    asked: tuple[Asked, ...] = ()  # documents that they are to give
    declined: tuple[Declined, ...] = ()  # what they sent and are to put right
    post: Post = Post()
    counterparts: tuple[LooksAfter, ...] = ()  # who looks after the account

    @property
    def waits(self) -> tuple[Area, ...]:
        """Give the area of each thing of ours that waits for them."""
        asked: list[Area] = ["documents" for _ in self.asked]
        return (*asked, *(each.area for each in self.declined if each.area))

    def is_of(self, who: Visiting) -> bool:
        return (self.member_id, self.account_id) == (who.member_id, who.account_id)


class Standings:
    """Knows where the signed-in stand. A right that was taken is gone within ten seconds."""

    def __init__(self, db: Database, copies: Copies[Standing], clock: Clock, posts: Posts) -> None:
        self._db = db
        self._posts = posts
        self._copies = copies
        self._clock = clock
        self._rows = Lookups(self._read)

    def key(self, session: str) -> str:
        """Name the copy for a session, for those who read several values in one round trip."""
        return self._copies.key(session)

    def believe(self, who: Visiting, value: bytes | None) -> Standing | None:
        """Judge what Redis held under `key`. None: the rows have to be asked."""
        copy = self._copies.believe(who.session.hex(), value)
        return copy if copy and copy.is_of(who) else None

    def doubt(self) -> None:
        """Go by the rows for a while, as `Sessions.doubt` does."""
        self._copies.doubt()

    async def of(self, who: Visiting) -> Standing:
        """Raises `DatabaseDown` when nobody can tell."""
        copy = await self._copies.get(who.session.hex())
        if copy and copy.is_of(who):
            return copy
        (standing,) = await self._rows.get([who])
        return standing

    async def forget(self, sessions: Iterable[bytes]) -> None:
        """Let these sessions' next pages go by the rows, because what they say has changed."""
        for session in sessions:
            await self._copies.mark_ended(session.hex())

    async def _read(self, people: Sequence[Visiting]) -> list[Standing]:
        """Read the rows for many requests at once, and leave copies of them."""
        read_at = self._clock()
        async with self._db.read() as session:
            access = await read_access(session, {(who.member_id, who.account_id) for who in people})
            profiles = await read_profiles(session, {(who.member_id, who.session) for who in people})
            scopes = {each.scope for each in access.values() if each.scope}
            asked = await wanted_of(session, scopes)
            declined = await declined_of(session, scopes, read_at)
            posts = await self._posts(session, scopes, read_at)
            counterparts = await counterparts_of(session, {each.account_id for each in scopes}, read_at)
        found = {
            who: Standing(
                member_id=who.member_id,
                account_id=who.account_id,
                scope=its.scope,
                profile=profiles[who.member_id, who.session],
                accounts=its.accounts,
                asked=asked.get(its.scope, ()) if its.scope else (),
                declined=tuple(declined.get(its.scope, ())) if its.scope else (),
                post=posts.get(its.scope, Post()) if its.scope else Post(),
                counterparts=counterparts.get(its.scope.account_id, ()) if its.scope else (),
            )
            for who in dict.fromkeys(people)
            for its in [access[who.member_id, who.account_id]]
        }
        puts = (self._copies.put(who.session.hex(), standing, read_at) for who, standing in found.items())
        await asyncio.gather(*puts)
        return [found[who] for who in people]
