"""Accounts with something in every table that names one, to be merged and parted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from support_audit import ALL

from gateway.records.agreement_tables import AgreementRow, ConflictRow
from gateway.records.base import Base
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Ground, Invitation
from gateway.records.ids import new_id
from gateway.records.mail_tables import BookRow, MailRow
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.page_tables import PageCode
from gateway.records.tables import Account, Link, Member, Membership, Session, UsageEvent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://id.example.com"
COLUMNS = [
    column
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if "account" in column.name or column.name == "merged_into"
]


class Stock:
    """Makes rows of all kinds for made-up accounts, and looks at all that there is."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._number = 0

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def add(self, *rows: Base) -> None:
        async with self.db.write() as session:
            for row in rows:
                session.add(row)
                await session.flush()

    async def account(self, id_: str) -> str:
        await self.add(Account(id=id_, name=id_.title(), created_at=NOON))
        return id_

    async def member(self, name: str, *accounts: str, rights: dict[str, Any] | None = None) -> str:
        member = Member(id=new_id(), issuer=ISSUER, subject=name, email=f"{name}@x.example", name=name, created_at=NOON)
        await self.add(member)
        for account in accounts:
            await self.join(member.id, account, rights)
        return member.id

    async def join(self, member: str, account: str, rights: dict[str, Any] | None = None) -> None:
        place = {"member_id": member, "account_id": account}
        why = {"how": "invited", "facts": {"email": "x"}, "decided_by": "priya", "decided_at": NOON}
        await self.add(Membership(**place, rights=rights or ALL, created_at=NOON), Ground(**place, **why))

    async def link(self, account: str, source: str, customer: str) -> None:
        proof = {"fact": "contract", "decided_by": "priya", "decided_at": NOON}
        await self.add(
            Link(source=source, customer=customer, account_id=account, **proof),
            BookRow(source=source, customer=customer, kind="orders", account_id=account, turn=1, book=b"", due_on=None),
        )

    async def session(self, member: str, account: str | None, *, viewed: str | None = None) -> bytes:
        hash_ = f"{self._next():032d}".encode()
        viewing = {"viewing_member": member, "viewing_account": viewed, "viewing_until": NOON} if viewed else {}
        await self.add(
            Session(
                id_hash=hash_,
                kind="member",
                member_id=member,
                account_id=account,
                csrf_token="t",
                provider="main",
                created_at=NOON,
                seen_at=NOON,
                expires_at=NOON + timedelta(days=999),
                **viewing,
            )
        )
        return hash_

    async def sent(self, account: str, member: str | None, source: str, customer: str, nonce: str = "") -> str:
        number = self._next()
        row = OutboxRow(
            id=new_id(),
            reference=f"HW-{number}",
            account_id=account,
            member_id=member,
            nonce=nonce or f"nonce{number}",
            action="reply",
            source=source,
            asked={"customer": customer, "reference": f"HW-{number}", "persons": [], "ticket": "1", "text": "Hello"},
            note={},
            state="sent",
            made_at=NOON,
            due_at=None,
            tries=0,
            turn=0,
        )
        file = OutboxFile(
            id=new_id(),
            outbox_id=row.id,
            account_id=account,
            made_at=NOON,
            place=0,
            name="a.pdf",
            media_type="application/pdf",
            size=1,
            sha256=b"0" * 32,
            content=b"x",
        )
        await self.add(row, file)
        return row.id

    async def invited(self, account: str, email: str, state: str = "made", member: str | None = None) -> str:
        row = Invitation(
            id=new_id(),
            email=email,
            account_id=account,
            rights=ALL,
            made_by="staff/x",
            made_at=NOON,
            until=NOON + timedelta(days=30),
            state=state,
            member_id=member,
        )
        await self.add(row)
        return row.id

    async def mail(self, account: str, member: str, key: str) -> str:
        row = MailRow(
            id=new_id(),
            member_id=member,
            account_id=account,
            source="erp",
            kind="orders",
            record="1",
            names="order_shipped",
            event_key=key,
            made_at=NOON,
            due_at=NOON,
            state="waiting",
            turn=0,
            tries=0,
        )
        await self.add(row)
        return row.id

    async def document(self, account: str, member: str | None = None) -> str:
        what = {"label": "Trade licence", "state": "asked", "made_at": NOON, "changed_at": NOON}
        row = AskedDocument(id=new_id(), account_id=account, member_id=member, **what)
        await self.add(row)
        return row.id

    async def traces(self, account: str, member: str | None, number: str = "1001") -> None:
        """What is seen, counted and compared."""
        sources = {"first_source": "erp", "second_source": "helpdesk"}
        fact = {"kind": "orders", "field": "state", **sources}
        said = {"first_id": "1", "second_id": "2", "first_value": "a", "second_value": "b", "state": "open"}
        page = {"page": b"1" * 32, "reasons": b"2" * 32, "look": b"3" * 32}
        rows: list[Base] = [
            UsageEvent(
                id=new_id(), at=NOON, name="viewed", page="home", account_id=account, member_id=member, detail={}
            )
        ]
        if member:
            seen = {"path": "/", "first_at": NOON, "last_at": NOON, **page}
            code = f"c{self._next():010d}"
            rows.append(PageCode(code=code, member_id=member, account_id=account, **seen))
        async with self.db.read() as session:
            known = set(await session.scalars(sa.select(ConflictRow.number).where(ConflictRow.account_id == account)))
        if number not in known:
            rows.append(
                ConflictRow(
                    id=new_id(), account_id=account, number=number, first_seen=NOON, last_seen=NOON, **fact, **said
                )
            )
        if not known:
            rows.append(AgreementRow(account_id=account, agreed=1, differing=1, compared_at=NOON, **fact))
        await self.add(*rows)

    async def astray(self) -> list[str]:
        """Name the rows that name an account which there is not, or which was merged into another one."""
        async with self.db.read() as session:
            there = sa.select(Account.id).where(Account.merged_into.is_(None))
            found = []
            for column in COLUMNS:
                if f"{column.table.name}.{column.name}" in HISTORY:
                    continue
                bad = sa.select(column).where(column.is_not(None), column.not_in(there))
                found += [f"{column}: {value}" for value in await session.scalars(bad)]
        return found

    async def counts(self) -> dict[str, int]:
        async with self.db.read() as session:
            return {
                table.name: await session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
                if table.name not in {"segment_due", "contact_due"}  # triggers note there what else was written
            }


# What was done, and what is to be sorted anew because of it.
HISTORY = {
    "audit_lines.account",
    "account_moves.from_account",
    "account_moves.to_account",
    "segment_due.account_id",
    "contact_due.account_id",
}
