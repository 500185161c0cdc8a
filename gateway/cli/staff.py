"""`hallway staff`: who of the business may do what here."""

import asyncio
from datetime import UTC, datetime

import click

from auth.principals import ROLES, Role
from gateway.cli.tools import tools
from gateway.links import Login
from gateway.staff import Colleague, add_staff, give_role, staff_of

LISTED = click.Choice(ROLES[1:])


@click.group()
def staff() -> None:
    """The people of the business; ISSUER and SUBJECT are as their sign-in provider has them."""


@staff.command()
@click.argument("issuer")
@click.argument("subject")
@click.option("--role", type=LISTED, required=True)
@click.option("--name", help="What people call them.")
def add(issuer: str, subject: str, role: Role, name: str | None) -> None:
    """List somebody, also before their first sign-in. What is listed counts, whatever their provider claims."""

    async def run() -> bool:
        async with tools() as t:
            return await add_staff(
                t.db,
                trail=t.trail,
                by=t.by,
                login=Login(issuer, subject),
                role=role,
                name=name,
                now=datetime.now(UTC),
            )

    click.echo("added" if asyncio.run(run()) else "no changes")


@staff.command("role")
@click.argument("issuer")
@click.argument("subject")
@click.argument("role", type=click.Choice([*ROLES, "claimed"]))
def role_(issuer: str, subject: str, role: str) -> None:
    """Give somebody another ROLE, at once: "none" keeps them out, "claimed" leaves it to their provider."""
    listed = next((each for each in ROLES if each == role), None)

    async def run() -> bool:
        async with tools() as t:
            return await give_role(t.db, trail=t.trail, by=t.by, login=Login(issuer, subject), role=listed)

    click.echo("changed" if asyncio.run(run()) else "no changes")


@staff.command("list")
def list_() -> None:
    """List everybody who is known, and where their role is from."""

    async def run() -> tuple[Colleague, ...]:
        async with tools() as t:
            return await staff_of(t.db)

    for each in asyncio.run(run()) or ():
        source = "listed" if each.listed else "claimed" if each.claimed else "nobody gave one"
        click.echo(f"{each.role:<10} {each.login.issuer} {each.login.subject}  {each.name or ''} ({source})")
