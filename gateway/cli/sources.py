"""`hallway sources`: the back offices, from a file that can be kept beside the rest of the deployment."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli import applying
from gateway.cli.failures import FAILED, Failure, WrongInput
from gateway.cli.tools import tools
from gateway.sources import changes, desired
from gateway.sources.check import Verdict, check, check_all

NONE_YET = "there are no sources yet: write a sources file and run `hallway sources apply FILE`"


@click.group()
def sources() -> None:
    """The back offices: apply a file, test, list."""


@sources.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prune", is_flag=True, help="Remove sources that the file does not name, with their links.")
@click.option("--yes", is_flag=True, help="Apply without asking.")
def apply(file: Path, *, prune: bool, yes: bool) -> None:
    """Show what FILE would change, ask, and change it."""
    asyncio.run(_apply(file, prune=prune, yes=yes))


async def _apply(file: Path, *, prune: bool, yes: bool) -> None:
    async with tools() as t:
        wanted = desired.parse(applying.read(file), t.connectors, t.policy, environ=os.environ, folder=file.parent)
        diff = await changes.plan(t.db, t.vault, t.connectors, wanted, prune=prune)
        for each in diff.changes:
            applying.show(each.name, each.action, each.details)
        if diff.empty:
            click.echo("No changes.")
            return
        if not yes:
            applying.ask()
        await changes.apply(t.db, t.vault, diff, datetime.now(UTC), trail=t.trail, by=t.by)
        click.echo("Applied. Try it with: hallway sources test")


@sources.command()
@click.argument("name", required=False)
def test(name: str | None) -> None:
    """Ask each back office, or only NAME, who we are there."""
    verdicts = asyncio.run(_test(name))
    if not verdicts:
        raise Failure(NONE_YET)
    for verdict in verdicts:
        _tell(verdict)
    if not all(verdict.ok for verdict in verdicts):
        raise click.exceptions.Exit(FAILED)


async def _test(name: str | None) -> tuple[Verdict, ...]:
    async with tools() as t:
        if name is None:
            return await check_all(t.offices)
        office = await t.offices.get(name)
        if office is None:
            known = ", ".join(await t.offices.all()) or "none yet"
            raise WrongInput(f"there is no source {name!r} (there is: {known})")
        return (await check(office),)


@sources.command("list")
def list_() -> None:
    """Show the sources that are configured."""
    asyncio.run(_list())


async def _list() -> None:
    async with tools() as t:
        known, broken = await t.offices.all(), await t.offices.broken()
        if not known and not broken:
            click.echo(NONE_YET)
        for office in known.values():
            kinds = ", ".join(office.connector.reads)
            click.echo(f"{office.name}: {office.connector.title}, for {kinds}, called {json.dumps(office.title)}")
        for name, reason in broken.items():
            click.echo(f"{name}: broken: {reason}")


def _tell(verdict: Verdict) -> None:
    click.echo(f"{verdict.source}: {'OK' if verdict.ok else 'FAILED'}: {verdict.text}")
    if verdict.next_step:
        click.echo(f"    {verdict.next_step}")
