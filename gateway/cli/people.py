"""`hallway link`, `hallway unlink` and `hallway owner`: who may act for whom, each with its proof."""

import asyncio
import os
from datetime import UTC, datetime

import click

from auth.mailbox import ISSUER as MAILBOX
from gateway.cli.failures import WrongInput
from gateway.cli.options import decided_by, reach
from gateway.cli.tools import tools
from gateway.identity.customers import check_customer
from gateway.links import Login, Proof, remove_member
from gateway.links import link as make_link
from gateway.links import unlink as take_link
from gateway.rights import Rights
from gateway.settings import load
from gateway.sign_in import sign_ins
from gateway.staff import add_owner

issuer = click.option("--issuer", metavar="URL", help=f"The sign-in provider that knows the person; {MAILBOX}: codes.")
subject = click.option("--subject", help=f"The person's id at that provider; their e-mail address only at {MAILBOX}.")


@click.command()
@issuer
@subject
@click.option("--account", required=True, metavar="ID", help="The account, like acme-ltd; made where it is missing.")
@click.option("--account-name", metavar="NAME", help="What people call it.")
@click.option("--source", required=True, metavar="NAME", help="The back office, as the sources file names it.")
@click.option("--customer", required=True, metavar="ID", help="The account's id in that back office.")
@click.option("--fact", required=True, help="Why this is so: what was looked at, and where.")
@decided_by
@reach("a new login")
@click.option("--move", is_flag=True, help="Take the customer id from the account that has it now.")
@click.option("--unchecked", is_flag=True, help="Do not ask the back office whether it knows the customer.")
def link(
    *,
    issuer: str | None,
    subject: str | None,
    account: str,
    account_name: str | None,
    source: str,
    customer: str,
    fact: str,
    by: str,
    rights: Rights,
    move: bool,
    unchecked: bool,
) -> None:
    """Link an account to a customer of a back office, and let a login act for it."""
    login = _login(issuer, subject)
    if login:
        _check_issuer(login.issuer)
    proof = Proof(fact=fact, decided_by=by, decided_at=datetime.now(UTC))

    async def run() -> tuple[str, ...]:
        async with tools() as t:
            if not unchecked:
                await check_customer(t.offices, source, customer, proof.decided_at)
            return await make_link(
                t.db,
                trail=t.trail,
                by=t.by,
                account=account,
                source=source,
                customer=customer,
                proof=proof,
                name=account_name,
                login=login,
                rights=rights,
                move=move,
            )

    for change in asyncio.run(run()) or ("no changes",):
        click.echo(change)


@click.command()
@issuer
@subject
@click.option("--account", metavar="ID", help="With a login: it may act for this account no longer.")
@click.option("--source", metavar="NAME", help="With a customer: the link to take away.")
@click.option("--customer", metavar="ID", help="The account's id in that back office.")
def unlink(
    *, issuer: str | None, subject: str | None, account: str | None, source: str | None, customer: str | None
) -> None:
    """Take a link away (--source, --customer), or a login from an account (--account, --issuer, --subject)."""
    login = _login(issuer, subject)

    async def run() -> bool:
        async with tools() as t:
            match (source, customer, account, login):
                case (str(), str(), None, None):
                    return await take_link(t.db, trail=t.trail, by=t.by, source=source, customer=customer)
                case (None, None, str(), Login()):
                    return await remove_member(t.db, trail=t.trail, by=t.by, account=account, login=login)
                case _:
                    raise WrongInput("give --source and --customer, or --account, --issuer and --subject")

    click.echo("taken away" if asyncio.run(run()) else "no changes")


@click.group()
def owner() -> None:
    """The people who run this installation."""


@owner.command()
@issuer
@subject
@click.option("--name", help="What people call them.")
def add(*, issuer: str | None, subject: str | None, name: str | None) -> None:
    """Let a person run this installation."""
    login = _login(issuer, subject)
    if login is None:
        raise WrongInput("give --issuer and --subject")

    async def run() -> bool:
        async with tools() as t:
            return await add_owner(t.db, trail=t.trail, by=t.by, login=login, name=name, now=datetime.now(UTC))

    click.echo("added" if asyncio.run(run()) else "no changes")


def _login(issuer: str | None, subject: str | None) -> Login | None:
    if (issuer is None) != (subject is None):
        raise WrongInput("--issuer and --subject go together: only both of them name a person")
    return Login(issuer, subject) if issuer and subject else None


def _check_issuer(issuer: str) -> None:
    """Refuse an issuer at which no customer can sign in. Without any provider in the settings nobody can tell."""
    settings = load(os.environ)
    known = sorted({each.issuer for each in sign_ins(settings.providers) if each.kind == "member"})
    known += [MAILBOX] if settings.takes_codes else []
    if known and issuer not in known:
        listed = ", ".join(known)
        raise WrongInput(f"no customer signs in at {issuer}: the settings have {listed}, to be spelled exactly so")
