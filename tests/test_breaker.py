"""A back office that fails is left alone: when, for how long, and how it is taken back. A ledger counts arrivals."""

import asyncio
import re

import httpx
import pytest
from structlog.testing import capture_logs
from support_clock import Timer
from support_upstream import OK, Arrival, reply, saying, upstream

from connectors.addresses import AddressPolicy
from connectors.downloads import download
from connectors.errors import ConnectorError, NotSent, RateLimited, Unavailable
from connectors.transport import Client, open_client

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
DOWN = reply(503)


class Office:
    """A back office behind a client: `answer` is what it says of the moment, `arrivals` how often it was asked.

    `now` is the client's clock. Retries do not sleep.
    """

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200)
        self.arrivals = 0
        self.now = 1000.0
        self.http = open_client(
            "https://erp.example/api",
            policy=AddressPolicy(),
            transport=httpx.MockTransport(self._answer),
            sleep=self._sleep,
            timer=lambda: self.now,
        )

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.arrivals += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx.Response(self.answer.status_code, headers=self.answer.headers, stream=httpx.ByteStream(b"ok"))

    async def _sleep(self, _: float) -> None:
        pass

    async def ask(self, status: int = 200) -> bool:
        """Ask once, of a back office that answers so. Gives whether that was a success."""
        self.answer = httpx.Response(status)
        return await self.ask_again()

    async def ask_again(self) -> bool:
        try:
            await self.http.get("/a")
        except ConnectorError:
            return False
        return True

    async def break_down(self) -> None:
        for _ in range(20):
            await self.ask(503)
        assert self.http.state == "open"
        self.arrivals = 0


@pytest.fixture
def office() -> Office:
    return Office()


async def test_opens_when_half_of_twenty_calls_failed(office: Office) -> None:
    for _ in range(9):
        await office.ask(200)
        await office.ask(500)
    await office.ask(200)
    before = office.http.state
    await office.ask(500)
    assert [before, office.http.state] == ["closed", "open"]


async def test_stays_closed_while_most_calls_succeed(office: Office) -> None:
    for _ in range(100):
        for status in (200, 200, 500):
            await office.ask(status)
            office.now += 0.1
    assert office.http.state == "closed"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 429, 302])
async def test_counts_no_answer_as_a_failure_that_says_what_is_wrong(office: Office, status: int) -> None:
    for _ in range(50):
        await office.ask(status)
    assert (office.http.state, office.arrivals >= 50) == ("closed", True)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.ReadError("reset")])
async def test_counts_no_answer_at_all_as_a_failure(office: Office, error: Exception) -> None:
    office.answer = error
    for _ in range(20):
        await office.ask_again()
    assert office.http.state == "open"


async def test_needs_few_failures_of_a_source_that_is_rarely_asked(office: Office) -> None:
    for _ in range(4):
        await office.ask(503)
        office.now += 40
    before = office.http.state
    await office.ask(503)
    assert [before, office.http.state] == ["closed", "open"]


async def test_takes_one_bad_moment_for_no_outage(office: Office) -> None:
    for _ in range(15):
        await office.ask(503)
        office.now += 0.5
    assert office.http.state == "closed"


async def test_forgets_how_it_was_long_ago(office: Office) -> None:
    for _ in range(4):
        await office.ask(503)
    office.now += 301
    await office.ask(503)
    assert office.http.state == "closed"


async def test_says_at_once_when_the_next_try_is_and_sends_nothing(office: Office) -> None:
    await office.break_down()
    office.now += 12
    with pytest.raises(Unavailable, match=r"GET https://erp\.example/api/a: not sent, .* next try in 18 s"):
        await office.http.get("/a?token=secret")
    assert office.arrivals == 0


async def test_lets_one_probe_through_in_thirty_seconds(office: Office) -> None:
    await office.break_down()
    for _ in range(120 * 8):
        office.now += 0.125
        await office.ask(503)
    assert office.arrivals == 4


