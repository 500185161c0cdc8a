"""What the commands share that apply a file: how it is read, how changes are shown, and how one is asked."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from gateway.cli.failures import Failure, WrongInput

MARKS = {
    "add": ("+", "green"),
    "change": ("~", "yellow"),
    "keep": ("=", "white"),
    "remove": ("-", "red"),
    "leave": ("?", "white"),
}


def read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongInput(f"{file} is not text in UTF-8") from None


def show(name: str, action: str, details: Iterable[str]) -> None:
    mark, colour = MARKS[action]
    click.secho(f"{mark} {name}", fg=colour)
    for detail in details:
        click.echo(f"    {detail}")


def is_agreed(*, is_changed: bool, yes: bool) -> bool:
    """Whether to go on. Where something changes somebody has to agree, or the command ends."""
    if not is_changed:
        click.echo("No changes.")
    elif not yes:
        ask()
    return is_changed


def ask() -> None:
    """End the command, unless somebody at the terminal agrees."""
    if not sys.stdin.isatty():
        raise WrongInput("nothing was applied: there is no terminal to ask at. Look at the changes, and add --yes")
    if not click.confirm("Apply?"):
        raise Failure("nothing was applied")
