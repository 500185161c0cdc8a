"""The connection of all requests: each answer goes to its question, or the connection ends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError
from structlog.testing import capture_logs
from support_redis import PATIENCE, PATIENTLY, RedisProcess

from cache.client import CacheDown, Client, Gate, connect

ECHO = "local all = {unpack(KEYS)} for _, each in ipairs(ARGV) do table.insert(all, each) end return all"
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


async def test_keeps_the_place_of_a_question_whose_asker_has_gone(redis_process: RedisProcess, patience: str) -> None:
    client = connect(redis_process.url + patience)
    await client.set("b", "two")
    line, until = await client._open_line()
    redis_process.pause()
    asking = [asyncio.ensure_future(line.read([key], until)) for key in "ab"]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.wait(asking[:1])
    redis_process.resume()
    assert await asking[1] == [b"two"]
    assert (await client._open_line())[0] is line
    await client.aclose()


async def test_answers_all_who_wait_when_the_connection_ends() -> None:
    async with redis_that_says([b"what?\r\n"], [ONE]) as client:
        outcomes = await asyncio.gather(*(client.run(ECHO, [], [n]) for n in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [CacheDown] * 3
        assert await client.look_up("a") == [b"one"]


async def test_runs_scripts_and_gives_each_its_own_answer(redis: Client) -> None:
    await redis.script_flush()
    assert await redis.run(ECHO, ["k"], ["text", b"bytes", 7]) == [b"k", b"text", b"bytes", b"7"]
    outcomes = await asyncio.gather(*(redis.run(ECHO, [f"k{n}"], [n]) for n in range(100)))
    assert outcomes == [[b"k%d" % n, b"%d" % n] for n in range(100)]
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] > 100


async def test_runs_a_script_that_redis_has_forgotten(redis: Client) -> None:
    for _ in range(2):
        await redis.script_flush()
        assert await redis.run("return 1", [], []) == 1


async def test_asks_nothing_on_a_connection_that_has_ended(redis_process: RedisProcess, patience: str) -> None:
    client = connect(redis_process.url + patience)
    line, until = await client._open_line()
    line.end()
    with pytest.raises(RedisConnectionError):
        await line.ask(["GET", "k"], until)
    assert await client.get("k") is None
    await client.aclose()


async def test_hears_an_answer_that_comes_when_it_was_we_who_were_busy(
    redis_process: RedisProcess, patience: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache.line.TURN", PATIENCE)
    client = connect(redis_process.url + patience)
    line, _ = await client._open_line()
    asking = asyncio.ensure_future(line.ask(["ECHO", "k"], until=0))
    assert await asking == b"k"
    await client.aclose()


async def test_takes_a_script_that_fails_for_an_answer(redis: Client) -> None:
    with pytest.raises(CacheDown) as caught:
        await redis.run("return redis.call('LPUSH')", [], [])
    assert isinstance(caught.value.__cause__, ResponseError)
    assert redis.reachable


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
