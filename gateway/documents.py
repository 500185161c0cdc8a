"""Every file of every record, in one list."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from msgspec import Struct

from connectors.records import FileRef, Invoice, Order, Record, Ticket
from gateway.account_view import Part
from gateway.home import Item


class Document(Struct, frozen=True):
    """A file, and the record that it belongs to."""

    file: FileRef
    item: Item[Record]
    day: date | datetime | None

    @property
    def order(self) -> tuple[str, str]:
        return self.day.isoformat() if self.day else "", self.file.name


def documents(parts: Iterable[Part]) -> list[Document]:
    """List the files, the newest first. Tickets have theirs only where they were read whole.

    Those of a record in whose place another one is shown are files nonetheless.
    """
    records = ((part, record) for part in parts for record in (*part.records, *part.left_out))
    found = [document for part, record in records for document in _documents(Item(record, part))]
    return sorted(found, key=lambda document: document.order, reverse=True)


def _documents(item: Item[Record]) -> Iterator[Document]:
    match item.record:
        case Order(files=files, ordered_at=day) | Invoice(files=files, issued_on=day):
            for file in files:
                yield Document(file, item, day)
        case Ticket(messages=messages):
            for message in messages or ():
                for file in message.files:
                    yield Document(file, item, message.at)
