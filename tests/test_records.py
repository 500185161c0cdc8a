"""The durable rows, on both databases."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.records import migrate
from gateway.records.database import Database, DatabaseDown
from gateway.records.engines import migration_engine
from gateway.records.tables import Account, Base
from gateway.records.urls import parse_url

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def account(name: str) -> Account:
    return Account(id=name, name=name, created_at=NOON)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Account.name).order_by(Account.name)))


def test_migrates_to_exactly_the_tables(new_database_url: str) -> None:
    assert migrate.pending(new_database_url) == ("0001",)
    assert migrate.upgrade(new_database_url) == ("0001",)
    assert migrate.upgrade(new_database_url) == ()
    assert migrate.pending(new_database_url) == ()
    engine = migration_engine(parse_url(new_database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


async def test_commits_at_the_end_of_a_write(database: Database) -> None:
    async with database.write() as session:
        session.add(account("acme"))
    assert await names(database) == ["acme"]


async def test_rolls_back_a_write_that_fails(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(account("acme"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await names(database) == []


async def test_refuses_a_write_in_a_read(database: Database) -> None:
    with pytest.raises((DatabaseDown, sa.exc.DBAPIError)):
        async with database.read() as session:
            session.add(account("acme"))
    assert await names(database) == []
