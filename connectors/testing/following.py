"""What a feed tells: records as the reads give them, and all that changes, once the look that begins is over."""

import asyncio
from datetime import datetime, timedelta

from msgspec.structs import replace

from connectors.records import Kind, Record
from connectors.testing.bench import Bench
from connectors.testing.performing import Outcome
from connectors.testing.recordings import Recording


class Following(Bench):
    """Changes of all customers, the oldest first, from a cursor of the vendor's to the next."""

    def cases(self) -> dict[str, list[str]]:
        return {**super().cases(), "feed_kind": sorted(self.connector.feeds)}

    def test_follows_what_it_reads(self) -> None:
        assert set(self.connector.feeds) <= set(self.connector.reads)
        for feed in self.connector.feeds.values():
            assert timedelta() <= feed.lag
            assert timedelta() < feed.every <= feed.whole_every

    def test_tells_of_a_record_as_a_read_does(self, feed_kind: Kind) -> None:
        """As long as it has not changed in between, it is the same in every field that a list has."""
        told, read = self._versions("changes", feed_kind), self._versions("read", feed_kind)
        both = told.keys() & read.keys()
        assert both, "record a read and a change of the same record, as of the same instant"
        assert {key: told[key] for key in both} == {key: read[key] for key in both}

    def test_calls_what_is_gone_as_it_was_called(self, feed_kind: Kind) -> None:
        gone = {key for name in self._recordings(feed_kind) for key in self._play(name).gone}
        known = {record.origin.id for call in ("read", "changes") for record in self._records(call, feed_kind)}
        assert gone & known, "record what becomes of a recorded record that nobody may see any more"

    def test_says_whose_a_record_is_by_what_was_answered(self, feed_kind: Kind) -> None:
        for name, recording in self._recordings(feed_kind).items():
            told = b"".join(each.response.content for each in recording.exchanges)
            owners = {owner for answer in self._play(name).answers for owner in answer.owners}
            assert [owner for owner in owners if owner.rpartition(":")[2].encode() not in told] == []

    def test_loses_and_doubles_nothing_between_two_pages_of_changes(self, feed_kind: Kind) -> None:
        given = self._recordings(feed_kind)
        pairs = [pair for pair in self.fixtures.pages("changes", feed_kind) if given[pair[0]].expect.more]
        assert pairs, f"record two pages of changes of {feed_kind}, the second with the cursor that the first gives"
        for pair in pairs:
            outcomes = [self._play(name) for name in pair]
            told = [key for outcome in outcomes for key in _ids(outcome)]
            assert len(set(told)) == len(told), "a record is on both pages"
            assert outcomes[0].more
            assert told, "two pages with nothing on them"

    def test_goes_on_where_it_has_ended(self, feed_kind: Kind) -> None:
        """The look after the last page finds the way, whether anything has changed in between or not."""
        given = self._recordings(feed_kind)
        pairs = [pair for pair in self.fixtures.pages("changes", feed_kind) if not given[pair[0]].expect.more]
        assert pairs, f"record the look that begins with the cursor of the last page of changes of {feed_kind}"

    def test_never_stands_still_while_there_is_more(self, feed_kind: Kind) -> None:
        for name, recording in self._recordings(feed_kind).items():
            outcome = self._play(name)
            assert not outcome.more or outcome.cursor != recording.ask.cursor

    def test_goes_by_the_vendors_clock(self, feed_kind: Kind) -> None:
        """Ours may be years off: what is asked, and where it goes on, is the same."""
        for name, recording in self._recordings(feed_kind).items():
            later = replace(recording.ask, asked_at=recording.ask.asked_at + timedelta(days=3650))
            outcome = asyncio.run(self.play(name, replace(recording, ask=later)))
            assert (outcome.cursor, outcome.more) == (recording.expect.cursor, recording.expect.more)

    def test_begins_at_the_instant_that_it_is_given(self, feed_kind: Kind) -> None:
        first = {name: each for name, each in self._recordings(feed_kind).items() if each.ask.cursor is None}
        assert first, f"record the first look at the changes of {feed_kind}, without a cursor"
        for name, recording in first.items():
            earlier = replace(recording.ask, since=recording.ask.since - timedelta(days=1))
            assert self.questions(name, replace(recording, ask=earlier)) != self.questions(name, recording)

    def _recordings(self, kind: Kind) -> dict[str, Recording]:
        return self.fixtures.of("changes", kind)

    def _records(self, call: str, kind: Kind) -> list[Record]:
        return [answer.record for name in self.fixtures.of(call, kind) for answer in self._play(name).answers]

    def _versions(self, call: str, kind: Kind) -> dict[tuple[str, datetime | None], Record]:
        return {(each.origin.id, each.origin.changed_at): each for each in self._records(call, kind)}

    def _play(self, name: str) -> Outcome:
        return asyncio.run(self.play(name))


def _ids(outcome: Outcome) -> list[str]:
    return [*(answer.record.origin.id for answer in outcome.answers), *outcome.gone]
