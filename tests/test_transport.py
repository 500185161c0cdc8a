"""The client over real sockets: what goes over the wire, how often, and what a failure is called."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from secrets import token_hex

import httpx
import pytest
import respx
from support_upstream import OK, Arrival, reply, saying, upstream

from connectors.addresses import AddressPolicy
from connectors.errors import (
    AccessDenied,
    AddressRefused,
    BadResponse,
    ConnectorError,
    NotAllowed,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.transport import SAFE, Client, counted_apart, open_client

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Sleeps(list[float]):
    """Takes the place of `asyncio.sleep` and of the client's timer: it remembers, and only sleeping takes time."""

    now = 1000.0

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self.now += seconds

    def timer(self) -> float:
        return self.now


def client(url: str, sleeps: Sleeps | None = None, deadline: float = 8.0) -> Client:
    sleep = Sleeps() if sleeps is None else sleeps
    return open_client(
        url, policy=LOOPBACK, sleep=sleep, clock=lambda: NOW, timer=sleep.timer, deadline=deadline, connections=50
    )


async def test_reads_an_answer() -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        assert (await http.get("/a")).text == "ok"


async def test_keeps_a_connection_for_the_next_request() -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        for _ in range(3):
            await http.get("/a")
    assert [arrival.connection for arrival in server.arrivals] == [1, 1, 1]


@pytest.mark.parametrize(
    "target",
    ["/%2E%2E/a%2Fb%20c+d", "/a?q=%2E%2E%2f%20+%2B&b=%7e~", "/a//b/;v=1?x=/y?z", "/%e2%82%ac?%E2%82%AC"],
)
async def test_sends_the_bytes_of_a_url_as_they_are(target: str) -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        await http.get(target)
    assert server.arrivals[0].line == f"GET {target} HTTP/1.1".encode()


async def test_prefixes_the_path_of_the_base_url() -> None:
    async with upstream(saying(OK)) as server, client(f"{server.url}/REST/2.0") as http:
        await http.get("/tickets", params={"q": "a b+c/d"})
    assert server.arrivals[0].target == "/REST/2.0/tickets?q=a+b%2Bc%2Fd"


async def test_takes_and_sends_no_cookies() -> None:
    answer = reply(200, b"ok", Set_Cookie="session=1; Path=/")
    async with upstream(saying(answer)) as server, client(server.url) as http:
        await http.get("/a")
        await http.get("/a")
        assert not http.cookies
    assert not [arrival for arrival in server.arrivals if "cookie" in arrival.headers]


async def test_asks_only_for_an_encoding_that_it_can_bound() -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        await http.get("/a")
    assert server.arrivals[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("before", [0, 1], ids=["new", "reused"])
async def test_sends_a_write_once_when_the_reply_is_lost(method: str, before: int) -> None:
    async with upstream(saying(*[OK] * before, b"")) as server, client(server.url) as http:
        for _ in range(before):
            await http.get("/warm")
        with pytest.raises(Unavailable) as caught:
            await http.request(method, "/a", content=b"pay once")
    assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError)
    writes = [(arrival.body, arrival.connection) for arrival in server.arrivals if arrival.target == "/a"]
    assert writes == [(b"pay once", 1)]


@pytest.mark.parametrize(
    ("method", "extensions", "attempts"),
    [("GET", {}, 3), ("HEAD", {}, 3), ("POST", SAFE, 3), ("POST", {}, 1), ("PUT", {}, 1)],
)
@pytest.mark.parametrize("answer", [b"", reply(503), reply(429)], ids=["lost", "503", "429"])
async def test_asks_three_times_at_most_and_only_where_that_is_safe(
    method: str, extensions: dict[str, bool], attempts: int, answer: bytes
) -> None:
    sleeps = Sleeps()
    async with upstream(saying(answer)) as server, client(server.url, sleeps) as http:
        with pytest.raises((Unavailable, RateLimited)):
            await http.request(method, "/a", content=b"same", extensions=extensions)
    assert [arrival.body for arrival in server.arrivals] == [b"same"] * attempts
    assert len(sleeps) == attempts - 1


