"""Ids of a vendor's that are numbers, as they come in a link, a cursor or an address."""

from connectors.errors import NotFound

FITS = 18  # digits: so many fit in 64 bits, whatever they are


def digits(text: str, vendor: str) -> str:
    """Check an id before it becomes part of a question. Anything but a number is nobody's. Raises `NotFound`."""
    if not (text.isascii() and text.isdigit() and len(text) <= FITS):
        raise NotFound(f"{vendor}: no such id")
    return text
