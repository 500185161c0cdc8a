"""What is said of a source: its condition in a sentence, what its feed cannot tell, and what went wrong, in words."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.contract import Feed
from connectors.records import Kind
from gateway.sources.fields import Field
from gateway.sources.given import REGISTERED
from gateway.sources.resting import while_paused
from gateway.spans import span
from gateway.status import Condition, SourceStatus
from gateway.troubles import Trouble
from web.words import count

KINDS: dict[Kind, str] = {"orders": "Orders", "invoices": "Invoices", "tickets": "Requests"}


# How the steps for an admin name what the console has.
HERE = (
    ("the value of `webhook_secret`", "the secret"),
    ("goes into `webhook_secret`", "goes into the settings of this source, as its webhook secret"),
    ("`hallway webhooks register`", "the button below"),
)


class Label(Struct, frozen=True):
    label: str
    tone: str


# The worst first, as lists have them.
CONDITIONS: dict[Condition, Label] = {
    "broken": Label("Switched off", "bad"),
    "failing": Label("Not reachable", "bad"),
    "late": Label("Late", "warn"),
    "paused": Label("Paused", "idle"),
    "not_known": Label("Not known yet", "warn"),
    "on_time": Label("On time", "ok"),
    "on_demand": Label("Asked when needed", "idle"),
}
# What the classes of errors mean, and whether it lasts until somebody does something.
SAID: Mapping[str, tuple[str, str]] = {
    "AccessDenied": (
        "Key refused",
        "It does not accept our key any more. This lasts until somebody enters a new one.",
    ),
    "NotAgreed": (
        "No consent",
        "The consent that somebody gave over there counts no more. This lasts until somebody agrees again.",
    ),
    "NotAllowed": (
        "Not allowed",
        "Our key is good and may not do this. This lasts until somebody over there gives it the right.",
    ),
    "AddressRefused": ("Address not called", "The address is one that this portal may not call."),
    "NotFound": (
        "Not found",
        "The address answers, and has nothing where we looked. Check the address and its version.",
    ),
    "Refused": (
        "Question refused",
        "The system understood what we asked, and declined it. We ask anew from the beginning.",
    ),
    "RateLimited": ("Asked too often", "The system wants fewer calls. We wait as long as it says."),
    "NotSent": ("Left alone", "It mostly failed, so nothing was sent for a while."),
    "Unavailable": ("No answer", "No usable answer came. We try again by ourselves."),
    "BadResponse": (
        "Not understood",
        "An answer came that we can’t read. Its software may have changed, or the connector is wrong about it.",
    ),
}
OTHER = ("Failed", "Something went wrong that we have no words for.")
SAID_OF_CONDITION: Mapping[Condition, str] = {
    "on_time": "What we know is as new as promised.",
    "not_known": "Nobody has looked yet.",
    "on_demand": "It cannot tell what has changed, so it is asked when somebody looks.",
}


class Happened(Struct, frozen=True):
    """An episode in words: `about` says of what records, and where we met with it."""

    title: str
    text: str
    about: str
    episode: Trouble


def remarks(source: SourceStatus, now: datetime, segments: Iterable[str] = ()) -> str:
    """Say in a sentence or two what there is to say of a source's condition. `segments` are those that rest on it."""
    condition = source.condition(now)
    if source.paused_at:
        asked = "Nothing is asked of it. Customers see what we knew before, and read that it is not updated."
        return " ".join((asked, *while_paused(segments)))
    if source.broken:
        return "Its settings can’t be used, so nothing is asked of it."
    if condition == "failing":
        failing = [kind for kind in source.followed.kinds if kind.failing_since]
        errors = [(kind.error or "").partition(":")[0] for kind in failing] or [each.error for each in source.troubles]
        title, text = SAID.get(errors[0], OTHER)
        return f"{title}. {text}"
    if condition == "late":
        late = [kind for kind in source.followed.kinds if kind.is_late(now)]
        ages = [f"{KINDS[kind.kind]} {span(now - kind.checked_at)} old" for kind in late if kind.checked_at]
        return f"{', '.join(ages)}, promised {span(late[0].promise)}."
    return SAID_OF_CONDITION.get(condition, "")


def lost_with_the_address(fields: Collection[Field]) -> list[str]:
    """Say which secrets are given up as the source has another address, and what is to be done."""
    names = [field.title for field in fields if not field.is_hook]
    said = [f"“{name}” belonged to the old address: enter it again." for name in names]
    if any(field.name == REGISTERED[0] for field in fields):
        said.append("The webhook’s secret belonged to the old address: set up webhooks again.")
    return said


def blind_to(feed: Feed[Any] | None) -> str:
    """Say how soon a kind follows by itself, and what does not show before a list is read as a whole."""
    if feed is None:
        return "It cannot tell what has changed: each list is read as a whole when it is wanted."
    hidden = "what was deleted" if feed.tells_owners else "what was deleted or has another owner now"
    lag = f" at most {span(feed.lag)} after it is made" if feed.lag else " at once"
    return f"A change shows{lag}; {hidden} only when a list is read as a whole, after {span(feed.whole_every)}."


def errors_of(history: Iterable[Trouble]) -> list[Happened]:
    found = []
    for each in history:
        title, text = SAID.get(each.error, OTHER)
        where = "what has changed of " if each.place == "feed" else ""
        times = f", {count(each.times, 'time', 'times')}" if each.times > 1 else ""
        found.append(Happened(title, text, f"while reading {where}{KINDS[each.kind].lower()}{times}", each))
    return found


def steps_of(steps: str) -> str:
    """Say what an admin does over there, for who has the console before them."""
    for named, here in HERE:
        steps = steps.replace(named, here)
    return steps.replace("`", "")
