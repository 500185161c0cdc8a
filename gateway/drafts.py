"""What somebody had written when their session was over: kept for half an hour, for them and this browser alone.

It lies in Redis under the name of the session, sealed. The next sign-in in the same browser takes it over; it is given
to the same member for the same account only.
"""

from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.cross_site import MAX_WORDS_BYTES
from auth.session_rows import hash_in
from cache.client import CacheDown, Client
from cache.keys import LIFETIMES, key
from connectors.config import Secret
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Account, Session
from gateway.vault import Vault, VaultError

LONGEST = MAX_WORDS_BYTES  # of a form, as it was before a browser wrote it with signs of its own

log = structlog.get_logger()


class Draft(Struct, frozen=True):
    """A form as it was sent to `path`, and by whom."""

    member: str
    account: str | None
    path: str
    form: dict[str, str]


class Drafts:
    """Keeps one draft for each session. Sessions go by their names, see `Sessions.name_of`."""

    def __init__(self, redis: Client, database: Database, vault: Vault) -> None:
        self._redis = redis
        self._database = database
        self._vault = vault

    async def keep(self, cookie: str | None, path: str, form: bytes) -> bool:
        """Keep what was sent with the cookie of a session that is over. False: it is not kept."""
        id_hash = hash_in(cookie)
        if id_hash is None or len(unquote_to_bytes(form)) > LONGEST:
            return False
        try:
            whose = await self._whose(id_hash)
            if whose is None:
                return False
            written = dict(parse_qsl(form.decode(), keep_blank_values=True))
            await self._put(id_hash.hex(), Draft(*whose, path, written))
        except (CacheDown, DatabaseDown, UnicodeDecodeError) as error:
            log.warning("draft not kept", error=type(error).__name__)
            return False
        return True

    async def take_over(self, old: str, new: str) -> None:
        """Let the session that follows another in the same browser have its draft."""
        try:
            if draft := await self._get(old):
                await self._redis.delete(key("draft", old))
                await self._put(new, draft)
        except CacheDown:
            log.warning("draft lost")

    async def find(self, session: str, member: str, account: str | None, path: str) -> dict[str, str] | None:
        """Give back what this member wrote for this account on this page."""
        try:
            draft = await self._get(session)
        except CacheDown:
            return None
        if draft is None or (draft.member, draft.path) != (member, path):
            return None
        return draft.form if await self._is_for(draft.account, account) else None

    async def drop(self, session: str) -> None:
        """Forget it: it was sent."""
        try:
            await self._redis.delete(key("draft", session))
        except CacheDown:
            log.warning("draft left to its end")

    async def _is_for(self, before: str | None, account: str | None) -> bool:
        """Tell whether what was written for one account is for another: it was merged into that one meanwhile."""
        if before == account or before is None or account is None:
            return before == account
        into = sa.select(Account.merged_into).where(Account.id == before)
        try:
            async with self._database.read() as reading:
                return await reading.scalar(into) == account
        except DatabaseDown:
            return False

    async def _whose(self, id_hash: bytes) -> tuple[str, str | None] | None:
        this = sa.select(Session.member_id, Session.account_id).where(Session.id_hash == id_hash)
        async with self._database.read() as reading:
            row = (await reading.execute(this)).one_or_none()
        return (row.member_id, row.account_id) if row and row.member_id else None

    async def _put(self, session: str, draft: Draft) -> None:
        sealed = self._vault.seal(Secret(msgspec.json.encode(draft).decode()), f"drafts/{session}", "form")
        await self._redis.set(key("draft", session), sealed.encode(), ex=LIFETIMES["draft"])

    async def _get(self, session: str) -> Draft | None:
        (found,) = await self._redis.look_up(key("draft", session))
        if found is None:
            return None
        try:
            plain = self._vault.open(found.decode(), f"drafts/{session}", "form").reveal()
            return msgspec.json.decode(plain, type=Draft)
        except (VaultError, msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("unreadable draft")
            return None
