"""Files that a member gave us and that are still kept: with what they sent, and for documents that were asked for."""

from collections.abc import Collection
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.outbox_tables import OutboxFile, OutboxRow


class Given(Struct, frozen=True, kw_only=True):
    """A file, what it came for, and how that is called."""

    id: str
    kind: Literal["sent", "documents"]
    of: str
    called: str
    name: str
    size: int


async def given_files(db: Database, member: str, *, sent: Collection[str], asked: Collection[str]) -> list[Given]:
    """List the files of a member's own: what they sent goes by its ids, and so do the documents."""
    of_sent = (
        sa.select(OutboxFile.id, OutboxRow.reference, OutboxRow.reference, OutboxFile.name, OutboxFile.size)
        .join(OutboxRow, OutboxRow.id == OutboxFile.outbox_id)
        .where(OutboxRow.id.in_(sent), OutboxRow.member_id == member)
        .order_by(OutboxFile.outbox_id.desc(), OutboxFile.place)
    )
    of_asked = (
        sa.select(GivenFile.id, AskedDocument.id, AskedDocument.label, GivenFile.name, GivenFile.size)
        .join(AskedDocument, AskedDocument.id == GivenFile.document_id)
        .where(AskedDocument.id.in_(asked), GivenFile.member_id == member)
        .order_by(AskedDocument.id.desc(), GivenFile.place)
    )
    async with db.read() as session:
        return [
            *(_given("sent", row) for row in await session.execute(of_sent)),
            *(_given("documents", row) for row in await session.execute(of_asked)),
        ]


def _given(kind: Literal["sent", "documents"], row: sa.Row[str, str, str, str, int]) -> Given:
    id_, of, called, name, size = row
    return Given(id=id_, kind=kind, of=f"{kind}/{of}", called=called, name=name, size=size)


async def content_of(db: Database, file: Given) -> bytes | None:
    """Read a file. None: it was deleted meanwhile."""
    content = (
        sa.select(OutboxFile.content).where(OutboxFile.id == file.id)
        if file.kind == "sent"
        else sa.select(GivenFile.content).where(GivenFile.id == file.id)
    )
    async with db.read() as session:
        return await session.scalar(content)
