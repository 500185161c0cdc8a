"""Every status that there is: those that a connector knows, those that staff speak of, and those that were seen."""

from collections.abc import Iterable, Mapping
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from connectors.records import Kind, Wording
from gateway.offices import Office
from gateway.statuses import UNKNOWN, WORDS, Status, worded
from gateway.unmapped import LONGEST, Unmapped
from gateway.wording import NOTHING, Entry, Said, Words, entry_of


class Row(Struct, frozen=True, kw_only=True):
    """One status of a source. `usual`: what the connector says it means; `seen`: where nobody has words for it.

    `reads` is what customers read where no day says otherwise; `is_new`: it is other than what is published.
    """

    source: str
    title: str
    kind: Kind
    status: str
    usual: str
    entry: Entry
    reads: Status
    is_new: bool
    seen: Unmapped | None = None

    @property
    def means(self) -> str:
        return self.entry.means or self.usual

    @property
    def is_unmapped(self) -> bool:
        """Whether nobody has said what it means, nor how it is called."""
        return self.means == "unknown" and self.entry.label is None


def rows_of(
    offices: Mapping[str, Office], found: Iterable[Unmapped], wanted: Words, published: Words
) -> tuple[Row, ...]:
    """Give all, by source and kind: first what nobody has words for, the most frequent first."""
    seen = {(each.source, each.kind, each.status): each for each in found}
    rows = []
    for name, office in offices.items():
        for kind in get_args(Kind):
            if kind not in office.connector.reads:
                continue
            declared = office.connector.statuses.get(kind, {})
            statuses = dict.fromkeys(each[:LONGEST] for each in declared)
            for words in (wanted, published):
                statuses |= dict.fromkeys(words.get(name, {}).get(kind, {}))
            statuses |= dict.fromkeys(status for source, its, status in seen if (source, its) == (name, kind))
            for status in statuses:
                entry = entry_of(wanted, name, kind, status)
                usual = declared.get(status, "unknown")
                rows.append(
                    Row(
                        source=name,
                        title=office.title,
                        kind=kind,
                        status=status,
                        usual=usual,
                        entry=entry,
                        reads=reads(kind, usual, entry),
                        is_new=entry != entry_of(published, name, kind, status),
                        seen=seen.get((name, kind, status)),
                    )
                )
    return tuple(rows)


def reads(kind: Kind, usual: str, entry: Entry) -> Status:
    """Say what customers read of a status, where no day says otherwise."""
    status = WORDS[kind].get(entry.means or usual, UNKNOWN)
    if entry == NOTHING:
        return status
    return worded(status, Wording(label=entry.label, meaning=entry.meaning, next_step=entry.next_step))


def unmapped(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Pick those that were seen and that nobody has words for, the most frequent first."""
    without = [row for row in rows if row.is_unmapped and row.seen]
    return tuple(sorted(without, key=lambda row: -(row.seen.records if row.seen else 0)))


def with_words(offices: Mapping[str, Office], words: Words) -> dict[str, Office]:
    """Give the sources as they would be if other words were published."""
    return {name: replace(office, said=Said(kinds=words.get(name, {}))) for name, office in offices.items()}
