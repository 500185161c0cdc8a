"""What the log shows, and what it never shows."""

import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec import Struct

from connectors.config import Secret
from gateway import log

CANARY = "hunter2canary"
Lines = Callable[[], list[dict[str, Any]]]


class Config(Struct):
    login: str
    password: Secret


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Configure, and give what was printed since."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.NOISY}
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        log.configure("info")

    def printed() -> list[dict[str, Any]]:
        out = stdout.getvalue()
        assert out.isascii()
        assert CANARY not in out
        return [json.loads(line) for line in out.splitlines()]

    yield printed
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():  # others chose theirs on import
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def test_writes_one_object_a_line(lines: Lines) -> None:
    structlog.get_logger().info("source away", source="erp", tries=3, late=1.5, ok=False, since=None)
    (line,) = lines()
    instant = datetime.fromisoformat(line.pop("timestamp"))
    assert instant.tzinfo == UTC
    assert line == {
        "event": "source away",
        "level": "info",
        "source": "erp",
        "tries": 3,
        "late": 1.5,
        "ok": False,
        "since": None,
    }


def test_names_the_request_on_every_line(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("one")
        logging.getLogger("library").warning("two")
    structlog.get_logger().info("three")
    assert [line.get("request_id") for line in lines()] == ["r1", "r1", None]


def test_writes_what_libraries_say_the_same_way(lines: Lines) -> None:
    logging.getLogger("library").warning("pool of %s is full", 5)
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("pool of 5 is full", "warning", "library")


def test_keeps_quiet_below_its_level(lines: Lines) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("library").debug("detail")
    logging.getLogger("httpx").info("HTTP Request: GET https://erp/")
    assert lines() == []


def test_shows_no_secret_wherever_it_is(lines: Lines) -> None:
    secret = Secret(CANARY)
    config = Config(login=CANARY, password=secret)
    structlog.get_logger().info("x", a=secret, b=[secret], c={"d": (secret,)}, e=config, f=[config], g=CANARY.encode())
    (line,) = lines()
    assert line["a"] == "<Secret>"
    assert line["b"] == ["<Secret>"]
    assert line["c"] == {"d": ["<Secret>"]}
    assert line["e"] == "<Config>"
    assert line["g"] == "<bytes>"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"GET https://u:{CANARY}@erp.example.com/x failed", "GET https://***@erp.example.com/x failed"),
        (f"for url 'https://erp/x?key={CANARY}'", "for url 'https://erp/x?***'"),
        (f"redis://:{CANARY}@cache:6379/0", "redis://***@cache:6379/0"),
        (f"/callback?code={CANARY}&state=1 refused", "/callback?*** refused"),
        ("did you mean this? yes", "did you mean this? yes"),
        ("a/b? c", "a/b? c"),
    ],
)
def test_takes_secrets_out_of_addresses(lines: Lines, said: str, shown: str) -> None:
    structlog.get_logger().info(said, detail=said)
    logging.getLogger("library").warning(said)
    assert [line["event"] for line in lines()] == [shown, shown]


def test_cannot_be_made_to_write_another_line(lines: Lines) -> None:
    hostile = 'a\r\n{"event":"forged"}\x00\x1b[2J\x7f\x9b31m\u2028\u202e\ud800"'
    structlog.get_logger().info("x", subject=hostile, **{hostile: 1})
    logging.getLogger("library").warning(hostile)
    one, other = lines()
    assert one["subject"] == hostile
    assert one[hostile] == 1
    assert other["event"] == hostile


def test_takes_any_value(lines: Lines) -> None:
    deep: list[Any] = []
    deep.append(deep)
    structlog.get_logger().info(
        "x",
        deep=deep,
        nan=float("nan"),
        path=Path("/a"),
        day=datetime(2026, 11, 22, tzinfo=UTC),
        long="a" * 5000,
        o=object(),
    )
    (line,) = lines()
    assert line["nan"] == "nan"
    assert line["path"] == "/a"
    assert line["day"] == "2026-11-22 00:00:00+00:00"
    assert line["long"] == "a" * 1000
    assert line["o"] == "<object>"


def fail(password: str) -> None:
    try:
        int("first")
    except ValueError as error:
        raise RuntimeError(f"a rule was broken\nDETAIL: the row was {password}") from error


def test_traces_an_error_without_locals_or_further_lines(lines: Lines) -> None:
    try:
        fail(CANARY)
    except RuntimeError:
        structlog.get_logger().exception("unexpected error")
        logging.getLogger("library").exception("unexpected error")
    for line in lines():
        last, first = line["trace"]
        assert (last["type"], last["text"]) == ("RuntimeError", "a rule was broken")
        assert (first["type"], first["text"]) == ("ValueError", "invalid literal for int() with base 10: 'first'")
        assert [place.partition(" ")[2] for place in last["at"]] == [
            "test_traces_an_error_without_locals_or_further_lines",
            "fail",
        ]
        assert "exc_info" not in line


def test_traces_an_error_that_is_handed_over(lines: Lines) -> None:
    group = ExceptionGroup("several", [ValueError("one"), ValueError("two")])
    structlog.get_logger().error("task failed", exc_info=group, error="kept")
    (line,) = lines()
    assert [error["text"] for error in line["trace"]] == ["several (2 sub-exceptions)", "one"]
    assert line["error"] == "kept"


def test_traces_nothing_where_nothing_failed(lines: Lines) -> None:
    structlog.get_logger().info("fine", exc_info=True)
    structlog.get_logger().info("fine", exc_info=False)
    assert ["trace" in line for line in lines()] == [False, False]


def test_does_not_follow_errors_in_circles(lines: Lines) -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    structlog.get_logger().error("x", exc_info=one)
    (line,) = lines()
    assert [error["text"] for error in line["trace"]] == ["one", "other", "one", "other"]
