"""What a connector says of itself is whole: a title for every setting, a meaning for every status."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec.inspect import Metadata, StructType, type_info

from connectors.records import KINDS, Kind
from connectors.testing.bench import Bench


class Declared(Bench):
    """Data that needs no far end to be checked."""

    def test_is_called_like_its_recordings(self) -> None:
        assert self.connector.name == self.folder.name

    def test_gives_every_setting_a_title_and_a_description(self) -> None:
        config = type_info(self.connector.config)
        assert isinstance(config, StructType)
        told = {field.name: _described(field.type) for field in config.fields}
        assert [name for name, words in told.items() if not {"title", "description"} <= words] == []

    def test_fetches_what_it_reads(self) -> None:
        assert set(self.connector.fetch) == set(self.connector.reads)
        assert set(self.connector.files) <= set(self.connector.reads) <= set(KINDS)

    def test_names_its_limits_and_its_proof(self) -> None:
        assert self.connector.limits.concurrent > 0
        assert self.connector.scope.customer
        assert self.connector.scope.proof

    def test_maps_every_status_the_vendor_knows(self, kind: Kind) -> None:
        assert set(self.connector.statuses[kind]) == set(self.fixtures.statuses[kind])

    def test_maps_to_words_of_ours(self, kind: Kind) -> None:
        words = get_args(get_type_hints(KINDS[kind])["state"])
        assert set(self.connector.statuses[kind].values()) <= set(words)

    def test_gives_a_record_the_state_that_its_table_says(self, kind: Kind) -> None:
        table = self.connector.statuses[kind]
        written = [(each["vendor_state"], each["state"]) for each in self._written(kind)]
        assert written == [(theirs, table.get(theirs, ours)) for theirs, ours in written]

    def test_calls_a_status_from_tomorrow_unknown(self, kind: Kind) -> None:
        table = self.connector.statuses[kind]
        states = [each["state"] for each in self._written(kind) if each["vendor_state"] not in table]
        assert "unknown" in states, f"record {kind} with a status that no table holds, and expect it to be unknown"

    def _written(self, kind: Kind) -> Iterator[dict[str, Any]]:
        for call in ("read", "fetch"):
            for recording in self.fixtures.of(call, kind).values():
                yield from recording.expect.records or ()


def _described(type_: msgspec.inspect.Type) -> set[str]:
    return set(type_.extra_json_schema or ()) if isinstance(type_, Metadata) else set()
