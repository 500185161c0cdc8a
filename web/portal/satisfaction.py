"""Whether a solved request helped: what its page asks, and what was answered. One answer each time it is solved."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from connectors.actions import Rating
from connectors.records import Ticket
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed
from gateway.outbox.states import State
from web.portal.drafting import RESTORED
from web.portal.fates import FATES, doubt_of
from web.portal.visit import Visit

LONGEST_COMMENT = 2000  # characters of what is said besides
WORDS: dict[State, str] = {
    **FATES,
    "sent": gettext_noop("Thank you. Our team reads it."),
    "needs_you": gettext_noop("This could not be passed on. Answer once more, or write to us below."),
}


class Satisfaction(Struct, frozen=True, kw_only=True):
    """`handed` is the answer to this solution, None: there is none yet. `problem` is of the comment."""

    nonce: str
    handed: Handed | None
    is_mine: bool
    may_answer: bool
    helped: bool | None = None
    comment: str = ""
    problem: str | None = None

    @property
    def said(self) -> str | None:
        return (doubt_of(self.handed) or gettext(WORDS[self.handed.state])) if self.handed else None


async def satisfaction(visit: Visit, item: Item[Ticket]) -> Satisfaction | None:
    """Say what is asked, or was answered. None: nothing is to be asked here. Raises `DatabaseDown`."""
    record, link = item.record, item.part.link
    if visit.scope is None or record.state != "solved" or record.messages is None:
        return None
    if not visit.ability.could("rate", link, record):
        return None
    handed = await visit.desk.about(visit.scope, item.part.source, "ticket", record.origin.id)
    nonce = _nonce(item, handed)
    given = next((each for each in handed if each.nonce == nonce), None)
    is_mine = given is not None and given.member == visit.scope.member_id
    is_open = given is None or given.may_be_changed_by(visit.scope.member_id)
    may_answer = is_open and visit.can("rate", link, record)
    asked = given.asked if given else None
    said = asked if isinstance(asked, Rating) else None
    return Satisfaction(
        nonce=nonce,
        handed=given,
        is_mine=is_mine,
        may_answer=may_answer,
        helped=said.helped if said else None,
        comment=said.comment if said and is_mine else "",
    )


async def restored(visit: Visit, item: Item[Ticket], comment: str) -> Satisfaction | None:
    """Do as `satisfaction`, with a comment that was not sent as its writer was signed out, if it can still be."""
    asked = await satisfaction(visit, item)
    return replace(asked, comment=comment, problem=gettext(RESTORED)) if asked and asked.may_answer else None


def _nonce(item: Item[Ticket], handed: Iterable[Handed]) -> str:
    """Name this solution: whoever of the account answers, and however often it is sent, it is one answer.

    After another word was said, or the customer had it opened again, it is another solution.
    """
    messages = item.record.messages or ()
    opened = next((each.id for each in handed if each.action == "reopen" and each.state == "sent"), "")
    parts = (item.part.source, item.record.origin.id, messages[-1].id if messages else "", opened)
    digest = sha256("\n".join(("rate", *parts)).encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