async def test_returns_the_answer_of_a_later_attempt() -> None:
    async with upstream(saying(b"", reply(503), OK)) as server, client(server.url) as http:
        assert (await http.get("/a")).text == "ok"
    assert len(server.arrivals) == 3


async def test_sends_a_streamed_body_again_where_that_is_safe() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async with upstream(saying(reply(503), OK)) as server, client(server.url) as http:
        await http.post("/a", content=parts(), headers={"Content-Length": "2"}, extensions=SAFE)
    assert [arrival.body for arrival in server.arrivals] == [b"ab", b"ab"]


@pytest.mark.parametrize("answer", [b"", reply(503), reply(500), reply(429)], ids=["lost", "503", "500", "429"])
@pytest.mark.parametrize("at_once", [1, 10, 100])
async def test_asks_a_dead_back_office_hardly_more_often_than_it_is_asked_itself(answer: bytes, at_once: int) -> None:
    async with upstream(saying(answer)) as server, client(server.url) as http:
        for _ in range(100 // at_once):
            calls = [http.get("/a") for _ in range(at_once)]
            assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} <= {
                Unavailable,
                NotSent,
                RateLimited,
            }
    assert len(server.arrivals) <= 110


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AccessDenied),
        (403, NotAllowed),
        (404, NotFound),
        (410, NotFound),
        (429, RateLimited),
        (400, Refused),
        (409, Refused),
        (422, Refused),
        (408, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (301, BadResponse),
        (302, BadResponse),
        (307, BadResponse),
        (304, BadResponse),
        (402, BadResponse),
        (418, BadResponse),
        (600, BadResponse),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_names_a_status_after_what_happens_next(
    status: int, error: type[ConnectorError], *, stream: bool
) -> None:
    async with upstream(saying(reply(status, b"secret words"))) as server, client(server.url) as http:
        with pytest.raises(error) as caught:
            await http.send(http.build_request("POST", "/a?token=secret"), stream=stream)
    assert type(caught.value) is error
    assert str(caught.value) == f"POST {server.url}/a: answered {status}"


@pytest.mark.parametrize("location", ["/elsewhere", "http://169.254.169.254/", "http://[", "\x80"])
async def test_follows_no_redirect(location: str) -> None:
    async with upstream(saying(reply(302, Location=location))) as server, client(server.url) as http:
        with pytest.raises(BadResponse):
            await http.get("/a", follow_redirects=True)
    assert len(server.arrivals) == 1


@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ("3", [3, 3]),
        ("0", [0, 0]),
        (format_datetime(NOW + timedelta(seconds=2), usegmt=True), [2, 2]),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), [0, 0]),
    ],
)
async def test_waits_as_long_as_it_is_told(value: str, waits: list[float]) -> None:
    sleeps = Sleeps()
    async with upstream(saying(reply(429, Retry_After=value))) as server, client(server.url, sleeps) as http:
        with pytest.raises(RateLimited) as caught:
            await http.get("/a")
    assert sleeps == waits
    assert caught.value.retry_after == waits[0]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("8", 8),
        ("86400", 3600),
        ("9" * 5000, 3600),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_gives_up_at_once_when_the_wait_is_longer_than_its_deadline(value: str, told: float, status: int) -> None:
    sleeps = Sleeps()
    async with upstream(saying(reply(status, Retry_After=value))) as server, client(server.url, sleeps) as http:
        with pytest.raises(ConnectorError) as caught:
            await http.get("/a")
        with pytest.raises(RateLimited) as again:
            await http.get("/b")
    assert caught.value.retry_after == told
    assert again.value.retry_after == told
    assert (len(server.arrivals), sleeps) == (1, [])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("90", 90),
        (format_datetime(NOW + timedelta(seconds=45), usegmt=True), 45),
        ("31536000", 3600),
        ("9" * 5000, 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_sends_nothing_before_the_time_has_come(value: str, told: int, status: int) -> None:
    sleeps = Sleeps()
    answers = saying(reply(status, Retry_After=value), OK)
    async with upstream(answers) as server, client(server.url, sleeps) as http:
        with pytest.raises(ConnectorError):
            await http.get("/a")
        for _ in range(told):
            for method in ("GET", "POST"):
                with pytest.raises(RateLimited):
                    await http.request(method, "/b")
            sleeps.now += 1
        assert len(server.arrivals) == 1
        assert (await http.get("/c")).text == "ok"


async def test_waits_only_with_what_is_counted_apart_where_that_was_asked_too_often() -> None:
    export, other = counted_apart("export"), counted_apart("other")
    answers = saying(reply(429, Retry_After="30"), OK, OK, OK, reply(503, Retry_After="30"))
    sleeps = Sleeps()
    async with upstream(answers) as server, client(server.url, sleeps) as http:
        with pytest.raises(RateLimited):
            await http.get("/export", extensions=export)
        with pytest.raises(RateLimited, match="told to wait"):
            await http.get("/export", extensions=export)
        assert (await http.get("/a")).text == "ok"
        assert (await http.get("/b", extensions=other)).text == "ok"
        sleeps.now += 30
        assert (await http.get("/export", extensions=export)).text == "ok"
        with pytest.raises(Unavailable):
            await http.get("/export", extensions=export)  # away as a whole
        with pytest.raises(RateLimited):
            await http.get("/a")
    assert [arrival.target for arrival in server.arrivals] == ["/export", "/a", "/b", "/export", "/export"]


async def test_keeps_the_longest_silence_that_it_was_told() -> None:
    sleeps = Sleeps()
    answers = saying(reply(503, Retry_After="50"), reply(503, Retry_After="10"), OK)
    gate = asyncio.Event()

    async def both(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        gate.set() if arrival.connection == 2 else None
        await gate.wait()
        await answers(arrival, writer)

    async with upstream(both) as server, client(server.url, sleeps) as http:
        await asyncio.gather(http.post("/a"), http.post("/a"), return_exceptions=True)
        sleeps.now += 49
        with pytest.raises(RateLimited):
            await http.get("/a")
    assert len(server.arrivals) == 2


async def test_repeats_nothing_once_another_call_was_told_to_wait() -> None:
    now, sleeping, go_on = 1000.0, asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        sleeping.set()
        await go_on.wait()

    answers = saying(reply(503), reply(429, Retry_After="60"), OK)
    async with (
        upstream(answers) as server,
        open_client(server.url, policy=LOOPBACK, sleep=sleep, timer=lambda: now) as http,
    ):
        repeated = asyncio.create_task(http.get("/a"))
        await sleeping.wait()
        with pytest.raises(RateLimited):
            await http.post("/b")
        go_on.set()
        with pytest.raises(RateLimited):
            await repeated
    assert len(server.arrivals) == 2


@pytest.mark.parametrize("value", ["", "-5", "soon", "1.5", "\u0663", "Fri, 99 Foo 2026 00:00:00 GMT", "1 2"])
async def test_ignores_a_senseless_retry_after(value: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers=[(b"Retry-After", value.encode())])

    transport = httpx.MockTransport(answer)
    async with open_client("https://erp.example", policy=AddressPolicy(), transport=transport) as http:
        with pytest.raises(RateLimited) as caught:
            await http.post("/a")
    assert caught.value.retry_after is None


async def test_waits_any_time_up_to_a_growing_limit() -> None:
    sleeps = Sleeps()
    down = httpx.MockTransport(lambda _: httpx.Response(503))
    for _ in range(200):
        async with open_client("https://erp.example", policy=AddressPolicy(), transport=down, sleep=sleeps) as http:
            with pytest.raises(Unavailable):
                await http.get("/a")
    for waits, limit in ((sorted(sleeps[0::2]), 0.25), (sorted(sleeps[1::2]), 0.5)):
        assert len(waits) == 200
        assert waits[-1] <= limit
        # Kolmogorov-Smirnov against the uniform distribution; beyond this one run in ten million fails by chance.
        gap = max(max(abs(wait / limit - n / 200), abs(wait / limit - (n + 1) / 200)) for n, wait in enumerate(waits))
        assert gap < 0.2


async def test_speaks_to_no_other_origin() -> None:
    async with upstream(saying(OK)) as server, upstream(saying(OK)) as other, client(server.url) as http:
        for url in (f"{other.url}/next", server.url.replace("http:", "https:")):
            with pytest.raises(AddressRefused):
                await http.get(url)
    assert other.arrivals == server.arrivals == []


async def test_keeps_secrets_out_of_errors_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = token_hex(16)
    leaky = [
        f"{secret}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{secret}\r\n".encode(),
        reply(500, secret.encode(), Set_Cookie=secret),
        reply(422, secret.encode()),
        reply(302, Location=f"http://{secret}"),
    ]
    async with upstream(saying(*leaky, OK)) as server:
        for key in [secret] * len(leaky) + [f"{secret}\n"]:  # the last one is no legal header
            async with client(server.url) as http:
                with pytest.raises(ConnectorError) as caught:
                    await http.post(f"/a?token={secret}", headers={"Authorization": f"Bearer {key}"})
                logging.getLogger(__name__).error("failed", exc_info=caught.value)
    assert len(server.arrivals) == len(leaky)
    assert caplog.text.count("ERROR") == len(leaky) + 1
    assert secret not in caplog.text


@pytest.mark.parametrize("key", ["s3cr\u00e9t", "s3cret\n", "s3cret\r\nX-Evil: 1", "s3cret\0"])
async def test_sends_no_header_that_is_none(key: str) -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        with pytest.raises(BadResponse) as caught:
            await http.get("/a", headers={"X-Key": key})
    assert server.arrivals == []
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize("url", ["/a\nb", "http://x:y/", "/a" * 40_000])
async def test_asks_for_nothing_that_is_no_address(url: str) -> None:
    async with upstream(saying(OK)) as server, client(server.url) as http:
        with pytest.raises(BadResponse):
            await http.get(url)
    assert server.arrivals == []


async def test_ends_a_dripping_answer_at_the_deadline() -> None:
    async def drip(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with upstream(drip) as server, client(server.url, deadline=0.3) as http:
        with pytest.raises(Unavailable, match=r"no answer within 0\.3 s"):
            await http.get("/a")


async def test_ends_dripping_headers_at_the_deadline() -> None:
    async def drip(_: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with upstream(drip) as server, client(server.url, deadline=0.3) as http:
        with pytest.raises(Unavailable, match=r"no answer within 0\.3 s"):
            await http.get("/a")


async def test_has_one_deadline_for_all_attempts() -> None:
    async def slow(_: Arrival, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.12)
        writer.write(reply(503, Retry_After="0"))

    async with upstream(slow) as server, client(server.url, deadline=0.2) as http:
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            await http.get("/a")
    assert len(server.arrivals) == 2


async def test_says_that_nothing_listens() -> None:
    async with upstream(saying(OK)) as server:
        pass
    async with client(server.url) as http:
        with pytest.raises(Unavailable, match="connect") as caught:
            await http.get("/a")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


async def test_works_over_a_respx_router() -> None:
    router = respx.Router()
    route = router.get("https://erp.example/api/invoices", params={"page": "2"})
    route.side_effect = [httpx.ConnectTimeout("lost"), httpx.Response(503), httpx.Response(200, json=[1])]
    transport = httpx.MockTransport(router.async_handler)
    async with open_client(
        "https://erp.example/api", policy=AddressPolicy(), transport=transport, sleep=Sleeps()
    ) as http:
        assert (await http.get("/invoices", params={"page": "2"})).json() == [1]
    assert route.call_count == 3
