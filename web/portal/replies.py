"""What the page of a request says of answers to it: the form, and those that are on their way."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from litestar.exceptions import ValidationException
from msgspec import Struct

from connectors import actions
from connectors.actions import ActionName, Reply
from connectors.records import Ticket
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed, NotYours
from gateway.outbox.files import FileShown
from gateway.outbox.states import State
from web.portal.fates import FATES, told_of
from web.portal.nonces import Nonce, new_nonce
from web.portal.too_long import shorten
from web.portal.uploads import AGAIN, FilesField, Form, uploads_in
from web.portal.visit import Visit

Move = Literal["solve", "reopen"]

ANSWER_SHOWN_FOR = timedelta(days=30)  # where we did not do it
MOST = 20_000  # characters; as many as a long letter has
MOVED: dict[ActionName, str] = {
    "solve": gettext_noop("This is solved."),
    "reopen": gettext_noop("This is not solved. Please open it again."),
}
WORDS: dict[State, str] = {
    **FATES,
    "sent": gettext_noop("Sent. It joins the conversation in a moment."),
    "needs_you": gettext_noop(
        "This could not be taken as it is. Take it back, change it and send it again, or call us."
    ),
}
TAKEN_BACK = gettext_noop("You took this back, and it was not sent. Change it and send it again.")
THEIRS_DECLINED = gettext_noop("This could not be taken as it is. Whoever sent it can send it again.")


class Written(Struct, frozen=True, kw_only=True):
    """What the form says. `nonce` makes two clicks one answer."""

    nonce: Nonce
    text: str = ""


class Moved(Struct, frozen=True, kw_only=True):
    nonce: Nonce


class Pending(Struct, frozen=True, kw_only=True):
    """An answer that the conversation does not show yet, the visitor's or a colleague's."""

    id: str
    is_mine: bool
    text: str
    at: datetime
    said: str
    reference: str
    may_be_taken_back: bool
    files: tuple[FileShown, ...]


class Answering(Struct, frozen=True, kw_only=True):
    """What a request's page needs for answering it. `is_closed`: it takes no answer, and never will."""

    nonce: str
    pending: list[Pending]
    files: FilesField | None
    is_closed: bool
    text: str = ""
    problem: str | None = None
    move: Move | None = None  # what can be done with it besides

    @property
    def is_refused(self) -> bool:
        return bool(self.problem or (self.files and self.files.problem))


def check(text: str) -> str | None:
    """Say what is wrong with an answer."""
    if not text:
        return gettext("Write your answer first.")
    if len(text) > MOST:
        return shorten(len(text), MOST)
    return None


def written(form: Form) -> Written:
    """Give what the form says, a line break as one character, as browsers count. Raises `ValidationException`."""
    try:
        said = msgspec.convert(form.fields, Written)
    except msgspec.ValidationError as error:
        raise ValidationException from error
    return msgspec.structs.replace(said, text=said.text.replace("\r\n", "\n").strip())


async def answering(
    visit: Visit, item: Item[Ticket], text: str = "", problem: str | None = None, files_problem: str | None = None
) -> Answering | None:
    """Say how a request is answered here, and what was written that the conversation does not show yet.

    `problem` is of the text, and of the files where none are taken. None: not here. An onlooker is told of what was
    written, too. Raises `DatabaseDown`.
    """
    if visit.scope is None or not visit.ability.could("reply", item.part.link):
        return None
    missing = [each for each in reversed(await visit.desk.of(visit.scope)) if _is_missing(each, item)]
    takes_files = visit.ability.takes_files("reply", item.part.link)
    files = uploads_in(visit.request).field(files_problem, taken=takes_files)
    return Answering(
        nonce=new_nonce(),
        pending=[_pending(each, visit.scope.member_id) for each in missing],
        files=files,
        is_closed=visit.ability.never("reply", item.part.link, item.record),
        text=text,
        problem=problem or (files_problem if files is None else None),
        move=_move(visit, item, missing),
    )


async def written_again(visit: Visit, item: Item[Ticket], handed: str) -> Answering | None:
    """Do as `answering`, with an answer of the visitor's own in the form that was taken back. Raises `DatabaseDown`."""
    try:
        found = await visit.desk.one(visit.scope, handed) if visit.scope and handed else None
    except NotYours:
        found = None
    if found is None or found.state != "cancelled" or not isinstance(found.asked, Reply) or not _is_of(found, item):
        return await answering(visit, item)
    files_problem = gettext(AGAIN) if found.files else None
    return await answering(visit, item, found.asked.text, gettext(TAKEN_BACK), files_problem)


def _move(visit: Visit, item: Item[Ticket], missing: list[Handed]) -> Move | None:
    """Say which way a request can be moved: not again while it is on its way there."""
    move: Move = "reopen" if item.record.state == "solved" else "solve"
    is_under_way = any(each.action in MOVED for each in missing)
    is_over = is_under_way or visit.ability.never(move, item.part.link, item.record)
    return move if not is_over and visit.can(move, item.part.link) else None


def _is_missing(each: Handed, item: Item[Ticket]) -> bool:
    """Whether it is about this request, and its page cannot show what has come of it."""
    if not _is_of(each, item) or each.state == "cancelled":
        return False
    shown_for = ANSWER_SHOWN_FOR if each.state == "dropped" else timedelta(0)
    return each.done_at is None or each.done_at > item.record.origin.fetched_at - shown_for


def _is_of(each: Handed, item: Item[Ticket]) -> bool:
    its = isinstance(each.asked, Reply | actions.Move) and each.asked.ticket == item.record.origin.id
    return its and each.source == item.part.source


def _pending(each: Handed, member: str) -> Pending:
    is_mine = each.member == member
    words = WORDS[each.state] if is_mine or each.state != "needs_you" else THEIRS_DECLINED
    return Pending(
        id=each.id,
        is_mine=is_mine,
        text=each.asked.text if isinstance(each.asked, Reply) else _moved(each.action),
        at=each.made_at,
        said=told_of(each) or gettext(words),
        reference=each.reference,
        may_be_taken_back=each.may_be_changed_by(member),
        files=each.files,
    )


def _moved(action: ActionName) -> str:
    return gettext(MOVED[action]) if action in MOVED else ""
