"""Differences of what customers see, in words for staff."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from gateway.rights import Reach
from gateway.seeing.differences import Difference, Of
from gateway.segments import How, Rule
from web.console.publishing import Called
from web.console.seen_form import DETAIL_NAMES, REACH_NAMES, name_of

HOW_NAMES: dict[How, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "contains": "contains",
    "more_than": "is more than",
}
ELSE, ALL = "Everybody else", "All segments"


class Change(Struct, frozen=True, kw_only=True):
    """A difference as it is shown. `tone`: whether more is seen than before, less, or something else."""

    segment: str
    what: str
    before: str
    after: str
    tone: str


def changes_of(found: Iterable[Difference], called: Called) -> list[Change]:
    return [_change(each, called) for each in found]


def words_of(rule: Rule, called: Called) -> str:
    """Say what is asked of a customer, as people call the system and what it knows."""
    return _rule(msgspec.to_builtins(rule), called)


def _rule(rule: dict[str, Any], called: Called) -> str:
    office = called.offices.get(rule["source"])
    told = office.connector.properties if office else None
    asked = told.known.get(rule["property"], rule["property"]) if told else rule["property"]
    source = office.title if office else rule["source"]
    values = " or ".join(f"“{each}”" for each in rule["values"])
    how = next(words for name, words in HOW_NAMES.items() if name == rule["how"])
    return f"{asked} in {source} {how} {values}"


def _change(each: Difference, called: Called) -> Change:
    what, before, after, tone = _words(each, called)
    whose = each.title or (ALL if each.of == "order" else ELSE)
    return Change(segment=whose, what=what, before=before, after=after, tone=tone)


def _words(each: Difference, called: Called) -> tuple[str, str, str, str]:
    say = WORDS[each.of]
    tone = "go"
    if each.of == "area":
        reaches = list(REACH_NAMES)  # the widest first
        tone = "ok" if reaches.index(each.after) < reaches.index(each.before) else "warn"
    elif each.of in {"group", "detail"}:
        tone = "ok" if each.after else "warn"
    elif each.of == "removed":
        tone = "warn"
    return NAMES[each.of] or _name(each), say(each.before, called), say(each.after, called), tone


def _name(each: Difference) -> str:
    return DETAIL_NAMES[each.name] if each.of == "detail" else name_of(each.name)


def _shown(is_shown: bool, _: Called) -> str:  # noqa: FBT001  # what a difference holds
    return "Shown" if is_shown else "Hidden"


def _topics(names: list[str] | None, called: Called) -> str:
    return "All" if names is None else ", ".join(called.topics.get(each, each) for each in names) or "None"


def _notice(notice: dict[str, Any] | None, _: Called) -> str:
    return f"“{notice['text']}”" if notice else "None"


def _segment(segment: dict[str, Any] | None, called: Called) -> str:
    return _rule(segment["rule"], called) if segment else "Not there"


def _order(names: list[str], _: Called) -> str:
    return ", ".join(names)


def _reach(reach: Reach, _: Called) -> str:
    return REACH_NAMES[reach]


def _title(title: str, _: Called) -> str:
    return title


NAMES: dict[Of, str] = {  # "": it is named by what differs
    "area": "",
    "group": "",
    "detail": "",
    "topics": "Topics of requests",
    "notice": "Notice on the first page",
    "rule": "Who is in it",
    "title": "What it is called",
    "added": "A new segment",
    "removed": "A segment less",
    "order": "Order of the segments",
}
WORDS: dict[Of, Callable[[Any, Called], str]] = {
    "area": _reach,
    "group": _shown,
    "detail": _shown,
    "topics": _topics,
    "notice": _notice,
    "rule": _rule,
    "title": _title,
    "added": _segment,
    "removed": _segment,
    "order": _order,
}
