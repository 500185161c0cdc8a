"""What the commands share for what is published whole: try a file, publish it, list versions, and go back to one."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from auth.clock import utc_now
from cache.client import CacheDown, Client, connect
from gateway.cli.failures import Failure
from gateway.cli.tools import Tools
from gateway.publishing import ChangedMeanwhileError, Published, Version

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

T = TypeVar("T")


@asynccontextmanager
async def what_is_kept(t: Tools) -> AsyncIterator[Client]:
    """Open what is kept of records, to try a file on."""
    if t.redis_url is None:
        raise Failure("nothing is kept to try it on: start the portal first")
    redis = connect(t.redis_url)
    try:
        yield redis
    except CacheDown as error:
        raise Failure("nothing is kept to try it on: Redis does not answer") from error
    finally:
        await redis.aclose()


async def publish(making: Awaitable[int], soon: str) -> None:
    """Make a version, and say which. `soon`: when customers see it."""
    try:
        number = await making
    except ChangedMeanwhileError as error:
        raise Failure("somebody published another version meanwhile: look at the changes again") from error
    click.echo(f"Published as version {number}. Customers see it {soon}.")


async def list_versions(t: Tools, published: Published[Any], none_yet: str) -> None:
    found = await published.latest(t.db)
    for each in found:
        once_more = f", version {each.restored} once more" if each.restored is not None else ""
        click.echo(f"{each.number}  {each.made_at:%Y-%m-%d %H:%M} UTC, {each.made_by}{once_more}")
    if not found:
        click.echo(none_yet)


async def live_and_old(t: Tools, published: Published[T], number: int) -> tuple[Version[T], Version[T]]:
    """Give the version that counts, and the one to go back to."""
    live, old = await published.live(t.db), await published.version(t.db, number)
    if old is None:
        raise Failure(f"there is no version {number}")
    return live, old


async def restore(t: Tools, published: Published[Any], number: int, seen: int, soon: str) -> None:
    await publish(published.restore(t.db, number, trail=t.trail, by=t.by, now=utc_now(), seen=seen), soon)
