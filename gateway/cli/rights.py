"""`hallway members rights`, `is-person` and `is-not-person`: what a member sees, and what names them."""

import asyncio
import os
from datetime import UTC, datetime
from typing import Any

import click
from msgspec.structs import replace

from gateway.cli.failures import WrongInput
from gateway.cli.forgetting import forget
from gateway.cli.options import decided_by
from gateway.cli.tools import tools
from gateway.grants import Changed, set_rights
from gateway.links import Login, Proof
from gateway.persons import Told, name_person, unname_person
from gateway.rights import AREAS, REACHES, Rights
from gateway.settings import load

reach = click.Choice(REACHES)


@click.command("rights")
@click.argument("issuer")
@click.argument("subject")
@click.argument("account")
@click.option("--orders", type=reach)
@click.option("--invoices", type=reach)
@click.option("--requests", type=reach)
@click.option("--documents", type=reach, help="The files of what is seen.")
@click.option("--all", "every", type=reach, help="All four, but for those that are given too.")
@click.option("--manages/--no-manages", default=None, help="May set colleagues' rights within these.")
def rights_(issuer: str, subject: str, account: str, *, every: str | None, **given: Any) -> None:  # noqa: ANN401
    """Set what a member sees of an ACCOUNT: nothing, what names them, or all of the company's."""
    said = {area: given[area] or every for area in AREAS} | {"manages": given["manages"]}
    wanted = {name: value for name, value in said.items() if value is not None}
    if not wanted:
        raise WrongInput("say what to set: --orders, --invoices, --requests, --documents, --all or --manages")

    async def run() -> Changed:
        async with tools() as t:
            changed = await set_rights(
                t.db,
                trail=t.trail,
                by=t.by,
                login=Login(issuer, subject),
                account=account,
                change=lambda before: replace(before, **wanted),
            )
        await forget(load(os.environ), "visit", changed.sessions)
        return changed

    changed = asyncio.run(run())
    if changed.before == changed.after:
        click.echo("no changes")
    for name in Rights.__struct_fields__:
        before, after = getattr(changed.before, name), getattr(changed.after, name)
        if before != after:
            click.echo(f"{name}: {_word(before)} -> {_word(after)}")


@click.command("is-person")
@click.argument("issuer")
@click.argument("subject")
@click.argument("source")
@click.argument("person")
@click.option("--fact", required=True, help="Why this is so: what was looked at, and where.")
@decided_by
def is_person(issuer: str, subject: str, source: str, person: str, *, fact: str, by: str) -> None:
    """Say that a member is PERSON, by their id in a SOURCE: what names that person is the member's own."""
    proof = Proof(fact=fact, decided_by=by, decided_at=datetime.now(UTC))

    async def run() -> Told:
        async with tools() as t:
            told = await name_person(
                t.db, trail=t.trail, by=t.by, login=Login(issuer, subject), source=source, person=person, proof=proof
            )
        await forget(load(os.environ), "visit", told.sessions)
        return told

    click.echo("noted" if asyncio.run(run()).is_changed else "no changes")


@click.command("is-not-person")
@click.argument("issuer")
@click.argument("subject")
@click.argument("source")
@click.argument("person")
def is_not_person(issuer: str, subject: str, source: str, person: str) -> None:
    """Say that a member is that person no longer."""

    async def run() -> Told:
        async with tools() as t:
            login = Login(issuer, subject)
            told = await unname_person(t.db, trail=t.trail, by=t.by, login=login, source=source, person=person)
        await forget(load(os.environ), "visit", told.sessions)
        return told

    click.echo("taken away" if asyncio.run(run()).is_changed else "no changes")


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
