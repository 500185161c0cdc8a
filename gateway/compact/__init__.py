"""What Redis holds takes memory for every customer: it is written in frames of zstd, with a dictionary of our own.

Dictionaries are made of our fixtures alone (tests/train_dictionary.py). Each frame names the one it was written with.
Old ones stay in the folder as long as frames of theirs may lie in a cache.
"""

import sys
from pathlib import Path
from typing import Final, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FOLDER: Final = Path(__file__).parent / "dictionaries"  # of files named by their dictionary's id
CURRENT: Final = 495083741
LEVEL: Final = 1
MOST = 32 * 1024 * 1024  # bytes of one text

# The checksum costs four bytes; without it, one changed byte could be another amount of money.
_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}
_LIMITS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: MOST.bit_length() - 1}
_DICTIONARIES: Final = {int(file.name): zstd.ZstdDict(file.read_bytes()) for file in FOLDER.iterdir()}


class FrameError(ValueError):
    """These bytes are not what `shrink` writes."""


def shrink(text: bytes) -> bytes:
    return zstd.compress(text, options=_OPTIONS, zstd_dict=_DICTIONARIES[CURRENT])


def expand(frame: bytes) -> bytes:
    """Give the text of a frame, of an older dictionary too. Raises `FrameError`, before much memory is taken."""
    try:
        told = zstd.get_frame_info(frame)
        dictionary = _DICTIONARIES.get(told.dictionary_id)
        length = cast("int | None", told.decompressed_size)  # None where the frame does not say
        if dictionary is None or length is None or length > MOST:
            raise FrameError(f"dictionary {told.dictionary_id}, {length} bytes")
        reader = zstd.ZstdDecompressor(dictionary, _LIMITS)
        text = reader.decompress(frame, max_length=length)
    except zstd.ZstdError as error:
        raise FrameError(str(error)) from None
    if len(text) != length or not reader.eof or reader.unused_data:
        raise FrameError("cut short, or more than one")
    return text
