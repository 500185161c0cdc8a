"""Taking contacts in: each line with its account, its customers and its invitation, all of it or nothing."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.identity.contacts_file import Refusal, Row, read_contacts
from gateway.identity.invitations import Wish, counts, put_invitation
from gateway.links import LinkError, Proof, put_account, put_link
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.tables import Source


class Report(Struct, frozen=True, kw_only=True):
    """How many lines there were, how many of them changed something, and which were refused."""

    total: int
    changed: int
    refused: tuple[Refusal, ...]
    batch: str  # what its invitations can be found by


class Import:
    """Takes a file in. `days`: how long the invitations last. `is_rehearsal`: everything is tried, nothing is kept."""

    def __init__(
        self, db: Database, trail: Trail, by: By, *, made_by: str, now: datetime, days: int, is_rehearsal: bool = False
    ) -> None:
        self._db = db
        self._trail = trail
        self._by = by
        self._made_by = made_by
        self._now = now
        self._until = now + timedelta(days=days)
        self._is_rehearsal = is_rehearsal
        self._batch = new_id()

    async def run(self, lines: Iterable[str], told: Callable[[int, int], None]) -> Report:
        """Take every line that can be taken. `told` hears how many are done, and of how many. Raises `LinkError`."""
        async with self._db.read() as session:
            sources = frozenset(await session.scalars(sa.select(Source.name)))
        rows, refused = read_contacts(lines, sources)
        total, changed = len(rows) + len(refused), 0
        for number, row in enumerate(rows, 1):
            try:
                changed += await self._take(row)
            except LinkError as error:
                refused.append(Refusal(row.line, str(error)))
            told(number, len(rows))
        return Report(total=total, changed=changed, refused=tuple(sorted(refused)), batch=self._batch)

    async def _take(self, row: Row) -> bool:
        async with self._db.write() as session:
            done = await self._put(session, row)
            await self._trail.record(session, *done)
            if self._is_rehearsal:
                await session.rollback()
        return bool(done)

    async def _put(self, session: AsyncSession, row: Row) -> list[Line]:
        others = sa.select(Invitation.account_id).where(
            Invitation.email == row.email, Invitation.account_id != row.account, counts()
        )
        other = await session.scalar(others.limit(1))
        if other:
            raise LinkError(f"ambiguous: the address is invited to {other!r} already")
        proof = Proof(fact=f"imported, line {row.line}", decided_by=self._made_by, decided_at=self._now)
        changes = [await put_account(session, self._by, row.account, row.account_name, self._now)]
        changes += [
            await put_link(session, row.account, ref.source, ref.customer, proof=proof, by=self._by, move=False)
            for ref in row.customers
        ]
        wish = Wish(
            email=row.email,
            account=row.account,
            rights=row.rights,
            until=self._until,
            name=row.name,
            batch=self._batch,
        )
        _, lines = await put_invitation(session, self._by, self._made_by, wish, self._now)
        return [*(change.line for change in changes if change), *lines]
