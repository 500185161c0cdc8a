"""`hallway statuses`: what staff say about statuses, from a file that can be kept beside the deployment."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from auth.clock import utc_now
from gateway.cli import applying, publishing
from gateway.cli.tools import Tools, run
from gateway.dictionary.file import dump, parse
from gateway.dictionary.versions import DICTIONARIES, Difference, differences
from gateway.feeds.rehearsing import Rehearsal, Rehearsing
from gateway.settings import load
from gateway.wording import NOTHING, Entry, Words

SOON = "from their next page on"  # when customers see what is published


@click.group()
def statuses() -> None:
    """What statuses mean, and how customers read them: export, rehearse and apply a file, go back to a version."""


@statuses.command()
def export() -> None:
    """Print the file of what is published."""

    async def act(t: Tools) -> None:
        click.echo(dump((await DICTIONARIES.live(t.db)).content), nl=False)

    run(act)


@statuses.command()
@click.argument("file", type=publishing.FILE)
def rehearse(file: Path) -> None:
    """Say what FILE would change of the records of the last 90 days. Nothing is changed."""

    async def act(t: Tools) -> None:
        wanted, live = await _wanted(t, file), await DICTIONARIES.live(t.db)
        async with publishing.what_is_kept(t) as redis:
            found = Rehearsing(t.db, redis, t.offices, utc_now, sends_mails=load(os.environ).sends_mails)
            for line in _rehearsed(await found.rehearse(live.content, wanted, utc_now().date())):
                click.echo(line)

    run(act)


@statuses.command()
@click.argument("file", type=publishing.FILE)
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--mails", is_flag=True, help="Let mails tell of what needs customers by the new words.")
def apply(file: Path, *, yes: bool, mails: bool) -> None:
    """Show what FILE would change, ask, and publish it. A status that FILE does not name is as usual again."""

    async def act(t: Tools) -> None:
        wanted, live = await _wanted(t, file), await DICTIONARIES.live(t.db)
        if not applying.is_agreed(is_changed=_show(differences(live.content, wanted)), yes=yes):
            return
        making = DICTIONARIES.publish(
            t.db, wanted, trail=t.trail, by=t.by, now=utc_now(), seen=live.number, is_quiet=not mails
        )
        await publishing.publish(making, SOON)

    run(act)


@statuses.command("versions")
def versions_() -> None:
    """List the latest versions, the one that counts first."""

    async def act(t: Tools) -> None:
        await publishing.list_versions(t, DICTIONARIES, "nothing is published: every status has its usual words")

    run(act)


@statuses.command()
@click.argument("number", type=click.IntRange(0))
@click.option("--yes", is_flag=True, help="Do it without asking.")
def restore(number: int, *, yes: bool) -> None:
    """Make a new version of version NUMBER; 0 gives back the usual words. No mail tells of it."""

    async def act(t: Tools) -> None:
        live, old = await publishing.live_and_old(t, DICTIONARIES, number)
        if not applying.is_agreed(is_changed=_show(differences(live.content, old.content)), yes=yes):
            return
        await publishing.restore(t, DICTIONARIES, number, live.number, SOON)

    run(act)


async def _wanted(t: Tools, file: Path) -> Words:
    sources = {name: office.connector for name, office in (await t.offices.all()).items()}
    return parse(applying.read(file), sources)


def _show(found: Iterable[Difference]) -> bool:
    """Show differences. False: there are none."""
    shown = False
    for each in found:
        action = "add" if each.before == NOTHING else "remove" if each.after == NOTHING else "change"
        applying.show(f"{each.source} {each.kind} {json.dumps(each.status)}", action, _details(each.before, each.after))
        shown = True
    return shown


def _details(before: Entry, after: Entry) -> Iterator[str]:
    for field in Entry.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield f"{field}: {_text(old)} -> {_text(new)}"


def _text(value: str | bool | None) -> str:  # noqa: FBT001  # what a field holds
    """Quoted, so that an odd value cannot move the cursor of a terminal."""
    return "as usual" if value is None else json.dumps(value)


def _rehearsed(found: Rehearsal) -> Iterator[str]:
    yield f"{found.records} of {found.looked_at} records read differently, of {found.accounts} accounts"
    yield f"{found.gained} more need the customer, {found.lost} do not any more"
    yield f"{found.mails} mails at the most would go out, with --mails"
    for each in found.groups:
        yield f"{each.source} {each.kind} {json.dumps(each.status)}: {each.records} of {each.accounts} accounts"
        yield f"    {each.before.label} -> {each.after.label}, for example {json.dumps(each.example)}"
    for still in found.unmapped:
        yield f"{still.source} {still.kind} {json.dumps(still.status)}: {still.records} records still without words"
    if not found.is_all:
        yield "There are more lists than were looked at."
