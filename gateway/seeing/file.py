"""A file of what customers see: for everybody, and for each segment. What it does not name is not shown."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct, field

from connectors.contract import Connector
from connectors.records import Kind
from gateway.rights import AREA_OF, AREAS, Reach, Rights
from gateway.segments import Notice, Policy, Rule, Seen, Segment, number_of
from gateway.shown import AMOUNTS, DETAILS, GROUPS, SAYS_AMOUNTS, Shown
from gateway.wording import UNSEEN

HEAD = """# What customers see. What is not named is not shown.
# The first segment whose rule holds is a customer's; who is in none is everybody else.
"""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
LONGEST = {"title": 60, "text": 300, "values": 100}  # letters
MOST_VALUES, MOST_SEGMENTS = 50, 50

Sources = Mapping[str, Connector[Any]]  # by name: the sources that there are


class VisibilityFileError(Exception):
    """A file that cannot be used. `problems` names the place and the reason of each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Reaches(Struct, forbid_unknown_fields=True):
    orders: Reach = "none"
    invoices: Reach = "none"
    requests: Reach = "none"
    documents: Reach = "none"


class Shows(Struct, forbid_unknown_fields=True):
    orders: frozenset[str] = frozenset()
    invoices: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    details: frozenset[str] = frozenset()


class Said(Struct, forbid_unknown_fields=True):
    """A notice."""

    text: str
    topic: str | None = None
    first: date | None = field(default=None, name="from")
    last: date | None = field(default=None, name="until")


class Part(Struct, forbid_unknown_fields=True, kw_only=True):
    """What some customers see. Without `topics` they may choose any."""

    reach: Reaches = field(default_factory=Reaches)
    shows: Shows = field(default_factory=Shows)
    topics: list[str] | None = None
    notice: Said | None = None


class Named(Part, kw_only=True):
    name: str
    title: str
    rule: Rule


def dump(policy: Policy) -> str:
    """Write the file that `parse` reads back as the same."""
    text = f"{HEAD}\n[everybody]\n" + "".join(_lines(policy.everybody))
    for segment in policy.segments:
        rule = segment.rule
        text += f"\n[[segments]]\nname = {_text(segment.name)}\ntitle = {_text(segment.title)}\n"
        text += f"rule = {{ source = {_text(rule.source)}, property = {_text(rule.property)}, "
        text += f"how = {_text(rule.how)}, values = {_list(rule.values)} }}\n"
        text += "".join(_lines(segment.seen))
    return text


def parse(text: str, sources: Sources, topics: Iterable[str]) -> Policy:
    """Read a file. `topics` are the names of those that there are. Raises `VisibilityFileError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise VisibilityFileError([f"not TOML: {error}"]) from None
    known = frozenset(topics)
    problems = [f"{name}: not known; write [everybody] and [[segments]]" for name in document.keys() - {*TABLES}]
    rows = document.get("segments", [])
    if not isinstance(rows, list):
        problems, rows = [*problems, "segments: write [[segments]] tables"], []
    if "everybody" not in document:
        problems.append("everybody: say what they see who are in no segment, as [everybody]")
    everybody = _read(Part, document.get("everybody", {}), "everybody", problems)
    segments: list[Segment] = []
    for number, row in enumerate(rows, start=1):
        if each := _read(Named, row, f"segments.{number}", problems):
            seen = _seen(each)
            segment = Segment(name=each.name, title=each.title.strip(), rule=each.rule, seen=seen)
            problems += [f"segments.{number}.{at}: {why}" for at, why in faults(segment, sources, known)]
            if each.name in {other.name for other in segments}:
                problems.append(f"segments.{number}.name: {each.name!r} is there twice")
            segments.append(segment)
    seen = _seen(everybody) if everybody else Seen()
    problems += [f"everybody.{at}: {why}" for at, why in faults_of(seen, known)]
    if len(segments) > MOST_SEGMENTS:
        problems.append(f"segments: {MOST_SEGMENTS} are the most")
    if problems:
        raise VisibilityFileError(problems)
    return Policy(everybody=seen, segments=tuple(segments))


def faults(segment: Segment, sources: Sources, topics: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Say what is wrong with a segment: the field, and a sentence for whoever wrote it."""
    rule = segment.rule
    if not NAME.fullmatch(segment.name):
        yield "name", "Use small letters, digits and hyphens, at most 31."
    if not segment.title or len(segment.title) > LONGEST["title"] or UNSEEN.search(segment.title):
        yield "title", f"Call it something, in one line of at most {LONGEST['title']} letters."
    properties = sources[rule.source].properties if rule.source in sources else None
    if properties is None:
        able = [name for name, connector in sources.items() if connector.properties]
        yield "source", f"Choose a system that tells what it knows of customers: {', '.join(able) or 'none does'}."
    elif not properties.takes(rule.property):
        yield "property", f"It tells of these: {', '.join(sorted(properties.known))}."
    if not all(each.strip() for each in rule.values) or not 0 < len(rule.values) <= MOST_VALUES:
        yield "values", "Say what the property is compared with."
    elif any(len(each) > LONGEST["values"] or UNSEEN.search(each) for each in rule.values):
        yield "values", f"Each is one line of at most {LONGEST['values']} letters."
    elif rule.how != "one_of" and len(rule.values) > 1:
        yield "values", "Several are for “is one of”. Write one."
    elif rule.how == "more_than" and number_of(rule.values[0]) is None:
        yield "values", "Write a number."
    yield from faults_of(segment.seen, topics)


