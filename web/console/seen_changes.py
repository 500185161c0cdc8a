"""Differences of what customers see, in words for staff."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from gateway.rights import Reach
from gateway.seeing.differences import Difference, Of
from gateway.segments import How, Rule
from web.console.seen_form import DETAIL_NAMES, REACH_NAMES, name_of

HOW_NAMES: dict[How, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "contains": "contains",
    "more_than": "is more than",
}
ELSE = "Everybody else"


class Change(Struct, frozen=True, kw_only=True):
    """A difference as it is shown. `tone`: whether more is seen than before, less, or something else."""

    segment: str
    what: str
    before: str
    after: str
    tone: str


def changes_of(found: Iterable[Difference]) -> list[Change]:
    return [_change(each) for each in found]


def words_of(rule: Rule, titles: Mapping[str, str]) -> str:
    """Say what is asked of a customer, with the systems' names."""
    return rule_in_words(msgspec.to_builtins(rule) | {"source": titles.get(rule.source, rule.source)})


def rule_in_words(rule: dict[str, Any]) -> str:
    values = " or ".join(f"“{each}”" for each in rule["values"])
    how = next(words for name, words in HOW_NAMES.items() if name == rule["how"])
    return f"{rule['property']} in {rule['source']} {how} {values}"


def _change(each: Difference) -> Change:
    what, before, after, tone = _words(each)
    return Change(segment=each.title or ELSE, what=what, before=before, after=after, tone=tone)


def _words(each: Difference) -> tuple[str, str, str, str]:
    say = WORDS[each.of]
    tone = "go"
    if each.of == "area":
        reaches = list(REACH_NAMES)  # the widest first
        tone = "ok" if reaches.index(each.after) < reaches.index(each.before) else "warn"
    elif each.of in {"group", "detail"}:
        tone = "ok" if each.after else "warn"
    elif each.of == "removed":
        tone = "warn"
    return NAMES[each.of] or _name(each), say(each.before), say(each.after), tone


def _name(each: Difference) -> str:
    return DETAIL_NAMES[each.name] if each.of == "detail" else name_of(each.name)


def _shown(is_shown: bool) -> str:  # noqa: FBT001  # what a difference holds
    return "Shown" if is_shown else "Hidden"


def _topics(names: list[str] | None) -> str:
    return "All" if names is None else ", ".join(names) or "None"


def _notice(notice: dict[str, Any] | None) -> str:
    return f"“{notice['text']}”" if notice else "None"


def _segment(segment: dict[str, Any] | None) -> str:
    return rule_in_words(segment["rule"]) if segment else "Not there"


def _order(names: list[str]) -> str:
    return ", ".join(names)


def _reach(reach: Reach) -> str:
    return REACH_NAMES[reach]


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
WORDS: dict[Of, Callable[[Any], str]] = {
    "area": _reach,
    "group": _shown,
    "detail": _shown,
    "topics": _topics,
    "notice": _notice,
    "rule": rule_in_words,
    "title": str,
    "added": _segment,
    "removed": _segment,
    "order": _order,
}
