"""`hallway audit`: whether the trail is whole, and what it tells."""

import asyncio
import json

import click
import msgspec

from gateway.audit_reading import Told, Verified, Wanted, read
from gateway.audit_reading import verify as walk
from gateway.cli.failures import FAILED, WrongInput
from gateway.cli.tools import tools
from gateway.records.lines import Line

MOST = 20  # problems that are told; one that is put in makes all that follow it wrong
WITHHELD = {
    "erased": "(personal values: erased)",
    "unreadable": "(personal values: sealed with a key that is not in the key ring)",
}


@click.group()
def audit() -> None:
    """Who did what, when and from where."""


@audit.command()
@click.option("--expect", metavar="HASH", help="The last hash of an earlier verify: it must be in the trail still.")
def verify(expect: str | None) -> None:
    """Check that no line was changed, taken away or put in."""

    async def run() -> Verified:
        async with tools() as t:
            return await walk(t.db, t.vault, expect)

    found = asyncio.run(run())
    for problem in found.problems[:MOST]:
        click.echo(f"BROKEN {problem}")
    if len(found.problems) > MOST:
        click.echo(f"       and {len(found.problems) - MOST} more")
    if found.problems:
        click.echo("Somebody changed the database without Hallway. Compare it with a backup of before.")
        raise click.exceptions.Exit(FAILED)
    click.echo(f"whole: {found.count} line{'' if found.count == 1 else 's'}, the last hash is {found.last}")
    click.echo("Keep that hash somewhere else, and give it to --expect the next time.")


@audit.command()
@click.option("-n", "latest", default=20, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option("--what", metavar="WHAT", help="Such as session.began, or session for all of its kind.")
@click.option("--who", metavar="WHO", help="Who did it, or whom it is about: member/..., operator/..., source/...")
@click.option("--account", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One object a line.")
def show(latest: int, what: str | None, who: str | None, account: str | None, *, as_json: bool) -> None:
    """Show the latest lines, the last one at the end."""

    async def run() -> tuple[Told, ...]:
        async with tools() as t:
            return await read(t.db, t.vault, Wanted(latest=latest, what=what, who=who, account=account))

    for told in asyncio.run(run()):
        click.echo(msgspec.json.encode(told).decode() if as_json else _text(told))


@audit.command()
def reseal() -> None:
    """Seal with the key ring's last key what older keys sealed, before one is taken away."""

    async def run() -> int:
        async with tools() as t, t.db.write() as session:
            return await t.trail.reseal(session)

    click.echo(f"sealed anew: {asyncio.run(run())}")


@audit.command()
@click.argument("owner")
def forget(owner: str) -> None:
    """Destroy the key to the personal values of OWNER, such as account/acme. They can never be read again."""
    kind, _, name = owner.partition("/")
    if kind not in {"account", "member", "staff"} or not name:
        raise WrongInput(
            "name whose values to destroy as `hallway audit show` does: account/acme, member/..., staff/..."
        )

    async def run() -> bool:
        async with tools() as t, t.db.write() as session:
            gone = await t.trail.forget(session, owner)
            if gone:
                await t.trail.record(session, Line(what="person.forgotten", by=t.by, about=owner))
            return gone

    click.echo("destroyed" if asyncio.run(run()) else "no changes")


def _text(told: Told) -> str:
    account = f", account {told.account}" if told.account else ""
    lines = [
        f"{told.number}  {told.at[:19]}Z  {told.what}",
        f"    by {_shown(told.who)} ({told.via}), about {_shown(told.about)}{account}",
        *(f"    {name}: {json.dumps(value)}" for name, value in {**told.details, **(told.personal or {})}.items()),
    ]
    if told.withheld:
        lines.append(f"    {WITHHELD[told.withheld]}")
    return "\n".join(lines)


def _shown(text: str) -> str:
    """Quoted where it must be, so that an odd name cannot move the cursor of a terminal."""
    return text if text.isprintable() and text.isascii() else json.dumps(text)
