"""`hallway conflicts`: where two sources do not say the same of one thing."""

import asyncio
import json

import click

from auth.clock import utc_now
from gateway import conflicts as queue
from gateway.cli.options import decided_by
from gateway.cli.tables import table
from gateway.cli.tools import run, tools
from gateway.conflicts import Conflict, Rate

HEAD = ("FACT", "SOURCES", "AGREE", "COMPARED", "DIFFERING")


@click.group()
def conflicts() -> None:
    """Where two sources do not say the same of one thing."""


@conflicts.command("list")
@click.option("--state", type=click.Choice(["open", "settled", "ignored"]), default="open", show_default=True)
@click.option("--account", metavar="ID", help="Only of this account.")
def list_(state: queue.State, account: str | None) -> None:
    """Show what two sources do not agree on, the longest first."""

    async def look() -> tuple[Conflict, ...]:
        async with tools() as t:
            return await queue.conflicts(t.db, state, account)

    found = asyncio.run(look())
    for each in found:
        click.echo(f"{each.id} {each.first_seen:%Y-%m-%d} {each.account}: {_line(each)}")
    if not found:
        click.echo("the sources agree" if state == "open" else "none")


@conflicts.command()
@click.argument("conflict")
def show(conflict: str) -> None:
    """Show one, with where to look in each source."""

    async def look() -> Conflict:
        async with tools() as t:
            return await queue.conflict(t.db, conflict)

    found = asyncio.run(look())
    by = f" by {json.dumps(found.decided_by)}" if found.decided_by else ""
    click.echo(f"{found.account}: {_line(found)}")
    click.echo(
        f"  {found.state}{by}, first seen {found.first_seen:%Y-%m-%d %H:%M}, last {found.last_seen:%Y-%m-%d %H:%M}"
    )
    for source, key, value in zip(found.sources, found.ids, found.values, strict=True):
        click.echo(f"  {source}: {json.dumps(value)}, at its id {json.dumps(key)}")


@conflicts.command()
@click.argument("conflict")
@decided_by
def ignore(conflict: str, by: str) -> None:
    """Say that a difference is none. It comes back when either source says something else."""
    run(lambda t: queue.ignore(t.db, trail=t.trail, by=t.by, id_=conflict, decided_by=by, now=utc_now()))
    click.echo("ignored")


@conflicts.command()
@click.argument("conflict")
def reopen(conflict: str) -> None:
    """Take an `ignore` back."""
    run(lambda t: queue.reopen(t.db, trail=t.trail, by=t.by, id_=conflict))
    click.echo("open again")


@conflicts.command()
def rate() -> None:
    """Show how often each two sources agree, by fact, over all accounts as they were last compared."""

    async def look() -> tuple[Rate, ...]:
        async with tools() as t:
            return await queue.rates(t.db)

    found = asyncio.run(look())
    if not found:
        click.echo("nothing was compared yet: the worker does it once a day")
        return
    for line in table(HEAD, map(rate_row, found)):
        click.echo(line)


def rate_row(each: Rate) -> tuple[str, ...]:
    fact, sources, compared = f"{each.kind}.{each.field}", " and ".join(each.sources), each.agreed + each.differing
    return fact, sources, f"{each.share:.1%}", str(compared), str(each.differing)


def _line(each: Conflict) -> str:
    """Quoted, as all of it may come from a customer."""
    (one, other), (ours, theirs) = each.sources, map(json.dumps, each.values)
    return f"{each.kind} {json.dumps(each.about)}, {each.field}: {one} says {ours}, {other} says {theirs}"
