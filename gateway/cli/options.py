"""Options that several commands have: who decided something, and what a person sees."""

import getpass
from collections.abc import Callable
from typing import Any

import click

from gateway.rights import COMPANY, OWN

REACHES = {"own": OWN, "company": COMPANY}

decided_by = click.option(
    "--by",
    metavar="NAME",
    callback=lambda _context, _option, name: name or getpass.getuser(),
    help="Who decided it; you, if left out.",
)


def reach(whose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Hand the command `rights`, which are the same for every area."""
    return click.option(
        "--reach",
        "rights",
        type=click.Choice(list(REACHES)),
        default="own",
        show_default=True,
        callback=lambda _context, _option, word: REACHES[word],
        help=f"What {whose} sees: what names them, or everything of the company's.",
    )
