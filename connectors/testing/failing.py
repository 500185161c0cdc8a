"""Whatever goes wrong over there becomes one of `connectors.errors`, or an answer that may be stored and shown."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from unittest import SkipTest

from connectors import errors
from connectors.records import Kind
from connectors.testing.bench import Bench, whole_text
from connectors.testing.breakages import FAILURES, Failure, given
from connectors.testing.hostile import BODIES, with_hostile_values
from connectors.testing.performing import Outcome
from connectors.testing.recordings import Exchange
from connectors.testing.soundness import check_sound


class Failing(Bench):
    """What a connector does when an answer is missing, wrong or hostile, in each place where one may come."""

    corpus: ClassVar[Path | None] = None  # a folder of more documents to answer with

    def cases(self) -> dict[str, list[str]]:
        own = [each.about for each in self.fixtures.own_errors]
        return {**super().cases(), "failure": list(FAILURES), "own_error": own}

    def test_names_a_failure(self, richest: str, failure: str) -> None:
        asyncio.run(self._fail(richest, FAILURES[failure], range(len(self._exchanges(richest)))))

    def test_names_the_vendors_own_errors(self, richest: str, own_error: str) -> None:
        error = next(each for each in self.fixtures.own_errors if each.about == own_error)
        kind = getattr(errors, error.raises)
        calls = [place for place, each in enumerate(self._exchanges(richest)) if each.response.is_json]
        asyncio.run(self._fail(richest, Failure(given(error.response), kind), calls))

    def test_survives_hostile_documents(self, richest: str) -> None:
        documents = [(repr(each[:40]), each) for each in BODIES]
        asyncio.run(self._survive(richest, documents))

    def test_survives_hostile_values(self, richest: str) -> None:
        async def survive() -> None:
            for place, exchange in enumerate(self._exchanges(richest)):
                if exchange.response.is_json:
                    await self._survive(richest, with_hostile_values(exchange.response.content), place)

        asyncio.run(survive())

    def test_survives_the_corpus(self, kind: Kind) -> None:
        if self.corpus is None:
            raise SkipTest("no corpus of hostile documents was given")
        documents = [(path.name, path.read_bytes()) for path in sorted(self.corpus.glob("*.json"))]
        assert documents, f"no documents in {self.corpus}"
        for call in ("read", "changes") if kind in self.connector.feeds else ("read",):
            name = next(name for name in self.fixtures.of(call, kind) if name in self.fixtures.richest)
            asyncio.run(self._survive(name, documents, len(self._exchanges(name)) - 1))

    def _exchanges(self, name: str) -> list[Exchange]:
        return self.fixtures.recordings[name].exchanges

    async def _fail(self, name: str, failure: Failure, places: Iterable[int]) -> None:
        recording = self.fixtures.recordings[name]
        for place in places:
            broken = self.far_end(recording, broken_from=place, breakage=failure.breakage)
            error = await self.attempt(name, broken)
            assert isinstance(error, failure.raises), f"answer {place}: {error!r}, not {failure.raises.__name__}"
            assert error.retry_after == failure.retry_after
            assert self.fixtures.setup.canary not in whole_text(error), f"answer {place} is quoted in the error"

    async def _survive(self, name: str, documents: Iterable[tuple[str, bytes]], *places: int) -> None:
        recording = self.fixtures.recordings[name]
        for about, document in documents:
            for place in places or range(len(recording.exchanges)):
                hostile = self.far_end(recording.with_body(place, document), strict=False)
                try:
                    outcome = await self.attempt(name, hostile)
                    if isinstance(outcome, Outcome):
                        check_sound(outcome)
                except Exception as error:
                    raise AssertionError(f"answer {place}, {about}: {error!r}") from error
