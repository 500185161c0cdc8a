"""What the portal wrote for customers, and how it is known again.

RT names the token's account as the author of all that comes by its API. So a reply carries a subject, which says who
wrote it, and a new ticket refers to a name of ours. Both hold the reference; no field has to be set up for them.
"""

import re
from collections.abc import Collection

from msgspec import Struct

from connectors.vendors.request_tracker.api import Key, RequestTracker, walk

NAME = "urn:hallway:"
LONGEST_SUBJECT = 200  # what RT keeps of a ticket's

_SUBJECT = re.compile(r"\[[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\] (?P<author>.+), in the customer portal")


class OurRow(Struct):
    id: Key


def name_of(reference: str) -> str:
    """Name what was asked for under a reference: a ticket refers to it."""
    return f"{NAME}{reference}"


def subject_of(reference: str, author: str) -> str:
    """Give the subject of a reply, which staff read above it, and in the mail that RT sends them."""
    return f"[{reference}] {one_line(author)}, in the customer portal"


def holds(subject: str, reference: str) -> bool:
    return subject.startswith(f"[{reference}] ")


def author_in(subject: str) -> str | None:
    """Say for whom we wrote, if it was us. Anybody can write such a subject: see `written_by_us`."""
    match = _SUBJECT.fullmatch(subject.strip())
    return match["author"] if match else None


def one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SUBJECT]


async def written_by_us(office: RequestTracker, keys: Collection[Key]) -> frozenset[str]:
    """Say which transactions are of the token's account. A mail from anywhere could look the same."""
    if not keys:
        return frozenset()
    these = " OR ".join(f"id = {int(key)}" for key in keys)
    query = f"ObjectType = 'RT::Ticket' AND Creator = '__CurrentUser__' AND ({these})"
    return frozenset(str(row.id) for row in await walk(office, OurRow, "/transactions", "Type", query=query))
