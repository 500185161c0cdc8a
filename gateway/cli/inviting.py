"""`hallway invitations send` and `send-again`: mails to those who are invited, as the pages of staff send them."""

import os
from datetime import timedelta
from typing import cast

import click

from auth.clock import utc_now
from gateway.cli.failures import WrongInput
from gateway.cli.tools import Tools, run
from gateway.identity import inviting
from gateway.identity.holding import Holding
from gateway.identity.inviting import MOST, WHY, Choice
from gateway.identity.matching import Policy
from gateway.identity.readiness import Preview
from gateway.settings import load


@click.command()
@click.option("--ready", is_flag=True, help="Only to those who would see everything, as `hallway readiness` found.")
@click.option("--account", metavar="ID", default="", help="Only to those who are invited to this account.")
@click.option("--first", type=click.IntRange(1), metavar="N", help="Only to the first N: the others wait.")
@click.option("--dry-run", is_flag=True, help="Say who would get a mail and who not, and send none.")
def send(*, ready: bool, account: str, first: int | None, dry_run: bool) -> None:
    """Write to those who are invited and were never written to."""
    if not dry_run:
        need_mails()

    async def act(t: Tools) -> None:
        choice = Choice(which="ready", basis=await _basis(t), account=account) if ready else Choice(account=account)
        await _send(t, choice, first, is_rehearsal=dry_run)

    run(act)


@click.command("send-again")
@click.argument("invitation", required=False)
@click.option("--days", type=click.IntRange(1), default=14, show_default=True, help="To whom nobody wrote for so long.")
def send_again(*, invitation: str | None, days: int) -> None:
    """Write once more to INVITATION, or to all who were written to and have not signed in."""
    need_mails()
    run(lambda t: _send_one(t, invitation) if invitation else _send_again(t, timedelta(days=days)))


def need_mails() -> None:
    """Raises `WrongInput` where no mail server is set."""
    if not load(os.environ).sends_mails:
        raise WrongInput("no mail can go out: set HALLWAY_SMTP_URL and HALLWAY_MAIL_FROM")


async def _basis(t: Tools) -> str:
    await Holding(t.db, utc_now).turn()
    return await Preview(t.db, t.offices, utc_now, cast("Policy", load(os.environ).matching)).basis()


async def _send(t: Tools, choice: Choice, first: int | None, *, is_rehearsal: bool) -> None:
    now = utc_now()
    found = await inviting.plan(t.db, choice, now, size=MOST)
    for why, many in found.left_out.items():
        click.echo(f"left out, {many}: {WHY[why]}")
    wanted = min(first or found.sendable, found.sendable)
    if is_rehearsal:
        for each in found.shown[:wanted]:
            click.echo(f"{each.email} to {each.account}")
        click.echo(f"{wanted} of {found.sendable} would get a mail")
        return
    done = 0
    while done < wanted:
        stage = await inviting.stage(t.db, choice, wanted - done, now)
        sent = await inviting.send(t.db, trail=t.trail, by=t.by, choice=choice, upto=stage.upto, now=now)
        if not sent:
            break
        done += sent
    click.echo(f"{done} mails are on the way, {found.sendable - done} people wait")


async def _send_one(t: Tools, invitation: str) -> None:
    number = await inviting.next_number(t.db, invitation)
    done = await inviting.send_one(t.db, trail=t.trail, by=t.by, invitation=invitation, number=number, now=utc_now())
    click.echo("a mail is on the way" if done else "no changes")


async def _send_again(t: Tools, silence: timedelta) -> None:
    now, done = utc_now(), 0
    while many := await inviting.send_again(t.db, trail=t.trail, by=t.by, before=now - silence, many=MOST, now=now):
        done += many
    click.echo(f"{done} mails are on the way")
