"""Tokens of consents whose refresh token counts once: kept in SQL for all processes, renewed by one at a time.

A row is called by what the consent first gave, which the settings of a source hold for good. What the vendor gave last
is sealed in the row. Before anybody comes back with it, the row says who does, and until when; what the vendor answers
is committed before it is used. Others go on with the access token while it lasts, else they wait.

Who dies between the vendor's answer and our commit takes the only way back with them: the next one is refused, and
somebody has to agree once more. Until then pages show what is known.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret
from connectors.consents import KEPT_IN, Consent, Pair, renew
from connectors.errors import ConnectorError, NotAgreed, Unavailable
from connectors.tokens import NOBODY_AGREED, MemoryTokens
from connectors.transport import utc_now
from gateway.records.database import Database, DatabaseDown
from gateway.records.source_tables import ConsentToken, SourceDraft
from gateway.records.tables import Source
from gateway.records.upkeep_tables import Upkeep
from gateway.records.upsert import insert
from gateway.vault import Vault, VaultError

TURN = timedelta(seconds=30)  # longer than the vendor may take to answer
PATIENCE = 12.0  # seconds that somebody waits for another process
LOOK_EVERY = 0.1  # seconds, meanwhile
REFUSED_FOR = timedelta(minutes=5)  # until the vendor is asked once more
COMMIT_AGAIN = 0.5  # seconds, where the database did not take it
ENDS_WITHIN = 10.0  # seconds that a process which ends waits for the vendor and the database
ABANDONED = timedelta(days=1)  # as long as a form that nobody has finished

VOID = (
    "what it gave us to come back with counts no more: the consent was taken back, or its last answer was lost. "
    "An owner agrees again in the settings"
)

log = structlog.get_logger()


class _Kept(Struct, frozen=True):
    """A pair as it is sealed."""

    refresh: str
    access: str | None = None
    renew_at: datetime | None = None
    ends_at: datetime | None = None


class _Now(Struct, frozen=True, kw_only=True):
    """A row as it is. `pair` None: nobody has come back yet with what the consent gave."""

    version: int
    refresh: Secret
    pair: Pair | None
    refused_at: datetime | None


class Lending:
    """What all sources of a process borrow from. `aclose` lets what is under way come to its end."""

    def __init__(
        self, db: Database, vault: Vault, policy: AddressPolicy, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.db = db
        self.vault = vault
        self.policy = policy
        self.clock = clock
        self.name = secrets.token_hex(8)
        self.under_way: set[asyncio.Task[Pair]] = set()

    async def keep(self, pair: Pair) -> None:
        """Take in what a consent gave. Raises `DatabaseDown`."""
        name = name_of(pair.refresh)
        values = {"sealed": self.seal(name, pair), "version": 1, "changed_at": self.clock()}
        async with self.db.write() as session:
            await session.execute(insert(session, ConsentToken).values(name=name, **values))

    def store(self, consent: Consent[Any] | None, config: Config) -> MemoryTokens:
        """Give the token store of a source with these settings."""
        if consent is None or not consent.rotates or not consent.client_id(config):
            return MemoryTokens()
        return SharedTokens(self, consent, config)

    async def aclose(self) -> None:
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=ENDS_WITHIN)

    def seal(self, name: str, pair: Pair) -> str:
        kept = _Kept(pair.refresh.reveal(), pair.access.reveal(), pair.renew_at, pair.ends_at)
        return self.vault.seal(Secret(msgspec.json.encode(kept).decode()), vault_place(name), "pair")


class SharedTokens(MemoryTokens):
    """The token store of one source. What it lends it remembers, until that is about to end or is refused."""

    def __init__(self, lending: Lending, consent: Consent[Any], config: Config) -> None:
        super().__init__()
        self._lending = lending
        self._consent = consent
        self._config = config
        self._first: Secret | None = getattr(config, KEPT_IN, None)
        self._name = name_of(self._first) if self._first else ""
        self._known: Pair | None = None
        self._finding: asyncio.Task[Pair] | None = None

    async def lend(self, refused: Secret | None = None) -> Secret:
        """Give an access token. Raises `NotAgreed` where somebody has to agree, `Unavailable` for another time."""
        if self._first is None:
            raise NotAgreed(NOBODY_AGREED)
        known, now = self._known, self._lending.clock()
        if known and known.access != refused and not _is_over(known.renew_at, now):
            return known.access
        finding = self._find(refused)
        if known and known.access != refused and not _is_over(known.ends_at, now):
            return known.access  # it is renewed meanwhile
        try:
            # Whoever waits may give up. The vendor has been asked then, and its answer is the only way back.
            found = await asyncio.shield(finding)
            if found.access == refused:  # it was looked for before that was known
                found = await asyncio.shield(self._find(refused))
        except DatabaseDown as error:
            raise Unavailable(f"tokens cannot be looked up: {error}") from error
        return found.access

    def _find(self, refused: Secret | None) -> "asyncio.Task[Pair]":
        """Look for a pair, once for all who want one."""
        if self._finding is None or self._finding.done():
            self._finding = asyncio.create_task(self._found(refused))
            self._lending.under_way.add(self._finding)
            self._finding.add_done_callback(self._done)
        return self._finding

    def _done(self, finding: "asyncio.Task[Pair]") -> None:
        self._lending.under_way.discard(finding)
        if not finding.cancelled() and (error := finding.exception()):
            log.warning("no token for a consent", error=type(error).__name__, detail=str(error)[:200])

    async def _found(self, refused: Secret | None) -> Pair:
        until = time.monotonic() + PATIENCE
        while True:
            row, now = await self._row(), self._lending.clock()
            pair = row.pair if row.pair and row.pair.access != refused else None
            if pair and not _is_over(pair.renew_at, now):
                break
            if row.refused_at and now < row.refused_at + REFUSED_FOR:
                raise NotAgreed(VOID)
            if await self._take_turn(row.version):
                if renewed := await self._renew(row):
                    pair = renewed
                    break
            elif pair and not _is_over(pair.ends_at, now):
                break
            elif time.monotonic() > until:
                raise Unavailable("another process is asking for a new token, and has no answer yet")
            else:
                await asyncio.sleep(LOOK_EVERY)
        self._known = pair
        return pair

    async def _row(self) -> _Now:
        async with self._lending.db.read() as session:
            row = await session.get(ConsentToken, self._name)
        first = self._first or Secret("")
        if row is None:
            await self._begin(first)
            return _Now(version=0, refresh=first, pair=None, refused_at=None)
        if row.sealed is None:
            return _Now(version=row.version, refresh=first, pair=None, refused_at=row.refused_at)
        try:
            plain = self._lending.vault.open(row.sealed, vault_place(self._name), "pair")
        except VaultError as error:
            raise NotAgreed(f"{error}: an owner agrees again in the console") from error
        kept = msgspec.json.decode(plain.reveal(), type=_Kept)
        access = Secret(kept.access) if kept.access else None
        return _Now(
            version=row.version,
            refresh=Secret(kept.refresh),
            pair=Pair(access=access, refresh=Secret(kept.refresh), renew_at=kept.renew_at, ends_at=kept.ends_at)
            if access
            else None,
            refused_at=row.refused_at,
        )

    async def _begin(self, first: Secret) -> None:
        """Make the row of a consent that is known by its settings alone, as after a restore."""
        values = {"name": name_of(first), "version": 0, "changed_at": self._lending.clock()}
        async with self._lending.db.write() as session:
            await session.execute(insert(session, ConsentToken).values(**values).on_conflict_do_nothing())

    async def _take_turn(self, version: int) -> bool:
        """Say before all others that we ask. False: somebody does, or has."""
        now = self._lending.clock()
        free = sa.or_(ConsentToken.asked_until.is_(None), ConsentToken.asked_until < now)
        mine = sa.update(ConsentToken).where(ConsentToken.name == self._name, ConsentToken.version == version, free)
        taken = mine.values(asked_by=self._lending.name, asked_until=now + TURN).returning(ConsentToken.version)
        async with self._lending.db.write() as session:
            return await session.scalar(taken) is not None

    async def _renew(self, row: _Now) -> Pair | None:
        """Ask the vendor, and keep its answer before anybody uses it. None: another process was quicker."""
        lending = self._lending
        try:
            pair = await renew(self._consent, self._config, lending.policy, row.refresh, clock=lending.clock)
        except NotAgreed as error:
            if await self._write(row, refused_at=lending.clock()):
                raise NotAgreed(VOID) from error
            return None
        except ConnectorError:  # its answer may be lost: then the next one is refused
            await self._write(row)
            raise
        values = {"sealed": lending.seal(self._name, pair), "version": row.version + 1, "refused_at": None}
        return pair if await self._commit(row, values) else None

    async def _commit(self, row: _Now, values: dict[str, Any]) -> bool:
        """Write what the vendor gave, however long the database takes: there is no second answer."""
        while True:
            try:
                return await self._write(row, **values)
            except DatabaseDown:
                log.exception("a new token waits for the database")
                await asyncio.sleep(COMMIT_AGAIN)

    async def _write(self, row: _Now, **values: Any) -> bool:  # noqa: ANN401  # of the table's columns
        """End our turn. False: the row has moved on without us."""
        this = sa.update(ConsentToken).where(ConsentToken.name == self._name, ConsentToken.version == row.version)
        ours = this.values(asked_by=None, asked_until=None, changed_at=self._lending.clock(), **values)
        async with self._lending.db.write() as session:
            return await session.scalar(ours.returning(ConsentToken.version)) is not None


class Abandoned:
    """Forgets the tokens of consents that no source and no form on its way holds any more.

    Where one of them cannot be opened, as without one of the keys, nobody can say whose tokens it holds: all stay.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def piece(self, session: AsyncSession, row: Upkeep, now: datetime) -> None:
        row.ended_at = now
        try:
            held = await self._held(session)
        except VaultError as error:
            log.warning("tokens of consents not cleaned up", reason=str(error))
            return
        old = sa.delete(ConsentToken).where(ConsentToken.changed_at < now - ABANDONED)
        await session.execute(old.where(ConsentToken.name.not_in(held)))

    async def _held(self, session: AsyncSession) -> set[str]:
        held: set[str] = set()
        for source in await session.scalars(sa.select(Source)):
            held |= self._names(source.sealed.get(KEPT_IN), f"sources/{source.name}")
        for draft in await session.scalars(sa.select(SourceDraft)):
            sealed = draft.sealed.get(KEPT_IN)
            held |= self._names(sealed and sealed["token"], f"source_drafts/{draft.staff_id}/{draft.place}")
        return held

    def _names(self, token: str | None, place: str) -> set[str]:
        return {name_of(self._vault.open(token, place, KEPT_IN))} if token else set()


def name_of(first: Secret) -> str:
    """Name a consent by what it first gave, which has more bits than anybody could try."""
    return sha256(first.reveal().encode()).hexdigest()


def vault_place(name: str) -> str:
    return f"consent_tokens/{name}"


def _is_over(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
