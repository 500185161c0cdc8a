"""Whether two colours can be told apart, as WCAG 2 counts it."""

import re

HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
WEIGHTS = (0.2126, 0.7152, 0.0722)  # how bright red, green and blue look


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
