"""`hallway customers merge` and `hallway customers split`: two accounts made one, and one made two."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

import click

from gateway.access import LinkRef
from gateway.cli.failures import Failure, WrongInput
from gateway.cli.forgetting import AT_LAST, forget
from gateway.cli.tools import tools
from gateway.grants import Stale
from gateway.moves.merging import merge
from gateway.moves.planning import Decided, Keep, Plan, plan_merge
from gateway.moves.splitting import Wanted, plan_split, split
from gateway.moves.state import Moved
from gateway.settings import load

KEEP: tuple[Keep, ...] = ("both", "into", "gone")
reason = click.option("--reason", required=True, help="Why, for the audit trail.")


@click.command("merge")
@click.argument("gone")
@click.argument("into")
@reason
@click.option("--numbers", multiple=True, metavar="SOURCE=WHOSE", help="Whose numbers count there: both, into or gone.")
@click.option("--rights", type=click.Choice(["into", "gone"]), help="Whose rights count, of who acts for both.")
@click.option("--yes", is_flag=True, help="Merge without asking.")
def merge_(*, gone: str, into: str, reason: str, numbers: tuple[str, ...], rights: str | None, yes: bool) -> None:
    """Make one account of two: all that is of GONE goes over INTO the other one, and its id leads there."""
    decided = Decided(numbers=dict(map(_number, numbers)), rights=cast("Keep | None", rights))

    async def run() -> Moved:
        async with tools() as t:
            plan = await plan_merge(t.db, gone, into)
            _ask(_said(plan), "Merge them?", yes=yes)
            now = datetime.now(UTC)
            with _as_seen():
                done = await merge(
                    t.db,
                    trail=t.trail,
                    by=t.by,
                    gone=gone,
                    into=into,
                    decided=decided,
                    reason=reason,
                    now=now,
                    seen=plan.seen,
                )
        await _forget(done)
        return done

    asyncio.run(run())
    click.echo(f"merged {gone!r} into {into!r}; {AT_LAST}")


@click.command("split")
@click.argument("of")
@click.argument("to")
@reason
@click.option("--name", default="", help="What people call the new account.")
@click.option("--link", "links", multiple=True, metavar="SOURCE=CUSTOMER", help="A link that goes there.")
@click.option("--member", "members", multiple=True, metavar="ID", help="A member who goes there.")
@click.option("--back", is_flag=True, help="All that came with the merge by which TO became part of OF.")
@click.option("--yes", is_flag=True, help="Split without asking.")
def split_(
    *,
    of: str,
    to: str,
    reason: str,
    name: str,
    links: tuple[str, ...],
    members: tuple[str, ...],
    back: bool,
    yes: bool,
) -> None:
    """Make two accounts of one: some links and people of OF go to TO, a new account or one that was merged into OF."""
    chosen = frozenset(LinkRef(*_pair(each, "--link")) for each in links)

    async def run() -> Moved:
        async with tools() as t:
            plan = await plan_split(t.db, of, to)
            if back and not plan.undoes:
                raise WrongInput(f"{to!r} was not merged into {of!r}: there is nothing to take back")
            came = (frozenset(plan.links), frozenset(plan.people)) if back else (frozenset[LinkRef](), frozenset[str]())
            wanted = Wanted(to=to, name=name, links=chosen | came[0], people=frozenset(members) | came[1])
            said = f"{len(wanted.links)} links and {len(wanted.people)} people go from {of!r} to {to!r}"
            if kept := len(wanted.people & set(plan.kept)):
                said += f"\nrights changed since the merge stay, and are no wider in {to!r}: those of {kept}"
            _ask(said, "Split it?", yes=yes)
            now = datetime.now(UTC)
            with _as_seen():
                done = await split(
                    t.db, trail=t.trail, by=t.by, of=of, wanted=wanted, reason=reason, now=now, seen=plan.seen
                )
        await _forget(done)
        return done

    asyncio.run(run())
    click.echo(f"split {to!r} from {of!r}; {AT_LAST}")


def _said(plan: Plan) -> str:
    held = ", ".join(f"{many} {thing}" for thing, many in plan.gone.held.items())
    lines = [f"{len(plan.gone.links)} links, {len(plan.gone.people)} people, {held} go over to {plan.into.id!r}"]
    for each in plan.clashes:
        theirs = f"{plan.gone.id!r} is {', '.join(each.gone)}, {plan.into.id!r} is {', '.join(each.into)}"
        lines.append(f"other numbers in {each.source!r}: {theirs}")
    lines += [f"{each.person.called} acts for both, within other rights" for each in plan.differing]
    return "\n".join(lines)


@contextmanager
def _as_seen() -> Iterator[None]:
    try:
        yield
    except Stale:
        raise Failure("nothing was changed: somebody changed one of them after you were asked. Look again") from None


def _ask(said: str, question: str, *, yes: bool) -> None:
    click.echo(said)
    if not yes and not sys.stdin.isatty():
        raise WrongInput("nothing was changed: there is no terminal to ask at. Add --yes")
    if not yes and not click.confirm(question):
        raise Failure("nothing was changed")


def _number(given: str) -> tuple[str, Keep]:
    source, whose = _pair(given, "--numbers")
    if whose not in KEEP:
        raise WrongInput(f"--numbers {given}: whose numbers count is one of both, into and gone")
    return source, whose


def _pair(given: str, option: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name or not value:
        raise WrongInput(f"{option} {given}: write it as erp=10")
    return name, value


async def _forget(done: Moved) -> None:
    settings = load(os.environ)
    await forget(settings, "session", [*done.switched, *done.looking])
    await forget(settings, "visit", done.sessions)
