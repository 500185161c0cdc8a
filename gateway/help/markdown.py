"""From Markdown to HTML. What is written as HTML is shown as text; what comes out is cleaned where it is shown."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

ARTICLE = re.compile(r"(?:\./)?(?P<name>[a-z0-9][a-z0-9-]{0,79})\.md(?P<place>#.*)?")
DEEPEST = 4  # headings

_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def html_of(text: str, base_url: str) -> str:
    """Write an article's HTML. Its title is the page's heading, so its own ones begin a level below.

    A link to another file of the folder leads to that article.
    """
    tokens = _parser.parse(text)
    _mend(tokens, base_url)
    return str(_parser.renderer.render(tokens, _parser.options, {}))


def _mend(tokens: Sequence[Token], base_url: str) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, DEEPEST)}"
        elif token.type == "link_open" and (found := ARTICLE.fullmatch(str(token.attrs.get("href", "")))):
            token.attrs["href"] = f"{base_url}/help/{found['name']}"
        if token.children:
            _mend(token.children, base_url)
