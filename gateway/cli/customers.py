"""`hallway customers import`, `hallway readiness` and `hallway recheck`: many people at once."""

import asyncio
import csv
import io
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import click

from auth.clock import utc_now
from gateway.cli.failures import FAILED, WrongInput
from gateway.cli.moving import merge_, split_
from gateway.cli.options import decided_by
from gateway.cli.tools import tools
from gateway.identity.contacts_text import text_of
from gateway.identity.importing import Import, Report
from gateway.identity.inputs import SEES
from gateway.identity.matching import Policy
from gateway.identity.questions import WHY as WHY_LOST
from gateway.identity.readiness import WHY, Preview, Verdict
from gateway.identity.rechecking import Rechecked, Rechecks
from gateway.links import LinkError
from gateway.settings import load

STEP = 50  # contacts between two words of progress
SIGNS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula


@click.group()
def customers() -> None:
    """The customers, many at once."""


customers.add_command(merge_)
customers.add_command(split_)


@customers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Try every line, and keep nothing.")
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True, help="How long invitations last.")
@decided_by
def import_(*, file: Path, dry_run: bool, days: int, by: str) -> None:
    """Make accounts, links and invitations from a CSV FILE: email, account, and what else is known."""
    try:
        text = text_of(file.read_bytes())
    except LinkError as error:
        raise WrongInput(f"{file}: {error}") from None

    async def run() -> Report:
        async with tools() as t:
            taking = Import(
                t.db,
                t.trail,
                t.by,
                made_by=by,
                now=datetime.now(UTC),
                days=days,
                is_rehearsal=dry_run,
            )
            return await taking.run(io.StringIO(text, newline=""), _progress)

    report = asyncio.run(run())
    for refusal in report.refused:
        click.echo(f"line {refusal.line}: {refusal.whole}")
    taken = report.total - len(report.refused)
    would = "would be " if dry_run else ""
    click.echo(
        f"{report.total} contacts: {report.changed} {would}taken in, {taken - report.changed} as they were, "
        f"{len(report.refused)} refused"
    )
    if report.refused:
        raise click.exceptions.Exit(FAILED)


@click.command()
@click.option("--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write every contact there.")
@click.option("--only-changed", is_flag=True, help="Ask only about those of whom something changed here.")
@click.option("--older-than", type=click.IntRange(0), default=24, show_default=True, metavar="HOURS", help="Ask again.")
def readiness(*, file: Path | None, only_changed: bool, older_than: int) -> None:
    """Say how many of the invited would see everything, and why the others would not."""
    policy = cast("Policy", load(os.environ).matching)

    async def run() -> tuple[Verdict, ...]:
        async with tools() as t:
            preview = Preview(t.db, t.offices, utc_now, policy)
            return await preview.run(older_than=None if only_changed else timedelta(hours=older_than), told=_progress)

    verdicts = asyncio.run(run())
    if file is not None:
        _export(file, verdicts)
    counts = Counter(verdict.sees for verdict in verdicts)
    rest = ", ".join(f"{counts[sees]} {sees}" for sees in SEES[1:] if counts[sees] or sees != "part")
    click.echo(f"{counts['everything']} of {len(verdicts)} see everything, {rest}")
    for (sees, reason), count in sorted(Counter((each.sees, each.reason) for each in verdicts if each.reason).items()):
        click.echo(f"  {count} {sees}: {WHY.get(reason or '', reason)}")
    asked = sum(verdict.was_asked for verdict in verdicts)
    click.echo(f"the sources were asked about {asked}")


@click.command()
@click.option("--older-than", type=click.IntRange(0), default=0, show_default=True, metavar="MINUTES")
def recheck(older_than: int) -> None:
    """Ask the sources whether people are still who they were, and end what is not so any more."""

    async def run() -> Rechecked:
        async with tools() as t:
            rechecks = Rechecks(t.db, t.trail, t.offices, utc_now)
            return await rechecks.run(t.by, older_than=timedelta(minutes=older_than))

    done = asyncio.run(run())
    for known, reason in done.lost:
        click.echo(f"member/{known.member_id} is not {known.person!r} of {known.source!r} any more: {WHY_LOST[reason]}")
    click.echo(f"asked about {done.asked}, lost {len(done.lost)}; pages follow within ten seconds")
    if done.silent:
        click.echo(f"did not answer, so nothing of theirs was changed: {', '.join(done.silent)}", err=True)
        raise click.exceptions.Exit(FAILED)


def _progress(done: int, total: int) -> None:
    if done % STEP == 0 or done == total:
        click.echo(f"{done} of {total}", err=True)


def _export(file: Path, verdicts: tuple[Verdict, ...]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["email", "name", "account", "sees", "reason", "checked_at"])
        for each in verdicts:
            contact = each.contact
            why = WHY.get(each.reason, each.reason) if each.reason else ""
            row = (contact.email, contact.name or "", contact.account, each.sees, why, each.checked_at.isoformat())
            writer.writerow([f"'{value}" if value.startswith(SIGNS) else value for value in row])
