"""A file of what staff say about statuses. Every problem in it is told at once, by its place."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from connectors.contract import Connector
from connectors.records import Kind
from gateway.rules import did_you_mean
from gateway.unmapped import LONGEST
from gateway.wording import Entry, Words, faults, places

HEAD = """# What the statuses of each source mean, and in which words customers read them.
# Whatever is left out is as usual. `means` is one of our own statuses.
"""
FIELDS = ("status", *Entry.__struct_fields__)

Sources = Mapping[str, Connector[Any]]  # by name: the sources that there are


class StatusesFileError(Exception):
    """A file that cannot be used. `problems` names the place and the reason of each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Row(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One status with what is said of it."""

    status: str


def dump(words: Words) -> str:
    """Write the file that `parse` reads back as the same."""
    text = HEAD
    for source, kind, status in places(words):
        entry = words[source][kind][status]
        text += f"\n[[statuses.{source}.{kind}]]\nstatus = {_text(status)}\n"
        for field in Entry.__struct_fields__:
            value = getattr(entry, field)
            if value is not None and not (field == "mails" and value):
                text += f"{field} = {_text(value) if isinstance(value, str) else str(value).lower()}\n"
    return text


def parse(text: str, sources: Sources) -> Words:
    """Read a file. Raises `StatusesFileError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StatusesFileError([f"not TOML: {error}"]) from None
    problems = [f"{name}: not known; write [[statuses.SOURCE.KIND]] tables" for name in document if name != "statuses"]
    words: dict[str, dict[Kind, dict[str, Entry]]] = {}
    tables = document.get("statuses", {})
    if not isinstance(tables, dict):
        raise StatusesFileError([*problems, "statuses: write [[statuses.SOURCE.KIND]] tables"])
    for place, source, kind, row in _rows(tables, sources, problems):
        entry, wrong = _entry(row, kind, place)
        problems += wrong
        if entry:
            known = words.setdefault(source, {}).setdefault(kind, {})
            if row["status"] in known:
                problems.append(f"{place}: {row['status']!r} is there twice")
            known[row["status"]] = entry
    if problems:
        raise StatusesFileError(problems)
    return words


def _rows(
    tables: Mapping[str, Any], sources: Sources, problems: list[str]
) -> Iterator[tuple[str, str, Kind, dict[str, Any]]]:
    """Go through the rows whose source and kind there are."""
    for source, kinds in tables.items():
        place = f"statuses.{source}"
        if source not in sources:
            problems.append(f"{place}: there is no source {source!r} (there is: {', '.join(sources) or 'none yet'})")
            continue
        if not isinstance(kinds, dict):
            problems.append(f"{place}: write [[{place}.KIND]] tables")
            continue
        for kind, rows in kinds.items():
            reads = [each for each in get_args(Kind) if each in sources[source].reads]
            if kind not in reads:
                problems.append(f"{place}.{kind}: it has {', '.join(reads)}")
            elif not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                problems.append(f"{place}.{kind}: write [[{place}.{kind}]] tables")
            else:
                for number, row in enumerate(rows, start=1):
                    yield f"{place}.{kind}.{number}", source, kind, row


def _entry(row: dict[str, Any], kind: Kind, place: str) -> tuple[Entry | None, list[str]]:
    if unknown := row.keys() - set(FIELDS):
        return None, [f"{place}.{name}: not known{did_you_mean(name, set(FIELDS))}" for name in sorted(unknown)]
    try:
        read = msgspec.convert(row, Row)
    except msgspec.ValidationError as error:
        return None, [f"{place}: {error}"]
    entry = Entry(**{field: getattr(read, field) for field in Entry.__struct_fields__})
    wrong = [f"{place}.{field}: {fault}" for field, fault in faults(kind, read.status, entry)]
    if len(read.status) > LONGEST:
        wrong.append(f"{place}.status: only its first {LONGEST} letters are compared")
    return entry, wrong


def _text(value: str) -> str:
    """Write a basic string of TOML: JSON's escapes are among its own, but for one sign."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
