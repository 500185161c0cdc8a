"""What was handed in about an order, as its page and the forms for it show that: who, when, and how far it is."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from connectors.actions import ActionName
from connectors.records import Order
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed
from gateway.outbox.states import State
from web.portal.fates import FATES, told_of
from web.portal.visit import Visit

ANSWERS: frozenset[ActionName] = frozenset({"accept", "decline"})
ASKED: Mapping[str, str] = {
    "order_again": gettext_noop("You asked for all of it again"),
    "accept": gettext_noop("You accepted this quote"),
    "decline": gettext_noop("You declined this quote"),
}
COLLEAGUES: Mapping[str, str] = {
    "order_again": gettext_noop("A colleague of yours asked for all of it again"),
    "accept": gettext_noop("A colleague of yours accepted this quote"),
    "decline": gettext_noop("A colleague of yours declined this quote"),
}
WORDS: Mapping[tuple[str, State], str] = {
    ("order_again", "sent"): gettext_noop(
        "We have it as {number}. Nothing is bought yet: we check it and send you the prices."
    ),
    ("order_again", "needs_you"): gettext_noop(
        "Something in it can’t be ordered any more. Ask us what there is instead."
    ),
    ("accept", "sent"): gettext_noop("Done. It is an order now."),
    ("accept", "needs_you"): gettext_noop(
        "Nothing was ordered: the quote is not what it was when it was accepted. Look again."
    ),
    ("decline", "sent"): gettext_noop("Done. You need do nothing more."),
    ("decline", "needs_you"): gettext_noop("The quote is not what it was when it was declined. Look again."),
}


class Shown(Struct, frozen=True, kw_only=True):
    """One thing that was handed in."""

    id: str
    asked: str
    at: datetime
    said: str
    reference: str
    needs_you: bool
    may_be_taken_back: bool


class About(Struct, frozen=True, kw_only=True):
    """All that was handed in about an order. `awaits_us`: an answer to it is given, and its page cannot know yet."""

    shown: list[Shown]
    awaits_us: bool
    nonce: str


async def about(visit: Visit, item: Item[Order]) -> About:
    """Look up what was handed in. Raises `DatabaseDown`.

    The nonce is the same for all who answer the same quote: what comes of two of them at once is one answer.
    """
    if visit.scope is None:
        return About(shown=[], awaits_us=False, nonce="")
    handed = await visit.desk.about(visit.scope, item.part.source, "order", item.record.origin.id)
    answer = next((each for each in handed if each.action in ANSWERS), None)
    return About(
        shown=[_shown(each, visit.scope.member_id) for each in handed if each.state != "cancelled"],
        awaits_us=answer is not None and _is_to_come(answer, item.record.origin.fetched_at),
        nonce=_nonce(item, answer),
    )


def _is_to_come(answer: Handed, fetched_at: datetime) -> bool:
    if answer.state in {"cancelled", "needs_you", "dropped"}:
        return False
    return answer.done_at is None or answer.done_at > fetched_at


def _nonce(item: Item[Order], answer: Handed | None) -> str:
    last = answer.id if answer else ""
    digest = sha256(f"{item.part.source}\n{item.record.origin.id}\n{last}".encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _shown(each: Handed, member: str | None) -> Shown:
    words = WORDS.get((each.action, each.state)) or FATES[each.state]
    return Shown(
        id=each.id,
        asked=gettext((ASKED if each.member == member else COLLEAGUES)[each.action]),
        at=each.made_at,
        said=told_of(each) or gettext(words, number=each.number),
        reference=each.reference,
        needs_you=each.state == "needs_you",
        may_be_taken_back=each.may_be_changed_by(member),
    )
