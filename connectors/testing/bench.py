"""What every check of the kit stands on: a connector, its recordings, and a way to play them."""

import asyncio
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.config import decode_config
from connectors.contract import Connector
from connectors.errors import ConnectorError
from connectors.testing.far_end import Breakage, FarEnd
from connectors.testing.performing import Outcome, opened, perform
from connectors.testing.recordings import Fixtures, Recording, kind_of, load_fixtures

if TYPE_CHECKING:
    import pytest  # this kit is shipped, and its users bring pytest

_load = cache(load_fixtures)


class Bench:
    """Base of the kit's parts. A check with the argument `recording` runs for each recording, and so on: `cases`."""

    connector: ClassVar[Connector[Any]]
    folder: ClassVar[Path]  # connector_fixtures/<name>

    @property
    def fixtures(self) -> Fixtures:
        return _load(self.folder)

    def cases(self) -> dict[str, list[str]]:
        """Name the values of each argument that a check may have."""
        return {
            "recording": list(self.fixtures.recordings),
            "answered": list(self.fixtures.answered),
            "richest": self.fixtures.richest,
            "kind": list(self.connector.reads),
        }

    def pytest_generate_tests(self, metafunc: "pytest.Metafunc") -> None:
        for argument, values in self.cases().items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values)

    def far_end(
        self, recording: Recording, *, strict: bool = True, broken_from: int = 0, breakage: Breakage | None = None
    ) -> FarEnd:
        base_url = self.connector.base_url(decode_config(self.connector.config, self.fixtures.setup.settings))
        return FarEnd(base_url, recording.exchanges, strict=strict, broken_from=broken_from, breakage=breakage)

    async def play(self, name: str, recording: Recording | None = None, far_end: FarEnd | None = None) -> Outcome:
        """Play a recording, or another in its place, and give what came of it. Raises what the connector raises."""
        played = recording or self.fixtures.recordings[name]
        far_end = far_end or self.far_end(played)
        async with opened(self.connector, self.fixtures.setup, far_end, played) as office:
            return await perform(self.connector, office, kind_of(name), played.ask)

    async def attempt(self, name: str, far_end: FarEnd) -> Outcome | ConnectorError:
        """Play a recording against a far end that may fail, and give the error rather than raise it."""
        try:
            return await self.play(name, far_end=far_end)
        except ConnectorError as error:
            return error

    def questions(self, name: str, recording: Recording) -> list[tuple[str, str, bytes]]:
        """Say what is asked for a recording that may differ from the one of this name."""
        far_end = self.far_end(recording, strict=False)
        with suppress(ConnectorError):  # the answers may be those to another question
            asyncio.run(self.play(name, recording, far_end))
        return [(each.method, str(each.url), each.content) for each in far_end.asked]


def whole_text(error: BaseException | None) -> str:
    """What a log could say of an error and of all that led to it."""
    return f"{error!r} {error}\n{whole_text(error.__cause__)}{whole_text(error.__context__)}" if error else ""
