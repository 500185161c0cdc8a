"""`hallway help`: whether the articles can be used, and what customers search for in vain."""

import asyncio
import json
import os
from pathlib import Path

import click

from gateway.cli.failures import Failure, WrongInput
from gateway.cli.tables import table
from gateway.cli.tools import tools
from gateway.help.files import read_folder
from gateway.help.overview import searches as searched
from gateway.settings import load

MOST = 1000


@click.group("help")
def help_() -> None:
    """Help articles: check the folder, list what was searched for."""


@help_.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, exists=True, path_type=Path))
def check(folder: Path | None) -> None:
    """Read the articles of FOLDER, else those of HALLWAY_HELP, and say what is wrong with them."""
    settings = load(os.environ)
    chosen = folder or settings.help
    if chosen is None:
        raise WrongInput("name a folder, or set HALLWAY_HELP")
    try:
        found = read_folder(chosen, settings.base_url)
    except OSError as error:
        raise Failure(f"{chosen} cannot be read ({error.strerror})") from None
    for problem in found.problems:
        click.echo(str(problem))
    click.echo(f"Articles that can be used: {len(found.articles)}. Problems: {len(found.problems)}.")
    if found.problems:
        raise click.exceptions.Exit(Failure.exit_code)


@help_.command()
@click.option("--all", "every", is_flag=True, help="Also those that found something.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, MOST))
def searches(*, every: bool, limit: int) -> None:
    """List what customers searched for in the last 90 days and found nothing that answered it."""
    asyncio.run(_searches(every=every, limit=limit))


async def _searches(*, every: bool, limit: int) -> None:
    async with tools() as t:
        found, count = await searched(t.db, failed=not every, size=limit)
    rows = [
        (json.dumps(each.words, ensure_ascii=True), str(each.times), str(each.empty), str(each.unanswered))
        for each in found
    ]
    for line in table(("WORDS", "SEARCHED", "NOTHING FOUND", "NOT ANSWERED"), rows):
        click.echo(line)
    if count > len(found):
        click.echo(f"{count - len(found)} more: --limit {MOST}")
