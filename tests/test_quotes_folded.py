"""What mails repeat of earlier ones: folded at the end of a message, and nothing of it lost or let loose."""

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_needs import need
from test_safe_html import SHARED, dangers

from web.quotes import CLOSES, fold, fold_plain, opens
from web.safe_html import SafeHtml, clean, plain

OPENS = opens()
SUMMARY = "What was written before"
HTML = (
    "<p>",
    "</p>",
    "<blockquote>",
    "</blockquote>",
    "<div>",
    "a",
    " ",
    "&nbsp;",
    '<a href="https://x.example/>',
    '">',
)
TEXT = ("> a", ">> b", "mine", "", "-----Original Message-----", "<b>", "On Monday Ann wrote:")


async def shown(html: str) -> str:
    return fold(await clean(html)).html


def text_of(html: str) -> str:
    return "".join(html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False).itertext())


@pytest.mark.parametrize(
    "html",
    [
        "<p>Yes.</p>{}<blockquote><p>When?</p></blockquote>",
        "<div>Yes.<br>{}<blockquote>When?<blockquote>What?</blockquote></blockquote></div>\n<br>",
        "<p>Yes.</p><blockquote>One</blockquote><p>Two.</p>{}<blockquote>When?</blockquote><p>&nbsp;</p>",
    ],
)
async def test_folds_what_a_message_ends_with(html: str) -> None:
    cleaned = (await clean(html.format(""))).html
    folded = fold(SafeHtml(cleaned)).html
    assert folded.count(OPENS) == folded.count(CLOSES) == 1
    assert folded.replace(OPENS, "").replace(CLOSES, "") == cleaned
    assert folded.index("Yes.") < folded.index(OPENS) < folded.index("When?")
    assert folded.partition(OPENS)[2].startswith("<blockquote>")


@pytest.mark.parametrize(
    "html",
    [
        "<p>Yes.</p>",
        "<blockquote>All of it</blockquote>",
        "<p> </p><blockquote>All of it</blockquote>",
        "<blockquote>When?</blockquote><p>Yes.</p>",
        '<p>x</p><a href="https://x.example/<blockquote></blockquote>">y</a>',
    ],
)
async def test_folds_nothing_else(html: str) -> None:
    assert OPENS not in await shown(html)


@pytest.mark.parametrize(
    ("text", "before", "quoted"),
    [
        ("Yes.\n\nOn Monday Ann wrote:\n> When?\n>> What?\n", "Yes.\n\nOn Monday Ann wrote:", "> When?\n>> What?"),
        (
            "Yes.\n-----Original Message-----\nFrom: Ann\n\nWhen?",
            "Yes.",
            "-----Original Message-----\nFrom: Ann\n\nWhen?",
        ),
    ],
)
def test_folds_the_quote_of_a_plain_message(text: str, before: str, quoted: str) -> None:
    assert fold_plain(text).html == f"{plain(before).html}{OPENS}{plain(quoted).html}{CLOSES}"


@pytest.mark.parametrize("text", ["Yes.", "> All of it", "> When?\nYes.", "Yes > no", "", "\n"])
def test_leaves_other_plain_messages_alone(text: str) -> None:
    assert fold_plain(text).html == plain(text).html


@given(st.lists(st.sampled_from(HTML), max_size=12).map("".join))
async def test_changes_no_word_of_it(html: str) -> None:
    cleaned = (await clean(html)).html
    folded = fold(SafeHtml(cleaned)).html
    assert text_of(folded).replace(SUMMARY, "") == text_of(cleaned)
    assert [each for each in dangers(folded) if each != "details@class"] == []


@given(st.lists(st.sampled_from(TEXT), max_size=8).map("\n".join))
def test_changes_no_word_of_plain_text(text: str) -> None:
    words = text_of(fold_plain(text).html).replace(SUMMARY, "").split()
    assert "".join(words) == "".join(text_of(plain(text).html).split())
    assert [each for each in dangers(fold_plain(text).html) if each != "details@class"] == []


async def test_lets_nothing_loose_in_the_published_vectors() -> None:
    vectors = SHARED / "corpora" / "xss"
    need("shared corpora", vectors.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    for path in (path for path in vectors.rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8", errors="replace")
        for piece in (text[start : start + 20_000] for start in range(0, len(text), 20_000)):
            for folded in (await shown(f"<p>x</p><blockquote>{piece}"), fold_plain(f"x\n> {piece}").html):
                assert [each for each in dangers(folded) if each != "details@class"] == [], path.name
