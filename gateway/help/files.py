"""A folder of articles: Markdown files that begin with a few lines about themselves.

    ---
    title: When does my order come?
    about: orders/delayed, orders/on_its_way
    topics: order, delivery
    ---

A file that cannot be used is told by its name and line; the others are there all the same.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gateway.help.article import NAME, STATES, TOPIC, Article
from gateway.help.markdown import html_of
from gateway.help.words import summary_of, text_of
from gateway.rules import did_you_mean

LARGEST = 100_000  # bytes
MOST = 10_000  # files
KEYS = frozenset({"title", "summary", "language", "topics", "about"})
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
TOPIC_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LONGEST = {"title": 200, "summary": 300}
FENCE = "---"
NEARLY = frozenset({".md", ".markdown", ".mdown", ".mkd"})  # endings of Markdown, of which one is read


class Problem(Struct, frozen=True):
    """Why a file cannot be used. `line` counts from 1; 0 is the whole file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class Folder(Struct, frozen=True):
    articles: tuple[Article, ...]
    problems: tuple[Problem, ...]


Signature = tuple[tuple[str, int, int], ...]


class BadFileError(Exception):
    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def paths_of(folder: Path) -> list[Path]:
    """List the files, without those whose name begins with a dot or a line. Raises `OSError`."""
    found = (path for path in folder.iterdir() if path.suffix == ".md" and path.name[0] not in "._")
    return sorted(path for path in found if path.is_file())


def signature_of(folder: Path) -> Signature:
    """Give what is another as soon as a file is. Raises `OSError`."""
    return tuple((path.name, stat.st_mtime_ns, stat.st_size) for path in paths_of(folder) for stat in (path.stat(),))


def read_folder(folder: Path, base_url: str) -> Folder:
    """Read all articles of a folder. Raises `OSError` where the folder itself cannot be read."""
    articles, problems = [], []
    paths = paths_of(folder)
    names = {path.stem for path in paths}
    problems += [Problem(path.name, 0, "is left out: only what ends with .md is read") for path in _others(folder)]
    if len(paths) > MOST:
        problems.append(Problem(folder.name, 0, f"holds more than {MOST:,} articles; the rest is left out"))
    for path in paths[:MOST]:
        try:
            articles.append(read(path, base_url))
        except BadFileError as error:
            other = path.stem.lower()
            if path.stem != other and other in names:
                text = f"would have the same address as {other}.md: give it another name"
                problems.append(Problem(path.name, 0, text))
            else:
                problems.append(Problem(path.name, error.line, str(error)))
    return Folder(tuple(articles), tuple(problems))


def _others(folder: Path) -> list[Path]:
    """List the files that somebody may take for articles."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in NEARLY and path.suffix != ".md")
    return sorted(path for path in found if path.name[0] not in "._" and path.is_file())


def read(path: Path, base_url: str) -> Article:
    """Raises `BadFileError`."""
    if not NAME.fullmatch(path.stem):
        raise BadFileError(0, "the name is in the article's address: use a-z, 0-9 and -, at most 80 of them")
    lines = _text(path).split("\n")
    said, begins = _front(lines)
    body = "\n".join(lines[begins:])
    html = html_of(body, base_url)
    text = text_of(html)
    if not text:
        raise BadFileError(begins + 1, "there is no text below the lines at the top")
    return Article(
        name=path.stem,
        title=said["title"][1],
        summary=said["summary"][1] if "summary" in said else summary_of(text),
        language=said["language"][1] if "language" in said else None,
        subjects=tuple(dict.fromkeys(_subjects(said))),
        html=html,
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadFileError(0, f"cannot be read ({error.strerror})") from None
    if len(content) > LARGEST:
        raise BadFileError(0, f"is larger than {LARGEST // 1000} kB: make two articles of it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFileError(content[: error.start].count(b"\n") + 1, "is not UTF-8 text") from None
    if "\0" in text:
        raise BadFileError(text[: text.index("\0")].count("\n") + 1, "has a NUL character")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _front(lines: list[str]) -> tuple[dict[str, tuple[int, str]], int]:
    """Give what is said at the top, each with its line, and how many lines that takes."""
    if lines[0].rstrip() != FENCE:
        raise BadFileError(1, f"begin with a line {FENCE}, then title: ..., then {FENCE}")
    said: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == FENCE:
            if "title" not in said:
                raise BadFileError(number, "title is missing")
            return said, number
        if line.strip() and not line.lstrip().startswith("#"):
            key, value = _pair(line, number)
            if key in said:
                raise BadFileError(number, f"{key} is there already, in line {said[key][0]}")
            said[key] = number, value
    raise BadFileError(1, f"the line {FENCE} that ends the lines at the top is missing")


def _pair(line: str, number: int) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    key, value = key.strip(), " ".join(value.split())
    if not colon:
        raise BadFileError(number, "write a name, a colon and a value, such as title: Delivery")
    if key not in KEYS:
        raise BadFileError(number, f"{key[:40]!r} is not known{did_you_mean(key, set(KEYS))}")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if not value or not value.isprintable():
        raise BadFileError(number, f"{key} has no value" if not value else f"{key} has characters that do not print")
    if len(value) > LONGEST.get(key, len(value)):
        raise BadFileError(number, f"{key} is longer than {LONGEST[key]} characters")
    if key == "language" and not LANGUAGE.fullmatch(value):
        raise BadFileError(number, "language is a code such as en or de-AT")
    return key, value


def _subjects(said: dict[str, tuple[int, str]]) -> Iterator[str]:
    number, value = said.get("topics", (0, ""))
    for name in _list(value):
        if not TOPIC_NAME.fullmatch(name):
            raise BadFileError(number, f"{name[:40]!r} is no topic's name: `hallway topics list` shows them")
        yield TOPIC + name
    number, value = said.get("about", (0, ""))
    for name in _list(value):
        area, slash, state = name.partition("/")
        states = next((known for each, known in STATES.items() if each == area), None)
        if states is None:
            raise BadFileError(number, f"{area[:40]!r} is not known{did_you_mean(area, set(STATES))}")
        if slash and state not in states:
            raise BadFileError(number, f"{area} are never {state[:40]!r}{did_you_mean(state, set(states))}")
        yield name


def _list(value: str) -> list[str]:
    """Take a list in brackets, too: other programs write it like that."""
    return [each.strip(" \"'") for each in value.removeprefix("[").removesuffix("]").split(",") if each.strip(" \"'")]
