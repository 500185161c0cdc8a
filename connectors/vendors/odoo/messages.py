"""What was said on a ticket, in public. An account of staff sees every note: what is public, we have to decide."""

from typing import Annotated

from msgspec import Meta

from connectors.records import FileRef, Message
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Row, read, search
from connectors.vendors.odoo.partners import Partner, partners
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Moment, Ref, Text, given

TYPES = ("comment", "email", "email_outgoing")  # not "notification", "auto_comment", ...
NOBODY = "Unknown sender"


class FileRow(Row):
    name: Text
    mimetype: Text
    file_size: Annotated[int, Meta(ge=0, le=2**53)]
    type: Text

    @property
    def ref(self) -> FileRef | None:
        """Nothing where it is but a link to elsewhere."""
        if self.type != "binary":
            return None
        media_type = given(self.mimetype) or "application/octet-stream"
        return FileRef(
            id=str(self.id), name=given(self.name) or str(self.id), media_type=media_type, size=self.file_size
        )


class MessageRow(Row):
    date: Moment
    author_id: Ref
    body: Text
    message_type: str
    is_internal: bool
    subtype_id: Ref
    attachment_ids: list[int]

    @property
    def public(self) -> bool:
        """Odoo was asked for public ones only; this is for the day on which it answers more."""
        return self.is_internal is False and values.key(self.subtype_id) > 0 and self.message_type in TYPES


async def read_messages(office: Odoo, model: str, record: int, customer: str) -> tuple[Message, ...]:
    """Read what Odoo's own portal would show."""
    rows = await search(
        office,
        MessageRow,
        "mail.message",
        [
            ("model", "=", model),
            ("res_id", "=", record),
            ("message_type", "in", TYPES),
            ("is_internal", "=", False),
            ("subtype_id", "!=", False),
            ("subtype_id.internal", "=", False),
        ],
        order="id",
    )
    rows = [row for row in rows if row.public]
    authors = await partners(office, (row.author_id for row in rows))
    # Of a ticket's files only those that a public message names are public: the others came with a note.
    files = await read(office, FileRow, "ir.attachment", {key for row in rows for key in row.attachment_ids})

    def message(row: MessageRow) -> Message:
        author = authors.get(values.key(row.author_id))
        return Message(
            id=str(row.id),
            author=author_name(author),
            from_customer=author is not None and customer in values.owners(author.commercial_partner_id),
            at=values.in_utc(row.date),
            body=given(row.body) or "",
            media_type="text/html",
            files=tuple(ref for key in row.attachment_ids if key in files and (ref := files[key].ref)),
        )

    return tuple(map(message, rows))


def author_name(author: Partner | None) -> str:
    return (given(author.name) if author else None) or NOBODY
