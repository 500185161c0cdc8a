"""What stands around the main part of a page: head, navigation, foot. Many pages share it, so it is written once.

A frame is made of what its `Around` says and of nothing else: two pages that have one frame say the same there. What
belongs to one session or to one page alone is put in each time.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import minijinja
from msgspec import Struct, field

from auth.principals import Viewing
from gateway.languages import Voice, voice
from gateway.rights import Area
from web.contact import Contact
from web.portal.acting import Account

FRAMES = 1000  # of some 6 kB
# Where these stand in a frame. Nobody can know the marks, so no name or address holds one.
TITLE, MAIN, TOKEN, ADDRESS = (secrets.token_hex(16) for _ in range(4))

Html = Callable[[str, Mapping[str, Any]], str]  # a template by its name, and what it is to say


class Around(Struct, frozen=True, kw_only=True):
    """All that a frame is made of, beside the brand."""

    page: str
    area: str | None
    account: Account
    contact: Contact
    account_id: str | None
    areas: tuple[Area, ...]
    can_ask: bool
    has_help: bool
    unread: int  # messages
    needs: tuple[tuple[Area, int], ...]  # how many things need the customer, where any do
    seen: str | None
    code: str | None
    refresh: bool
    viewing: Viewing | None
    today: date  # moments are told by it
    spoken: Voice = field(default_factory=voice)

    @property
    def shared(self) -> Mapping[str, Any]:
        """What the main part says, too."""
        return {name: getattr(self, name) for name in ("area", "account", "contact", "areas", "can_ask", "refresh")}


class Holder(Struct, frozen=True):
    """Whoever is signed in, as a frame knows them."""

    account_id: str | None
    csrf_token: str = TOKEN


class Frames:
    """Frames that were written, the latest of them."""

    def __init__(self, html: Html) -> None:
        self._html = html
        self._frame = lru_cache(maxsize=FRAMES)(self._write)

    def around(self, around: Around, said: str, *, token: str, address: str) -> str:
        """Give a page. `said` is its title and its main part, with `MAIN` between the two."""
        head, body, foot = self._frame(around)
        title, _, main = said.partition(MAIN)
        body = body.replace(TOKEN, token).replace(ADDRESS, minijinja.escape(address))
        return f"{head}{title}{body}{main}{foot}"

    def _write(self, around: Around) -> tuple[str, str, str]:
        """Give the text before the title, between title and main part, and after that."""
        context = {field: getattr(around, field) for field in around.__struct_fields__}
        marks = {"title": TITLE, "main": MAIN, "address": ADDRESS, "who": Holder(around.account_id)}
        head, _, rest = self._html("frame.html", {**context, **marks}).partition(TITLE)
        body, _, foot = rest.partition(MAIN)
        return head, body, foot
