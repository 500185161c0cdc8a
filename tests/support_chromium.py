"""Debian's Chromium, as the tests start it: headless, as root too, and asking nobody for anything."""

from typing import Final

from playwright import async_api, sync_api
from support_needs import need_program

PATIENCE: Final = 60_000  # milliseconds; a limit for machines that are busy, not a promise. By itself it would be five.

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    return need_program("chromium", package="chromium")


for api in (sync_api, async_api):
    api.expect.set_options(timeout=PATIENCE)
