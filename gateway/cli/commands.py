"""The commands, and how each of them is run."""

import asyncio
import logging
import os
from typing import Any

import click
import structlog

from connectors.registry import load_connectors
from gateway import serve as server
from gateway.cli.failures import FAILED, PlainGroup
from gateway.cli.people import link, owner, unlink
from gateway.cli.sources import sources
from gateway.doctor import examine
from gateway.records import migrate as migrations
from gateway.settings import load


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hallway", prog_name="hallway", message="%(prog)s %(version)s")
def main() -> None:
    """One account page for a business's customers, over the back offices it already runs."""
    # Commands say what matters in sentences; `serve` sets up its log itself.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@main.command()
def serve() -> None:
    """Serve the portal until it is told to stop."""
    server.serve(load(os.environ), load_app, click.echo)


@main.command()
def migrate() -> None:
    """Bring the database to the tables of this version."""
    for name in migrations.upgrade(load(os.environ).database_url.reveal()) or ("nothing to do",):
        click.echo(name)


@main.command()
def doctor() -> None:
    """Look at everything Hallway depends on, and say what to do."""
    if not asyncio.run(_doctor()):
        raise click.exceptions.Exit(FAILED)


async def _doctor() -> bool:
    healthy = True
    async for finding in examine(load(os.environ), load_connectors()):
        click.echo(f"{'WRONG' if finding.remedy else 'OK   '} {finding.what}: {finding.text}")
        if finding.remedy:
            healthy = False
            click.echo(f"      {finding.remedy}")
    return healthy


def load_app() -> Any:  # noqa: ANN401  # an ASGI application
    """Make the application, in a worker."""
    from gateway.app import create_app  # noqa: PLC0415  # only workers pay for importing the web framework

    return create_app()


main.add_command(sources)
main.add_command(link)
main.add_command(unlink)
main.add_command(owner)
