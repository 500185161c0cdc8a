"""What was said on a ticket, in public, with the files that came with it.

RT's history mixes all that happened. Two types of transactions are public; nothing is ever asked of the others.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Literal, TypeVar

from msgspec import Struct

from connectors.records import FileRef, Message
from connectors.vendors.request_tracker.api import Instant, Key, Ref, RequestTracker, search, walk
from connectors.vendors.request_tracker.ours import author_in, written_by_us

T = TypeVar("T")

PUBLIC = frozenset({"Create", "Correspond"})
HTML: Literal["text/html"] = "text/html"
PLAIN: Literal["text/plain"] = "text/plain"
LONGEST_TEXT = 256 * 1024  # bytes; a longer one is offered as a file
PART = "TransactionId,ContentType,Filename,ContentLength,Subject"
AT_ONCE = 20  # records asked for in one question


class TransactionRow(Struct):
    id: Key
    Type: str
    Creator: Ref
    Created: Instant


class PartRow(Struct):
    """A MIME part: a text, a file, or what holds several of them."""

    id: Key
    TransactionId: Key
    ContentType: str
    Filename: str
    ContentLength: Key
    Subject: str

    @property
    def media_type(self) -> str:
        return self.ContentType.lower() or "application/octet-stream"

    @property
    def is_text(self) -> bool:
        return not self.Filename and self.media_type in (HTML, PLAIN) and int(self.ContentLength) <= LONGEST_TEXT

    @property
    def is_file(self) -> bool:
        return not self.is_text and not self.media_type.startswith(("multipart/", "message/"))

    @property
    def file(self) -> FileRef:
        name = self.Filename or f"attachment-{self.id}"
        return FileRef(id=str(self.id), name=name, media_type=self.media_type, size=int(self.ContentLength))


class TextRow(Struct):
    id: Key
    Content: str


class Said(Struct):
    """A public transaction and its parts."""

    transaction: TransactionRow
    parts: list[PartRow]

    @property
    def media_type(self) -> Literal["text/html", "text/plain"]:
        return HTML if any(part.is_text and part.media_type == HTML for part in self.parts) else PLAIN

    @property
    def texts(self) -> list[PartRow]:
        """The parts to read: of HTML and its plain alternative, only the first."""
        return [part for part in self.parts if part.is_text and part.media_type == self.media_type]

    @property
    def named(self) -> str | None:
        """For whom we wrote it, as its subject says: if it was us."""
        return next(filter(None, (author_in(part.Subject) for part in self.parts)), None)

    @property
    def files(self) -> tuple[FileRef, ...]:
        return tuple(part.file for part in self.parts if part.is_file)


async def read_said(office: RequestTracker, ticket: str) -> list[Said]:
    """Read what is public, without the texts themselves."""
    history = await walk(office, TransactionRow, f"/ticket/{ticket}/history", "Type,Creator,Created")
    public = [row for row in history if row.Type in PUBLIC]
    parts = await _by_keys(office, PartRow, "TransactionId", [row.id for row in public], PART)
    return [Said(row, [part for part in parts if str(part.TransactionId) == str(row.id)]) for row in public]


async def read_messages(
    office: RequestTracker, ticket: str, people: Sequence[str], *, is_of_ours: bool
) -> tuple[Message, ...]:
    """Read what was said, and by whom: `people` are the requestors. Of a ticket of ours we wrote the first message."""
    said = await read_said(office, ticket)
    authors = await _authors(office, said, people, is_of_ours=is_of_ours)
    rows = await _by_keys(office, TextRow, "id", [part.id for each in said for part in each.texts], "Content")
    texts = {str(row.id): row.Content for row in rows}

    def message(each: Said) -> Message:
        author = authors.get(str(each.transaction.id))
        return Message(
            id=str(each.transaction.id),
            author=author or office.config.team_name,
            from_customer=author is not None,
            at=each.transaction.Created.astimezone(UTC),
            body="\n".join(texts.get(str(part.id), "") for part in each.texts),
            media_type=each.media_type,
            files=each.files,
        )

    return tuple(message(each) for each in said if each.texts or each.files)


async def _authors(
    office: RequestTracker, said: Sequence[Said], people: Sequence[str], *, is_of_ours: bool
) -> dict[str, str]:
    """Name the customers who wrote, by transaction: themselves, or through us."""
    authors: dict[str, str] = {}
    through_us: dict[str, str] = {}
    for each in said:
        creator, key = each.transaction.Creator, str(each.transaction.id)
        if creator.type == "user" and str(creator.id) in people:
            authors[key] = str(creator.id)
        elif each.named:
            through_us[key] = each.named
        elif is_of_ours and each.transaction.Type == "Create":
            through_us[key] = people[0]
    ours = await written_by_us(office, through_us)
    return authors | {key: author for key, author in through_us.items() if key in ours}


async def _by_keys(office: RequestTracker, row: type[T], field: str, keys: Sequence[Key], fields: str) -> list[T]:
    """Look attachments up, some at a time: bodies are big, and so would be the question."""
    found: list[T] = []
    for start in range(0, len(keys), AT_ONCE):
        wanted = [{"field": field, "operator": "=", "value": str(key)} for key in keys[start : start + AT_ONCE]]
        found += await search(office, row, "/attachments", fields, wanted)
    return found
