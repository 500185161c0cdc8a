"""`hallway sources`: the back offices, from a file that can be kept beside the rest of the deployment."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace

from gateway.cli import applying
from gateway.cli.failures import FAILED, Failure, WrongInput
from gateway.cli.tools import Tools, run, tools
from gateway.feeds import sweeps
from gateway.sources import changes, desired, pausing, removing
from gateway.sources.check import Verdict, check, check_all, printable
from gateway.sources.export import export
from gateway.sources.removing import what_goes
from gateway.sources.resting import segments_of, while_paused, without_it

NONE_YET = "there are no sources yet: write a sources file and run `hallway sources apply FILE`"


@click.group()
def sources() -> None:
    """The back offices: apply a file, export one, test, list."""


@sources.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prune", is_flag=True, help="Remove sources that the file does not name, with their links.")
@click.option("--even-waiting", is_flag=True, help="Remove also where messages of customers still wait to go there.")
@click.option("--yes", is_flag=True, help="Apply without asking.")
def apply(file: Path, *, prune: bool, even_waiting: bool, yes: bool) -> None:
    """Show what FILE would change, ask, and change it."""
    asyncio.run(_apply(file, prune=prune, even_waiting=even_waiting, yes=yes))


async def _apply(file: Path, *, prune: bool, even_waiting: bool, yes: bool) -> None:
    async with tools() as t:
        wanted = desired.parse(applying.read(file), t.connectors, t.policy, environ=os.environ, folder=file.parent)
        diff = await changes.plan(t.db, t.vault, t.connectors, wanted, prune=prune)
        for each in diff.changes:
            applying.show(each.name, each.action, each.details)
        if not applying.is_agreed(is_changed=not diff.empty, yes=yes):
            return
        if even_waiting:
            diff = changes.Diff(tuple(replace(change, even_waiting=True) for change in diff.changes))
        try:
            await changes.apply(t.db, t.vault, diff, datetime.now(UTC), trail=t.trail, by=t.by)
        except changes.SourceNeededError as error:
            raise WrongInput(f"{error}: add --even-waiting, and staff decide about each") from None
        click.echo("Applied. Try it with: hallway sources test")


@sources.command("export")
def export_() -> None:
    """Print the sources as a file that `apply` takes. Secrets are named in it, never written."""
    asyncio.run(_export())


async def _export() -> None:
    async with tools() as t:
        click.echo(await export(t.db), nl=False)


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


@sources.command()
@click.argument("name")
def pause(name: str) -> None:
    """Ask nothing of NAME until it is resumed; pages show what is known, and say so."""

    async def act(t: Tools) -> None:
        done = await pausing.pause(t.db, source=name, now=datetime.now(UTC), trail=t.trail, by=t.by)
        click.echo("paused: every process knows within three seconds" if done else "no changes")
        for line in while_paused((await segments_of(t.db)).get(name, ())):
            click.echo(f"    {printable(line)}")

    _turn(act)


@sources.command()
@click.argument("name")
def resume(name: str) -> None:
    """Ask NAME again, and pass on what waited for it."""

    async def act(t: Tools) -> None:
        done = await pausing.resume(t.db, source=name, trail=t.trail, by=t.by)
        click.echo("resumed" if done else "no changes")

    _turn(act)


@sources.command("read-anew")
@click.argument("name")
def read_anew(name: str) -> None:
    """Have all lists of NAME read as a whole once more, from the beginning."""

    async def act(t: Tools) -> None:
        if not await sweeps.read_anew(t.db, source=name, now=datetime.now(UTC), trail=t.trail, by=t.by):
            raise pausing.NoSourceError(name)

    _turn(act)


@sources.command()
@click.argument("name")
@click.option("--even-waiting", is_flag=True, help="Also where messages of customers wait; staff decide about each.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
def remove(name: str, *, even_waiting: bool, yes: bool) -> None:
    """Show what goes with NAME, ask, and remove it."""
    run(partial(_remove, name=name, even_waiting=even_waiting, yes=yes))


async def _remove(t: Tools, *, name: str, even_waiting: bool, yes: bool) -> None:
    going = await what_goes(t.db, t.connectors, name)
    if going is None:
        raise WrongInput(f"there is no source {name!r}")
    records = ", ".join(f"{many} {kind}" for kind, many in (going.records or {}).items()) or "not counted yet"
    details = [
        f"{going.accounts} account(s) with {going.members} member(s); {going.alone} of them have no other source",
        f"{going.links} link(s) to customers, {going.persons} to persons",
        f"records kept: {records}",
        f"kinds that no other source has: {', '.join(going.only_here) or 'none'}",
        f"messages of customers that wait to go there: {going.waiting}",
        *map(printable, without_it(going.resting)),
    ]
    applying.show(name, "remove", details)
    if not yes:
        applying.ask()
    do = partial(removing.remove, t.db, t.vault, t.connectors, trail=t.trail, by=t.by)
    try:
        await do(source=name, version=going.version, even_waiting=even_waiting, now=datetime.now(UTC))
    except changes.SourceNeededError as error:
        raise WrongInput(f"{error}: add --even-waiting, and staff decide about each") from None
    click.echo("Removed.")


def _turn(act: Callable[[Tools], Awaitable[None]]) -> None:
    try:
        run(act)
    except pausing.NoSourceError as error:
        raise WrongInput(f"there is no source {str(error)!r}") from None


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
            paused = ", paused" if office.paused_at else ""
            click.echo(
                f"{office.name}: {office.connector.title}, for {kinds}, called {json.dumps(office.title)}{paused}"
            )
        for name, reason in broken.items():
            click.echo(f"{name}: broken: {reason}")


def _tell(verdict: Verdict) -> None:
    click.echo(f"{verdict.source}: {'OK' if verdict.ok else 'FAILED'}: {verdict.text}")
    if verdict.next_step:
        click.echo(f"    {verdict.next_step}")
