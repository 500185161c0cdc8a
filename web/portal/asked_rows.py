"""What pages say of a document that we asked for."""

from datetime import date

from msgspec import Struct

from gateway.asked import Asked
from gateway.languages import gettext, pgettext
from gateway.statuses import Status


class AskedRow(Struct, frozen=True):
    """A document with the words for how it stands."""

    asked: Asked
    status: Status

    @property
    def href(self) -> str:
        return f"/documents/asked/{self.asked.id}"

    @property
    def about(self) -> tuple[str, str] | None:
        """Give the address of the record that it belongs to, and what that is called."""
        place = self.asked.about or ""
        called = _called(place)
        return (place, called) if called else None

    @property
    def due_on(self) -> date | None:
        """The day, while it matters."""
        return self.asked.due_on if self.asked.is_wanted else None


def row_of_asked(asked: Asked, today: date) -> AskedRow:
    return AskedRow(asked, _status(asked, today))


def _status(asked: Asked, today: date) -> Status:
    """Say how it stands, in the reader's language."""
    nothing = gettext("Nothing to do.")
    match asked.state:
        case "asked" if asked.due_on is not None and asked.due_on < today:
            label = pgettext("a document", "Overdue")
            return Status(label, "bad", gettext("We still need this from you."), gettext("Send it now."))
        case "asked":
            label = pgettext("a document", "Asked of you")
            return Status(label, "warn", gettext("We need this from you."), gettext("Send it."))
        case "received":
            return Status(pgettext("a document", "Received"), "go", gettext("We have it and look at it."), nothing)
        case "accepted":
            label = pgettext("a document", "Accepted")
            return Status(label, "ok", gettext("This is what we needed. Thank you."), nothing)
        case "refused":
            label, why = pgettext("a document", "Asked again"), gettext("Read why, and send another one.")
            return Status(label, "bad", gettext("We could not take what you sent."), why)
        case "withdrawn":
            return Status(pgettext("a document", "Not needed"), "idle", gettext("We ask for it no more."), nothing)


def _called(place: str) -> str | None:
    match place.split("/")[1:2]:
        case ["orders"]:
            return pgettext("It belongs to", "the order")
        case ["invoices"]:
            return pgettext("It belongs to", "the invoice")
        case ["requests"]:
            return pgettext("It belongs to", "the request")
        case _:
            return None
