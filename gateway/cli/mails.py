"""`hallway mails`: what was written to customers, and a decision about what did not go out, or may not have."""

import asyncio
import json

import click

from auth.clock import utc_now
from gateway.cli.failures import WrongInput
from gateway.cli.tables import age, table
from gateway.cli.tools import Tools, run, tools
from gateway.finding import Found, Wanted
from gateway.mails import desk
from gateway.mails.desk import STATES, STOPPED, MailError, Sent

HEAD = ("ID", "AGE", "STATE", "ABOUT", "SOURCE", "RECORD", "ACCOUNT", "WHAT WENT WRONG")
MOST = 200  # that are shown


@click.group()
def mails() -> None:
    """What was written to customers."""


@mails.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these; if left out, those that need a decision.")
@click.option("--account", metavar="TEXT", default="", help="An account, a record or an address.")
def list_(state: str | None, account: str) -> None:
    """Show mails, the latest first."""

    async def look() -> list[Sent]:
        async with tools() as t:
            found: list[Found[Sent]] = [
                await desk.find(t.db, Wanted(state=each, words=account), 1, size=MOST)
                for each in ((state,) if state else STOPPED)
            ]
            return sorted((mail for each in found for mail in each.found), key=lambda mail: mail.id, reverse=True)

    rows, now = asyncio.run(look()), utc_now()
    if not rows:
        click.echo("there is none" if state else "nothing needs a decision")
        return
    for line in table(HEAD, [_line(each, age(each.made_at, now)) for each in rows[:MOST]]):
        click.echo(line)


@mails.command()
@click.argument("id_", metavar="ID")
def resend(id_: str) -> None:
    """Have the mail ID sent as if for the first time, also to an address that mails came back from."""
    run(lambda t: _decide(t, id_, is_resent=True))
    click.echo("it is sent again")


@mails.command()
@click.argument("id_", metavar="ID")
def settle(id_: str) -> None:
    """Say that the mail ID has arrived, or that nobody needs it any more."""
    run(lambda t: _decide(t, id_, is_resent=False))
    click.echo("settled: it needs nobody any more")


async def _decide(t: Tools, id_: str, *, is_resent: bool) -> None:
    act = desk.resend if is_resent else desk.settle
    wanted = Wanted(id=id_)
    try:
        found = await desk.one(t.db, id_)
    except MailError as error:
        raise WrongInput(str(error)) from None
    if not await act(t.db, trail=t.trail, by=t.by, wanted=wanted, upto=id_, now=utc_now()):
        raise WrongInput(f"nothing is to be decided about {found.id}: it is {found.state}")


def _line(each: Sent, made: str) -> tuple[str, ...]:
    error = json.dumps(each.error) if each.error else ""
    return each.id, made, each.state, each.names[0], each.source, each.record, each.account, error
