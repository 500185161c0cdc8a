"""The commands, and how each of them is run."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import click
import structlog

import gateway
from connectors.registry import load_connectors
from gateway import serve as server
from gateway.cli.audit import audit
from gateway.cli.conflicts import conflicts
from gateway.cli.customers import customers, readiness, recheck
from gateway.cli.documents import documents
from gateway.cli.failures import FAILED, PlainGroup, WrongInput
from gateway.cli.help import help_
from gateway.cli.invitations import invitations
from gateway.cli.keys import keys
from gateway.cli.leaks import leakcheck
from gateway.cli.mails import mails
from gateway.cli.members import members
from gateway.cli.outbox import outbox
from gateway.cli.people import link, owner, unlink
from gateway.cli.queue import queue
from gateway.cli.rights import is_not_person, is_person, rights_
from gateway.cli.sources import sources
from gateway.cli.staff import staff
from gateway.cli.status import status
from gateway.cli.statuses import statuses
from gateway.cli.topics import topics
from gateway.cli.visibility import visibility
from gateway.cli.webhooks import webhooks
from gateway.demo import run_demo
from gateway.doctor import examine
from gateway.records import migrate as migrations
from gateway.settings import load
from gateway.worker import run_worker

FIXTURES = Path(gateway.__file__).parent.parent / "connector_fixtures"  # beside the packages, in a checkout


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hallway", prog_name="hallway", message="%(prog)s %(version)s")
def hallway() -> None:
    """One account page for a business's customers, over the back offices it already runs."""
    # Commands say what matters in sentences; `serve` sets up its log itself.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@hallway.command()
def serve() -> None:
    """Serve the portal until it is told to stop."""
    server.serve(load(os.environ), load_app, click.echo)


@hallway.command()
@click.option("--leashed", is_flag=True, hidden=True, help="End when the input does.")
def worker(*, leashed: bool) -> None:
    """Follow the back offices until told to stop. `serve` runs one unless HALLWAY_WORKER says elsewhere."""
    run_worker(load(os.environ), leashed=leashed)


@hallway.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--data-dir", default=".data/demo", show_default=True, type=click.Path(path_type=Path), help="Emptied first."
)
@click.option(
    "--fixtures",
    default=FIXTURES,
    type=click.Path(file_okay=False, path_type=Path),
    help="What the sandbox is made of.",
)
def demo(*, host: str, port: int, data_dir: Path, fixtures: Path) -> None:
    """Serve the portal over a sandbox of three back offices."""
    if not fixtures.is_dir():
        raise WrongInput(f"there is no folder {fixtures}: run this in a checkout of Hallway, or give --fixtures")
    run_demo(fixtures, host, port, data_dir.absolute())


@hallway.command()
def migrate() -> None:
    """Bring the database to the tables of this version."""
    for name in migrations.upgrade(load(os.environ).database_url.reveal()) or ("nothing to do",):
        click.echo(name)


@hallway.command()
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


hallway.add_command(outbox)
hallway.add_command(mails)
hallway.add_command(keys)
hallway.add_command(sources)
hallway.add_command(topics)
hallway.add_command(statuses)
hallway.add_command(visibility)
hallway.add_command(help_)
hallway.add_command(status)
hallway.add_command(webhooks)
hallway.add_command(leakcheck)
hallway.add_command(link)
hallway.add_command(unlink)
hallway.add_command(owner)
hallway.add_command(staff)
for command in (rights_, is_person, is_not_person):
    members.add_command(command)
hallway.add_command(members)
hallway.add_command(invitations)
hallway.add_command(queue)
hallway.add_command(conflicts)
hallway.add_command(customers)
hallway.add_command(readiness)
hallway.add_command(recheck)
hallway.add_command(audit)
hallway.add_command(documents)
