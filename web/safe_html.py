"""The only way vendor HTML reaches a page: capped first, cleaned once, typed, and never touched again."""

import asyncio
import re
from html import escape

import nh3

MAX_CHARACTERS = 256_000
MAX_TAGS = 4_000  # the cleaner's time grows with the square of the nesting; this bounds it whatever the shape

TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol",
    "p", "pre", "q", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
    "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
SCHEMES = {"http", "https", "mailto", "tel"}
LINK = re.compile(r"(?:https?|mailto|tel):[^\x00-\x20\x7f]*", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>?")  # looks at each character once, whatever the text


class SafeHtml:
    """Cleaned markup. Only `clean`, `plain` and `web.quotes` make it, and templates trust nothing else."""

    __slots__ = ("html",)

    def __init__(self, html: str) -> None:
        self.html = html


async def clean(html: str) -> SafeHtml:
    """Clean a message's HTML. What is too large or too intricate is shown as its bare text."""
    if len(html) > MAX_CHARACTERS or html.count("<") > MAX_TAGS:
        return plain(TAG.sub(" ", html[:MAX_CHARACTERS]))
    return SafeHtml(await asyncio.to_thread(_clean, html))


def plain(text: str) -> SafeHtml:
    """Escape a plain message, keeping its paragraphs and lines."""
    paragraphs = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip())
    return SafeHtml("".join(f"<p>{escape(paragraph).replace(chr(10), '<br>')}</p>" for paragraph in paragraphs))


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        attribute_filter=_attribute,
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _attribute(tag: str, attribute: str, value: str) -> str | None:  # noqa: ARG001  # nh3's signature
    """Keep only links that lead out: nothing relative, no control character, no other scheme."""
    return value if attribute != "href" or LINK.fullmatch(value) else None
