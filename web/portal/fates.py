"""What a page says of something that the visitor sent, wherever there is nothing more telling to say."""

from collections.abc import Mapping

from gateway.languages import gettext_noop
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


def answer_to(handed: Handed) -> str:
    """Give what we wrote instead of doing it. "": nothing, and it was done or may be."""
    return str(handed.note.get(ANSWER) or "") if handed.state == "dropped" else ""
