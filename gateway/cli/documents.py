"""`hallway documents`: what is asked of customers, what came, and whether that is it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from connectors.actions import Attached
from gateway import asked
from gateway.asked import Asked
from gateway.cli.failures import Failure, WrongInput
from gateway.cli.tables import table
from gateway.cli.tools import tools
from gateway.links import Login

LONGEST_LABEL, LONGEST_REASON = 120, 1000


@click.group()
def documents() -> None:
    """Documents that you ask customers for, and what they send."""


@documents.command("ask")
@click.option("--account", required=True, metavar="ID", help="Who is asked.")
@click.option("--label", required=True, help="What for, in the customer's words, such as 'Trade licence'.")
@click.option("--why", help="What it is for, for the customer to read.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until when.")
@click.option("--member", nargs=2, metavar="ISSUER SUBJECT", help="One person alone; else all who see documents.")
def ask(*, account: str, label: str, why: str | None, due: datetime | None, member: tuple[str, str] | None) -> None:
    """Ask a customer for a document. It shows on their Home page until it is there."""
    text = " ".join(label.split())
    if not text or len(text) > LONGEST_LABEL:
        raise WrongInput(f"the label has to have 1 to {LONGEST_LABEL} characters")

    async def run() -> str:
        async with tools() as t:
            return await asked.ask(
                t.db,
                trail=t.trail,
                by=t.by,
                account=account,
                label=text,
                due_on=due.date() if due else None,
                login=Login(*member) if member else None,
                now=datetime.now(UTC),
                why=(why or "").strip()[:LONGEST_REASON] or None,
            )

    click.echo(f"asked: {asyncio.run(run())}")


@documents.command("list")
@click.option("--account", metavar="ID", help="Only those of this account.")
def list_(account: str | None) -> None:
    """Show what was asked for, what waits for the customer first."""

    async def run() -> tuple[Asked, ...]:
        async with tools() as t:
            return await asked.asked_documents(t.db, account)

    rows = [
        (
            each.id,
            each.account,
            each.state,
            str(each.due_on or ""),
            each.label,
            ", ".join(each.files),
        )
        for each in asyncio.run(run())
    ]
    for line in table(("ID", "ACCOUNT", "STATE", "DUE", "LABEL", "FILES"), rows):
        click.echo(line)


@documents.command("download")
@click.argument("document")
@click.option("--to", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder.")
def download(document: str, to: Path) -> None:
    """Write the files that came into a folder. Nothing that is there is written over."""

    async def run() -> tuple[Attached, ...]:
        async with tools() as t:
            return await asked.given_files(t.db, trail=t.trail, by=t.by, id_=document)

    files = asyncio.run(run())
    if not files:
        raise Failure("no files came for it, or they were deleted some days after it was accepted")
    for place, file in enumerate(files, start=1):
        path = to / f"{document}-{place}-{file.name}"
        try:
            with path.open("xb") as out:
                out.write(file.content)
        except FileExistsError:
            raise Failure(f"{path} is there already: choose another folder") from None
        click.echo(str(path))


@documents.command("accept")
@click.argument("document")
def accept(document: str) -> None:
    """Say that this is it. The files are deleted some days later."""

    async def run() -> None:
        async with tools() as t:
            await asked.accept(t.db, trail=t.trail, by=t.by, id_=document, now=datetime.now(UTC))

    asyncio.run(run())
    click.echo("accepted")


@documents.command("refuse")
@click.argument("document")
@click.option("--reason", required=True, help="Why, for the customer to read.")
def refuse(document: str, reason: str) -> None:
    """Say that this is not it: the customer is asked again."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise WrongInput(f"the reason has to have 1 to {LONGEST_REASON} characters")

    async def run() -> None:
        async with tools() as t:
            await asked.refuse(t.db, trail=t.trail, by=t.by, id_=document, reason=reason.strip(), now=datetime.now(UTC))

    asyncio.run(run())
    click.echo("refused")


@documents.command("withdraw")
@click.argument("document")
def withdraw(document: str) -> None:
    """Ask for it no more. What came is deleted some days later."""

    async def run() -> None:
        async with tools() as t:
            await asked.withdraw(t.db, trail=t.trail, by=t.by, id_=document, now=datetime.now(UTC))

    asyncio.run(run())
    click.echo("withdrawn")
