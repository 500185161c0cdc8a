"""`hallway members`: keep somebody out at once, let them in again, or forget them."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from auth.clock import utc_now
from auth.session import Session
from cache.client import connect
from cache.copies import Copies
from cache.embedded import url_of_running
from gateway.cli.failures import Failure, WrongInput
from gateway.cli.tools import tools
from gateway.links import Login
from gateway.members import Stopped, disable, enable, erase
from gateway.settings import Settings, load

AT_LAST = "pages that are open end within ten seconds"


@click.group()
def members() -> None:
    """The people who sign in as customers; ISSUER and SUBJECT are as their sign-in provider has them."""


@members.command("disable")
@click.argument("issuer")
@click.argument("subject")
def disable_(issuer: str, subject: str) -> None:
    """End every session of a member, and let them sign in no more."""

    async def run() -> Stopped | None:
        async with tools() as t:
            stopped = await disable(t.db, trail=t.trail, by=t.by, login=Login(issuer, subject), now=datetime.now(UTC))
        await _forget(load(os.environ), stopped.sessions if stopped else ())
        return stopped

    stopped = asyncio.run(run())
    click.echo(f"disabled member/{stopped.member_id}, {_ended(stopped)}" if stopped else "no changes")


@members.command("enable")
@click.argument("issuer")
@click.argument("subject")
def enable_(issuer: str, subject: str) -> None:
    """Let a member sign in again."""

    async def run() -> str | None:
        async with tools() as t:
            return await enable(t.db, trail=t.trail, by=t.by, login=Login(issuer, subject))

    member_id = asyncio.run(run())
    click.echo(f"enabled member/{member_id}" if member_id else "no changes")


@members.command("erase")
@click.argument("issuer")
@click.argument("subject")
@click.option("--yes", is_flag=True, help="Erase without asking.")
def erase_(issuer: str, subject: str, *, yes: bool) -> None:
    """Forget a member for good, also in the audit trail, which stays whole."""
    if not yes and not sys.stdin.isatty():
        raise WrongInput("nothing was erased: there is no terminal to ask at. Add --yes")
    if not yes and not click.confirm("Erase for good?"):
        raise Failure("nothing was erased")

    async def run() -> Stopped:
        async with tools() as t:
            stopped = await erase(t.db, trail=t.trail, by=t.by, login=Login(issuer, subject), now=datetime.now(UTC))
        await _forget(load(os.environ), [*stopped.sessions, *stopped.viewers])
        return stopped

    stopped = asyncio.run(run())
    click.echo(f"erased member/{stopped.member_id}, {_ended(stopped)}")


def _ended(stopped: Stopped) -> str:
    count = len(stopped.sessions)
    return f"{count} session{'' if count == 1 else 's'} ended" + (f"; {AT_LAST}" if count else "")


async def _forget(settings: Settings, id_hashes: Sequence[bytes]) -> None:
    """Mark the sessions as ended where Redis can be reached. Where it cannot, its copies die of age."""
    url = settings.redis_url.reveal() if settings.redis_url else url_of_running(settings.data_dir)
    if url is None or not id_hashes:
        return
    redis = connect(url)
    copies = Copies(redis, "session", Session, utc_now)
    try:
        for id_hash in id_hashes:
            await copies.mark_ended(id_hash.hex())
    finally:
        await redis.aclose()
