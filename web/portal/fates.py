"""What a page says of something that the visitor sent, wherever there is nothing more telling to say."""

from collections.abc import Mapping

from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed
from gateway.outbox.states import State
from gateway.outbox.stuck import ANSWER

# Whoever shows one of these calls `gettext`.
FATES: Mapping[State, str] = {
    "waiting": gettext_noop("Received. It is on its way to us."),
    "sending": gettext_noop("Received. It is on its way to us."),
    "sent": gettext_noop("Done."),
    "needs_staff": gettext_noop(
        "Received. Something went wrong on its way, and we look after it by hand. You need do nothing."
    ),
    "cancelled": gettext_noop("Taken back."),
    "dropped": gettext_noop("We did not do this."),
    "unknown": gettext_noop("Received. We check by hand that it has arrived. You need do nothing."),
}
FINDING_OUT = gettext_noop("It may have arrived already: we are finding out.")
NOT_MEANWHILE = gettext_noop("You cannot change it meanwhile.")


def doubt_of(handed: Handed) -> str:
    """Say that nobody knows yet whether it has arrived. "": that is known."""
    return f"{gettext(FINDING_OUT)} {gettext(NOT_MEANWHILE)}" if handed.in_doubt else ""


def told_of(handed: Handed) -> str:
    """Give what is said of it whatever it is: a doubt, or our answer. "": how far it is says more."""
    return doubt_of(handed) or answer_to(handed)


def answer_to(handed: Handed) -> str:
    """Give what we wrote instead of doing it. "": nothing, and it was done or may be."""
    return str(handed.note.get(ANSWER) or "") if handed.state == "dropped" else ""
