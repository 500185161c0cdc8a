"""The toxics themselves: each does what it says, to open connections too, and is gone once lifted."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support_toxics import NONE, Toxic, ToxicProxy, toxic_proxy
from support_upstream import Upstream, reply, saying, upstream

BODY = bytes(range(256)) * 20
ANSWER = reply(200, BODY)


@asynccontextmanager
async def behind(toxic: Toxic = NONE) -> AsyncIterator[tuple[ToxicProxy, Upstream]]:
    async with (
        upstream(saying(ANSWER)) as server,
        toxic_proxy(int(server.url.rpartition(":")[2]), random.Random(7)) as proxy,
    ):
        await proxy.inflict(toxic)
        yield proxy, server


class Caller:
    """A connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self) -> bytes:
        """Ask, and read the whole answer or up to the end of the connection."""
        self.writer.write(b"GET /a HTTP/1.1\r\n\r\n")
        try:
            return await self.reader.readexactly(len(ANSWER))
        except asyncio.IncompleteReadError as error:
            return error.partial


@asynccontextmanager
async def calling(proxy: ToxicProxy) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield Caller(reader, writer)
    writer.close()


async def test_carries_everything_and_keeps_a_ledger() -> None:
    async with behind() as (proxy, server), calling(proxy) as caller:
        assert [await caller.ask() for _ in range(3)] == [ANSWER] * 3
    assert (proxy.connections, [each.target for each in proxy.requests]) == (1, ["/a"] * 3)
    assert len(server.arrivals) == 3


@pytest.mark.parametrize(
    ("toxic", "least"),
    [
        (Toxic(kind="latency", seconds=0.3, jitter=0.1), 0.2),
        (Toxic(kind="bandwidth", size=20_000), 0.2),
        (Toxic(kind="slicer", size=500, seconds=0.02), 0.1),
    ],
    ids=lambda value: value.kind if isinstance(value, Toxic) else "",
)
async def test_slows_an_answer_down_and_loses_none_of_it(toxic: Toxic, least: float) -> None:
    async with behind(toxic) as (proxy, _), calling(proxy) as caller:
        began = time.monotonic()
        assert await caller.ask() == ANSWER
        assert time.monotonic() - began > least


@pytest.mark.parametrize(
    ("toxic", "answer"),
    [
        (Toxic(kind="timeout", seconds=0.1), b""),
        (Toxic(kind="limit_data", size=100), ANSWER[:100]),
        (Toxic(kind="lose_reply"), b""),
    ],
    ids=lambda value: value.kind if isinstance(value, Toxic) else "",
)
async def test_ends_an_answer_early_although_the_request_got_through(toxic: Toxic, answer: bytes) -> None:
    async with behind(toxic) as (proxy, server):
        async with calling(proxy) as caller:
            assert await caller.ask() == answer
        assert len(server.arrivals) == len(proxy.requests) == 1


async def test_resets_connections() -> None:
    async with behind() as (proxy, _), calling(proxy) as caller:
        await caller.ask()
        await proxy.inflict(Toxic(kind="reset_peer"))
        with pytest.raises(ConnectionResetError):
            await caller.ask()


async def test_closes_late() -> None:
    async with behind(Toxic(kind="slow_close", seconds=0.3)) as (proxy, _), calling(proxy) as caller:
        assert await caller.ask() == ANSWER


async def test_listens_no_more_while_it_is_down() -> None:
    async with behind() as (proxy, _):
        async with calling(proxy) as caller:
            await caller.ask()
            await proxy.inflict(Toxic(kind="down"))
            assert await caller.ask() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.inflict(NONE)
        async with calling(proxy) as caller:
            assert await caller.ask() == ANSWER


async def test_says_nothing_until_it_is_lifted() -> None:
    async with behind(Toxic(kind="timeout")) as (proxy, _):
        async with calling(proxy) as caller:
            asked = asyncio.create_task(caller.ask())
            await asyncio.sleep(0.2)
            assert not asked.done()
            await proxy.inflict(NONE)
            assert await asked == b""
        async with calling(proxy) as caller:
            assert await caller.ask() == ANSWER
