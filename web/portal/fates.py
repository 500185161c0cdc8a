"""What a page says of something that the visitor sent, wherever there is nothing more telling to say."""

from collections.abc import Mapping

from gateway.outbox.desk import Handed
from gateway.outbox.states import State
from gateway.outbox.stuck import ANSWER

FATES: Mapping[State, str] = {
    "waiting": "Received. It is on its way to us.",
    "sending": "Received. It is on its way to us.",
    "sent": "Done.",
    "needs_staff": "Received. Something went wrong on its way, and we look after it by hand. You need do nothing.",
    "cancelled": "Taken back.",
    "dropped": "We did not do this.",
    "unknown": "Received. We check by hand that it has arrived. You need do nothing.",
}


def answer_to(handed: Handed) -> str:
    """Give what we wrote instead of doing it. "": nothing, and it was done or may be."""
    return str(handed.note.get(ANSWER) or "") if handed.state == "dropped" else ""
