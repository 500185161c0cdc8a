"""The recordings hold: what is asked is what was recorded, and what comes of the answers is what a hand wrote down."""

import asyncio
from typing import Any

import msgspec

from connectors.articles import PublicArticle
from connectors.config import Secret
from connectors.deliveries import Registered
from connectors.errors import ConnectorError
from connectors.records import KINDS, Kind
from connectors.testing.bench import Bench
from connectors.testing.hostile import with_unknown_fields
from connectors.testing.performing import Outcome
from connectors.testing.recordings import Expect, kind_of
from connectors.testing.soundness import check_sound


class Recorded(Bench):
    """What a connector does while all is well, and where a page ends."""

    def test_has_a_recording_of_all_it_declares(self) -> None:
        declared = [("read", kind) for kind in self.connector.reads]
        declared += [("fetch", kind) for kind in self.connector.fetch]
        declared += [("file", kind) for kind in self.connector.files]
        declared += [("changes", kind) for kind in self.connector.feeds]
        missing = [f"{call} {kind}" for call, kind in declared if not self.fixtures.of(call, kind)]
        others: tuple[str, ...] = ("find", "check", "person") if self.connector.person else ("find", "check")
        if self.connector.webhook and self.connector.webhook.register:
            others = (*others, "register")
        if self.connector.counterpart:
            others = (*others, "counterpart")
        if self.connector.articles:
            others = (*others, "articles")
        missing += [call for call in others if not self.fixtures.of(call)]
        assert missing == []

    def test_does_what_was_recorded(self, recording: str) -> None:
        played = self.fixtures.recordings[recording]
        expect, far_end = played.expect, self.far_end(played)
        outcome = asyncio.run(self.attempt(recording, far_end))
        if isinstance(outcome, ConnectorError):
            assert expect.raises in {kind.__name__ for kind in type(outcome).__mro__}, repr(outcome)
            return
        assert expect.raises is None, "nothing was raised"
        assert len(far_end.asked) == len(played.exchanges), "not all was asked for"
        check_sound(outcome)
        compare(outcome, expect, kind_of(recording))

    def test_ignores_fields_that_it_does_not_know(self, answered: str) -> None:
        richer = self.fixtures.recordings[answered].with_bodies(with_unknown_fields)
        outcome = asyncio.run(self.play(answered, richer))
        compare(outcome, richer.expect, kind_of(answered))

    def test_loses_and_doubles_nothing_between_two_pages(self, kind: Kind) -> None:
        pages = self.fixtures.of("read", kind)
        pairs = self.fixtures.pages("read", kind)
        assert pairs, f"record two pages of {kind}, the second with the cursor that the first gives"
        for pair in pairs:
            outcomes = [asyncio.run(self.play(name)) for name in pair]
            shown = [answer.record.origin.id for outcome in outcomes for answer in outcome.answers]
            assert shown == [id_ for name in pair for id_ in ids_of(pages[name].expect)]
            assert len(set(shown)) == len(shown), "a record is on both pages"


def ids_of(expect: Expect) -> list[str]:
    return expect.ids or [record["origin"]["id"] for record in expect.records or ()]


def compare(outcome: Outcome, expect: Expect, kind: Kind | None) -> None:
    """Fail where something else came than was written down."""
    records = [answer.record for answer in outcome.answers]
    if expect.records is not None and kind is not None:
        assert records == [msgspec.convert(each, KINDS[kind]) for each in expect.records]
        for record, written in zip(records, expect.records, strict=True):
            assert_within(written, msgspec.to_builtins(record))
    assert [record.origin.id for record in records] == ids_of(expect)
    owned = {answer.record.origin.id: sorted(answer.owners) for answer in outcome.answers}
    assert owned == {key: sorted(expect.owned.get(key, expect.owners)) for key in owned}
    assert sorted(outcome.gone) == sorted(expect.gone)
    assert (outcome.cursor, outcome.more) == (expect.cursor, expect.more)
    assert outcome.candidates == (expect.candidates or ())
    assert outcome.person == expect.person
    assert outcome.counterpart == expect.counterpart
    assert outcome.says == expect.says
    articles = [msgspec.convert(msgspec.to_builtins(each), PublicArticle) for each in expect.articles or ()]
    assert list(outcome.articles) == articles
    if expect.registered is None:
        assert outcome.registered is None
    else:
        wanted = expect.registered
        assert outcome.registered == Registered(id=wanted.id, secret=Secret(wanted.secret) if wanted.secret else None)
    if expect.file is None:
        assert outcome.file is None
    else:
        assert outcome.file is not None
        assert (outcome.file.name, outcome.file.media_type) == (expect.file.name, expect.file.media_type)
        assert outcome.file.content == expect.file.text.encode("latin-1")


def assert_within(written: Any, given: Any) -> None:  # noqa: ANN401  # any JSON
    """Fail for a field that was written down but does not exist: a misspelt one would be compared with nothing."""
    if isinstance(written, dict):
        assert written.keys() <= given.keys()
        for key, value in written.items():
            assert_within(value, given[key])
    elif isinstance(written, list):
        for one, other in zip(written, given, strict=True):
            assert_within(one, other)
