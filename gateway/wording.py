"""What staff say about the statuses of a source: what each means, and in which words customers read it.

One rule: what staff say of a status counts, word by word; where they say nothing, the connector says what it means,
and the usual words of that meaning are read. Records are read as the back office has them, and are worded when they
are looked at: so what is published is true of all that is known already.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cache.same import Same
from connectors.records import KINDS, Kind, Record, Wording
from gateway.unmapped import LONGEST, Unmapped

LISTS = 256  # that stay worded, as of those that stay unpacked
LENGTHS = {"label": 40, "meaning": 160, "next_step": 160}  # letters
NAMES = {"label": "label", "meaning": "meaning", "next_step": "next step"}
# Signs that move others about or are not seen at all.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
CODE = re.compile(r"[_/\\\d]")  # is in what programs call a status, and in no word

R = TypeVar("R", bound=Record)


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What staff say of one status. `means`: one of ours; None: what the connector says. `mails`: as `Wording`."""

    means: str | None = None
    label: str | None = None
    meaning: str | None = None
    next_step: str | None = None
    mails: bool = True


Words = Mapping[str, Mapping[Kind, Mapping[str, Entry]]]  # source -> kind -> their status -> what staff say
NOTHING = Entry()


class Said(Struct, frozen=True):
    """What the published version says of one source. `number` 0: none was published. `is_quiet`: see the rows."""

    number: int = 0
    is_quiet: bool = False
    kinds: Mapping[Kind, Mapping[str, Entry]] = {}

    def says(self, of: Unmapped) -> bool:
        """Whether a status that no connector knows has words all the same."""
        entry = self.kinds.get(of.kind, {}).get(of.status, NOTHING)
        return entry.means not in {None, "unknown"} or entry.label is not None


UNSAID = Said()


def read_words(stored: object) -> Words:
    """Read what `stored` wrote. Raises `msgspec.ValidationError`."""
    return msgspec.convert(stored, dict[str, dict[Kind, dict[str, Entry]]])


def stored(words: Words) -> dict[str, object]:
    """Give it as a column keeps it, without what says nothing."""
    return {
        source: {
            kind: {status: msgspec.to_builtins(entry) for status, entry in sorted(entries.items()) if entry != NOTHING}
            for kind, entries in sorted(kinds.items())
            if any(entry != NOTHING for entry in entries.values())
        }
        for source, kinds in sorted(words.items())
        if any(entry != NOTHING for entries in kinds.values() for entry in entries.values())
    }


def entry_of(words: Words, source: str, kind: Kind, status: str) -> Entry:
    return words.get(source, {}).get(kind, {}).get(status, NOTHING)


def with_entry(words: Words, source: str, kind: Kind, status: str, entry: Entry) -> Words:
    kinds = words.get(source, {})
    return {**words, source: {**kinds, kind: {**kinds.get(kind, {}), status: entry}}}


def places(*of: Words) -> list[tuple[str, Kind, str]]:
    """Name every status of which any of them says something, in order."""
    return sorted({
        (source, kind, status)
        for words in of
        for source, kinds in words.items()
        for kind, entries in kinds.items()
        for status in entries
    })  # fmt: skip


def meanings(kind: Kind) -> tuple[str, ...]:
    """Give what a status of a kind may mean, "unknown" last."""
    return get_args(get_type_hints(KINDS[kind])["state"])


def faults(kind: Kind, status: str, entry: Entry) -> Iterator[tuple[str, str]]:
    """Say what is wrong with an entry: the field, and a sentence for whoever wrote it."""
    if entry.means is not None and entry.means not in meanings(kind):
        yield "means", f"Choose one of these: {', '.join(meanings(kind))}."
    for field, longest in LENGTHS.items():
        text: str | None = getattr(entry, field)
        if text is not None and (fault := _fault(text, NAMES[field], longest, status)):
            yield field, fault


def _fault(text: str, name: str, longest: int, status: str) -> str | None:
    if not text.strip():
        return f"The {name} is empty: write it, or leave it out for the usual words."
    if len(text) > longest:
        return f"The {name} has {len(text)} letters: {longest} are the most that fit."
    if UNSEEN.search(text):
        return f"The {name} has a sign in it that nobody sees: write it on one line, in plain letters."
    if "<" in text or ">" in text:
        return f"The {name} has < or > in it: write plain words, customers read them as they are."
    if CODE.search(status) and status.strip() and status.strip() in text:
        return f"The {name} has {status.strip()} in it: customers do not know what your system calls it."
    return None


def say(kind: Kind, records: tuple[R, ...], said: Said) -> tuple[R, ...]:
    """Put staff's words on records. A list stays the very same one where nothing is said of it."""
    entries = said.kinds.get(kind)
    return _said(Same(records), Same(entries)) if entries else records


@lru_cache(maxsize=LISTS)
def _said(records: Same[tuple[R, ...]], entries: Same[Mapping[str, Entry]]) -> tuple[R, ...]:
    worded = tuple(_one(record, entries.it.get(record.vendor_state[:LONGEST])) for record in records.it)
    return records.it if all(new is old for new, old in zip(worded, records.it, strict=True)) else worded


def _one(record: R, entry: Entry | None) -> R:
    if entry is None:
        return record
    wording = Wording(label=entry.label, meaning=entry.meaning, next_step=entry.next_step, mails=entry.mails)
    return replace(record, state=entry.means or record.state, wording=wording)
