"""What a page says of something that the visitor sent, wherever there is nothing more telling to say."""

from collections.abc import Mapping

from gateway.outbox.states import State

FATES: Mapping[State, str] = {
    "waiting": "Received. It is on its way to us.",
    "sending": "Received. It is on its way to us.",
    "sent": "Done.",
    "needs_staff": "Received. Something went wrong on its way, and we look after it by hand. You need do nothing.",
    "cancelled": "Taken back.",
    "unknown": "Received. We check by hand that it has arrived. You need do nothing.",
}
