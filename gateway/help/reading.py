"""Keeps SQL at what the folder of articles holds: reads it whenever a file of it has changed."""

import asyncio
from pathlib import Path

import structlog

from auth.clock import Clock
from gateway.help.article import FOLDER
from gateway.help.files import Problem, Signature, read_folder, signature_of
from gateway.help.shelf import put
from gateway.records.database import Database

log = structlog.get_logger()


class FolderReading:
    """Looks at the folder in each turn. What is wrong with a file is logged once, until something changes."""

    def __init__(self, database: Database, folder: Path, base_url: str, now: Clock) -> None:
        self._database = database
        self._folder = folder
        self._base_url = base_url
        self._now = now
        self._seen: Signature | None = None
        self._told: tuple[Problem, ...] = ()

    async def turn(self) -> None:
        """Raises `DatabaseDown`. A folder that cannot be read leaves the articles as they are."""
        try:
            seen = await asyncio.to_thread(signature_of, self._folder)
            if seen == self._seen:
                return
            found = await asyncio.to_thread(read_folder, self._folder, self._base_url)
        except OSError as error:
            problem = Problem(str(self._folder), 0, f"cannot be read ({error.strerror})")
            self._tell((problem,))
            return
        self._tell(found.problems)
        changed = await put(self._database, FOLDER, found.articles, self._now())
        self._seen = seen
        if changed:
            log.info("help articles read", articles=len(found.articles), changed=changed)

    def _tell(self, problems: tuple[Problem, ...]) -> None:
        for problem in problems:
            if problem not in self._told:
                log.warning("help article not usable", file=problem.file, line=problem.line, problem=problem.text)
        self._told = problems
