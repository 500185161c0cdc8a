"""`hallway topics`: what customers can ask for by a form, from a file that can be kept beside the deployment."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli import applying
from gateway.cli.tools import tools
from gateway.topics import changes
from gateway.topics.file import default_text, parse


@click.group()
def topics() -> None:
    """What customers can ask for by a form: apply a file, list."""


@topics.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Apply without asking.")
def apply(file: Path, *, yes: bool) -> None:
    """Show what FILE would change, ask, and change it. What FILE does not name is removed."""
    asyncio.run(_apply(file, yes=yes))


async def _apply(file: Path, *, yes: bool) -> None:
    async with tools() as t:
        sources = {name: office.connector for name, office in (await t.offices.all()).items()}
        found = await changes.plan(t.db, parse(applying.read(file), sources))
        for each in found:
            applying.show(each.name, each.action, each.details)
        if not applying.is_agreed(is_changed=any(each.action != "keep" for each in found), yes=yes):
            return
        await changes.apply(t.db, found, datetime.now(UTC), trail=t.trail, by=t.by)
        click.echo("Applied. Customers see it from their next page on.")


@topics.command("list")
def list_() -> None:
    """Show the topics in their order."""
    asyncio.run(_list())


async def _list() -> None:
    async with tools() as t:
        for each in await changes.topics(t.db):
            fields = ", ".join(field.name for field in each.topic.fields)
            to = each.topic.source or "any helpdesk"
            click.echo(f"{each.name}: {json.dumps(each.topic.label)}, to {to}, asks for {fields}")


@topics.command()
def defaults() -> None:
    """Print the file of the topics that hold where nobody has applied one."""
    click.echo(default_text(), nl=False)
