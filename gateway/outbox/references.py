"""The references under which customers find again what they sent: short enough to be read out on the phone."""

import secrets

import sqlalchemy as sa

from gateway.records.finding import LONGEST_WORDS
from gateway.records.ids import ALPHABET
from gateway.records.outbox_tables import OutboxRow

GROUPS, SIZE = 3, 4  # sixty random bits


def new_reference() -> str:
    """Give one like 7K3P-9QXD-2MTB. Nobody can guess another one's from theirs."""
    signs = (secrets.choice(ALPHABET).upper() for _ in range(GROUPS * SIZE))
    text = "".join(signs)
    return "-".join(text[at : at + SIZE] for at in range(0, len(text), SIZE))


def with_number(number: str) -> sa.ColumnElement[str]:
    """Give what a row is found by once it has a number, too."""
    words = sa.func.coalesce(OutboxRow.words, "") + " " + number.lower()
    return sa.func.substr(words, 1, LONGEST_WORDS)
