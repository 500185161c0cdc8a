"""`hallway members`: keep somebody out at once, let them in again, or forget them."""

import asyncio
import os
import sys
from datetime import UTC, datetime

import click

from gateway.cli.failures import Failure, WrongInput
from gateway.cli.forgetting import AT_LAST, forget
from gateway.cli.tools import tools
from gateway.links import Login
from gateway.members import Stopped, disable, enable, erase
from gateway.settings import load


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
        await forget(load(os.environ), "session", stopped.sessions if stopped else ())
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
        await forget(load(os.environ), "session", [*stopped.sessions, *stopped.viewers])
        return stopped

    stopped = asyncio.run(run())
    click.echo(f"erased member/{stopped.member_id}, {_ended(stopped)}")


def _ended(stopped: Stopped) -> str:
    count = len(stopped.sessions)
    return f"{count} session{'' if count == 1 else 's'} ended" + (f"; {AT_LAST}" if count else "")
