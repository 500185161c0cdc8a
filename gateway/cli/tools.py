"""What commands work with, opened in one place."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from auth.clock import utc_now
from cache.embedded import url_of_running
from connectors.addresses import AddressPolicy
from connectors.contract import Connector
from connectors.registry import load_connectors
from gateway.audit import Trail
from gateway.keyring import Keyring
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.serve import prepare_database
from gateway.settings import load
from gateway.vault import Vault


class Tools(Struct, frozen=True, kw_only=True):
    """`by` is who runs the command, for the audit trail."""

    db: Database
    keyring: Keyring
    vault: Vault
    trail: Trail
    by: By
    connectors: Mapping[str, Connector[Any]]
    policy: AddressPolicy
    offices: Offices
    base_url: str
    redis_url: str | None  # None: the embedded one does not run


@asynccontextmanager
async def tools() -> AsyncIterator[Tools]:
    """Open the database of this environment, migrated, and what goes with it."""
    settings = load(os.environ)
    url = settings.database_url.reveal()
    await asyncio.to_thread(prepare_database, url)
    db = Database(url)
    keyring = settings.keyring()
    vault = Vault(keyring)
    connectors = load_connectors()
    policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
    offices = Offices(db, vault, connectors, policy)
    try:
        yield Tools(
            db=db,
            keyring=keyring,
            vault=vault,
            trail=Trail(vault, utc_now),
            by=By(f"operator/{_operator()}", "command line"),
            connectors=connectors,
            policy=policy,
            offices=offices,
            base_url=settings.base_url,
            redis_url=settings.redis_url.reveal() if settings.redis_url else url_of_running(settings.data_dir),
        )
    finally:
        await offices.aclose()
        await db.close()


def run(act: Callable[[Tools], Awaitable[None]]) -> None:
    """Do one thing with them, to its end."""

    async def whole() -> None:
        async with tools() as t:
            await act(t)

    asyncio.run(whole())


def _operator() -> str:
    """Name the user of the machine who runs this, as the machine knows them and not as the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers may run under a number that nobody has
        return str(os.getuid())
