"""Sealing with the key ring's last key what older ones sealed, so that an old key can be taken away.

What lives for a day or less is left to its end: forms that were begun, and the cookies of sign-ins.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.session_rows import name_of
from gateway.keyring import Keyring
from gateway.lending import vault_place
from gateway.offices import vault_row
from gateway.records.database import Database
from gateway.records.source_tables import ConsentToken
from gateway.records.tables import AuditHead, AuditKey, Session, Source
from gateway.records.upkeep_tables import Upkeep
from gateway.vault import Vault, VaultError

BATCH = 200  # rows in one transaction
PARTS = ("sources", "audit_keys", "audit_head", "sessions", "consent_tokens")


class KeyUse(Struct, frozen=True):
    """How much a key has sealed, by the part of the database. `is_known`: it is in the ring."""

    version: int
    is_current: bool
    is_known: bool
    sealed: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.sealed.values())


class Mark(Struct, frozen=True):
    """From where to go on: the part, and the last row of it that was looked at."""

    part: int = 0
    after: str = ""


class Resealing:
    """Goes through all that is sealed, a piece at a time."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        self._vault = Vault(keyring)

    async def uses(self) -> tuple[KeyUse, ...]:
        """Count what each key has sealed, the current one first. Raises `DatabaseDown`."""
        found: dict[int, dict[str, int]] = {key.version: {} for key in self._keyring.keys}
        async with self._db.read() as session:
            for part, versions in (await _versions(session)).items():
                for version, many in versions.items():
                    found.setdefault(version, {})[part] = many
        known = {key.version for key in self._keyring.keys}
        current = self._keyring.current.version
        uses = [KeyUse(version, version == current, version in known, sealed) for version, sealed in found.items()]
        return tuple(sorted(uses, key=lambda use: (not use.is_current, -use.version)))

    async def piece(self, session: AsyncSession, row: Upkeep, now: datetime) -> None:
        """Seal the next rows anew. What no key of the ring opens stays as it is, and is counted as a problem."""
        mark = msgspec.json.decode(row.mark, type=Mark) if row.mark else Mark()
        if not row.mark:
            row.total = sum(map(sum, (each.values() for each in (await _versions(session)).values())))
        rows = await _rows(session, PARTS[mark.part], mark.after)
        for each in rows:
            row.done += self._seal_anew(each, row)
        if len(rows) == BATCH:
            mark = Mark(mark.part, _name(rows[-1]))
        elif mark.part + 1 < len(PARTS):
            mark = Mark(mark.part + 1)
        else:
            row.ended_at = now
        row.mark = msgspec.json.encode(mark).decode()

    def _seal_anew(self, row: Any, work: Upkeep) -> int:  # noqa: ANN401  # of one of the five tables
        """Do all that is sealed in a row, and say how much that was."""
        match row:
            case Source():
                place = vault_row(row.name)
                row.sealed = {field: self._token(token, place, field, work) for field, token in row.sealed.items()}
                return len(row.sealed)
            case AuditKey():
                row.sealed = self._token(row.sealed, f"audit_keys/{row.id}", "key", work)
            case AuditHead():
                row.seal = self._token(row.seal, "audit_head/1", "seal", work) if row.seal else None
                return 1 if row.seal else 0
            case ConsentToken():
                row.sealed = self._token(row.sealed or "", vault_place(row.name), "pair", work)
            case Session():
                row.id_token = self._token(row.id_token or "", name_of(row.id_hash), "id_token", work)
        return 1

    def _token(self, token: str, place: str, field: str, work: Upkeep) -> str:
        try:
            return self._vault.reseal(token, place, field)
        except VaultError as error:
            work.problem = str(error)
            return token


def _query(part: str, after: str) -> sa.Select[Any]:
    match part:
        case "sources":
            return sa.select(Source).where(Source.name > after).order_by(Source.name)
        case "audit_keys":
            return sa.select(AuditKey).where(AuditKey.id > after).order_by(AuditKey.id)
        case "audit_head":
            return sa.select(AuditHead)
        case "consent_tokens":
            named = sa.select(ConsentToken).where(ConsentToken.sealed.is_not(None), ConsentToken.name > after)
            return named.order_by(ConsentToken.name)
        case _:
            sealed = sa.select(Session).where(Session.id_token.is_not(None), Session.id_hash > bytes.fromhex(after))
            return sealed.order_by(Session.id_hash)


async def _rows(session: AsyncSession, part: str, after: str) -> list[Any]:
    return list(await session.scalars(_query(part, after).limit(BATCH).with_for_update()))


def _name(row: Source | AuditKey | ConsentToken | Session) -> str:
    match row:
        case Source() | ConsentToken():
            return row.name
        case AuditKey():
            return row.id
        case _:
            return row.id_hash.hex()


async def _versions(session: AsyncSession) -> dict[str, dict[int, int]]:
    """Count tokens by the number of their key, which stands before their first dot."""
    found: dict[str, dict[int, int]] = {part: {} for part in PARTS}

    def add(part: str, number: str, many: int) -> None:
        version = int(number) if number.isdigit() else 0
        found[part][version] = found[part].get(version, 0) + many

    for sealed in await session.scalars(sa.select(Source.sealed)):
        for token in sealed.values():
            add("sources", token.partition(".")[0], 1)
    columns: Mapping[str, Callable[[], Any]] = {
        "audit_keys": lambda: AuditKey.sealed,
        "audit_head": lambda: AuditHead.seal,
        "sessions": lambda: Session.id_token,
        "consent_tokens": lambda: ConsentToken.sealed,
    }
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    for part, column in columns.items():
        dot = sa.func.strpos(column(), ".") if is_postgresql else sa.func.instr(column(), ".")
        number = sa.func.substr(column(), 1, dot - 1)
        counted = sa.select(number, sa.func.count()).where(column().is_not(None)).group_by(number)
        for version, many in await session.execute(counted):
            add(part, version, many)
    return found
