"""What was said on a ticket, in public, with the files that came with it."""

from datetime import UTC
from typing import Annotated

from msgspec import Meta, Struct

from connectors.records import FileRef, Message
from connectors.vendors.zendesk.api import Id, Instant, Paged, Zendesk, walk

NOBODY = "Unknown sender"
END_USER = "end-user"
AT_ONCE = 50  # comments of 64 KB, each of them told in three ways; a ticket has 5,000 at most


class Attachment(Struct):
    """A file. What was not scanned, or is a part of the text itself, is not offered."""

    id: Id
    file_name: str
    content_url: str
    content_type: str
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    inline: bool = False
    deleted: bool = False
    malware_scan_result: str | None = None

    @property
    def offered(self) -> bool:
        return not self.inline and not self.deleted and self.malware_scan_result == "malware_not_found"

    @property
    def media_type(self) -> str:
        return self.content_type or "application/octet-stream"

    @property
    def ref(self) -> FileRef:
        return FileRef(id=str(self.id), name=self.file_name, media_type=self.media_type, size=self.size)


class Comment(Struct):
    """A comment. A call (`VoiceComment`) is a record of staff's, with their names in it, and not written to anybody."""

    id: Id
    type: str
    author_id: int  # -1 where Zendesk itself wrote it
    public: bool
    created_at: Instant
    html_body: str
    attachments: list[Attachment]

    @property
    def shown(self) -> bool:
        return self.public is True and self.type == "Comment"

    @property
    def files(self) -> list[Attachment]:
        return [each for each in self.attachments if each.offered]


class Author(Struct):
    """A user, without the notes that staff made. `alias` is what customers are meant to read."""

    id: int
    name: str
    role: str
    alias: str | None = None


class CommentPage(Paged):
    comments: list[Comment]
    users: list[Author]


async def read_public(office: Zendesk, ticket: int) -> tuple[list[Comment], dict[int, Author]]:
    """Read the public comments, the oldest first, and who wrote on the ticket, by id."""
    comments: list[Comment] = []
    authors: dict[int, Author] = {}
    async for page in walk(office, CommentPage, f"/tickets/{ticket}/comments", size=AT_ONCE, include="users"):
        comments += (each for each in page.comments if each.shown)
        authors |= {each.id: each for each in page.users}
    return comments, authors


async def read_messages(office: Zendesk, ticket: int, requester: int) -> tuple[Message, ...]:
    comments, authors = await read_public(office, ticket)

    def message(comment: Comment) -> Message:
        author = authors.get(comment.author_id)
        return Message(
            id=str(comment.id),
            author=_name(author, office.config.team_name),
            from_customer=comment.author_id == requester or (author is not None and author.role == END_USER),
            at=comment.created_at.astimezone(UTC),
            body=comment.html_body,
            media_type="text/html",
            files=tuple(each.ref for each in comment.files),
        )

    return tuple(map(message, comments))


def _name(author: Author | None, team: str) -> str:
    """Name an end user, and of staff only what they show themselves as."""
    if author is None:
        return NOBODY
    return (author.name or NOBODY) if author.role == END_USER else (author.alias or team)