async def test_closes_after_the_first_probe_that_succeeds(office: Office) -> None:
    await office.break_down()
    office.now += 31
    assert await office.ask(200)
    assert office.http.state == "closed"
    for _ in range(9):  # what was before does not count any more
        await office.ask(503)
    assert office.http.state == "closed"


@pytest.mark.parametrize("status", [404, 401, 429])
async def test_takes_any_answer_of_a_probe_for_a_sign_of_life(office: Office, status: int) -> None:
    await office.break_down()
    office.now += 31
    await office.ask(status)
    assert office.http.state == "closed"


async def test_repeats_no_probe(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.breaker.ROW", 2)  # so few that its pace still allows repeating
    office.answer = httpx.Response(503)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await office.http.post("/a")
        office.now += 11
    office.arrivals = 0
    office.now += 31
    await office.ask(503)
    assert (office.http.state, office.arrivals) == ("open", 1)


async def test_tells_when_it_opens_and_when_it_closes(office: Office) -> None:
    with capture_logs() as lines:
        await office.break_down()
        for _ in range(3):
            office.now += 31
            await office.ask(503)
        office.now += 31
        await office.ask(200)
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "source left alone"),
        ("info", "source asked again"),
    ]
    assert {line["base_url"] for line in lines} == {"https://erp.example/api"}


async def test_hides_no_retry_after(office: Office) -> None:
    """Told to wait for longer than a probe would: then it is the one that counts."""
    await office.break_down()
    office.now += 31
    office.answer = httpx.Response(503, headers={"Retry-After": "100"})
    await office.ask_again()
    for _ in range(99):
        office.now += 1
        with pytest.raises(RateLimited):
            await office.http.get("/a")
    assert office.arrivals == 1
    office.now += 2
    assert await office.ask(200)


