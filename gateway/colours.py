"""Whether two colours can be told apart, as WCAG 2 counts it."""

import re
from collections.abc import Iterator
from typing import Literal

HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
SURFACE = "#fff"  # what the light theme's cards are made of
READABLE, VISIBLE = 4.5, 3.0  # WCAG AA for text, and for what is not text
WEIGHTS = (0.2126, 0.7152, 0.0722)  # how bright red, green and blue look


def clashes(accent: str, ink: str) -> Iterator[tuple[Literal["accent", "ink"], str]]:
    """Say what could not be read with an accent and the colour of text on it, and what to do."""
    if (found := contrast(ink, accent)) < READABLE:
        problem = f"text of this colour on the accent has a contrast of {found:.2f}, and needs {READABLE}"
        yield "ink", f"{problem}: try #fff or #101215, or change the accent"
    if (found := contrast(accent, SURFACE)) < VISIBLE:
        yield "accent", f"has a contrast of {found:.2f} on white, and needs {VISIBLE}: choose a darker one"


def contrast(one: str, other: str) -> float:
    """Compare two `#rgb` or `#rrggbb` colours: 1.0 for the same, 21.0 for black on white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > len("#rgb") else "".join(digit * 2 for digit in colour[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return sum(weight * _linear(channel) for weight, channel in zip(WEIGHTS, channels, strict=True))


def _linear(channel: float) -> float:
    """Undo sRGB's gamma."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # the standard's figures
