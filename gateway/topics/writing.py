"""A topic as somebody writes it in a form: all is text until it is read, and whatever is wrong is told at once."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from connectors.contract import Connector
from gateway.topics.fields import KINDS, AnyField, Choice
from gateway.topics.topic import NAME, Topic, faults

MOST_FIELDS = 12
MOST_CHOICES = 30
LINE, HELP = 100, 300  # characters
LONGEST_PROMISE = 400  # office hours
NUMBER = re.compile(r"-?[0-9]{1,9}")
NEEDED = "Fill this in."


class Question(Struct, frozen=True, kw_only=True):
    """One field. `choices` are lines, `least` and `most` are of a number, "yes" ticks `required` and `future`."""

    name: str = ""
    kind: str = "text"
    label: str = ""
    help: str = ""
    required: str = ""
    choices: str = ""
    prefill: str = ""
    future: str = ""
    least: str = ""
    most: str = ""
    unit: str = ""


class Written(Struct, frozen=True, kw_only=True):
    label: str = ""
    help: str = ""
    subject: str = ""
    source: str = ""
    route: str = ""
    within: str = ""
    questions: tuple[Question, ...] = ()


class Read(Struct, frozen=True, kw_only=True):
    """What a form comes to: a topic, or what is wrong, by the name of the input: `label`, `q0-choices`."""

    topic: Topic | None
    problems: Mapping[str, str]


def written_in(form: Mapping[str, str]) -> Written:
    """Take a form apart: `q0-label` is the label of the first question."""
    own = {name: form.get(name, "").strip() for name in Written.__struct_fields__ if name != "questions"}
    numbers = sorted({int(name[1:].partition("-")[0]) for name in form if re.fullmatch(r"q[0-9]{1,2}-kind", name)})
    questions = (
        Question(**{name: form.get(f"q{number}-{name}", "").strip() for name in Question.__struct_fields__})
        for number in numbers[: MOST_FIELDS + 1]
    )
    return Written(**own, questions=tuple(questions))


def as_written(topic: Topic) -> Written:
    """Write a topic into its form."""
    return Written(
        label=topic.label,
        help=topic.help,
        subject=topic.subject,
        source=topic.source or "",
        route=topic.route or "",
        within=str(topic.answer_within or ""),
        questions=tuple(map(_question, topic.fields)),
    )


def read(written: Written, sources: Mapping[str, Connector[Any]]) -> Read:
    """Make a topic of it. `sources` are those that there are."""
    questions = _named(written.questions)
    problems = dict(_own_problems(written, sources))
    fields: list[AnyField] = []
    for number, question in enumerate(questions):
        found = {f"q{number}-{name}": problem for name, problem in _problems(question)}
        problems |= found
        if not found:
            fields.append(msgspec.convert(_row(question), AnyField))
    if problems:
        return Read(topic=None, problems=problems)
    topic = Topic(
        label=written.label,
        help=written.help,
        subject=written.subject,
        source=written.source or None,
        route=written.route or None,
        answer_within=int(written.within) if written.within else None,
        fields=tuple(fields),
    )
    for fault in faults(topic):
        place, _, said = fault.partition(": ")
        problems["subject" if place == "subject" else "questions"] = f"{said[:1].upper()}{said[1:]}."
    return Read(topic=None if problems else topic, problems=problems)


def name_for(label: str, taken: Mapping[str, object]) -> str:
    """Make a name for addresses and files out of what a topic is called."""
    slug = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:50]
    first = slug if NAME.fullmatch(slug) else f"topic_{slug}".rstrip("_")
    return next(name for name in (first, *(f"{first}_{number}" for number in range(2, 1000))) if name not in taken)


def _named(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Give those a name that have none."""
    taken = {each.name: each for each in questions if each.name}
    named = []
    for each in questions:
        name = each.name or name_for(each.label or each.kind, taken)[:30]
        taken[name] = each
        named.append(replace(each, name=name))
    return tuple(named)


def _own_problems(written: Written, sources: Mapping[str, Connector[Any]]) -> Iterator[tuple[str, str]]:
    for name, longest, is_needed in (("label", LINE, True), ("help", HELP, False), ("subject", LINE, True)):
        if problem := _line(getattr(written, name), longest, is_needed=is_needed):
            yield name, problem
    if written.source and (written.source not in sources or "new_ticket" not in sources[written.source].actions):
        yield "source", "Choose a system that takes new requests."
    if problem := _line(written.route, LINE):
        yield "route", problem
    if written.within and not (_is_whole(written.within) and 1 <= int(written.within) <= LONGEST_PROMISE):
        yield "within", f"Write whole hours, from 1 to {LONGEST_PROMISE}."
    if not 1 <= len(written.questions) <= MOST_FIELDS:
        yield "questions", f"Ask one question at least, and {MOST_FIELDS} at most."


def _problems(question: Question) -> Iterator[tuple[str, str]]:
    if problem := _line(question.label, LINE, is_needed=True):
        yield "label", problem
    if problem := _line(question.help, HELP):
        yield "help", problem
    if question.kind not in KINDS:
        yield "kind", "Choose one of these."
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", question.name):
        yield "name", "Use a-z, 0-9 and _, and begin with a letter."
    if question.kind == "choice":
        choices = _lines(question.choices)
        if not 2 <= len(choices) <= MOST_CHOICES:  # noqa: PLR2004  # one is no choice
            yield "choices", f"Write 2 to {MOST_CHOICES} answers, one in each line."
        elif any(len(each) > LINE for each in choices):
            yield "choices", f"Write at most {LINE} characters in a line."
    if question.kind == "number":
        wrong = [name for name in ("least", "most") if (said := getattr(question, name)) and not _is_whole(said)]
        yield from ((name, "Write a whole number, or nothing.") for name in wrong)
        if not wrong and question.least and question.most and int(question.least) > int(question.most):
            yield "most", "Write a number that is not less than the other."


def _row(question: Question) -> dict[str, object]:
    """Give the table that a topics file would have."""
    row: dict[str, object] = {name: getattr(question, name) for name in ("kind", "name", "label", "help")}
    row["required"] = question.required == "yes"
    match question.kind:
        case "choice":
            row["choices"] = _lines(question.choices)
        case "text" if question.prefill in {"name", "email"}:
            row["prefill"] = question.prefill
        case "date":
            row["past"] = question.future != "yes"
        case "number":
            row |= {name: int(said) for name in ("least", "most") if (said := getattr(question, name))}
            row["unit"] = question.unit[:20]
    return row


def _question(field: AnyField) -> Question:
    said = {name: "" if value is None else str(value) for name, value in asdict(field).items()}
    known = {name: value for name, value in said.items() if name in Question.__struct_fields__}
    choices = "\n".join(field.choices) if isinstance(field, Choice) else ""
    ticks = {"required": "yes" if field.required else "", "future": "" if getattr(field, "past", True) else "yes"}
    return Question(**known | ticks | {"kind": field.kind, "choices": choices})


def _line(text: str, longest: int, *, is_needed: bool = False) -> str | None:
    if not text:
        return NEEDED if is_needed else None
    if len(text) > longest or not text.isprintable():
        return f"Write one line of at most {longest} characters."
    return None


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def _is_whole(text: str) -> bool:
    return bool(NUMBER.fullmatch(text))
