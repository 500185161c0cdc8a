"""`hallway visibility`: what customers see, from a file that can be kept beside the deployment."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from auth.clock import utc_now
from gateway.cli import applying, publishing
from gateway.cli.tools import Tools, run
from gateway.feeds.showing import Showing, Trial
from gateway.seeing.differences import differences
from gateway.seeing.file import dump, parse
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy
from gateway.topics.changes import topics

SOON = "within ten seconds"  # when customers see what is published
LOST = "what messages have otherwise for it goes, too, and does not come back with an old version"


@click.group()
def visibility() -> None:
    """What customers see, and segments who see something else: export, rehearse and apply a file, go back."""


@visibility.command()
def show() -> None:
    """Print the file of what is published."""

    async def act(t: Tools) -> None:
        click.echo(dump((await POLICIES.live(t.db)).content), nl=False)

    run(act)


@visibility.command()
@click.argument("file", type=publishing.FILE)
def rehearse(file: Path) -> None:
    """Say what FILE would change of the records of the last 90 days. Nothing is changed."""

    async def act(t: Tools) -> None:
        wanted, live = await _wanted(t, file), await POLICIES.live(t.db)
        async with publishing.what_is_kept(t) as redis:
            for line in _tried(await Showing(t.db, redis, t.offices, utc_now).rehearse(live.content, wanted)):
                click.echo(line)

    run(act)


@visibility.command()
@click.argument("file", type=publishing.FILE)
@click.option("--yes", is_flag=True, help="Apply without asking.")
def apply(file: Path, *, yes: bool) -> None:
    """Show what FILE would change, ask, and publish it. What FILE does not name is not shown."""

    async def act(t: Tools) -> None:
        wanted, live = await _wanted(t, file), await POLICIES.live(t.db)
        if not applying.is_agreed(is_changed=_show(live.content, wanted), yes=yes):
            return
        making = POLICIES.publish(t.db, wanted, trail=t.trail, by=t.by, now=utc_now(), seen=live.number)
        await publishing.publish(making, SOON)

    run(act)


@visibility.command("versions")
def versions_() -> None:
    """List the latest versions, the one that counts first."""

    async def act(t: Tools) -> None:
        await publishing.list_versions(t, POLICIES, "nothing is published: customers see everything")

    run(act)


@visibility.command()
@click.argument("number", type=click.IntRange(0))
@click.option("--yes", is_flag=True, help="Do it without asking.")
def rollback(number: int, *, yes: bool) -> None:
    """Make a new version of version NUMBER; 0 shows everything to everybody again."""

    async def act(t: Tools) -> None:
        live, old = await publishing.live_and_old(t, POLICIES, number)
        if not applying.is_agreed(is_changed=_show(live.content, old.content), yes=yes):
            return
        await publishing.restore(t, POLICIES, number, live.number, SOON)

    run(act)


async def _wanted(t: Tools, file: Path) -> Policy:
    sources = {name: office.connector for name, office in (await t.offices.all()).items()}
    return parse(applying.read(file), sources, [each.name for each in await topics(t.db)])


def _show(before: Policy, after: Policy) -> bool:
    """Show differences. False: there are none."""
    found = differences(before, after)
    for each in found:
        name = " ".join(filter(None, (json.dumps(each.segment) if each.segment else "everybody", each.of, each.name)))
        action = {"added": "add", "removed": "remove"}.get(each.of, "change")
        lost = [LOST] if each.of == "removed" else []
        applying.show(name, action, [f"{json.dumps(each.before)} -> {json.dumps(each.after)}", *lost])
    return bool(found)


def _tried(found: Trial) -> Iterator[str]:
    yield f"{found.looked_at} records looked at, of {found.all_accounts} accounts"
    yield f"{found.hidden} records lose something, {found.uncovered} show something more, of {found.accounts} accounts"
    for each in found.groups:
        how = "appears" if each.more else "disappears"
        many = f"{each.records} records of {each.accounts} accounts"
        yield f"{each.what} {how}: {many}, for example {json.dumps(each.example)}"
    for segment in found.segments:
        yield f"{json.dumps(segment.title)}: {segment.after} accounts, {segment.before} before"
    if found.unsure:
        yield f"{found.unsure} accounts may be in several: the stricter settings hold for them"
    if not found.is_all:
        yield "There are more lists than were looked at."
