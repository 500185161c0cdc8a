"""Forms of sources on their way to be saved: kept for a day, their secrets sealed, for the one of staff who writes."""

from contextlib import suppress
from datetime import timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from connectors.config import Secret
from gateway.records.database import Database
from gateway.records.source_tables import SourceDraft
from gateway.sources.trying import Trial
from gateway.sources.written import Written
from gateway.vault import Vault, VaultError

KEPT_FOR = timedelta(days=1)


class Typed(Struct, frozen=True):
    """A secret that was typed, and where it may be sent. `to` None: no whole address stood beside it yet."""

    value: Secret
    to: str | None


class Draft(Struct, frozen=True, kw_only=True):
    """A form as it was sent. `version` is that of the source that it was begun with; None: of a new one."""

    written: Written
    secrets: dict[str, Typed] = {}
    trial: Trial | None = None
    version: str | None = None


class _Kept(Struct, frozen=True, kw_only=True):
    written: Written
    version: str | None


class SourceDrafts:
    """One draft for each of staff and place. What cannot be opened any more is forgotten, and asked for again."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def find(self, staff: str, place: str) -> Draft | None:
        async with self._database.read() as session:
            row = await session.get(SourceDraft, (staff, place))
        if row is None or row.changed_at < self._clock() - KEPT_FOR:
            return None
        kept = msgspec.convert(row.written, _Kept)
        return Draft(
            written=kept.written,
            secrets=self._opened(row),
            trial=msgspec.convert(row.trial, Trial) if row.trial else None,
            version=kept.version,
        )

    async def put(self, staff: str, place: str, draft: Draft) -> None:
        """Keep it, in place of the one before, and forget those that nobody came back to."""
        now, at = self._clock(), _vault_row(staff, place)
        values = {
            "written": msgspec.to_builtins(_Kept(written=draft.written, version=draft.version)),
            "sealed": {
                field: {"token": self._vault.seal(typed.value, at, field), "to": typed.to}
                for field, typed in draft.secrets.items()
            },
            "trial": msgspec.to_builtins(draft.trial) if draft.trial else {},
            "changed_at": now,
        }
        async with self._database.write() as session:
            await session.execute(sa.delete(SourceDraft).where(SourceDraft.changed_at < now - KEPT_FOR))
            row = await session.get(SourceDraft, (staff, place), with_for_update=True)
            if row is None:
                session.add(SourceDraft(staff_id=staff, place=place, **values))
            else:
                for column, value in values.items():
                    setattr(row, column, value)

    async def begin(self, staff: str, place: str, under_way: str) -> None:
        """Note a consent that somebody is about to give. Another one of the same form counts no more."""
        sealed = self._vault.seal(Secret(under_way), _vault_row(staff, place), "grant")
        async with self._database.write() as session:
            this = sa.update(SourceDraft).where(SourceDraft.staff_id == staff, SourceDraft.place == place)
            await session.execute(this.values(grant=sealed))

    async def under_way(self, staff: str) -> dict[str, tuple[str, str]]:
        """Give the consents of one of staff that are under way: by place, the row's mark and what was noted."""
        found: dict[str, tuple[str, str]] = {}
        async with self._database.read() as session:
            rows = await session.scalars(
                sa.select(SourceDraft).where(SourceDraft.staff_id == staff, SourceDraft.grant.is_not(None))
            )
            for row in rows:
                with suppress(VaultError):
                    plain = self._vault.open(row.grant or "", _vault_row(staff, row.place), "grant")
                    found[row.place] = (row.grant or "", plain.reveal())
        return found

    async def use(self, staff: str, place: str, mark: str) -> bool:
        """Take a consent that is under way. False: somebody has."""
        this = sa.update(SourceDraft).where(SourceDraft.staff_id == staff, SourceDraft.place == place)
        async with self._database.write() as session:
            used = await session.scalars(
                this.where(SourceDraft.grant == mark).values(grant=None).returning(SourceDraft.place)
            )
            return used.first() is not None

    async def drop(self, staff: str, place: str) -> None:
        async with self._database.write() as session:
            await session.execute(
                sa.delete(SourceDraft).where(SourceDraft.staff_id == staff, SourceDraft.place == place)
            )

    def _opened(self, row: SourceDraft) -> dict[str, Typed]:
        at, found = _vault_row(row.staff_id, row.place), {}
        for field, sealed in row.sealed.items():
            try:
                found[field] = Typed(self._vault.open(sealed["token"], at, field), sealed["to"])
            except VaultError:
                continue
        return found


def _vault_row(staff: str, place: str) -> str:
    return f"source_drafts/{staff}/{place}"
