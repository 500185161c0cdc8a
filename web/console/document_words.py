"""What staff read of a document that they asked for."""

from collections.abc import Mapping

from gateway.asked import AskedState

STATES: Mapping[AskedState, str] = {
    "asked": "Asked",
    "received": "Received",
    "accepted": "Accepted",
    "refused": "Asked again",
    "withdrawn": "Withdrawn",
}
MEANS: Mapping[AskedState, str] = {
    "asked": "The customer has not sent it yet.",
    "received": "The customer sent it. Say whether it is what you need.",
    "accepted": "It is what you needed.",
    "refused": "It was not what you needed, and the customer was told why.",
    "withdrawn": "You do not ask for it any more.",
}
