"""`hallway outbox`: what customers sent, and could not be passed on."""

import asyncio
import json

import click

from auth.clock import utc_now
from gateway.cli.failures import WrongInput
from gateway.cli.tables import age, table
from gateway.cli.tools import run, tools
from gateway.outbox import stuck as stopped
from gateway.outbox.states import OPEN
from gateway.outbox.steps import Story, story_of
from gateway.outbox.stuck import STUCK, Stuck

HEAD = ("REFERENCE", "AGE", "STATE", "SOURCE", "ACTION", "ACCOUNT")
LONGEST_ANSWER = 2000
STATES = {
    "waiting": "waiting",
    "sending": "being sent",
    "needs_you": "waits for the customer",
    "needs_staff": "needs staff",
    "unknown": "unknown",
    "dropped": "not done",
}


@click.group()
def outbox() -> None:
    """What customers sent, and could not be passed on."""


@outbox.command("list")
@click.option("--all", "every", is_flag=True, help="Also what is on its way, or waits for the customer.")
def list_(*, every: bool) -> None:
    """Show what waits for a decision of staff, the oldest first."""

    async def look() -> tuple[Stuck, ...]:
        async with tools() as t:
            return await stopped.stuck(t.db, OPEN if every else STUCK)

    found, now = asyncio.run(look()), utc_now()
    if not found:
        click.echo("nothing is on its way" if every else "nothing needs staff")
        return
    rows = [
        (each.reference, age(each.made_at, now), STATES[each.state], each.source, each.action, each.account)
        for each in found
    ]
    for line in table(HEAD, rows):
        click.echo(line)


@outbox.command()
@click.argument("reference")
def show(reference: str) -> None:
    """Show one, with what the customer wrote and what the last try came to."""

    async def look() -> tuple[Stuck, Story]:
        async with tools() as t:
            return await stopped.one(t.db, reference), await story_of(t.db, reference)

    each, story = asyncio.run(look())
    click.echo(
        f"{each.reference}: {each.action} at {each.source}, for {each.account}: {STATES.get(each.state, each.state)}"
    )
    tried = f", {each.tries} tries, the last {each.tried_at:%Y-%m-%d %H:%M}" if each.tried_at else ""
    click.echo(f"  written {each.made_at:%Y-%m-%d %H:%M}{tried}")
    for name, value in {**each.about, **each.words}.items():
        click.echo(f"  {name}: {json.dumps(value)}")
    if each.error:
        click.echo(f"  the last try: {json.dumps(each.error)}")
    for happened in story.steps:
        told = f": {json.dumps(happened.detail)}" if happened.detail else ""
        click.echo(f"  {happened.at:%Y-%m-%d %H:%M} {happened.what.replace('_', ' ')}{told}")
    if each.state in STUCK:
        click.echo(
            f"Look in {each.source} for {each.reference}. If it is there: hallway outbox settle {each.reference} NUMBER"
        )
        click.echo(f"If it is not: hallway outbox resend {each.reference}")


@outbox.command()
@click.argument("reference")
def resend(reference: str) -> None:
    """Say that it has not arrived, and have it sent as if for the first time."""
    run(lambda t: stopped.send_again(t.db, trail=t.trail, by=t.by, reference=reference, now=utc_now()))
    click.echo("it is sent again")


@outbox.command()
@click.argument("reference")
@click.argument("number")
def settle(reference: str, number: str) -> None:
    """Say that it is done over there, under NUMBER: it had arrived, or you did it by hand."""
    run(lambda t: stopped.settle(t.db, trail=t.trail, by=t.by, reference=reference, number=number, now=utc_now()))
    click.echo("settled: the customer sees it as done")


@outbox.command("give-up")
@click.argument("reference")
@click.option("--answer", required=True, help="What the customer reads instead.")
def give_up(reference: str, answer: str) -> None:
    """Say that it is not to be done, and let the customer read why."""
    text = answer.strip()
    if not 0 < len(text) <= LONGEST_ANSWER:
        raise WrongInput(f"the answer has to have 1 to {LONGEST_ANSWER} characters")
    run(lambda t: stopped.give_up(t.db, trail=t.trail, by=t.by, reference=reference, answer=text, now=utc_now()))
    click.echo("it is not done: the customer reads your answer")
