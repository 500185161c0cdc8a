"""The audit trail: who did what, when and from where, in lines that only grow and each hold on to the one before.

A line is written in the transaction of the change that it tells of: neither is there without the other. Its hash is
the SHA-256 of a JSON array, in UTF-8 and without spaces, of `FORM`, the hash before (64 zeros before the first), and
the columns in the order of `COVERED`, all as they are stored. Personal values are stored sealed, so the chain holds
when the key to them has been destroyed.
"""

import hashlib
import os
from base64 import b64encode
from datetime import UTC

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from connectors.config import Secret
from gateway.keyring import KEY_BYTES, Key, Keyring
from gateway.records.ids import new_id
from gateway.records.lines import Line
from gateway.records.tables import AuditHead, AuditKey, AuditLine
from gateway.vault import Vault, VaultError

FORM = "hallway audit 1"
COVERED = ("number", "at", "what", "who", "via", "about", "account", "details", "key", "sealed")


class AuditError(Exception):
    """The trail cannot be written to, so nothing was changed. The text says what to do."""


class Trail:
    """Writes lines, and seals what is personal in them."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def record(self, session: AsyncSession, *lines: Line) -> None:
        """Write lines at the end of the trail. Call it once, as the last thing of a transaction.

        Until the transaction ends nobody else can write a line; who waits for a row of ours meanwhile would never
        get it. Raises `AuditError`.
        """
        if not lines:
            return
        keys = {owner: await self._key(session, owner) for owner in {line.owner for line in lines if line.owner}}
        head = await session.scalar(sa.select(AuditHead).with_for_update())
        if head is None:
            raise AuditError("the audit trail has lost its head, and nothing was done: run `hallway audit verify`")
        at = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
        for line in lines:
            row = _row(head.count + 1, at, line, keys.get(line.owner) if line.owner else None)
            row.hash = digest(head.hash, row)
            session.add(row)
            head.count, head.hash = row.number, row.hash
        head.seal = self._vault.seal(Secret(seal_text(head)), "audit_head/1", "seal")

    async def forget(self, session: AsyncSession, owner: str) -> bool:
        """Destroy the keys of a person or an account: nobody can ever open what they sealed. False: there was none."""
        gone = await session.scalars(sa.delete(AuditKey).where(AuditKey.owner == owner).returning(AuditKey.id))
        return bool(gone.all())

    async def reseal(self, session: AsyncSession) -> int:
        """Seal with the ring's current key what older ones sealed, and say how much that was. Raises `VaultError`."""
        head = await session.scalar(sa.select(AuditHead).with_for_update())
        sealed = [(row, "sealed", f"audit_keys/{row.id}", "key") for row in await session.scalars(sa.select(AuditKey))]
        done = 0
        for row, column, place, field in [*sealed, *([(head, "seal", "audit_head/1", "seal")] if head else [])]:
            token = getattr(row, column)
            if token is not None and (new := self._vault.reseal(token, place, field)) != token:
                setattr(row, column, new)
                done += 1
        return done

    async def _key(self, session: AsyncSession, owner: str) -> tuple[str, Vault]:
        """Find the owner's key, or make one: also where the ring cannot open the one there is, so that life goes on."""
        known = sa.select(AuditKey).where(AuditKey.owner == owner).order_by(AuditKey.id.desc())
        for key in await session.scalars(known):
            try:
                return key.id, open_key(self._vault, key)
            except VaultError:
                continue
        secret = Secret(b64encode(os.urandom(KEY_BYTES)).decode())
        made = new_id()
        session.add(AuditKey(id=made, owner=owner, sealed=self._vault.seal(secret, f"audit_keys/{made}", "key")))
        return made, _vault_of(secret)


def digest(previous: str, row: AuditLine) -> str:
    """Hash a line as the module says."""
    return hashlib.sha256(msgspec.json.encode([FORM, previous, *(getattr(row, name) for name in COVERED)])).hexdigest()


def seal_text(head: AuditHead) -> str:
    """What the head's seal holds: only who has the key ring can make one that fits."""
    return f"{head.count}:{head.hash}"


def open_key(ring: Vault, key: AuditKey) -> Vault:
    """Give what opens the personal values of one owner. Raises `VaultError`."""
    return _vault_of(ring.open(key.sealed, f"audit_keys/{key.id}", "key"))


def place(number: int) -> str:
    """Where a line's personal values belong: nowhere else they open."""
    return f"audit_lines/{number}"


def _vault_of(secret: Secret) -> Vault:
    return Vault(Keyring((Key(version=1, secret=secret),)))


def _row(number: int, at: str, line: Line, key: tuple[str, Vault] | None) -> AuditLine:
    address = {"address": line.by.address} if line.by.address else {}
    personal = {**address, **line.personal}
    if personal and key is None:
        raise ValueError(f"{line.what}: personal values of nobody")
    key_id, vault = key if personal and key else (None, None)
    return AuditLine(
        number=number,
        at=at,
        what=line.what,
        who=line.by.who,
        via=line.by.via,
        about=line.about,
        account=line.account,
        details=_json(line.details),
        key=key_id,
        sealed=vault.seal(Secret(_json(personal)), place(number), "personal") if vault else None,
    )


def _json(values: dict[str, object]) -> str:
    return msgspec.json.encode(values, order="sorted").decode()
