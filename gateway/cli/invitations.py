"""`hallway invitations`: addresses that are bound to an account before anybody comes with them."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import click

from gateway.cli.failures import Failure, WrongInput
from gateway.cli.inviting import need_mails, send, send_again
from gateway.cli.options import decided_by, reach
from gateway.cli.tools import tools
from gateway.identity import invitations as rows
from gateway.identity.invitations import Invited, Wish
from gateway.identity.inviting import WHY, invite_by_mail, wants_none
from gateway.identity.uninvited import NeverCame, forget
from gateway.rights import Rights


@click.group()
def invitations() -> None:
    """Let whoever proves an e-mail address act for an account, once and in time."""


@invitations.command()
@click.argument("email")
@click.option("--account", required=True, metavar="ID", help="The account that the person may act for.")
@reach("the person")
@click.option("--name", help="What the person is called.")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How long it may be used.")
@click.option("--mail", is_flag=True, help="Write to them too.")
@decided_by
def add(*, email: str, account: str, rights: Rights, name: str | None, days: int, mail: bool, by: str) -> None:
    """Bind EMAIL to an account."""
    if mail:
        need_mails()
    now = datetime.now(UTC)
    wish = Wish(email=email, account=account, rights=rights, until=now + timedelta(days=days), name=name)

    async def run() -> tuple[str | bool | None, bool]:
        async with tools() as t:
            if mail:
                done = await invite_by_mail(t.db, trail=t.trail, by=t.by, made_by=by, wish=wish, now=now)
                return done, await wants_none(t.db, email)
            return await rows.invite(t.db, trail=t.trail, by=t.by, made_by=by, wish=wish, now=now), False

    made, is_stopped = asyncio.run(run())
    if mail:
        way = f"no mail goes out: {WHY['stopped']}" if is_stopped else "a mail is on the way"
        click.echo(f"invited {email} to {account!r}: {way}" if made else "no changes")
    else:
        click.echo(f"invited {email} to {account!r}: {made}" if made else "no changes")


@invitations.command("list")
@click.option("--account", metavar="ID", help="Only those of this account.")
def list_(account: str | None) -> None:
    """Show who is invited, and what became of it."""

    async def run() -> tuple[Invited, ...]:
        async with tools() as t:
            return await rows.invitations(t.db, datetime.now(UTC), account)

    for each in asyncio.run(run()):
        called = f" ({each.name})" if each.name else ""
        until = f", until {each.until:%Y-%m-%d}" if each.state == "made" else ""
        mailed = f", mail {each.mail}" if each.mail else ""
        click.echo(f"{each.id} {each.state}{until}{mailed}: {each.email}{called} to {each.account}, by {each.made_by}")


@invitations.command()
@click.argument("invitation")
def withdraw(invitation: str) -> None:
    """Let nobody use an invitation any more; who has used it keeps what it gave."""

    async def run() -> bool:
        async with tools() as t:
            return await rows.withdraw(t.db, trail=t.trail, by=t.by, id_=invitation)

    click.echo("withdrawn" if asyncio.run(run()) else "no changes")


@invitations.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Erase without asking.")
def erase(email: str, *, yes: bool) -> None:
    """Forget EMAIL for good: its invitations, their mails, and what was asked for with it. Nobody has come with it."""
    if not yes and not sys.stdin.isatty():
        raise WrongInput("nothing was erased: there is no terminal to ask at. Add --yes")
    if not yes and not click.confirm("Erase for good?"):
        raise Failure("nothing was erased")

    async def run() -> NeverCame:
        async with tools() as t:
            return await forget(t.db, trail=t.trail, by=t.by, email=email)

    gone = asyncio.run(run())
    held = ", ".join(f"{name} {many}" for name, many in gone.held.items())
    click.echo(f"erased what was kept of an address that was invited to {', '.join(gone.accounts)}: {held}")


invitations.add_command(send)
invitations.add_command(send_again)
