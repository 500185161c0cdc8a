"""Bodies that lie: too long, blown up, cut off, never ending, in the wrong encoding."""

import asyncio
import gzip
import tracemalloc
import zlib

import httpx
import pytest
from support_upstream import OK, Arrival, reply, saying, upstream

import connectors.bodies
from connectors.addresses import AddressPolicy
from connectors.errors import BadResponse, Unavailable
from connectors.transport import Client, open_client, up_to

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


PACKED = gzip.compress(b"words", mtime=0)


async def no_sleep(_: float) -> None:
    pass


def client(url: str) -> Client:
    return open_client(url, policy=LOOPBACK, sleep=no_sleep)


def bomb(megabytes: int) -> bytes:
    """Compress zeros to about a thousandth."""
    pack = zlib.compressobj(9, wbits=31)
    return b"".join(pack.compress(bytes(1_000_000)) for _ in range(megabytes)) + pack.flush()


async def test_decodes_gzip() -> None:
    text = b"words " * 100_000
    answer = reply(200, gzip.compress(text), Content_Encoding="gzip")
    async with upstream(saying(answer)) as server, client(server.url) as http:
        response = await http.get("/a")
    assert response.content == text
    assert not {"content-encoding", "content-length"} & set(response.headers)


async def test_stops_a_gzip_bomb() -> None:
    packed = bomb(300)
    assert len(packed) < 300_000
    async with upstream(saying(reply(200, packed, Content_Encoding="gzip"))) as server, client(server.url) as http:
        tracemalloc.start()
        try:
            with pytest.raises(BadResponse, match="more than 10000000 bytes"):
                await http.get("/a")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16_000_000


async def test_decodes_a_bomb_no_further_than_it_is_read() -> None:
    answer = reply(200, bomb(50), Content_Encoding="gzip")
    async with (
        upstream(saying(answer)) as server,
        client(server.url) as http,
        http.stream("GET", "/a", extensions=up_to(10**9)) as response,
    ):
        tracemalloc.start()
        try:
            sizes = [len(chunk) async for chunk in response.aiter_bytes()]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 64 * 1024
    assert peak < 16_000_000


@pytest.mark.parametrize("headers", [b"Content-Length: 1001\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
async def test_stops_at_the_limit_of_the_request(headers: bytes) -> None:
    body = b"x" * 1001
    if b"chunked" in headers:
        body = b"3e9\r\n" + body + b"\r\n0\r\n\r\n"

    async def answer(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + body)
        await writer.drain()
        writer.close()

    async with upstream(answer) as server, client(server.url) as http:
        assert len((await http.get("/a", extensions=up_to(1001))).content) == 1001
        with pytest.raises(BadResponse, match="more than 1000 bytes"):
            await http.get("/a", extensions=up_to(1000))


async def test_counts_what_arrives_as_well_as_what_it_decodes_to() -> None:
    answer = reply(200, gzip.compress(b"abcd"), Content_Encoding="gzip")
    async with upstream(saying(answer)) as server, client(server.url) as http:
        assert (await http.get("/a", extensions=up_to(24))).content == b"abcd"
        with pytest.raises(BadResponse, match="more than 23 bytes"):
            await http.get("/a", extensions=up_to(23))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        CHUNKED + b"\r\n5\r\nhello\r\n",
        CHUNKED + b"\r\n5\r\nhel",
        CHUNKED + b"\r\nnonsense\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"Content-Encoding: gzip\r\n\r\n5\r\n\x1f\x8b\x08\x00\x00\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"words" * 1000, mtime=0)[:-9],
        b"HTTP/1.1 200 OK\r\nContent-Length",
        b"HTTP/1.1 200",
        b"220 mail.example ESMTP\r\n",
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_takes_no_part_for_the_whole(answer: bytes, *, stream: bool) -> None:
    async def hang_up(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with upstream(hang_up) as server, client(server.url) as http:
        with pytest.raises(Unavailable):
            await read(http, stream=stream)


async def read(http: httpx.AsyncClient, *, stream: bool) -> bytes:
    if not stream:
        return (await http.get("/a")).content
    async with http.stream("GET", "/a") as response:
        return b"".join([chunk async for chunk in response.aiter_bytes()])


@pytest.mark.parametrize("body", [b"no gzip", PACKED + b"more", PACKED * 2])
async def test_refuses_what_is_no_gzip_stream(body: bytes) -> None:
    answer = reply(200, body, Content_Encoding="gzip")
    async with upstream(saying(answer)) as server, client(server.url) as http:
        with pytest.raises(BadResponse):
            await http.get("/a")


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "nonsense"])
async def test_refuses_an_encoding_that_it_did_not_ask_for(encoding: str) -> None:
    async with upstream(saying(reply(200, b"words", Content_Encoding=encoding))) as server, client(server.url) as http:
        with pytest.raises(BadResponse):
            await http.get("/a")


async def test_reads_no_body_where_there_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\n"
    async with upstream(saying(head, b"HTTP/1.1 204 No Content\r\n\r\n")) as server, client(server.url) as http:
        assert (await http.head("/a")).content == b""
        assert (await http.post("/a")).content == b""
    assert server.connections == 1


async def test_limits_the_whole_time_of_a_streamed_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors.bodies, "LONGEST_READ", 0.1)

    async def drip(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with upstream(drip) as server, client(server.url) as http:
        with pytest.raises(Unavailable, match=r"longer than 0\.1 s"):
            await read(http, stream=True)


async def test_limits_the_time_of_each_read_of_a_streamed_body() -> None:
    async def stall(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await writer.drain()
        await asyncio.Event().wait()

    async with upstream(stall) as server, open_client(server.url, policy=LOOPBACK, deadline=0.1) as http:
        with pytest.raises(Unavailable, match="ReadTimeout"):
            await read(http, stream=True)


async def test_holds_one_large_answer_in_memory_at_a_time() -> None:
    """Of ten that are read whole, nine wait after their first megabyte. The small ones of the same source do not."""

    async def answer(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        if arrival.target == "/small":
            writer.write(OK)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n")
        for _ in range(90):
            writer.write(bytes(100_000))
            await writer.drain()

    async def ask(path: str) -> int:
        response = await http.get(path)
        return len(response.content)

    async with upstream(answer) as server, client(server.url) as http:
        tracemalloc.start()
        try:
            sizes = await asyncio.gather(*(ask(path) for path in ["/large"] * 9 + ["/small"]))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sizes == [9_000_000] * 9 + [2]
    assert peak < 60_000_000  # nine of them would be 81 MB, and twice that while their pieces are joined


async def test_gives_the_turn_of_a_large_answer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors.bodies, "LARGE", 1000)

    async def stall(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        if arrival.target == "/stall":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(2000))
            await writer.drain()
            await asyncio.Event().wait()
        writer.write(reply(200, bytes(2000)))

    async with upstream(stall) as server, open_client(server.url, policy=LOOPBACK, deadline=0.3) as http:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await http.post("/stall")
            assert len((await http.get("/a")).content) == 2000


async def test_lets_a_reader_leave_early() -> None:
    async with upstream(saying(reply(200, b"x" * 500_000), OK)) as server, client(server.url) as http:
        async with http.stream("GET", "/a") as response:
            async for _ in response.aiter_bytes():
                break
        assert (await http.get("/b")).text == "ok"
