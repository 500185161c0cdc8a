"""`hallway keys`: what each key of the ring has sealed, and sealing it all anew with the last one."""

import asyncio

import click

from auth.clock import utc_now
from gateway.cli.failures import Failure
from gateway.cli.tables import table
from gateway.cli.tools import Tools, run, tools
from gateway.resealing import KeyUse, Resealing
from gateway.upkeep import Job, Upkeep

HEAD = ("KEY", "STATE", "SEALED")


@click.group()
def keys() -> None:
    """The keys that seal secrets at rest."""


@keys.command("list")
def list_() -> None:
    """Show each key of the ring, and how much it has sealed."""

    async def look() -> tuple[KeyUse, ...]:
        async with tools() as t:
            return await Resealing(t.db, t.keyring).uses()

    rows = [(str(use.version), _state(use), str(use.total)) for use in asyncio.run(look())]
    for line in table(HEAD, rows):
        click.echo(line)


@keys.command()
def rotate() -> None:
    """Seal all anew with the ring's last key. Done again after it was interrupted, it goes on where it was."""
    run(_rotate)


async def _rotate(t: Tools) -> None:
    resealing = Resealing(t.db, t.keyring)
    upkeep = Upkeep(t.db, utc_now, {"reseal": Job(piece=resealing.piece, began="keys.reseal_began")})
    if not await upkeep.begin("reseal", trail=t.trail, by=t.by):
        click.echo("it was begun before: going on")
    ended = await upkeep.work("reseal")
    if ended and ended.problem:
        raise Failure(f"sealed anew: all but what no key opens: {ended.problem}")
    click.echo(f"sealed with key {t.keyring.current.version}: {ended.done if ended else 0}")


def _state(use: KeyUse) -> str:
    if not use.is_known:
        return "missing: what it has sealed cannot be read"
    if use.is_current:
        return "seals"
    return "only opens" if use.total else "can be taken away"
