"""How far something is that a customer sent, and what a try comes to."""

from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct

from connectors.actions import Action
from connectors.errors import (
    AccessDenied,
    AddressRefused,
    ConnectorError,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
)

# "cancelled": the customer took it back. "dropped": staff did, and answered.
State = Literal["waiting", "sending", "sent", "needs_you", "needs_staff", "unknown", "cancelled", "dropped"]
CHANGEABLE: Final[frozenset[State]] = frozenset({"waiting", "needs_you"})  # by who sent it
OPEN: Final[frozenset[State]] = frozenset({"waiting", "sending", "needs_you", "needs_staff", "unknown"})
# Seconds between tries; after the last one staff decide.
PAUSES: Final = (1, 5, 15, 60, 300, 900, 3600, 3600 * 4, 3600 * 12)

CLOCKS_MAY_BE_WRONG = timedelta(minutes=70)  # by ten, and one that was put right has stepped back by an hour

Before = Literal["do", "find", "wait", "ask_staff"]


class Doubt(Struct, frozen=True, kw_only=True):
    """That earlier tries may have worked.

    `since_the_first`: how long ago that began, by the clocks. `since_the_last`: how long ago the last of them can have
    gone out at the latest, by our own counting; it is negative while one may still do so.
    """

    since_the_first: timedelta
    since_the_last: timedelta


def before_a_try(action: Action, doubt: Doubt | None) -> Before:  # type: ignore[type-arg]  # of any vendor's
    """Say what is safe. Where an earlier try may have worked, a second one may double it."""
    if doubt is None or action.same_twice:
        return "do"
    if action.keyed_for is not None and doubt.since_the_first < action.keyed_for - CLOCKS_MAY_BE_WRONG:
        return "do"
    if action.find is None:
        return "ask_staff"
    return "find" if doubt.since_the_last >= action.found_within else "wait"


def left_nothing(error: ConnectorError) -> bool:
    """Whether it is sure that a try which ended so has done nothing over there."""
    return isinstance(error, (NotSent, RateLimited, Refused, AccessDenied, NotFound, AddressRefused))


def after_an_error(error: ConnectorError, tries: int) -> tuple[State, timedelta | None]:
    """Say the state after a try that failed, and when the next one is due, None: not by itself."""
    if isinstance(error, (Refused, NotFound)):
        return "needs_you", None
    if tries > len(PAUSES):
        return "needs_staff", None
    return "waiting", timedelta(seconds=max(PAUSES[tries - 1], error.retry_after or 0))
