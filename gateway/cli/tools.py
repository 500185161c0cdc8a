"""What commands work with, opened in one place."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from connectors.addresses import AddressPolicy
from connectors.contract import Connector
from connectors.registry import load_connectors
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.serve import prepare_database
from gateway.settings import load
from gateway.vault import Vault


class Tools(Struct, frozen=True, kw_only=True):
    db: Database
    vault: Vault
    connectors: Mapping[str, Connector[Any]]
    policy: AddressPolicy
    offices: Offices


@asynccontextmanager
async def tools() -> AsyncIterator[Tools]:
    """Open the database of this environment, migrated, and what goes with it."""
    settings = load(os.environ)
    url = settings.database_url.reveal()
    await asyncio.to_thread(prepare_database, url)
    db = Database(url)
    vault = Vault(settings.keyring())
    connectors = load_connectors()
    policy = AddressPolicy(allow_http=settings.allow_http_sources, allow_private=settings.allow_private_sources)
    offices = Offices(db, vault, connectors, policy)
    try:
        yield Tools(db=db, vault=vault, connectors=connectors, policy=policy, offices=offices)
    finally:
        await offices.aclose()
        await db.close()
