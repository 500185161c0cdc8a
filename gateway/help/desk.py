"""Help as the pages know it: whether there is any, and what counts what customers make of it."""

from auth.clock import Clock
from gateway.help.counting import HelpCounts
from gateway.help.finding import has_articles
from gateway.keeping import KeptFor
from gateway.records.database import Database
from gateway.rounds import Rounds

LOOKED_EVERY = 10.0  # seconds


class Help:
    """`is_on` is known without asking: it stands on every page. `start` it, and `aclose` it at the end."""

    def __init__(self, database: Database, now: Clock, *, kept_for: KeptFor | None = None) -> None:
        self._database = database
        self.counts = HelpCounts(database, now, kept_for=kept_for)
        self.is_on = False
        self._rounds = Rounds("help", self.look, every=LOOKED_EVERY)

    async def start(self) -> None:
        await self._rounds.start()
        await self.counts.start()

    async def aclose(self) -> None:
        await self._rounds.stop()
        await self.counts.aclose()

    async def look(self) -> None:
        """Find out whether there are articles. Raises `DatabaseDown`."""
        self.is_on = await has_articles(self._database)
