"""Make the dictionary that snapshots are compressed with, of our fixtures alone: `make dictionary`.

The samples are the records that the connectors' recordings expect, one by one and as snapshots of a list. The same
fixtures and the same zstd make the same bytes. A new dictionary is written beside the old ones, named by its id.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from backports import zstd
from support_tree import ROOT

from connectors.records import KINDS, Record
from connectors.testing.recordings import Recording, kind_of
from gateway.compact import CURRENT, FOLDER

FIXTURES = ROOT / "connector_fixtures"
SIZE = 16 * 1024


def samples() -> Iterator[bytes]:
    for file in sorted(FIXTURES.glob("*/*__*.json")):
        records = expected(file)
        if records:
            yield msgspec.msgpack.encode((records, None, True))
            yield from map(msgspec.msgpack.encode, records)


def expected(file: Path) -> list[Record]:
    """Give the records that a recording expects, written by hand from a vendor's documents."""
    kind = kind_of(file.stem)
    written = msgspec.json.decode(file.read_bytes(), type=Recording).expect.records
    return [msgspec.convert(each, KINDS[kind]) for each in written or ()] if kind else []


def main() -> None:
    made = zstd.train_dict(list(samples()), SIZE)
    (FOLDER / str(made.dict_id)).write_bytes(made.dict_content)
    hint = "is in use" if made.dict_id == CURRENT else "is new: name it as CURRENT in gateway/compact"
    sys.stdout.write(f"{made.dict_id} {hint}\n")


if __name__ == "__main__":
    main()
