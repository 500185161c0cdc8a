"""What pages say of a document that we asked for."""

from datetime import date

from msgspec import Struct

from gateway.asked import Asked
from gateway.statuses import Status

RECORDS = {"orders": "the order", "invoices": "the invoice", "requests": "the request"}
OVERDUE = Status("Overdue", "bad", "We still need this from you.", "Send it now.")
STATUSES = {
    "asked": Status("Asked of you", "warn", "We need this from you.", "Send it."),
    "received": Status("Received", "go", "We have it and look at it.", "Nothing to do."),
    "accepted": Status("Accepted", "ok", "This is what we needed. Thank you.", "Nothing to do."),
    "refused": Status("Asked again", "bad", "We could not take what you sent.", "Read why, and send another one."),
    "withdrawn": Status("Not needed", "idle", "We ask for it no more.", "Nothing to do."),
}


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
        area = (self.asked.about or "").split("/")[1:2]
        return (self.asked.about or "", RECORDS[area[0]]) if area and area[0] in RECORDS else None

    @property
    def due_on(self) -> date | None:
        """The day, while it matters."""
        return self.asked.due_on if self.asked.is_wanted else None


def row_of_asked(asked: Asked, today: date) -> AskedRow:
    is_late = asked.state == "asked" and asked.due_on is not None and asked.due_on < today
    return AskedRow(asked, OVERDUE if is_late else STATUSES[asked.state])
