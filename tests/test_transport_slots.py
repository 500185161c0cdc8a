"""The connections of a client: none is lost, whatever is cancelled, and none is opened to a stranger."""

import asyncio
import random
import ssl
from collections import Counter
from pathlib import Path

import httpcore2
import httpx
import pytest
from support_upstream import OK, Arrival, reply, saying, upstream

from connectors.addresses import AddressPolicy
from connectors.dialer import Dialer
from connectors.errors import BadResponse, NotFound, Unavailable
from connectors.transport import open_client
from connectors.wire import POOLED, PoolTransport

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)


async def test_loses_no_slot_to_cancelled_calls() -> None:
    """Forty callers who change their minds at any moment, over ten connections; then twenty who do not."""
    dice = random.Random(20261122)
    slow = True

    async def answer(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        if slow:
            await asyncio.sleep(dice.random() * 0.05)
        writer.write(reply(200, b"x" * dice.randrange(100_000)))

    pool = PoolTransport(Dialer(LOOPBACK), tls=ssl.create_default_context())
    async with upstream(answer) as server, open_client(server.url, policy=LOOPBACK, transport=pool) as http:

        async def fickle(end: float) -> None:
            while asyncio.get_running_loop().time() < end:
                call = asyncio.create_task(read() if dice.random() < 0.5 else whole())
                await asyncio.sleep(dice.random() * 0.06)
                call.cancel()
                if dice.random() < 0.3:
                    await asyncio.sleep(0)
                    call.cancel()  # twice: in the middle of tidying up
                await asyncio.gather(call, return_exceptions=True)

        async def whole() -> None:
            await http.get("/a")

        async def read() -> None:
            async with http.stream("GET", "/a") as response:
                async for _ in response.aiter_bytes():
                    await asyncio.sleep(0)

        end = asyncio.get_running_loop().time() + 3
        await asyncio.gather(*(fickle(end) for _ in range(40)))
        slow = False
        answers = await asyncio.gather(*(http.get("/a") for _ in range(20)))
        assert [response.status_code for response in answers] == [200] * 20
        assert [each.busy for each in pool._pools] == [0, 0]
        assert all("Requests: 0 active, 0 queued" in repr(each.http) for each in pool._pools)
        assert http._restraint._slots._value == 10
        assert http.state == "closed"
    assert len(server.arrivals) > 40  # the storm did reach the server


async def test_has_as_many_calls_at_once_as_it_may_and_goes_on_over_few_connections() -> None:
    all_there, arrived = asyncio.Event(), Counter[str]()

    async def answer(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        arrived[arrival.target] += 1
        if arrived["/crowd"] == POOLED * 2 + 3:
            all_there.set()
        await all_there.wait()
        writer.write(OK)

    pool = PoolTransport(Dialer(LOOPBACK), tls=ssl.create_default_context(), connections=POOLED * 2 + 3)
    async with (
        upstream(answer) as server,
        open_client(server.url, policy=LOOPBACK, transport=pool, connections=POOLED * 3) as http,
    ):
        crowd = [asyncio.create_task(http.get("/crowd")) for _ in range(POOLED * 2 + 3)]
        await asyncio.wait_for(asyncio.gather(*crowd), 10)
        assert [len(each.http.connections) for each in pool._pools] == [POOLED, POOLED, 3]
        used = pool._pools[0].http.connections
        for _ in range(POOLED):
            await http.get("/alone")
        assert pool._pools[0].http.connections == used
        assert [each.busy for each in pool._pools] == [0, 0, 0]


async def test_frees_the_slot_of_a_cancelled_caller() -> None:
    arrived = asyncio.Event()

    async def answer(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        if arrival.target == "/hang":
            arrived.set()
            await asyncio.Event().wait()
        writer.write(OK)

    async with upstream(answer) as server, open_client(server.url, policy=LOOPBACK, connections=1) as http:
        call = asyncio.create_task(http.get("/hang"))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await http.get("/a")).text == "ok"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, b"x" * 200_000), NotFound),
        (reply(200, b"x" * 200_000, Content_Encoding="br"), BadResponse),
        (reply(200, b"x" * 10_000_001), BadResponse),
    ],
    ids=["status", "encoding", "size"],
)
async def test_frees_the_slot_of_an_answer_that_is_refused(answer: bytes, error: type[Exception]) -> None:
    async with (
        upstream(saying(answer, OK)) as server,
        open_client(server.url, policy=LOOPBACK, connections=1, deadline=2) as http,
    ):
        with pytest.raises(error):
            await http.get("/a")
        assert (await http.get("/a")).text == "ok"


async def test_names_an_error_that_the_pool_lets_through() -> None:
    class Damaged(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
            raise ssl.SSLError("bad record mac")

    pool = PoolTransport(Dialer(LOOPBACK, network=Damaged()), tls=ssl.create_default_context())
    async with open_client("https://127.0.0.1", policy=LOOPBACK, transport=pool, sleep=no_sleep) as http:
        with pytest.raises(Unavailable) as caught:
            await http.get("/a")
    assert isinstance(caught.value.__cause__, httpx.NetworkError)


async def test_trusts_no_certificate_of_its_own_making(server_tls: ssl.SSLContext) -> None:
    async with (
        upstream(saying(OK), tls=server_tls) as server,
        open_client(server.url, policy=AddressPolicy(allow_private=True), sleep=no_sleep) as http,
    ):
        with pytest.raises(Unavailable, match="self-signed certificate"):
            await http.get("/a")
    assert server.arrivals == []


async def test_trusts_the_certificates_of_a_file(server_tls: ssl.SSLContext, certificate: Path) -> None:
    async with (
        upstream(saying(OK), tls=server_tls) as server,
        open_client(server.url, policy=AddressPolicy(allow_private=True), ca_file=certificate) as http,
    ):
        assert (await http.get("/a")).text == "ok"


async def test_compares_the_certificate_with_the_name_not_the_address(
    server_tls: ssl.SSLContext, certificate: Path
) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    policy = AddressPolicy(allow_private=True)
    tls = ssl.create_default_context(cafile=certificate)
    async with upstream(saying(OK), tls=server_tls) as server:
        url = server.url.replace("127.0.0.1", "erp.example")
        pool = PoolTransport(Dialer(policy, resolver=resolver), tls=tls)
        async with open_client(url, policy=policy, transport=pool, sleep=no_sleep) as http:
            with pytest.raises(Unavailable, match=r"not valid for 'erp\.example'"):
                await http.get("/a")
    assert server.arrivals == []


async def test_closes_a_connection_whose_handshake_never_ends() -> None:
    closed = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to the end
        closed.set()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_client(url, policy=AddressPolicy(allow_private=True), deadline=0.1) as http:
            with pytest.raises(Unavailable):
                await http.get("/a")
            await asyncio.wait_for(closed.wait(), 5)


async def no_sleep(_: float) -> None:
    pass
