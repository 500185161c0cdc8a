"""Compressed snapshots: small, and nothing else but what was written comes out of one."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from train_dictionary import samples

from gateway import compact
from gateway.compact import CURRENT, FOLDER, MOST, FrameError, expand, shrink

TEXT = b"INV-00017, posted, 376.20 EUR, due on the first of the month"


@given(st.binary(max_size=5000))
def test_gives_back_what_was_written(text: bytes) -> None:
    assert expand(shrink(text)) == text


def test_names_its_dictionary() -> None:
    assert zstd.get_frame_info(shrink(TEXT)).dictionary_id == CURRENT


def test_names_each_dictionary_by_its_own_id() -> None:
    for file in FOLDER.iterdir():
        assert zstd.ZstdDict(file.read_bytes()).dict_id == int(file.name)


def test_is_made_of_the_fixtures() -> None:
    """Records that the dictionary knows take half of what they would take without it."""
    records = list(samples())

    assert sum(map(len, map(shrink, records))) * 2 < sum(len(zstd.compress(each)) for each in records)


def test_reads_what_an_older_dictionary_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    older = shrink(TEXT)
    newer = zstd.train_dict([b"%d is another text, and so it goes on" % n for n in range(2000)], 2048)
    monkeypatch.setitem(compact._DICTIONARIES, newer.dict_id, newer)
    monkeypatch.setattr(compact, "CURRENT", newer.dict_id)

    assert zstd.get_frame_info(shrink(TEXT)).dictionary_id == newer.dict_id
    assert expand(shrink(TEXT)) == expand(older) == TEXT


def test_reads_nothing_of_a_dictionary_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shrink(TEXT)
    monkeypatch.delitem(compact._DICTIONARIES, CURRENT)
    with pytest.raises(FrameError, match=str(CURRENT)):
        expand(frame)


def test_gives_nothing_but_what_was_written_when_a_byte_has_changed() -> None:
    frame = shrink(TEXT)
    for place in range(len(frame)):
        for bit in range(8):
            changed = bytearray(frame)
            changed[place] ^= 1 << bit
            with suppress(FrameError):
                assert expand(bytes(changed)) == TEXT  # one bit of the head means nothing


def not_frames() -> Iterator[bytes]:
    frame = shrink(TEXT)
    yield from (b"", TEXT, msgspec.msgpack.encode(((), None, True)), frame + frame, frame + b"\0")
    yield from (frame[:length] for length in range(len(frame)))
    yield zstd.compress(TEXT)  # of no dictionary


def test_reads_nothing_that_is_no_frame() -> None:
    for written in not_frames():
        with pytest.raises(FrameError):
            expand(written)


def test_takes_no_bomb() -> None:
    with pytest.raises(FrameError, match=str(MOST + 1)):
        expand(shrink(bytes(MOST + 1)))


def test_takes_no_bomb_that_says_it_is_small() -> None:
    frame, small = shrink(bytes(1000)), shrink(bytes(900))
    head = next(place for place in range(len(frame)) if frame[place] != small[place])  # of the length
    lying = frame[:head] + small[head : head + 2] + frame[head + 2 :]
    assert zstd.get_frame_info(lying).decompressed_size == 900

    with pytest.raises(FrameError):
        expand(lying)


def test_takes_no_frame_that_does_not_say_how_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = {**compact._OPTIONS, zstd.CompressionParameter.content_size_flag: 0}
    monkeypatch.setattr(compact, "_OPTIONS", silent)
    with pytest.raises(FrameError, match="None"):
        expand(shrink(TEXT))
