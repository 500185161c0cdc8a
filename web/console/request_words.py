"""What staff read of what customers sent: what it is, how far, and what happened to it."""

from collections.abc import Mapping

from gateway.outbox.states import State
from gateway.outbox.steps import Happening

STATES: Mapping[State, str] = {
    "waiting": "Waiting",
    "sending": "Being sent",
    "sent": "Done",
    "needs_you": "Waits for the customer",
    "needs_staff": "Not sent",
    "unknown": "Can’t tell if sent",
    "cancelled": "Taken back",
    "dropped": "Not done",
}
MEANS: Mapping[State, str] = {
    "waiting": "It goes out as soon as it can.",
    "sending": "It is going out now.",
    "sent": "It is in your system.",
    "needs_you": "Your system declined it. The customer changes it, or takes it back.",
    "needs_staff": "It did not go out, and is not tried again by itself.",
    "unknown": "An answer was lost. It may have arrived.",
    "cancelled": "The customer took it back before it went out.",
    "dropped": "A colleague decided so, and answered the customer.",
}
ACTIONS = {
    "new_ticket": "New request",
    "reply": "Answer",
    "solve": "Close a request",
    "reopen": "Open a request again",
    "rate": "Whether a request is solved",
    "order_again": "Order again",
    "accept": "Accept a quote",
    "decline": "Decline a quote",
    "change_details": "Change of details",
}
HAPPENED: Mapping[Happening, str] = {
    "waiting": "Tried. It did not work, and is tried again.",
    "sending": "Began to go out.",
    "sent": "Sent.",
    "needs_you": "Tried. Your system declined it, and it waits for the customer.",
    "needs_staff": "Tried. It is not tried again by itself.",
    "unknown": "Tried. The answer was lost, and nobody can tell whether it arrived.",
    "cancelled": "Taken back.",
    "dropped": "Not done.",
    "corrected": "The customer wrote it anew.",
    "taken_back": "The customer took it back.",
    "claimed": "Claimed.",
    "released": "Given back: anybody may take it.",
    "handed_over": "Handed over.",
    "sent_again": "Not there: sent once more, as if for the first time.",
    "settled": "There, or done by hand.",
    "given_up": "Not done. The customer reads this instead:",
}
