"""Articles of the class that the settings name. RT knows no articles for everybody: a class of its own makes them so.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html#Articles. What an article says is in custom fields, as text or as
HTML; which of the two says the field itself.
"""

import re
from contextlib import suppress
from datetime import UTC
from html import escape
from urllib.parse import quote

import msgspec
from msgspec import Struct

from connectors.articles import MOST, PublicArticle
from connectors.errors import NotFound
from connectors.vendors.request_tracker.api import Instant, Key, Ref, RequestTracker, as_number, get, walk

FIELDS = "Name,Class,Disabled,LastUpdated,CustomFields"


class ClassRow(Struct):
    id: Key
    Name: str


class FieldRow(Struct):
    """A custom field, with its values for one article."""

    id: Key
    name: str
    values: list[str | None]


class FieldKind(Struct):
    Type: str


class ArticleRow(Struct):
    id: Key
    Name: str
    Class: Ref
    LastUpdated: Instant
    CustomFields: list[FieldRow] | str = []  # "" where there are none
    Disabled: int | str = 0


async def read_articles(office: RequestTracker) -> tuple[PublicArticle, ...]:
    """Read those of the class, unless the settings name none. RT leaves out a condition that it does not take."""
    config = office.config
    if not config.article_class:
        return ()
    number = await class_number(office)
    condition = msgspec.json.encode([{"field": "Class", "operator": "=", "value": number}]).decode()
    rows = await walk(office, ArticleRow, "/articles", FIELDS, query=condition, orderby="id")
    found: list[PublicArticle] = []
    kinds: dict[str, bool] = {}
    for row in rows:
        field = _content(row, config.article_field)
        if str(row.Class.id) != number or str(row.Disabled) != "0" or field is None or not row.Name.strip():
            continue
        key = as_number(field.id)
        if key not in kinds:
            kinds[key] = await _is_html(office, key)
        found.append(_public(row, field, is_html=kinds[key]))
    return tuple(found[:MOST])


async def class_number(office: RequestTracker) -> str:
    """Find the class of the settings. Raises `NotFound` where there is none that is shown to us."""
    name = office.config.article_class
    with suppress(NotFound):
        row = await get(office, ClassRow, f"/class/{quote(name, safe='')}")
        if row.Name == name:
            return as_number(row.id)
    raise NotFound(f"RT shows us no class of articles called {name!r}. Correct its name, or let our account see it")


def _content(row: ArticleRow, name: str) -> FieldRow | None:
    fields = row.CustomFields if isinstance(row.CustomFields, list) else []
    return next((each for each in fields if each.name == name and any(map(str.strip, _texts(each)))), None)


def _texts(field: FieldRow) -> list[str]:
    return [each for each in field.values if each]


async def _is_html(office: RequestTracker, key: str) -> bool:
    return (await get(office, FieldKind, f"/customfield/{key}")).Type == "HTML"


def _public(row: ArticleRow, field: FieldRow, *, is_html: bool) -> PublicArticle:
    text = "\n\n".join(_texts(field))
    return PublicArticle(
        id=as_number(row.id),
        title=" ".join(row.Name.split())[:200],
        html=text if is_html else _as_html(text),
        changed_at=row.LastUpdated.astimezone(UTC),
    )


def _as_html(text: str) -> str:
    """Write plain text as paragraphs and lines."""
    parts = re.split(r"\n[ \t]*\n\s*", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    return "\n".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in parts if part.strip())
