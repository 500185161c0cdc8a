"""The command `hallway`."""

from gateway.cli.commands import main

__all__ = ["main"]
