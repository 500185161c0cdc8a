"""Debian's Chromium, as the tests start it: headless, as root too, and asking nobody for anything."""

from support_needs import need_program

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    return need_program("chromium", package="chromium")