class Slow:
    """A back office over a real socket whose answers come when it is told to give them."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.arrived = asyncio.Semaphore(0)

    async def __call__(self, _: Arrival, writer: asyncio.StreamWriter) -> None:
        self.arrived.release()
        writer.write(await self.answers.get())


async def no_sleep(_: float) -> None:
    pass


def client(url: str, timer: Timer, connections: int = 10, deadline: float = 8.0) -> Client:
    return open_client(url, policy=LOOPBACK, timer=timer, sleep=no_sleep, connections=connections, deadline=deadline)


async def outcomes(*calls: asyncio.Task[httpx.Response]) -> list[type]:
    return [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)]


async def test_sends_one_probe_however_many_call_at_once() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer) as http:
        for _ in range(20):
            slow.answers.put_nowait(DOWN)
            with pytest.raises(Unavailable):
                await http.post("/a")
        timer.now += 31
        calls = [asyncio.create_task(http.get("/a")) for _ in range(100)]
        await asyncio.sleep(0.05)
        timer.now += 31  # however long it takes
        with pytest.raises(Unavailable):
            await http.get("/a")
        assert (http.state, len(server.arrivals)) == ("probing", 21)
        slow.answers.put_nowait(OK)
        assert sorted(kind.__name__ for kind in await outcomes(*calls)) == ["NotSent"] * 99 + ["Response"]
    assert (http.state, len(server.arrivals)) == ("closed", 21)


async def test_sends_nothing_that_still_waited_for_a_connection_when_it_opened() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer, connections=2) as http:
        calls = [asyncio.create_task(http.post("/a")) for _ in range(100)]
        for _ in range(25):
            slow.answers.put_nowait(DOWN)
        found = await outcomes(*calls)
    assert {*found} == {Unavailable, NotSent}
    assert found.count(Unavailable) == len(server.arrivals)
    assert 20 <= len(server.arrivals) <= 21  # the twenty, and one that was under way


async def test_sends_nothing_that_still_waited_when_it_was_told_to_wait() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer, connections=2) as http:
        calls = [asyncio.create_task(http.post("/a")) for _ in range(50)]
        for _ in range(50):
            slow.answers.put_nowait(reply(429, Retry_After="60"))
        assert await outcomes(*calls) == [RateLimited] * 50
    assert len(server.arrivals) == 2


async def test_blames_nobody_for_our_own_queue() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer, connections=1, deadline=0.3) as http:
        calls = [asyncio.create_task(http.post("/a")) for _ in range(60)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, Unavailable) for each in ended)
        assert re.search(r"no answer within 0\.3 s", str(ended[0]))
        assert any(re.search(r"not sent, no turn within 0\.3 s", str(each)) for each in ended)
        assert http.state == "closed"


async def test_learns_nothing_from_a_caller_who_left() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer) as http:
        for _ in range(30):
            call = asyncio.create_task(http.get("/a"))
            await slow.arrived.acquire()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        assert http.state == "closed"


async def test_waits_for_the_next_time_when_a_probe_is_cancelled() -> None:
    timer, slow = Timer(), Slow()
    async with upstream(slow) as server, client(server.url, timer) as http:
        for _ in range(20):
            slow.answers.put_nowait(DOWN)
            with pytest.raises(Unavailable):
                await http.post("/a")
        timer.now += 31
        probe = asyncio.create_task(http.get("/a"))
        for _ in range(21):
            await slow.arrived.acquire()
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        with pytest.raises(Unavailable, match="next try in 30 s"):
            await http.get("/a")
        timer.now += 31
        slow.answers.put_nowait(OK)
        slow.answers.put_nowait(OK)  # the first one goes to the probe that left
        assert (await http.get("/a")).text == "ok"
        assert http.state == "closed"


async def broken_off(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
    await writer.drain()
    writer.close()


async def read(http: Client) -> bytes:
    async with http.stream("GET", "/file") as response:
        return b"".join([chunk async for chunk in response.aiter_bytes()])


async def test_counts_files_that_break_off() -> None:
    async with upstream(broken_off) as server, client(server.url, Timer()) as http:
        for _ in range(20):
            with pytest.raises(Unavailable):
                await read(http)
        assert http.state == "open"
        with pytest.raises(Unavailable, match="not sent"):
            await read(http)
    assert len(server.arrivals) == 20


async def test_keeps_asking_for_files_that_readers_leave_early() -> None:
    async with upstream(saying(reply(200, b"x" * 500_000))) as server, client(server.url, Timer()) as http:
        for _ in range(30):
            async with http.stream("GET", "/file") as response:
                async for _ in response.aiter_bytes():
                    break
        assert http.state == "closed"


async def test_lets_others_through_once_the_file_that_probes_has_begun() -> None:
    timer = Timer()
    async with (
        upstream(saying(*[DOWN] * 20, reply(200, b"x" * 500_000))) as server,
        client(server.url, timer) as http,
    ):
        for _ in range(20):
            with pytest.raises(Unavailable):
                await http.post("/a")
        timer.now += 31
        async with http.stream("GET", "/file") as response:
            assert http.state == "closed"
            assert await read(http)
            assert await response.aread()


async def test_remembers_a_host_of_files_apart_from_the_back_office() -> None:
    async def dead(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        writer.write(DOWN)

    async with upstream(saying(OK)) as home, upstream(dead) as files, client(home.url, Timer()) as http:
        for _ in range(100):
            with pytest.raises(Unavailable):
                await fetch(http, files.url.replace("127.0.0.1", "localhost"))
        assert len(files.arrivals) <= 25
        assert http.state == "closed"
        assert await fetch(http, home.url) == b"ok"


async def fetch(http: Client, url: str) -> bytes:
    async with download(http, f"{url}/x", place="files/", hosts=("localhost",), max_bytes=100) as response:
        return b"".join([chunk async for chunk in response.aiter_bytes()])


async def test_remembers_a_few_hosts_of_files_only() -> None:
    async with Office().http as http:
        first = http.elsewhere(httpx.URL("https://files-0.example/x"))
        assert http.elsewhere(httpx.URL("https://files-0.example/y?z")) is first
        for n in range(1, 50):
            http.elsewhere(httpx.URL(f"https://files-{n}.example/"))
        assert len(http._elsewhere) == 16
        assert http.elsewhere(httpx.URL("https://files-0.example/x")) is not first
