"""What must never come out: other customers' records, internal notes, secrets."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from connectors.config import decode_config, secret_fields
from connectors.contract import FileQuery
from connectors.errors import ConnectorError, NotFound
from connectors.records import Kind
from connectors.scope import admit
from connectors.testing.bench import Bench, whole_text
from connectors.testing.breakages import FAILURES, flood
from connectors.testing.far_end import Pieces
from connectors.testing.performing import opened

if TYPE_CHECKING:
    import pytest


class Guarding(Bench):
    """Owners, internal notes, secrets, and files that are too big to hold."""

    def test_shows_nothing_to_another_customer(self, answered: str) -> None:
        """The far end does not look whose a record is, and answers everybody alike."""
        recording = self.fixtures.recordings[answered]
        if not recording.ask.customer:
            return
        other = self.fixtures.setup.other_customer
        asked_by_other = msgspec.structs.replace(recording.ask, customer=other)
        played = msgspec.structs.replace(recording, ask=asked_by_other)
        try:
            outcome = asyncio.run(self.play(answered, played, self.far_end(played, strict=False)))
        except NotFound:
            return
        assert outcome.file is None, "a file of somebody else's"
        assert outcome.counterpart is None, "who looks after somebody else"
        assert admit(outcome.answers, other).records == ()

    def test_has_an_internal_note_to_hide(self) -> None:
        """Without one among the answers, the next check would prove nothing."""
        canary = self.fixtures.setup.canary.encode()
        told = [exchange.response.content for each in self.fixtures.answered.values() for exchange in each.exchanges]
        assert "tickets" not in self.connector.reads or any(canary in answer for answer in told)

    def test_keeps_internal_notes_inside(self, answered: str) -> None:
        outcome = asyncio.run(self.play(answered))
        assert self.fixtures.setup.canary not in repr(outcome)

    def test_keeps_secrets_inside(
        self, recording: str, caplog: "pytest.LogCaptureFixture", capsys: "pytest.CaptureFixture[str]"
    ) -> None:
        """Neither in an address, nor in the text of an error with all its causes, nor in a log."""
        caplog.set_level("DEBUG")
        told = asyncio.run(self._told(recording))
        told += [caplog.text, *capsys.readouterr()]
        for secret in self._secrets():
            assert [text for text in told if secret in text] == []

    def test_seals_its_secrets(self) -> None:
        assert sorted(secret_fields(self.connector.config)) == sorted(self.fixtures.setup.secrets)

    def test_shows_no_secret_as_text(self) -> None:
        config = decode_config(self.connector.config, self.fixtures.setup.settings)
        shown = f"{config} {config!r} {self.connector!r} {self.connector.base_url(config)}"
        assert [secret for secret in self._secrets() if secret in shown] == []

    def test_never_holds_a_file_whole(self, file_kind: Kind) -> None:
        asyncio.run(self._begin_a_big_file(file_kind))

    def cases(self) -> dict[str, list[str]]:
        return {**super().cases(), "file_kind": list(self.connector.files)}

    def _secrets(self) -> list[str]:
        secrets = [str(self.fixtures.setup.settings[name]) for name in self.fixtures.setup.secrets]
        assert all(len(secret) >= 8 for secret in secrets), "made-up secrets must be long enough to be told apart"  # noqa: PLR2004  # characters
        return secrets

    async def _told(self, name: str) -> list[str]:
        recording = self.fixtures.recordings[name]
        last = len(recording.exchanges) - 1
        told: list[str] = []
        for failure in (None, "401", "404", "500", "HTML", "no connection"):
            breakage = FAILURES[failure].breakage if failure else None
            far_end = self.far_end(recording, strict=False, broken_from=last, breakage=breakage)
            outcome = await self.attempt(name, far_end)
            if isinstance(outcome, ConnectorError):
                told.append(whole_text(outcome))
            told += [str(request.url) for request in far_end.asked]
        return told

    async def _begin_a_big_file(self, kind: Kind) -> None:
        files = self.fixtures.of("file", kind)
        recording = next(files[name] for name in self.fixtures.richest if name in files)
        far_end = self.far_end(recording, broken_from=len(recording.exchanges) - 1, breakage=flood)
        wanted = FileQuery(record=recording.ask.id, file=recording.ask.file, customer=recording.ask.customer)
        async with (
            opened(self.connector, self.fixtures.setup, far_end, recording) as office,
            self.connector.files[kind](office, wanted) as stream,
        ):
            assert await anext(stream.chunks)
            body = far_end.given[-1].stream
            assert isinstance(body, Pieces)
            assert body.taken < 10, "most of the file was read before any of it was passed on"  # noqa: PLR2004  # of some 600
