"""The connection that only reads: each answer goes to its question, or the connection ends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import pytest
from redis.exceptions import InvalidResponse, ResponseError
from structlog.testing import capture_logs
from support_redis import PATIENCE, PATIENTLY, RedisProcess

from cache.client import CacheDown, Client, Gate, connect

ONE, TWO = b"*1\r\n$3\r\none\r\n", b"*1\r\n$3\r\ntwo\r\n"


@asynccontextmanager
async def redis_that_says(*answers: Sequence[bytes]) -> AsyncIterator[Client]:
    """A client of something that speaks these answers in turn, whatever is asked: a list of them per connection.

    A bar in an answer is a moment, and one at its begin lasts until the connection has ended.
    """
    scripts, speaking = iter(answers), set[asyncio.Task[None]]()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            for answer in next(scripts):
                await reader.read(65536)
                for piece in answer.split(b"|"):
                    if not piece:
                        await reader.read()
                    writer.write(piece)
                    await asyncio.sleep(0.001)
            await reader.read()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking.add(asyncio.create_task(speak(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        client = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0{PATIENTLY}", Gate(pause=0))
        yield client
        await client.aclose()
        await asyncio.gather(*speaking, return_exceptions=True)


@pytest.fixture(autouse=True)
def patient(patience: str) -> None:
    """Whatever this machine does meanwhile, an answer comes in time."""


async def test_reads_what_comes_in_pieces() -> None:
    async with redis_that_says([b"*2\r\n$3\r\no|ne\r\n$-1\r\n"]) as client:
        assert await client.look_up("a", "b") == [b"one", None]


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(ONE + TWO, id="an answer too many"),
        pytest.param(ONE + b"$7\r\nhal", id="and a half"),
        pytest.param(b"*2\r\n$3\r\none\r\n$3\r\ntwo\r\n", id="a value too many"),
        pytest.param(b"+OK\r\n", id="no list"),
        pytest.param(b"what?\r\n", id="no Redis"),
    ],
)
async def test_ends_a_connection_on_which_answers_are_out_of_turn(strange: bytes) -> None:
    async with redis_that_says([strange, TWO], [ONE]) as client:
        with pytest.raises(CacheDown) as caught:
            await client.look_up("a")
        assert isinstance(caught.value.__cause__, InvalidResponse)
        assert await client.look_up("a") == [b"one"]


async def test_takes_no_answer_that_comes_late_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with redis_that_says([ONE, b"|" + TWO], [ONE]) as client:
        assert await client.look_up("a") == [b"one"]
        monkeypatch.setattr("cache.client.DEADLINE", 0.01)
        with pytest.raises(CacheDown, match="TimeoutError"):
            await client.look_up("a")
        monkeypatch.setattr("cache.client.DEADLINE", PATIENCE)
        assert await client.look_up("a") == [b"one"]


async def test_ends_with_whoever_asks() -> None:
    async with redis_that_says([ONE, b"|" + TWO], [ONE]) as client:
        assert await client.look_up("a") == [b"one"]
        asking = asyncio.ensure_future(client._read(["a"]))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await client.look_up("a") == [b"one"]


async def test_takes_a_refusal_for_an_answer_and_a_redis_that_starts_for_one_that_is_away() -> None:
    async with redis_that_says([b"-OOM command not allowed\r\n", b"-LOADING Redis is loading\r\n", ONE]) as client:
        with pytest.raises(CacheDown) as caught:
            await client.look_up("a")
        assert isinstance(caught.value.__cause__, ResponseError)
        assert client.reachable
        with capture_logs() as logs, pytest.raises(CacheDown):
            await client.look_up("a")
        assert [entry["event"] for entry in logs] == ["redis is away"]
        assert await client.look_up("a") == [b"one"]


async def test_goes_where_the_address_leads(redis_process: RedisProcess, patience: str) -> None:
    """A password, a number of the database, and text that is no UTF-8."""
    client = connect(redis_process.url + patience)
    await client.config_set("requirepass", "s3cret")
    await client.aclose()
    address = redis_process.url.replace("unix://", "unix://:s3cret@")
    third, fourth = (connect(f"{address}{patience}&db={number}") for number in (3, 4))
    await third.set("k\udcff", "v")
    assert await third.look_up("k\udcff", "other") == [b"v", None]
    assert await fourth.look_up("k\udcff") == [None]
    await third.aclose()
    await fourth.aclose()


async def test_speaks_tls(
    shared_redis_process: RedisProcess, redis: Client, server_tls: ssl.SSLContext, patience: str
) -> None:
    await redis.set("k", "v")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(shared_redis_process.socket_path)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_tls) as server:
        port = server.sockets[0].getsockname()[1]
        client = connect(f"rediss://127.0.0.1:{port}/0{patience}&ssl_cert_reqs=none&ssl_check_hostname=false")
        assert await client.look_up("k", "other") == [b"v", None]
        assert await client.look_up("k") == [b"v"]
        await client.aclose()
