"""The form of a topic: what it asks of this visitor, and what became of what they wrote."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from litestar.exceptions import NotFoundException
from msgspec import Struct
from msgspec.structs import replace

from connectors.errors import Unavailable
from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.home import Item
from gateway.languages import gettext, gettext_noop, locale, phrase
from gateway.statuses import status_of
from gateway.topics.fields import AnyField, Choice, Phone, RecordField, Text
from gateway.topics.topic import Named, Topic
from web.portal.phones import phone_of
from web.portal.seen import seen_by
from web.portal.visit import Visit, items_of
from web.words import day

PLACE = re.compile(
    r"(?P<source>[a-z][a-z0-9_-]{0,62})/(?P<kind>orders|invoices|tickets)/(?P<record>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})"
)
TYPES: Mapping[str, type[Order | Invoice | Ticket]] = {"orders": Order, "invoices": Invoice, "tickets": Ticket}
NOUNS: Mapping[Kind, str] = {"orders": "Order", "invoices": "Invoice", "tickets": "Request"}
MOST_OPTIONS = 40
AWAY = gettext_noop("We can’t look this up right now. Leave it out, and name it in your text.")


class Asked(Struct, frozen=True, kw_only=True):
    """One question as the page shows it. `options` are what can be chosen: the value, and what people read."""

    field: AnyField
    value: str
    problem: str | None = None
    options: Sequence[tuple[str, str]] = ()

    @property
    def kind(self) -> str:
        return self.field.kind

    @property
    def tells(self) -> bool:
        """Whether it says what the question is about, so that articles may fit it."""
        return self.kind in {"text", "long_text", "choice", "order", "invoice"} and not getattr(
            self.field, "prefill", None
        )

    @property
    def described_by(self) -> str:
        """The ids of what is said of it."""
        name = self.field.name
        return " ".join([f"{name}-help"] * bool(self.field.help) + [f"{name}-error"] * bool(self.problem))


class Form(Struct, frozen=True, kw_only=True):
    """`about` is the record that the request is about, `other` whether no question asks for it.

    `numbers` are those of the records that were chosen, by field.
    """

    asked: Sequence[Asked]
    numbers: Mapping[str, str]
    about: Item[Record] | None
    other: bool

    @property
    def problems(self) -> list[Asked]:
        return [each for each in self.asked if each.problem]


async def record_at(visit: Visit, place: str) -> Item[Record]:
    """Find the record that a form or an address names, as the visitor. Raises as `Visit.one`."""
    found = PLACE.fullmatch(place)
    if found is None:
        raise NotFoundException
    item = await visit.one(TYPES[found["kind"]], found["source"], found["record"])
    return Item(item.record, item.part)


def place_of(item: Item[Record]) -> str:
    return f"{item.part.source}/{item.part.kind}/{item.record.origin.id}"


def called(item: Item[Record]) -> str:
    """Name a record as the message does, which staff read."""
    return f"{NOUNS[item.part.kind]} {item.record.number}"


def name_of(item: Item[Record]) -> str:
    if item.part.kind == "invoices":
        return gettext("Invoice {number}", number=item.record.number)
    if item.part.kind == "tickets":
        return gettext("Request {number}", number=item.record.number)
    return gettext("Order {number}", number=item.record.number)


def offered(visit: Visit, topics: Sequence[Named], about: Item[Record] | None) -> list[Named]:
    """Say what the visitor can ask for here; about a record, first what asks for such a one."""
    chosen = seen_by(visit).topics
    able = [each for each in topics if (chosen is None or each.name in chosen) and _is_for(visit, each.topic)]
    if about is None:
        return able
    fitting = [each for each in able if any(field.record == about.part.kind for field in each.topic.records)]
    return [*fitting, *(each for each in able if not each.topic.records)]


def _is_for(visit: Visit, topic: Topic) -> bool:
    has_desk = any(topic.source in (None, link.source) for link in visit.desks)
    return has_desk and all(field.record in visit.areas for field in topic.records)


async def empty_form(visit: Visit, topic: Topic, about: Item[Record] | None) -> Form:
    """Ask, with what we know of the visitor."""
    values = {}
    number = await phone_of(visit) if any(isinstance(field, Phone) for field in topic.fields) else ""
    for field in topic.fields:
        if isinstance(field, RecordField) and about and about.part.kind == field.record:
            values[field.name] = place_of(about)
        elif isinstance(field, Text) and field.prefill:
            values[field.name] = getattr(visit.profile, field.prefill) or ""
        elif isinstance(field, Phone):
            values[field.name] = number
        elif about and isinstance(about.record, Ticket) and topic.subject == f"{{{field.name}}}":
            values[field.name] = about.record.subject
    return await _form(visit, topic, values, {}, about)


async def filled_form(visit: Visit, topic: Topic, written: Mapping[str, str], *, check: bool = True) -> Form:
    """Look at what was written. Raises `NotFound` for a record that is not the visitor's."""
    values = {field.name: field.tidy(written.get(field.name, "")) for field in topic.fields}
    fields = topic.fields if check else ()
    problems = {field.name: field.problem(values[field.name], visit.today) for field in fields}
    chosen: dict[str, Item[Record]] = {}
    for field in topic.records:
        if values[field.name]:
            try:
                chosen[field.name] = await record_at(visit, values[field.name])
            except Unavailable:
                problems[field.name] = gettext(AWAY)
            else:
                if chosen[field.name].part.kind != field.record:
                    raise NotFoundException
    about = next(iter(chosen.values()), None)
    if about is None and written.get("about"):
        about = await record_at(visit, written["about"])
    form = await _form(visit, topic, values, problems, about)
    return replace(form, numbers={name: item.record.number for name, item in chosen.items()})


