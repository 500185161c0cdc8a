"""The folder of articles: what a file may say, what is wrong with one, and what becomes of it."""

import os
from pathlib import Path

import pytest
import structlog
from support_cli import Hallway
from support_needs import need
from test_safe_html import dangers

from auth.clock import utc_now
from gateway.help.files import Folder, read_folder
from gateway.help.finding import article, has_articles, listed
from gateway.help.reading import FolderReading
from gateway.records.database import Database
from web.safe_html import clean

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
BASE = "https://portal.example"
GOOD = "---\ntitle: When does it come?\n---\nSoon.\n"


def put(folder: Path, name: str, text: str | bytes = GOOD) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path) -> Folder:
    return read_folder(folder, BASE)


def test_reads_what_a_file_says_of_itself(tmp_path: Path) -> None:
    put(
        tmp_path,
        "late.md",
        '\ufeff---\r\ntitle: "Where is it?"\r\n# a remark\r\nlanguage: en-GB\r\n\r\n'
        "topics: [order, 'delivery']\r\nabout: orders/delayed, orders\r\n---\r\n# It is late\r\n\r\nSee [pay](pay.md).",
    )
    put(tmp_path, "_draft.md", "nothing")
    put(tmp_path, "notes.txt", "nothing")
    ((found,), problems) = read(tmp_path).articles, read(tmp_path).problems
    assert problems == ()
    assert (found.name, found.title, found.language) == ("late", "Where is it?", "en-GB")
    assert found.subjects == ("topic:order", "topic:delivery", "orders/delayed", "orders")
    assert found.html == f'<h2>It is late</h2>\n<p>See <a href="{BASE}/help/pay">pay</a>.</p>\n'
    assert found.summary == "It is late See pay ."


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.md", "# Hello", "a.md:1: begin with a line ---"),
        ("a.md", "", "a.md:1: begin with a line ---"),
        ("a.md", "---\ntitle: x\n", "a.md:1: the line --- that ends the lines at the top is missing"),
        ("a.md", "---\nsummary: x\n---\nText", "a.md:3: title is missing"),
        ("a.md", "---\ntitle: x\n---\n \n", "a.md:4: there is no text below"),
        ("a.md", "---\ntitle x\n---\nText", "a.md:2: write a name, a colon and a value"),
        ("a.md", "---\ntitel: x\n---\nText", "a.md:2: 'titel' is not known; did you mean title?"),
        ("a.md", "---\ntitle:\n---\nText", "a.md:2: title has no value"),
        ("a.md", "---\ntitle: x\n\ntitle: y\n---\nText", "a.md:4: title is there already, in line 2"),
        ("a.md", "---\ntitle: " + "x" * 201 + "\n---\nText", "a.md:2: title is longer than 200"),
        ("a.md", "---\ntitle: x\x1b[2J\n---\nText", "a.md:2: title has characters that do not print"),
        ("a.md", "---\ntitle: x\nlanguage: English\n---\nText", "a.md:3: language is a code such as en"),
        ("a.md", "---\ntitle: x\ntopics: A B\n---\nText", "a.md:3: 'A B' is no topic's name"),
        ("a.md", "---\ntitle: x\nabout: order\n---\nText", "a.md:3: 'order' is not known; did you mean orders?"),
        ("a.md", "---\ntitle: x\nabout: orders/late\n---\nText", "a.md:3: orders are never 'late'"),
        ("a.md", b"---\ntitle: x\n---\nText\n\xff", "a.md:5: is not UTF-8 text"),
        ("a.md", "---\ntitle: x\n---\nText\0", "a.md:4: has a NUL character"),
        ("a.md", GOOD + "x" * 100_000, "a.md: is larger than 100 kB"),
        ("A B.md", GOOD, "A B.md: the name is in the article's address"),
    ],
)
def test_names_file_and_line_of_what_is_wrong(tmp_path: Path, name: str, text: str | bytes, problem: str) -> None:
    put(tmp_path, name, text)
    put(tmp_path, "good.md")
    found = read(tmp_path)
    assert [each.name for each in found.articles] == ["good"], "the others still load"
    assert len(found.problems) == 1
    assert str(found.problems[0]).startswith(problem)


async def test_lets_nothing_active_through(tmp_path: Path) -> None:
    """Every string of the corpus, as Markdown, as HTML within it, and as the address of a link."""
    folder = SHARED / "corpora" / "xss"
    need("hostile HTML", folder.is_dir(), f"{folder}, or HALLWAY_SHARED")
    lines = [
        line
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".txt", ".json", ".html", ""}
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    assert len(lines) > 500
    for start in range(0, len(lines), 200):
        text = "\n\n".join(f"{line}\n\n[x]({line})\n\n> {line}" for line in lines[start : start + 200])
        put(tmp_path, "bad.md", (GOOD + text)[:99_000].encode().decode("utf-8", errors="ignore").replace("\0", ""))
        for found in read(tmp_path).articles:
            assert dangers((await clean(found.html)).html) == []


async def test_follows_the_folder(database: Database, tmp_path: Path) -> None:
    put(tmp_path, "one.md")
    reading = FolderReading(database, tmp_path, BASE, utc_now)
    await reading.turn()
    one = await article(database, "one")
    assert one
    assert one.title == "When does it come?"
    put(tmp_path, "one.md", GOOD.replace("Soon", "Very soon"))
    put(tmp_path, "two.md")
    with structlog.testing.capture_logs() as logs:
        put(tmp_path, "three.md", "nothing")
        await reading.turn()
        await reading.turn()
        put(tmp_path, "two.md", GOOD.replace("Soon", "Later"))
        await reading.turn()
    told = [log for log in logs if log["log_level"] == "warning"]
    assert [(log["file"], log["line"]) for log in told] == [("three.md", 1)], "once"
    again = await article(database, "one")
    assert again
    assert again.html == "<p>Very soon.</p>\n"
    assert [found.name for found in (await listed(database, 1, 10))[0]] == ["one", "two"]
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.md").unlink()
    await reading.turn()
    assert not await has_articles(database)


def test_is_checked_by_a_command(hallway: Hallway, tmp_path: Path) -> None:
    folder = tmp_path / "help"
    folder.mkdir()
    put(folder, "good.md")
    assert hallway("help", "check", folder) == 0
    assert hallway.out == "Articles that can be used: 1. Problems: 0.\n"
    put(folder, "bad.md", "---\ntitle: x\ntopic: y\n---\nText")
    hallway.environ["HALLWAY_HELP"] = str(folder)
    assert hallway("help", "check") == 1
    assert "bad.md:3: 'topic' is not known; did you mean topics?" in hallway.out
    hallway.environ["HALLWAY_HELP"] = str(folder / "none")
    assert hallway("help", "check") == 2
    assert "HALLWAY_HELP: must be an existing folder" in hallway.err
