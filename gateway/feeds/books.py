"""The books: what was known of each list when it was last looked for news. Redis may forget, they do not."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import date

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.config import Secret
from connectors.records import Kind
from gateway.compact import FrameError, expand, shrink
from gateway.events import Book
from gateway.offices import Office
from gateway.records.mail_tables import BookRow
from gateway.records.upsert import insert

Place = tuple[str, str, Kind]  # source, customer, kind

_book = msgspec.msgpack.Decoder(Book)


class Written(Struct, frozen=True):
    """A book as its row has it. `book` None: there is none that is about this account and system."""

    turn: int
    book: Book | None
    due_on: date | None = None


def system_of(office: Office) -> str:
    """Name what is read, however its secrets change: in another system the same id is another record."""
    config = office.back_office.config
    plain = {name: value for name in config.__struct_fields__ if not isinstance(value := getattr(config, name), Secret)}
    return hashlib.sha256(msgspec.json.encode((office.connector.name, plain), order="sorted")).hexdigest()[:16]


async def read_books(
    session: AsyncSession, places: Mapping[Place, tuple[str, str]], *, lock: bool = False
) -> dict[Place, Written]:
    """Read the books of some lists, each with the account and the system that it has to be about."""
    among = (
        sa.select(BookRow)
        .where(sa.tuple_(BookRow.source, BookRow.customer, BookRow.kind).in_(list(places)))
        .order_by(BookRow.source, BookRow.customer, BookRow.kind)
    )
    found = {place: Written(0, None) for place in places}
    for row in await session.scalars(among.with_for_update() if lock else among):
        place: Place = row.source, row.customer, row.kind  # type: ignore[assignment]  # as it was written
        book = _read(row.book)
        is_it = book is not None and (row.account_id, book.system) == places[place]
        found[place] = Written(row.turn, book if is_it else None, row.due_on)
    return found


async def write_book(session: AsyncSession, place: Place, account: str, kept: Written) -> None:
    """Write a book in the place of the one with the turn before."""
    source, customer, kind = place
    new = {
        "account_id": account,
        "turn": kept.turn,
        "book": shrink(msgspec.msgpack.encode(kept.book)),
        "due_on": kept.due_on,
    }
    row = insert(session, BookRow).values(source=source, customer=customer, kind=kind, **new)
    await session.execute(
        row.on_conflict_do_update(index_elements=[BookRow.source, BookRow.customer, BookRow.kind], set_=new)
    )


async def due_books(
    session: AsyncSession, before: date, after: Collection[str], most: int
) -> list[tuple[str, str, str, Kind]]:
    """Give lists with bills that fell due before a day, as account, source, customer and kind, in order."""
    where = [BookRow.due_on < before]
    if after:
        where.append(sa.tuple_(BookRow.source, BookRow.customer, BookRow.kind) > tuple(after))
    some = sa.select(BookRow.account_id, BookRow.source, BookRow.customer, BookRow.kind).where(*where)
    ordered = some.order_by(BookRow.source, BookRow.customer, BookRow.kind).limit(most)
    return [tuple(row) for row in await session.execute(ordered)]  # type: ignore[misc]  # kinds, as they were written


def _read(frame: bytes) -> Book | None:
    """Read a book. What another version of us wrote, and we cannot read, is none."""
    try:
        return _book.decode(expand(frame))
    except (msgspec.MsgspecError, FrameError):
        return None
