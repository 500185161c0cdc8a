"""The look of pages, as an owner set it last: whoever keeps something of the former one is told."""

from contextlib import suppress

from gateway.appearance import Appearances
from gateway.offices import LOOK_EVERY
from gateway.records.database import DatabaseDown
from gateway.rounds import Rounds
from gateway.seen_pages import SeenPages
from web.console.pages import look_of
from web.ready import Ready
from web.view import View


class Dressing:
    """Looks for a change every few seconds. `start` it, and `aclose` it. `appearances` have what counts."""

    def __init__(self, appearances: Appearances, view: View, seen_pages: SeenPages, ready: Ready) -> None:
        self.appearances = appearances
        self._view = view
        self._seen_pages = seen_pages
        self._ready = ready
        self._rounds = Rounds("appearance", self.dress, every=LOOK_EVERY, delay=LOOK_EVERY)

    async def dress(self) -> None:
        """Look at once. Raises `DatabaseDown`."""
        if await self.appearances.look():
            self._view.wear(self.appearances.current)
            self._seen_pages.wear(look_of(self._view.assets))
            self._ready.forget()

    async def start(self) -> None:
        with suppress(DatabaseDown):  # the pages look as the environment says until it is back
            await self.dress()
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.stop()
