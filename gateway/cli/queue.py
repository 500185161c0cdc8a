"""`hallway queue`: the logins of which a person has to say who they are."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import click

from gateway.access import PersonRef
from gateway.cli.failures import WrongInput
from gateway.cli.options import decided_by, reach
from gateway.cli.tools import tools
from gateway.identity import questions
from gateway.identity.proving import Why
from gateway.identity.questions import WHY, Asked
from gateway.rights import Rights


@click.group()
def queue() -> None:
    """The people who signed in and could not be tied to a customer for certain."""


@queue.command("list")
@click.option("--state", type=click.Choice(["open", "decided", "dismissed"]), default="open", show_default=True)
def list_(state: questions.State) -> None:
    """Show who is waiting, the longest first."""

    async def run() -> tuple[Asked, ...]:
        async with tools() as t:
            return await questions.questions(t.db, state)

    found = asyncio.run(run())
    for each in found:
        click.echo(f"{each.id} {each.asked_at:%Y-%m-%d} {_called(each)}: {WHY.get(each.reason, each.reason)}")
    if not found:
        click.echo("nobody is waiting" if state == "open" else "none")


@queue.command()
@click.argument("question")
def show(question: str) -> None:
    """Show what is proven of somebody beside what each source said."""

    async def run() -> Asked:
        async with tools() as t:
            return await questions.question(t.db, question)

    asked = asyncio.run(run())
    click.echo(f"{_called(asked)}, {asked.state}: {WHY.get(asked.reason, asked.reason)}")
    click.echo(f"  signed in as {asked.subject} at {asked.issuer}")
    for fact in ("email", "number", "invited_to"):
        if asked.found.get(fact):
            click.echo(f"  {fact.replace('_', ' ')}: {asked.found[fact]}")
    for source, candidates in asked.found.get("sources", {}).items():
        for line in _told(candidates):
            click.echo(f"  {source}: {line}")


@queue.command()
@click.argument("question")
@click.option("--account", required=True, metavar="ID", help="The account that the person may act for.")
@click.option("--fact", required=True, help="Why this is so: what was looked at, and where.")
@click.option("--person", "persons", multiple=True, metavar="SOURCE=ID", help="Who they are there; may be repeated.")
@reach("the person")
@decided_by
def decide(*, question: str, account: str, fact: str, persons: tuple[str, ...], rights: Rights, by: str) -> None:
    """Say which account somebody may act for, and whom the sources mean."""
    refs = [_person(each) for each in persons]
    facts = {"fact": fact}
    why = Why(how="decided", facts=facts, decided_by=by, decided_at=datetime.now(UTC))

    async def run() -> tuple[str, ...]:
        async with tools() as t:
            return await questions.decide(
                t.db, trail=t.trail, by=t.by, id_=question, account=account, rights=rights, persons=refs, why=why
            )

    for change in asyncio.run(run()):
        click.echo(change)


@queue.command()
@click.argument("question")
@decided_by
def dismiss(*, question: str, by: str) -> None:
    """Say that somebody is none of our customers."""

    async def run() -> None:
        async with tools() as t:
            now = datetime.now(UTC)
            await questions.dismiss(t.db, trail=t.trail, by=t.by, id_=question, decided_by=by, now=now)

    asyncio.run(run())
    click.echo("dismissed")


def _called(asked: Asked) -> str:
    return " ".join(filter(None, (asked.name, f"<{asked.email}>" if asked.email else None))) or asked.subject


def _told(candidates: list[dict[str, Any]] | None) -> list[str]:
    if candidates is None:
        return ["did not answer"]
    return [
        f"{each['name']} (customer {each['customer']}, "
        f"{'account ' + each['account'] if each['account'] else 'not linked'}, "
        f"{'person ' + each['person'] if each['person'] else 'no person'}) by {json.dumps(each['matched'])}"
        for each in candidates
    ] or ["knows nobody"]


def _person(text: str) -> PersonRef:
    source, is_there, person = text.partition("=")
    if not is_there or not source or not person:
        raise WrongInput(f"--person is the source and its id for the person, such as crm=4711, not {text!r}")
    return PersonRef(source, person)
