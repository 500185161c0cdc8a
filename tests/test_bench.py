"""Benchmarks: what they say must be so."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bench_load import ask
from bench_report import Finding, ratio_of_rounds, run

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
BODY = b"\r\n\r\n" * 50_000  # more than one read, and full of what ends a head


class Served:
    def __init__(self) -> None:
        self.answers = 0


@asynccontextmanager
async def serving(head: bytes) -> AsyncIterator[tuple[int, Served]]:
    """A server that sends its answers in odd pieces."""
    served = Served()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for piece in (head[:9], head[9:], b"\r\n\r\n" + BODY[:100], BODY[100:]):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                served.answers += 1
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], served


def head(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: %d" % len(BODY)


async def test_counts_whole_answers_and_no_others() -> None:
    async with serving(head(b"200 OK")) as (port, served):
        load = await ask("127.0.0.1", port, REQUEST, 0.1)

    assert 0 < load.answers <= served.answers  # less those before it began to count


@pytest.mark.parametrize("answer", [head(b"500 No"), head(b"303 See Other"), b"HTTP/1.1 200 OK"])
async def test_measures_nothing_but_success(answer: bytes) -> None:
    async with serving(answer) as (port, _):
        with pytest.raises(RuntimeError, match=r"HTTP/1\.1"):
            await ask("127.0.0.1", port, REQUEST, 0.1)


def finding(value: float, **target: float) -> Finding:
    return Finding(what="pages", value=value, unit="x", **target)


def test_holds_at_its_target_and_on_the_right_side_of_it() -> None:
    assert [finding(value, at_least=1).holds for value in (0.9, 1, 1.1)] == [False, True, True]
    assert [finding(value, at_most=1).holds for value in (0.9, 1, 1.1)] == [True, True, False]


def test_takes_the_middle_of_ratios_measured_in_turns() -> None:
    order: list[str] = []
    measured = iter([1.0, 2.0, 9.0, 1.0, 3.0, 2.0])

    def measure(name: str) -> float:
        order.append(name)
        return next(measured)

    assert ratio_of_rounds(3, lambda: measure("a"), lambda: measure("b")) == 1.5
    assert order == ["a", "b"] * 3


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


def test_knows_no_benchmark_of_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONLY", "B99")
    with pytest.raises(SystemExit, match="B99"):
        run({}, tmp_path / "latest.json")
