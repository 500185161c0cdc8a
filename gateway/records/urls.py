"""Where the durable rows live: `sqlite:///path/file.db` or `postgresql://user:password@host/name`, percent-encoded."""

from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

EXAMPLES = "write sqlite:///path/to/hallway.db or postgresql://user:password@host/name"


class DatabaseUrlError(ValueError):
    """An address that is no database of ours. The text repeats no part of it: it may hold a password."""


def parse_url(url: str) -> sa.URL:
    """Check an address, and make it absolute and fit for SQLAlchemy."""
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError(f"this is no database address: {EXAMPLES}") from None
    match parsed.drivername:
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed)
        case _:
            raise DatabaseUrlError(f"this kind of database is not supported: {EXAMPLES}")


def sqlite_path(url: sa.URL) -> Path | None:
    """Name the file of a parsed SQLite address."""
    return Path(url.database) if url.drivername == "sqlite" and url.database else None


def sqlite_url(driver: str, path: Path) -> sa.URL:
    """Name an existing file: SQLite alone would make an empty one for a mistyped path."""
    return sa.URL.create(driver, database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})


def _sqlite(url: sa.URL) -> sa.URL:
    if url.host or url.query:
        raise DatabaseUrlError(
            "an SQLite address has three slashes before the path, and no options: sqlite:///hallway.db"
        )
    if not url.database or url.database == ":memory:":
        raise DatabaseUrlError("an SQLite database in memory is lost at every stop: name a file")
    return url.set(database=str(Path(url.database).absolute()))


def _postgresql(url: sa.URL) -> sa.URL:
    if not url.database:
        raise DatabaseUrlError("the PostgreSQL address names no database: postgresql://user:password@host/name")
    return url.set(drivername="postgresql+psycopg")
