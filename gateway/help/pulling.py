"""Articles of help desks: read through their connectors now and then, and put beside those of the folder."""

from datetime import datetime, timedelta

import structlog

from auth.clock import Clock
from connectors.articles import PublicArticle
from connectors.errors import ConnectorError
from gateway.help.article import FOLDER, Article
from gateway.help.shelf import drop_others, put
from gateway.help.words import summary_of, text_of
from gateway.offices import Office, Offices
from gateway.records.database import Database

EVERY = timedelta(minutes=15)
AGAIN = timedelta(minutes=2)  # after a failure

log = structlog.get_logger()


class ArticlePulling:
    """Reads each source when its time has come. A source that does not answer keeps the articles that it had."""

    def __init__(self, database: Database, offices: Offices, now: Clock, *, has_folder: bool) -> None:
        self._database = database
        self._offices = offices
        self._now = now
        self._folders = (FOLDER,) if has_folder else ()
        self._due: dict[tuple[str, str], datetime] = {}

    async def turn(self) -> None:
        """Raises `DatabaseDown`."""
        offices = [office for office in (await self._offices.all()).values() if office.connector.articles]
        for office in offices:
            version = office.name, office.version
            if self._due.get(version, self._now()) <= self._now():
                self._due[version] = self._now() + (EVERY if await self._read(office) else AGAIN)
        await drop_others(self._database, [*self._folders, *(office.name for office in offices)])

    async def _read(self, office: Office) -> bool:
        read = office.connector.articles
        try:
            found = await read(office.back_office) if read else ()
        except ConnectorError as error:
            log.warning("help articles not read", source=office.name, error=type(error).__name__)
            return False
        articles = [_article(office.name, each) for each in found]
        changed = await put(self._database, office.name, articles, self._now())
        if changed:
            log.info("help articles read", source=office.name, articles=len(articles), changed=changed)
        return True


def _article(source: str, article: PublicArticle) -> Article:
    """Name it by its source: no file's name has a point."""
    return Article(
        name=f"{source}.{article.id}",
        title=article.title,
        html=article.html,
        summary=summary_of(text_of(article.html)),
        language=article.language,
        url=article.url,
        changed_at=article.changed_at,
    )
