"""Load by wrk: a few kept-alive connections that ask for one page again and again.

wrk is in C: a generator in Python would be slower than some of the servers, and measure itself.
"""

import http.client
import json
import shutil
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from msgspec import Struct

CONNECTIONS = 16
REPORT = Path(__file__).with_suffix(".lua")
MISSING = "The load is made by wrk, which this machine lacks: install it (Debian package wrk)."
SAME_SIZE = 0.1  # of an answer; wrk counts parts of the last ones too


class Page(Struct, frozen=True):
    """An answer, whole."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def size(self) -> int:
        """Its bytes on the wire: the first line, the headers and the body."""
        first = len(f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n")
        return first + sum(len(name) + len(value) + 4 for name, value in self.headers) + 2 + len(self.body)


class Question(Struct, frozen=True):
    """What to ask, and which status it must be answered with."""

    path: str
    headers: Mapping[str, str]
    status: int = 200


def ask(port: int, question: Question) -> Page:
    """Ask once. Raises `RuntimeError` for another status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", question.path, headers=dict(question.headers))
    answer = connection.getresponse()
    page = Page(answer.status, [(name.encode(), value.encode()) for name, value in answer.getheaders()], answer.read())
    connection.close()
    if page.status != question.status:
        raise RuntimeError(f"{question.path} answered {page.status} instead of {question.status}")
    return page


def per_second(port: int, question: Question, seconds: int) -> float:
    """Load a server on this machine and give the answers per second. Raises `RuntimeError` when that proves nothing."""
    if shutil.which("wrk") is None:
        raise RuntimeError(MISSING)
    page = ask(port, question)
    command = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", f"--script={REPORT}"]
    command += [f"--header={name}: {value}" for name, value in question.headers.items()]
    command.append(f"http://127.0.0.1:{port}{question.path}")
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=seconds + 30)
    report = json.loads(done.stderr.splitlines()[-1])
    if report["errors"] or report["answers"] == 0:
        raise RuntimeError(f"{question.path}: {report['errors']} errors, {report['answers']} answers")
    size = report["bytes"] / report["answers"]
    if abs(size - page.size) > page.size * SAME_SIZE:
        raise RuntimeError(f"{question.path}: answers of {size:.0f} bytes, the first had {page.size}")
    return float(report["answers"] / report["microseconds"] * 1_000_000)
