"""What pages say of something that the visitor sent and that could not be taken: what it is, and where to mend it."""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from connectors.records import Record
from gateway.account_view import Part
from gateway.declined import Declined
from gateway.languages import gettext
from gateway.statuses import Status
from web.portal.home_rows import row_of
from web.portal.sent import STATES


class DeclinedRow(Struct, frozen=True, kw_only=True):
    """`title` says what was sent."""

    title: str
    href: str
    status: Status


def rows_of_declined(declined: Iterable[Declined], parts: Sequence[Part], today: date) -> list[DeclinedRow]:
    """Write the rows. Records are called as `parts` call them."""
    return [
        DeclinedRow(title=_title(each, _name(each, parts, today)), href=each.place, status=STATES["needs_you"])
        for each in declined
    ]


def _title(each: Declined, name: str | None) -> str:
    match each.action:
        case "new_ticket":
            return each.subject
        case "change_details":
            return gettext("Your details")
        case "reply" | "accept" | "decline":
            return gettext("Your answer: {about}", about=name) if name else gettext("Your answer")
        case _:
            return name or gettext("What you sent")


def _name(each: Declined, parts: Sequence[Part], today: date) -> str | None:
    """Give what the record is called that it is about. None: it is about none, or no list has it."""
    found = next((record for part in parts for record in part.records if _is_it(each, part, record)), None)
    return row_of(found, each.place, today).name if found else None


def _is_it(each: Declined, part: Part, record: Record) -> bool:
    kind = "orders" if each.area == "orders" else "tickets"
    return (part.kind, part.source, record.origin.id) == (kind, each.source, each.about)
