"""Vendor HTML, and what is left of it."""

import os
from pathlib import Path

import html5lib
import pytest
from support_needs import need

from web.safe_html import MAX_CHARACTERS, MAX_TAGS, clean, plain
from web.view import _markup

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
ACTIVE = {"script", "style", "iframe", "object", "embed", "form", "input", "svg", "math", "base", "meta", "link", "img"}


def dangers(html: str) -> list[str]:
    """Parse as a browser does, and name whatever could act."""
    found = []
    for element in html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False).iter():
        name = str(element.tag).rpartition("}")[2]
        if name in ACTIVE:
            found.append(name)
        for attribute, value in element.attrib.items():
            if str(attribute).startswith("on") or attribute in {"style", "class", "id", "src", "srcset"}:
                found.append(f"{name}@{attribute}")
            if attribute == "href" and not value.startswith(("http://", "https://", "mailto:", "tel:")):
                found.append(f"{name}@href={value[:40]}")
    return found


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\x01script:alert(1)'>x</a>",
        "<a href=' javascript:alert(1)'>x</a>",
        "<a href='/sign-out'>x</a>",
        "<a href='//evil.example'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<p style='background:url(//evil.example)' onclick=alert(1)>x</p>",
        "<form action=//evil.example><input name=password></form>",
        "<base href=//evil.example>",
        "<p title='</p><script>alert(1)</script>'>x",
        "{{ 7*7 }}<!-- <script>alert(1)</script> -->",
    ],
)
async def test_leaves_nothing_that_could_act(html: str) -> None:
    assert dangers((await clean(html)).html) == []


async def test_leaves_nothing_that_could_act_in_the_published_vectors() -> None:
    vectors = SHARED / "corpora" / "xss"
    need("shared corpora", vectors.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    files = [path for path in vectors.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for piece in (text[start : start + 20_000] for start in range(0, len(text), 20_000)):
            assert dangers((await clean(piece)).html) == [], path.name


async def test_keeps_what_a_mail_is_made_of() -> None:
    html = "<p>Hello <b>you</b><br>see <a href='https://example.com/a?b=1'>this</a></p><ul><li>one</li></ul>"
    cleaned = (await clean(html)).html
    assert "<b>you</b><br>" in cleaned
    assert 'href="https://example.com/a?b=1"' in cleaned
    assert "<li>one</li>" in cleaned


async def test_shows_the_bare_text_of_what_is_too_large_or_too_intricate() -> None:
    deep = "<div>" * (MAX_TAGS + 1) + "words"
    assert "words" in (await clean(deep)).html
    assert "<div>" not in (await clean(deep)).html
    assert len((await clean("<p>" + "x" * (2 * MAX_CHARACTERS))).html) < MAX_CHARACTERS + 100


async def test_reads_a_flood_of_brackets_once() -> None:
    assert (await clean("<" * MAX_CHARACTERS)).html  # where each bracket is read again, this takes minutes


def test_keeps_the_lines_of_a_plain_message() -> None:
    assert plain("one\ntwo\r\n\r\n<b>three</b>").html == "<p>one<br>two</p><p>&lt;b&gt;three&lt;/b&gt;</p>"


def test_lets_no_plain_string_through_unescaped() -> None:
    with pytest.raises(TypeError, match="only cleaned HTML"):
        _markup("<b>")  # type: ignore[arg-type]