def faults_of(seen: Seen, topics: frozenset[str]) -> Iterator[tuple[str, str]]:
    for kind, groups in GROUPS.items():
        its = seen.shown.fields.get(kind, frozenset())
        if unknown := sorted(its - groups.keys()):
            yield f"shows.{AREA_OF[kind]}", f"{', '.join(unknown)}: not known. There is {', '.join(groups)}."
        says = sorted(its & SAYS_AMOUNTS)
        if AMOUNTS in groups and AMOUNTS not in its and says:
            yield f"shows.{AREA_OF[kind]}", f"{', '.join(says)}: they say amounts, which are hidden. Leave them out."
    if unknown := sorted(seen.shown.details - DETAILS.keys()):
        yield "shows.details", f"{', '.join(unknown)}: not known. There is {', '.join(DETAILS)}."
    if unknown := sorted({*(seen.topics or ())} - topics):
        yield "topics", f"{', '.join(unknown)}: there is no such topic."
    if seen.notice:
        yield from _notice_faults(seen.notice, seen.topics, topics)


def _notice_faults(
    notice: Notice, offered: tuple[str, ...] | None, topics: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if not notice.text.strip() or len(notice.text) > LONGEST["text"] or UNSEEN.search(notice.text):
        yield "notice.text", f"Write one line of at most {LONGEST['text']} letters."
    if notice.topic is not None and notice.topic not in topics:
        yield "notice.topic", "There is no such topic."
    elif notice.topic is not None and offered is not None and notice.topic not in offered:
        yield "notice.topic", "They may not choose this topic."
    if notice.first and notice.last and notice.first > notice.last:
        yield "notice.until", "The last day is before the first one."


TABLES = ("everybody", "segments")
KIND_OF: Mapping[str, Kind] = {area: kind for kind, area in AREA_OF.items()}


def _read(type_: type[Any], row: object, place: str, problems: list[str]) -> Any:  # noqa: ANN401  # of that type
    try:
        return msgspec.convert(row, type_)
    except msgspec.ValidationError as error:
        problems.append(f"{place}: {error}")
        return None


def _seen(part: Part) -> Seen:
    most = Rights(**{area: getattr(part.reach, area) for area in AREAS})
    fields = {kind: getattr(part.shows, area) for area, kind in KIND_OF.items()}
    said = part.notice
    return Seen(
        shown=Shown(most=most, fields=fields, details=part.shows.details),
        topics=None if part.topics is None else tuple(part.topics),
        notice=Notice(text=said.text.strip(), topic=said.topic, first=said.first, last=said.last) if said else None,
    )


def _lines(seen: Seen) -> Iterator[str]:
    reach = ", ".join(f"{area} = {_text(seen.shown.most.reach(area))}" for area in AREAS)
    yield f"reach = {{ {reach} }}\n"
    groups = {area: sorted(seen.shown.fields.get(kind, ())) for area, kind in KIND_OF.items()}
    shows = ", ".join(
        f"{name} = {_list(its)}" for name, its in {**groups, "details": sorted(seen.shown.details)}.items()
    )
    yield f"shows = {{ {shows} }}\n"
    if seen.topics is not None:
        yield f"topics = {_list(sorted(seen.topics))}\n"
    if notice := seen.notice:
        days = {"from": notice.first, "until": notice.last}
        pairs = [f"text = {_text(notice.text)}", *([f"topic = {_text(notice.topic)}"] if notice.topic else [])]
        pairs += [f"{name} = {day.isoformat()}" for name, day in days.items() if day]
        yield f"notice = {{ {', '.join(pairs)} }}\n"


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    """Write a basic string of TOML: JSON's escapes are among its own, but for one sign."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
