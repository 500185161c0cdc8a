"""A topic: what it is called, what its form asks, and what becomes of the answers in the helpdesk."""

import re
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from gateway.topics.fields import AnyField, Help, LongText, RecordField, Words

PLACE = re.compile(r"\{([a-z0-9_]*)\}")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LONGEST_SUBJECT = 120


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`subject` is a line with names of fields in braces.

    `source` None: whichever helpdesk the customer is linked to. `route` is where it goes within it, in that helpdesk's
    own words: a queue, or a tag. `answer_within` is a promise, in office hours.
    """

    label: Words
    help: Help = ""
    subject: Words
    source: Words | None = None
    route: Words | None = None
    answer_within: Annotated[int, Meta(ge=1, le=400)] | None = None
    fields: Annotated[tuple[AnyField, ...], Meta(min_length=1, max_length=12)]

    @property
    def records(self) -> tuple[RecordField, ...]:
        return tuple(field for field in self.fields if isinstance(field, RecordField))


class Named(Struct, frozen=True):
    """A topic by the name that it has in addresses and files."""

    name: str
    topic: Topic


def faults(topic: Topic) -> list[str]:
    """Say what only the whole can tell: the place, a colon and what is wrong there."""
    names = [field.name for field in topic.fields]
    found = [f"fields: two are called {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1]
    kinds = [field.record for field in topic.records]
    found += [f"fields: more than one is about {kind}" for kind in dict.fromkeys(kinds) if kinds.count(kind) > 1]
    texts = {field.name for field in topic.fields if isinstance(field, LongText)}
    for name in PLACE.findall(topic.subject):
        if name not in names:
            found.append(f"subject: there is no field {name!r} to put in; there is {', '.join(names)}")
        elif name in texts:
            found.append(f"subject: {name!r} is a long text, and this is one line")
    return found


def subject_of(topic: Topic, said: Mapping[str, str]) -> str:
    """Write the subject. `said` holds the answers, by field; what nobody answered leaves no trace."""
    line = " ".join(PLACE.sub(lambda place: said.get(place[1], ""), topic.subject).split()).strip(" :,–-")
    return line[:LONGEST_SUBJECT].rstrip() or topic.label


def text_of(topic: Topic, said: Mapping[str, str], about: str | None = None) -> str:
    """Write the message: the short answers in lines, then the long ones. `about` is a record that it is about.

    What is the whole subject is not said twice, unless it was too long for it.
    """
    lines = [about] if about else []
    letters = [field for field in topic.fields if isinstance(field, LongText) and said.get(field.name)]
    subject = subject_of(topic, said)
    for field in topic.fields:
        is_subject = topic.subject == f"{{{field.name}}}" and subject == said.get(field.name)
        if not said.get(field.name) or isinstance(field, LongText) or is_subject:
            continue
        label = field.noun if isinstance(field, RecordField) else field.label
        lines.append(f"{label}{'' if label[-1] in '?:.!' else ':'} {said[field.name]}")
    parts = ["\n".join(lines)] if lines else []
    heads = [f"{letter.label}\n" if len(letters) > 1 else "" for letter in letters]
    parts += (head + said[letter.name] for head, letter in zip(heads, letters, strict=True))
    return "\n\n".join(parts)
