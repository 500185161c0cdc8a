"""What a connector can do and what it can't, in words for whoever chooses one."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from connectors.actions import ActionName
from connectors.contract import Connector
from connectors.records import KINDS, Kind
from gateway.sources.fields import fields_of
from gateway.spans import span

KIND_WORDS: dict[Kind, str] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}
ACTION_WORDS: dict[ActionName, str] = {
    "new_ticket": "open requests",
    "reply": "answer requests",
    "solve": "close them",
    "reopen": "open them again",
    "rate": "rate them",
    "order_again": "order again",
    "accept": "accept quotes",
    "decline": "decline quotes",
    "change_details": "change their details",
}
WITH_FILES: frozenset[ActionName] = frozenset({"new_ticket", "reply"})  # what customers may send files along with


class Passport(Struct, frozen=True, kw_only=True):
    """`needs` is what has to be at hand to connect it."""

    name: str
    title: str
    shows: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    needs: str


def passport_of(connector: Connector[Any]) -> Passport:
    return Passport(
        name=connector.name,
        title=connector.title,
        shows=listed(KIND_WORDS[kind] for kind in connector.reads),
        can=tuple(_can(connector)),
        cannot=tuple(_cannot(connector)),
        needs=_needs(connector),
    )


def usual_promise(connector: Connector[Any], kind: Kind) -> int:
    """Give the seconds that are promised where nobody says."""
    feed = connector.feeds.get(kind)
    return max(60, int((feed.lag + 2 * feed.every).total_seconds()) if feed else 0)


def listed(words: Iterable[str], joined: str = "and") -> str:
    """Write a list as people do: "orders, invoices and requests"."""
    *most, last = [*words] or [""]
    return f"{', '.join(most)} {joined} {last}" if most else last


def _needs(connector: Connector[Any]) -> str:
    needed = listed(_low(field.title) for field in fields_of(connector.config) if field.required)
    by_consent = "a key of it, or somebody who agrees there" if connector.consent else ""
    return ", and ".join(part for part in (f"its {needed}" if needed else "", by_consent) if part)


def _can(connector: Connector[Any]) -> Iterable[str]:
    slowest = max((feed.lag + 2 * feed.every for feed in connector.feeds.values()), default=None)
    if slowest is not None:
        yield f"Notices by itself what has changed, within {span(slowest)} as a rule."
    if connector.webhook:
        yield "Can be told of changes at once, by webhooks" + (
            " that it sets up by itself." if connector.webhook.register else "."
        )
    if files := listed(KIND_WORDS[kind] for kind in connector.files):
        yield f"Gives the files of {files}."
    if connector.articles:
        yield "Its public articles can be shown under Help."
    if connector.actions:
        yield f"Customers can {listed(ACTION_WORDS[name] for name in connector.actions)}."


def _cannot(connector: Connector[Any]) -> Iterable[str]:
    if missing := [word for kind, word in KIND_WORDS.items() if kind in KINDS and kind not in connector.reads]:
        yield f"Shows no {' or '.join(missing)}."
    relevant = {
        name
        for name in ACTION_WORDS
        if (name in {"new_ticket", "reply", "solve", "reopen", "rate"} and "tickets" in connector.reads)
        or (name in {"order_again", "accept", "decline"} and "orders" in connector.reads)
        or name == "change_details"
    }
    if lost := [word for name, word in ACTION_WORDS.items() if name in relevant - set(connector.actions)]:
        yield f"Customers can’t {listed(lost, 'or')} here."
    if any(name in WITH_FILES and not action.takes_files for name, action in connector.actions.items()):
        yield "Takes no files that customers send along."
    if not connector.webhook:
        yield "Takes no webhooks: changes are seen when we look."
    if quiet := [word for kind, word in KIND_WORDS.items() if kind in connector.reads and kind not in connector.feeds]:
        yield f"Does not tell which {listed(quiet)} have changed: they are read when a customer looks."


def _low(title: str) -> str:
    """Begin small, unless it is a word of capitals such as API."""
    return title if title[:2].isalpha() and title[:2].isupper() else f"{title[:1].lower()}{title[1:]}"
