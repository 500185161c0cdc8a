"""A topics file: all topics that there shall be, in their order. Every problem in it is told at once, by its place."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from connectors.contract import Connector
from gateway.rules import did_you_mean
from gateway.topics.fields import KINDS, AnyField
from gateway.topics.topic import NAME, Named, Topic, faults

PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")
PROBES = {"kind": "text", "name": "x", "label": "x"}  # stand for a field that is told of on its own

Sources = Mapping[str, Connector[Any]]  # by name: the sources that there are


class TopicsFileError(Exception):
    """A topics file that cannot be used. `problems` names the place and the reason of each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def default_text() -> str:
    """Give the file of those topics that hold where nobody has defined any."""
    return files("gateway.topics").joinpath("defaults.toml").read_text(encoding="utf-8")


def defaults() -> tuple[Named, ...]:
    return parse(default_text(), {})


def parse(text: str, sources: Sources) -> tuple[Named, ...]:
    """Read a topics file. Raises `TopicsFileError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TopicsFileError([f"not TOML: {error}"]) from None
    problems = [f"{name}: not known; write [topics.NAME] tables" for name in document if name != "topics"]
    tables = document.get("topics")
    if not isinstance(tables, dict) or not tables:
        raise TopicsFileError([*problems, "topics: define one at least, as [topics.NAME]"])
    found: list[Named] = []
    for name, table in tables.items():
        place = f"topics.{name}"
        topic, wrong = _topic(table, place)
        if not NAME.fullmatch(name):
            wrong.append(f"{place}: a name is made of a-z, 0-9, _ and -, starts with a letter, at most 63 characters")
        if topic:
            wrong += [f"{place}.{fault}" for fault in faults(topic)]
            wrong += [f"{place}.{fault}" for fault in _source_faults(topic, sources)]
            found.append(Named(name, topic))
        problems += wrong
    if problems:
        raise TopicsFileError(problems)
    return tuple(found)


def _topic(table: object, place: str) -> tuple[Topic | None, list[str]]:
    """Check the fields one by one and then the rest, because msgspec alone would stop at the first problem."""
    if not isinstance(table, dict):
        return None, [f"{place}: write a table, [{place}]"]
    rows = table.get("fields")
    problems: list[str] = []
    if isinstance(rows, list):
        for number, row in enumerate(rows, start=1):
            name = row.get("name") if isinstance(row, dict) else None
            where = f"{place}.fields.{name if isinstance(name, str) else number}"
            if wrong := _wrong(row, AnyField, where, _keys(row)):
                problems.append(wrong)
    rest = {**table, "fields": [PROBES] if problems else rows} if "fields" in table else table
    if wrong := _wrong(rest, Topic, place, Topic.__struct_fields__):
        problems.append(wrong)
    return (None if problems else msgspec.convert(table, Topic)), problems


def _wrong(value: object, type_: Any, place: str, known: Collection[str]) -> str | None:  # noqa: ANN401  # a union has no type of its own
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return _told(str(error), place, known)
    return None


def _told(text: str, place: str, known: Collection[str]) -> str:
    """Say in the file's words where a value is wrong: `topics.order.fields.what.label: Expected `str`, got `int``."""
    at = PATH.search(text)
    said = PATH.sub("", text)
    where = f"{place}.{at['path']}" if at and at["path"] else place
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", said):
        return f"{where}.{unknown[1]}: not known{did_you_mean(unknown[1], set(known))}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", said):
        return f"{where}.{missing[1]}: missing"
    return f"{where}: {said}"


def _keys(row: object) -> Collection[str]:
    """Give what a field of its kind may have."""
    kind = row.get("kind") if isinstance(row, dict) else None
    its = KINDS.get(str(kind))
    return its.__struct_fields__ if its else ()


def _source_faults(topic: Topic, sources: Sources) -> list[str]:
    if topic.source is None:
        return []
    if topic.source not in sources:
        return [f"source: there is no source {topic.source!r} (there is: {', '.join(sources) or 'none yet'})"]
    if "new_ticket" not in sources[topic.source].actions:
        return [f"source: {sources[topic.source].title} takes no new requests"]
    return []
