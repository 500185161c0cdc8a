"""What a read gives of all there is: the newest first, and just what is open where that can be asked for."""

import asyncio
from collections.abc import Iterator
from datetime import date

import msgspec

from connectors.contract import Answer
from connectors.done import DONE, is_done
from connectors.records import Invoice, Kind, Order, Record, Ticket
from connectors.testing.bench import Bench
from connectors.testing.recordings import Recording


class Selecting(Bench):
    """The portal reads the latest of a kind, and all that is open however old it is."""

    def cases(self) -> dict[str, list[str]]:
        return {**super().cases(), "open_kind": sorted(self.connector.reads_open)}

    def test_tells_what_is_open_of_what_it_reads(self) -> None:
        assert self.connector.reads_open <= set(self.connector.reads)
        asked = {kind for kind in self.connector.reads if self._open(kind)}
        assert asked == self.connector.reads_open, "record `only_open` of the kinds in `reads_open`, and of no other"

    def test_gives_the_newest_first(self, kind: Kind) -> None:
        pages = [[answer.record for answer in self._answers(name)] for name in self.fixtures.of("read", kind)]
        assert any(len(page) > 1 for page in pages), f"record a page with several {kind}"
        assert [page for page in pages if not is_newest_first(page)] == []

    def test_gives_nothing_that_is_done(self, open_kind: Kind) -> None:
        assert [record for record in self._given(open_kind) if is_done(open_kind, record)] == []

    def test_leaves_out_nothing_that_is_open(self, open_kind: Kind) -> None:
        """Every status that is not done comes, as far as it comes at all, and so does one from tomorrow."""
        table = self.connector.statuses[open_kind]
        given = {record.vendor_state for record in self._given(open_kind)}
        wanted = {theirs for theirs, ours in table.items() if ours not in DONE[open_kind]}
        reads = self.fixtures.of("read", open_kind)
        recorded = {answer.record.vendor_state for name in reads for answer in self._answers(name)}
        assert (wanted & recorded) - given == set(), "record `only_open` with these"
        assert given - set(table), "record `only_open` with a status that no table holds"

    def test_asks_for_what_is_open_alone(self, open_kind: Kind) -> None:
        """To read all of it and drop the rest would take as long as the history is."""
        for name, recording in self._open(open_kind).items():
            whole = msgspec.structs.replace(recording, ask=msgspec.structs.replace(recording.ask, only_open=False))
            assert self.questions(name, recording) != self.questions(name, whole)

    def _open(self, kind: Kind) -> dict[str, Recording]:
        return {name: each for name, each in self.fixtures.of("read", kind).items() if each.ask.only_open}

    def _given(self, kind: Kind) -> Iterator[Record]:
        for name in self._open(kind):
            yield from (answer.record for answer in self._answers(name))

    def _answers(self, name: str) -> tuple[Answer[Record], ...]:
        return asyncio.run(self.play(name)).answers


def is_newest_first(records: list[Record]) -> bool:
    """By the vendor's own numbers, or else by the days that are known."""
    numbers = [int(record.origin.id) for record in records if record.origin.id.isdecimal()]
    if len(numbers) == len(records) and numbers == sorted(numbers, reverse=True):
        return True
    days = [day for day in map(_made_on, records) if day]
    return days == sorted(days, reverse=True)


def _made_on(record: Record) -> date | None:
    match record:
        case Order(ordered_at=at) | Ticket(created_at=at):
            return at
        case Invoice(issued_on=on):
            return on
    return None
