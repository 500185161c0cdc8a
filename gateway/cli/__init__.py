"""The command `hallway`."""


def main() -> None:
    """Run it. Ctrl-C ends it without a traceback, however early it comes."""
    try:
        from gateway.cli.commands import hallway  # noqa: PLC0415  # importing takes the time in which Ctrl-C may come

        hallway()
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as shells have it
