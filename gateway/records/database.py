"""Sessions in a transaction: `read()` for looking, `write()` for changing. They look the same on both databases."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from gateway.records.engines import PATIENCE, SOON, async_engines, patient_until
from gateway.records.urls import parse_url


class DatabaseDown(Exception):  # noqa: N818  # says what is, like CacheDown
    """The database gave no usable answer in time: away, locked or full. Nothing was committed."""


class Database:
    """The durable rows at one address. Opens connections when they are first needed; `close` it at the end.

    `patience` is how many seconds a lock, a statement or a free connection may take.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._reader, self._writer = async_engines(parse_url(url), patience)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Look at one moment of the database. A write in here is refused by the database itself."""
        async with _transaction(self._reader) as session:
            yield session

    @asynccontextmanager
    async def write(self, *, within: float | None = None) -> AsyncIterator[AsyncSession]:
        """Change rows: committed at the end, rolled back on any error.

        `within` says how many seconds to wait for its turn, None: as many as anything.

        Keep it short, and never wait for the network inside: SQLite has one writer at a time. What is read here to be
        changed is read `.with_for_update()`: PostgreSQL has many writers.
        """
        until = patient_until.set(time.monotonic() + (self._patience if within is None else within))
        try:
            async with _transaction(self._writer) as session:
                if within is not None:
                    await _turn(session, within)
                yield session
        finally:
            patient_until.reset(until)

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    with translated():
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session


async def _turn(session: AsyncSession, within: float) -> None:
    try:
        async with asyncio.timeout(within + SOON):
            await session.connection()
    except TimeoutError as error:
        raise DatabaseDown("all connections are busy") from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn a database that does not answer into `DatabaseDown`. Broken rules stay what they are."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseDown(_first_line(error)) from error
    except NoFreeConnection as error:
        raise DatabaseDown("all connections are busy") from error


def _first_line(error: DBAPIError) -> str:
    """Drivers put values of the row on later lines."""
    return str(error.orig).partition("\n")[0]
