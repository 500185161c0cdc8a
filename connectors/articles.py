"""Articles of a help desk's knowledge base, of those alone that anybody may read."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

MOST = 2000  # articles that are taken from one source


class PublicArticle(Struct, frozen=True, kw_only=True):
    """One article. There is no type for a draft or an internal one, so none can be stored or shown.

    `html` has not been cleaned. `url` is the help desk's own page.
    """

    id: str
    title: str
    html: str
    language: str | None = None
    url: str | None = None
    changed_at: datetime | None = None  # their clock
    public: Literal[True] = True
