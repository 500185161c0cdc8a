"""Benchmarks: what they say must be so."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bench_load import Page, Question, ask, per_second
from bench_report import Finding, Rounds, ratio_of_rounds, run
from support_needs import need_program

HOME = Question("/", {"Cookie": "a=b"})
BODY = b"0123456789" * 50_000  # more than one read


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[int]:
    """Answer each request of a connection in turn, the last one for ever, in odd pieces."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = list(answers)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                bytes_ = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                for piece in (bytes_[:9], bytes_[9:]):
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def answer(status: bytes, body: bytes = BODY) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_asks_and_reads_all_of_the_answer() -> None:
    async with serving(answer(b"200 OK")) as port:
        page = await asyncio.to_thread(ask, port, HOME)

    assert page == Page(200, [(b"Content-Length", b"500000")], BODY)
    assert page.size == len(answer(b"200 OK"))


@pytest.mark.parametrize("status", [b"500 No", b"303 See Other", b"304 Not Modified"])
async def test_measures_nothing_but_what_was_asked_for(status: bytes) -> None:
    async with serving(answer(status, b"")) as port:
        with pytest.raises(RuntimeError, match="instead of 200"):
            await asyncio.to_thread(per_second, port, HOME, 1)


async def test_counts_answers() -> None:
    need_program("wrk", package="wrk")
    async with serving(answer(b"200 OK")) as port:
        assert await asyncio.to_thread(per_second, port, HOME, 1) > 1


@pytest.mark.parametrize(("later", "why"), [(answer(b"500 No"), "errors"), (answer(b"200 OK", b""), "bytes")])
async def test_measures_nothing_when_later_answers_are_others(
    later: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_program("wrk", package="wrk")
    monkeypatch.setattr("bench_load.ask", lambda *_: Page(200, [], BODY))
    async with serving(later) as port:
        with pytest.raises(RuntimeError, match=why):
            await asyncio.to_thread(per_second, port, HOME, 1)


def test_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(RuntimeError, match="Debian package wrk"):
        per_second(1, HOME, 1)


def finding(value: float, at_least: float | None = None, at_most: float | None = None) -> Finding:
    return Finding(what="pages", value=value, unit="x", at_least=at_least, at_most=at_most)


def test_holds_at_its_target_and_on_the_right_side_of_it() -> None:
    assert [finding(value, at_least=1).holds for value in (0.9, 1, 1.1)] == [False, True, True]
    assert [finding(value, at_most=1).holds for value in (0.9, 1, 1.1)] == [True, True, False]


def test_takes_the_middle_of_ratios_measured_in_turns() -> None:
    order: list[str] = []
    measured = iter([1.0, 8.0, 1.0, 2.0, 1.0, 9.0, 3.0, 2.0])

    def measure(name: str) -> float:
        order.append(name)
        return next(measured)

    assert ratio_of_rounds(3, lambda: measure("a"), lambda: measure("b")) == Rounds(1.5, (0.5, 9.0))
    assert order == ["b", "a", "a", "b", "b", "a", "a", "b"]


@pytest.mark.parametrize(("only", "code", "ran"), [("", 1, ["B1", "B2"]), ("B1", 0, ["B1"]), ("B2", 1, ["B2"])])
def test_writes_what_it_found_and_fails_on_a_miss(
    only: str, code: int, ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY", only)

    def good() -> Iterator[tuple[str, Finding]]:
        yield "B1", finding(0.25, at_least=0.12)

    def bad() -> Iterator[tuple[str, Finding]]:
        yield "B2", finding(2, at_most=1.3)

    with pytest.raises(SystemExit) as ended:
        run({"B1": good, "B2": bad}, tmp_path / "new" / "latest.json")

    written = json.loads((tmp_path / "new" / "latest.json").read_text())
    assert (int(ended.value.code or 0), list(written)) == (code, ran)
    if "B1" in ran:
        assert written["B1"] == {"what": "pages", "value": 0.25, "target": ">= 0.12", "holds": True, "unit": "x"}


def test_goes_on_after_one_that_proved_nothing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONLY", raising=False)

    def void() -> Iterator[tuple[str, Finding]]:
        raise RuntimeError("all answers were errors")
        yield

    def good() -> Iterator[tuple[str, Finding]]:
        yield "B2", finding(0.25, at_least=0.12)

    with pytest.raises(SystemExit) as ended:
        run({"B1": void, "B2": good}, tmp_path / "latest.json")

    assert ended.value.code
    assert "B1     not measured: all answers were errors" in capsys.readouterr().out
    assert list(json.loads((tmp_path / "latest.json").read_text())) == ["B2"]


def test_knows_no_benchmark_of_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONLY", "B99")
    with pytest.raises(SystemExit, match="B99"):
        run({}, tmp_path / "latest.json")
