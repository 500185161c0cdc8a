"""What is said of a text that is longer than we take."""

from gateway.languages import gettext
from web.words import whole


def too_long(most: int) -> str:
    """Say how many characters there may be."""
    return gettext("Write at most {most} characters.", most=whole(most))


def shorten(length: int, most: int) -> str:
    """Say how many there are, and how many there may be."""
    return gettext(
        "This has {length} characters, and {most} can be sent. Shorten it.", length=whole(length), most=whole(most)
    )
