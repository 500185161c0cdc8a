"""The real application at providers of support_op, with nobody linked to anything and no back office."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.types import ASGIApp
from support_browser import BASE, Visitor
from support_op import Op
from support_portal import running

from cache.client import Client
from gateway.app import make_app
from gateway.settings import load


def litestar_of(app: ASGIApp) -> Litestar:
    """The framework's application inside of what is around it."""
    inner: Any = app
    while not isinstance(inner, Litestar):
        inner = inner._app
    return inner


@asynccontextmanager
async def portal_at(op: Op, database_url: str, redis_url: str, folder: Path, **more: str) -> AsyncIterator[ASGIApp]:
    """Settings in `more` are without their prefix."""
    settings = load(
        {
            "HALLWAY_BASE_URL": BASE,
            "HALLWAY_DATABASE_URL": database_url,
            "HALLWAY_REDIS_URL": redis_url,
            "HALLWAY_DATA_DIR": str(folder),
            "HALLWAY_KEYS": "1:" + "A" * 43 + "=",
            "HALLWAY_OIDC_ISSUER": op.issuer,
            "HALLWAY_OIDC_CLIENT_ID": op.client_id,
            "HALLWAY_OIDC_CLIENT_SECRET": op.client_secret,
        }
        | {f"HALLWAY_{name}": value for name, value in more.items()}
    )
    app = make_app(settings)
    async with running(app):
        yield app


@pytest_asyncio.fixture
async def app(op: Op, database_url: str, redis: Client, redis_url: str, tmp_path: Path) -> AsyncIterator[ASGIApp]:
    """`redis` has emptied the server."""
    async with portal_at(op, database_url, redis_url, tmp_path) as app:
        yield app


@pytest.fixture
def ann(app: ASGIApp) -> Visitor:
    return Visitor(app)
