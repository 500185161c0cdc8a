"""`hallway webhooks`: what back offices tell us, and how they are told where."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import click

from auth.clock import utc_now
from connectors.errors import ConnectorError
from gateway.cli.failures import Failure, WrongInput
from gateway.cli.tables import age, table
from gateway.cli.tools import Tools, run, tools
from gateway.webhooks import registering
from gateway.webhooks.registering import CannotRegister, Registration
from gateway.webhooks.rotating import NotOurs, make_secret
from gateway.webhooks.summary import Totals, WebhookSummary, summarise

HEAD = ("SOURCE", "STATE", "TAKEN", "REFUSED IN 24 H", "WAITING", "ADDRESS FOR THE VENDOR")
WHY: Mapping[str, str] = {
    "no_secret": "no secret set here",
    "no_source": "no such source",
    "not_usable": "settings cannot be used",
    "signature": "signed with another secret",
    "time": "too old or from the future",
    "too_large": "too large",
    "unreadable": "not readable",
    "unsigned": "not signed",
}


@click.group()
def webhooks() -> None:
    """What back offices tell us by themselves."""


@webhooks.command("list")
def list_() -> None:
    """Show each source: whether it tells us of changes, what was taken and refused, and what waits."""

    async def run() -> tuple[WebhookSummary, ...]:
        async with tools() as t:
            return await summarise(t.db, t.offices, t.base_url, utc_now())

    found = asyncio.run(run())
    if not found:
        click.echo("there are no sources yet")
        return
    for line in table(HEAD, [_line(each, utc_now()) for each in found]):
        click.echo(line)
    for each in found:
        if each.state in {"no_secret", "waiting"}:
            click.echo(f"\n{each.source}: {each.steps}")


@webhooks.command()
@click.argument("source")
def register(source: str) -> None:
    """Tell SOURCE by its API where to send webhooks, and keep what it signs them with."""

    async def run() -> Registration:
        async with tools() as t:
            return await registering.register(
                t.db, t.vault, t.offices, source=source, base_url=t.base_url, now=utc_now(), trail=t.trail, by=t.by
            )

    try:
        done = asyncio.run(run())
    except CannotRegister as error:
        raise WrongInput(str(error)) from None
    except ConnectorError as error:
        raise Failure(f"{source}: {error}") from None
    click.echo(f"{'registered' if done.is_new else 'already registered'}: {done.address}")
    if done.fate != "kept":
        click.echo("its signing secret is stored, sealed; sources files need not name it")


@webhooks.command()
@click.argument("source")
def secret(source: str) -> None:
    """Make a new secret for the webhooks of SOURCE, and show it this once. The one before counts too for a day."""

    async def act(t: Tools) -> None:
        make = partial(make_secret, t.db, t.vault, t.offices, trail=t.trail, by=t.by)
        try:
            made = await make(source=source, now=utc_now())
        except NotOurs:
            raise WrongInput(f"{source!r} sends no webhooks, or signs with a secret of its own") from None
        click.echo(made.secret.reveal())
        if made.until:
            click.echo(f"the one before counts too until {made.until:%Y-%m-%d %H:%M} UTC", err=True)

    run(act)


def _line(each: WebhookSummary, now: datetime) -> tuple[str, ...]:
    if each.state == "none":
        return (each.source, f"{each.system} sends none", "", "", "", "")
    told = each.told
    waiting = f"{told.backlog.waiting}, the first for {age(told.backlog.since, now)}" if told.backlog.waiting else "-"
    taken = str(told.totals.get("taken", 0))
    return each.source, _state(each, now), taken, _refused(told.refused(told.lately)) or "-", waiting, each.address


def _state(each: WebhookSummary, now: datetime) -> str:
    registered = "registered, " if each.registered else ""
    match each.state:
        case "broken":
            return "settings cannot be used"
        case "no_secret":
            return "no webhook_secret set"
        case "waiting":
            return f"{registered}waiting for the first event"
        case _:
            return f"{registered}last event {age(each.told.last_at, now)} ago"


def _refused(totals: Totals) -> str:
    return ", ".join(f"{times} {WHY[outcome]}" for outcome, times in totals.items())
