"""Somebody at a browser whose every act is counted, and how long these acts take by a model that is written down.

The keystroke-level model of Card, Moran and Newell, with a moment of thought before each act and time to read each
page, as for somebody who has never seen it. See docs/sources.md.
"""

import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from playwright.sync_api import Page, expect

THINK = 1.35  # seconds before an act
POINT, PRESS = 1.1, 0.2  # to a target, and the button of the mouse
HOME = 0.4  # hands from the mouse to the keys
KEY = 0.28  # of somebody who does not type for a living
READ = 8.0  # a page

Role = Literal["button", "link"]


class Walker(Struct):
    """`waited` is how many seconds pages took on this machine: it is told, and nothing is promised of it."""

    page: Page
    clicks: int = 0
    fields: int = 0
    keys: int = 0
    loads: int = 0
    waited: float = 0.0

    @property
    def minutes(self) -> float:
        """Give what somebody who is new to it would need, without what pages take to come."""
        act = THINK + POINT + PRESS
        return (self.clicks * act + self.fields * (act + HOME) + self.keys * KEY + self.loads * READ) / 60

    def open(self, address: str) -> None:
        """Type an address, as for the first page."""
        self.fields += 1
        self.keys += len(address)
        self._go(lambda: self.page.goto(address))

    def click(self, role: Role, name: str, *, within: str = "body") -> None:
        """Press what is called so, and come to another page, or to the same with something new."""
        self.clicks += 1
        target = self.page.locator(within).get_by_role(role, name=name, exact=True).first
        expect(target).to_be_visible()
        self._go(target.click)

    def type(self, label: str, text: str) -> None:
        self.fields += 1
        self.keys += len(text)
        self.page.get_by_label(label, exact=True).fill(text)

    def fill(self, selector: str, text: str) -> None:
        """Type into a field of somebody else's page."""
        self.fields += 1
        self.keys += len(text)
        self.page.locator(selector).fill(text)

    def _go(self, act: Callable[[], object]) -> None:
        self.loads += 1
        began = time.monotonic()
        act()
        self.page.wait_for_load_state()
        self.waited += time.monotonic() - began
