"""What the page of a request says of answers to it: the form, and those that are on their way."""

import secrets
from datetime import datetime
from typing import Annotated

import msgspec
from litestar.exceptions import ValidationException
from msgspec import Meta, Struct

from connectors.actions import Reply
from connectors.records import Ticket
from gateway.access import LinkRef
from gateway.home import Item
from gateway.outbox.desk import Handed
from gateway.outbox.files import FileShown
from gateway.outbox.states import State
from web.portal.uploads import FilesField, Form, uploads_in
from web.portal.visit import Visit

MOST = 20_000  # characters; as many as a long letter has
NONCE_BYTES = 24
WORDS: dict[State, str] = {
    "waiting": "Received. It is on its way to us.",
    "sending": "Received. It is on its way to us.",
    "sent": "Sent. It joins the conversation in a moment.",
    "needs_you": "This could not be taken as it is. Take it back, change it and send it again, or call us.",
    "needs_staff": "Received. Something went wrong on its way, and we look after it by hand. You need do nothing.",
    "cancelled": "Taken back.",
    "unknown": "Received. We check by hand that it has arrived. You need do nothing.",
}


class Written(Struct, frozen=True, kw_only=True):
    """What the form says. `nonce` makes two clicks one answer."""

    nonce: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,43}\Z")]
    text: str = ""


class Pending(Struct, frozen=True, kw_only=True):
    """An answer that the conversation does not show yet."""

    id: str
    text: str
    at: datetime
    said: str
    reference: str
    may_be_taken_back: bool
    files: tuple[FileShown, ...]


class Answering(Struct, frozen=True, kw_only=True):
    """What a request's page needs for answering it."""

    nonce: str
    pending: list[Pending]
    files: FilesField | None
    text: str = ""
    problem: str | None = None

    @property
    def is_refused(self) -> bool:
        return bool(self.problem or (self.files and self.files.problem))


def check(text: str) -> str | None:
    """Say what is wrong with an answer."""
    if not text:
        return "Write your answer first."
    if len(text) > MOST:
        return f"This has {len(text):,} characters, and {MOST:,} can be sent. Shorten it."
    return None


def written(form: Form) -> Written:
    """Give what the form says. Raises `ValidationException`."""
    try:
        return msgspec.convert(form.fields, Written)
    except msgspec.ValidationError as error:
        raise ValidationException from error


async def answering(
    visit: Visit, item: Item[Ticket], text: str = "", problem: str | None = None, files_problem: str | None = None
) -> Answering | None:
    """Say how a request is answered here, and what was written that the conversation does not show yet.

    `problem` is of the text, and of the files where none are taken. None: not here. Raises `DatabaseDown`.
    """
    if visit.scope is None or not visit.can("reply", LinkRef(item.part.source, item.part.customer)):
        return None
    handed = await visit.desk.of(visit.scope)
    files = uploads_in(visit.request).field(files_problem)
    return Answering(
        nonce=secrets.token_urlsafe(NONCE_BYTES),
        pending=[_pending(each) for each in reversed(handed) if _is_missing(each, item)],
        files=files,
        text=text,
        problem=problem or (files_problem if files is None else None),
    )


def _is_missing(each: Handed, item: Item[Ticket]) -> bool:
    """Whether it is an answer to this request that the conversation cannot have."""
    its = isinstance(each.asked, Reply) and each.asked.ticket == item.record.origin.id
    if not its or each.source != item.part.source or each.state == "cancelled":
        return False
    return each.done_at is None or each.done_at > item.record.origin.fetched_at


def _pending(each: Handed) -> Pending:
    return Pending(
        id=each.id,
        text=each.asked.text if isinstance(each.asked, Reply) else "",
        at=each.made_at,
        said=WORDS[each.state],
        reference=each.reference,
        may_be_taken_back=each.state in ("waiting", "needs_you"),
        files=each.files,
    )
