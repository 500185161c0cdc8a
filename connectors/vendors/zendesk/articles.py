"""Articles of the help center (Zendesk Guide) that everybody may read.

https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/. The token's account reads drafts and
internal articles, too, so each is asked whether it is one. `user_segment_id` null: visible to everyone.
"""

from datetime import UTC

from msgspec import Struct

from connectors.articles import MOST, PublicArticle
from connectors.vendors.zendesk.api import Id, Instant, Paged, Zendesk, walk


class ArticleRow(Struct):
    id: Id
    title: str
    body: str | None
    locale: str
    html_url: str
    draft: bool
    user_segment_id: Id | None
    updated_at: Instant
    user_segment_ids: list[Id] = []

    @property
    def is_public(self) -> bool:
        return self.draft is False and self.user_segment_id is None and not self.user_segment_ids


class ArticlePage(Paged):
    articles: list[ArticleRow]


async def read_articles(office: Zendesk) -> tuple[PublicArticle, ...]:
    """Read all of them, unless the settings leave them out. Raises `NotFound` without a help center."""
    if not office.config.shows_articles:
        return ()
    found: list[PublicArticle] = []
    async for page in walk(office, ArticlePage, "/help_center/articles"):
        found += (_public(row) for row in page.articles if row.is_public and row.title.strip() and _says(row.body))
        if len(found) >= MOST:
            break
    return tuple(found[:MOST])


def _public(row: ArticleRow) -> PublicArticle:
    return PublicArticle(
        id=str(row.id),
        title=" ".join(row.title.split())[:200],
        html=row.body or "",
        language=row.locale,
        url=row.html_url,
        changed_at=row.updated_at.astimezone(UTC),
    )


def _says(body: str | None) -> bool:
    return bool(body and body.strip())
