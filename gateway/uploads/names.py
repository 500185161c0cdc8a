"""Names of files, made harmless: one that people can read, and that can do nothing wherever it is saved."""

import re
import unicodedata

LONGEST = 100  # characters
MOST_BYTES = 200  # of UTF-8; no system takes more than 255
LONGEST_SUFFIX = 10

_UNSAFE = re.compile(r'[<>:"|?*\\/%]')
# What Windows takes for a device, with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def harmless(name: str) -> str:
    """Give the last part of a path without what turns text around, hides in it, or means something to a system."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(sign if _is_shown(sign) else " " for sign in unicodedata.normalize("NFC", last))
    plain = " ".join(_UNSAFE.sub("_", shown).split()).rstrip(". ")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > LONGEST_SUFFIX:
        stem, suffix = plain, ""
    if _DEVICES.match(plain):
        stem = f"_{stem}"
    ending = f".{suffix.strip()}" if suffix else ""
    cut = stem[: LONGEST - len(ending)].encode("utf-8", "ignore")[: MOST_BYTES - len(ending.encode())]
    return f"{cut.decode('utf-8', 'ignore').strip('. ') or 'file'}{ending}"


def suffix_of(name: str) -> str:
    """Give what comes after the last dot, in small letters."""
    return name.rpartition(".")[2].casefold() if "." in name else ""


def _is_shown(sign: str) -> bool:
    return not unicodedata.category(sign).startswith(("C", "Z")) or sign == " "