def answers(form: Form) -> dict[str, str]:
    """Give what was answered, as staff read it. The form has no problems."""
    said = {each.field.name: each.field.said(each.value) for each in form.asked if each.value}
    return {**said, **form.numbers}


async def _form(
    visit: Visit,
    topic: Topic,
    values: Mapping[str, str],
    problems: Mapping[str, str | None],
    about: Item[Record] | None,
) -> Form:
    lists = {field.record: await _records(visit, field.record) for field in topic.records}
    asked = [
        Asked(
            field=field,
            value=values.get(field.name, ""),
            problem=problems.get(field.name),
            options=_options(field, lists, about, visit.today),
        )
        for field in topic.fields
    ]
    takes = {field.record for field in topic.records}
    return Form(asked=asked, numbers={}, about=about, other=about is not None and about.part.kind not in takes)


async def _records(visit: Visit, kind: Kind) -> list[Item[Record]]:
    parts = [part for part in await visit.parts(kind) if part.kind == kind]
    return sorted(items_of(parts, TYPES[kind]), key=lambda item: _age(item.record), reverse=True)


def _age(record: Record) -> tuple[str, str]:
    at = record.ordered_at if isinstance(record, Order) else record.issued_on if isinstance(record, Invoice) else None
    return at.isoformat() if at else "", record.number


def _options(
    field: AnyField, lists: Mapping[Kind, list[Item[Record]]], about: Item[Record] | None, today: date
) -> list[tuple[str, str]]:
    if isinstance(field, Choice):
        return [(choice, phrase(choice)) for choice in field.choices]
    if not isinstance(field, RecordField):
        return []
    items = lists[field.record][:MOST_OPTIONS]
    if about and about.part.kind == field.record and place_of(about) not in map(place_of, items):
        items = [about, *items]
    return [(place_of(item), standing(item.record, today)) for item in items]


def standing(record: Record, today: date) -> str:
    """Say in a line how a record is, which may answer the question already."""
    said = {"number": record.number, "status": _within(phrase(status_of(record, today).label))}
    if isinstance(record, Order) and record.expected_on and record.state not in {"delivered", "cancelled"}:
        return gettext("{number}, {status}, expected {day}", **said, day=day(record.expected_on, today))
    if isinstance(record, Invoice) and record.due_on and record.state in {"open", "part_paid"}:
        return gettext("{number}, {status}, due {day}", **said, day=day(record.due_on, today))
    return "{number}, {status}".format(**said)


def _within(label: str) -> str:
    """Write a label within a sentence. German has words that are written large wherever they stand."""
    return label if locale().language == "de" else label.lower()
