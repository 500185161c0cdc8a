"""`hallway leakcheck`: two customers' sign-ins against a running portal."""

import asyncio
from pathlib import Path

import click

from auth import cookies
from gateway.cli.failures import FAILED, WrongInput
from gateway.leakcheck import leakcheck as check

session = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--url", required=True, metavar="URL", help="The portal, as browsers reach it.")
@click.option("--session-a", required=True, type=session, help="A file with the session cookie of one customer.")
@click.option("--session-b", required=True, type=session, help="A file with that of another, of another account.")
@click.option("--most", default=25, show_default=True, type=click.IntRange(1, 1000), help="Records of each kind.")
def leakcheck(*, url: str, session_a: Path, session_b: Path, most: int) -> None:
    """Try with the sign-ins of two customers to get at what is the other's."""
    if not url.startswith(("http://", "https://")):
        raise WrongInput("--url begins with http:// or https://")
    if not asyncio.run(_check(url, (_cookie(session_a), _cookie(session_b)), most)):
        raise click.exceptions.Exit(FAILED)


async def _check(url: str, sessions: tuple[str, str], most: int) -> bool:
    sound = True
    async for finding in check(url, sessions, most):
        click.echo(f"{'LEAK' if finding.is_leak else 'OK  '} {finding.text}")
        sound = sound and not finding.is_leak
    return sound


def _cookie(file: Path) -> str:
    """Read a cookie's value, with its name before it or without."""
    value = file.read_text().strip().removeprefix(f"{cookies.SESSION}=")
    if not value or not value.isascii() or any(letter.isspace() or letter in ";," for letter in value):
        raise WrongInput(f"{file} holds no session cookie")
    return value
