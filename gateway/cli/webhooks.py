"""`hallway webhooks`: what back offices tell us, and how they are told where."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import click

from auth.clock import utc_now
from connectors.errors import ConnectorError
from gateway.cli.failures import Failure, WrongInput
from gateway.cli.tables import age, table
from gateway.cli.tools import Tools, run, tools
from gateway.finding import Wanted
from gateway.webhooks import desk, registering
from gateway.webhooks.reasons import WHY
from gateway.webhooks.registering import CannotRegister, Registration
from gateway.webhooks.rotating import NotOurs, make_secret
from gateway.webhooks.summary import Totals, WebhookSummary, summarise

DAY = click.DateTime(["%Y-%m-%d"])
HEAD = ("SOURCE", "STATE", "TAKEN", "REFUSED IN 24 H", "WAITING", "ADDRESS FOR THE VENDOR")


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
@click.argument("id_", metavar="[ID]", default="")
@click.option("--source", default="", help="All of this source that fit.")
@click.option("--state", type=click.Choice(list(desk.ENDED)), help="Only those that were done, or given up (dead).")
@click.option("--since", type=DAY, help="Only those that came on this day or later, in UTC.")
@click.option("--until", type=DAY, help="Only those that came on this day or before, in UTC.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(
    *, id_: str, source: str, state: str | None, since: datetime | None, until: datetime | None, yes: bool
) -> None:
    """Follow deliveries once more: the one called ID, or all that fit. It does no harm, however often it is done."""
    if not (id_ or source or state or since or until):
        raise WrongInput("name a delivery, or say which: --source, --state, --since, --until")
    wanted = Wanted(
        id=id_,
        source=source,
        state=state or "",
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) + timedelta(days=1) if until else None,
    )

    async def act() -> int:
        async with tools() as t:
            batch = await desk.replayable(t.db, wanted)
            if batch.many and not yes:
                click.confirm(f"follow {batch.many} once more?", abort=True)
            return await desk.replay(t.db, trail=t.trail, by=t.by, wanted=wanted, upto=batch.upto, now=utc_now())

    many = asyncio.run(act())
    click.echo(f"followed once more: {many}" if many else "no delivery fits that has been followed to its end")


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
