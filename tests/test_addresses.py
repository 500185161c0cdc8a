"""Addresses typed by admins: nothing private is called, by whatever name or disguise."""

import ssl
from collections.abc import Iterable

import httpcore2
import httpx
import pytest

from connectors.addresses import AddressPolicy, parse_base_url
from connectors.dialer import Dialer
from connectors.errors import AddressRefused, Unavailable
from connectors.exchange import Exchange
from connectors.transport import open_client
from connectors.wire import PoolTransport

STRICT = AddressPolicy()
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1946", "1.1.1.1", "223.255.255.255", "2a00:1450:4001::1"]
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


async def at_once(_: float) -> None:
    """Do not sleep."""


class Recorder(httpcore2.AsyncNetworkBackend):
    """Remembers which addresses it was asked to connect to, and connects to none."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(host)
        raise httpcore2.ConnectError("recorded")


async def dialled(answers: list[list[str]], policy: AddressPolicy = STRICT, calls: int = 1) -> tuple[list[str], str]:
    """Call a name that resolves to these addresses in turn. Say what was dialled, and the last error."""
    queue = list(answers)
    recorder = Recorder()

    async def resolver(host: str, port: int) -> list[str]:
        return queue.pop(0) if len(queue) > 1 else queue[0]

    dialer = Dialer(policy, resolver=resolver, network=recorder)
    error = ""
    for _ in range(calls):
        try:
            await dialer.connect_tcp("erp.example", 443)
        except (AddressRefused, httpcore2.ConnectError) as refused:
            error = str(refused)
    return recorder.dialled, error


@pytest.mark.parametrize("address", PUBLIC)
async def test_connects_to_the_address_that_it_has_checked(address: str) -> None:
    assert await dialled([[address]]) == ([address], "recorded")


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_never_connects_to_what_is_not_public(address: str) -> None:
    connects, error = await dialled([[address]])
    assert connects == []
    assert "erp.example stands for" in error
    assert "HALLWAY_ALLOW_PRIVATE_SOURCES=true" in error


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_connects_to_what_is_not_public_when_allowed(address: str) -> None:
    assert (await dialled([[address]], AddressPolicy(allow_private=True)))[0] == [address]


async def test_refuses_a_name_with_one_private_address_among_others() -> None:
    assert (await dialled([[*PUBLIC, "10.0.0.1"]]))[0] == []


async def test_survives_a_name_that_changes_its_mind() -> None:
    """DNS rebinding: public when first asked, then private."""
    connects, error = await dialled([PUBLIC[:1], ["127.0.0.1"]], calls=5)
    assert connects == PUBLIC[:1]
    assert "127.0.0.1" in error


async def test_tries_the_next_address_and_not_for_ever() -> None:
    assert (await dialled([PUBLIC]))[0] == PUBLIC[:4]


async def test_says_that_a_name_stands_for_nothing() -> None:
    assert await dialled([[]]) == ([], "erp.example does not resolve")


async def test_rebinds_nothing_through_the_whole_client() -> None:
    recorder = Recorder()
    answers = [PUBLIC[:1], ["169.254.169.254"], ["::ffff:10.0.0.1"]]

    async def resolver(host: str, port: int) -> list[str]:
        return answers.pop(0)

    pool = PoolTransport(Dialer(STRICT, resolver=resolver, network=recorder), tls=ssl.create_default_context())
    async with open_client("https://erp.example", policy=STRICT, transport=pool, sleep=at_once) as http:
        with pytest.raises(AddressRefused):
            await http.get("/a")
        with pytest.raises(AddressRefused):
            await http.get("/a")
    assert recorder.dialled == PUBLIC[:1]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "017700000001", "localhost", "[::1]"])
async def test_sees_through_other_ways_to_write_loopback(host: str) -> None:
    try:
        http = open_client(f"https://{host}", policy=STRICT)
    except AddressRefused:
        return  # not even a name
    async with http:
        with pytest.raises(AddressRefused):
            await http.get("/a")


async def test_calls_a_name_that_cannot_be_one_unavailable() -> None:
    async with open_client(f"https://{'a' * 70}.example", policy=STRICT, sleep=at_once) as http:
        with pytest.raises(Unavailable, match="does not resolve"):
            await http.get("/a")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("http://erp.example", "HALLWAY_ALLOW_HTTP_SOURCES=true"),
        ("https://user:hunter2@erp.example", "Leave the user name and password out"),
        ("https://user@erp.example", "Leave the user name and password out"),
        ("https://user:hun/ter2@erp.example", "https://erp.example.com"),
        ("erp.example", "https://erp.example.com"),
        ("//erp.example", "https://erp.example.com"),
        ("https://", "https://erp.example.com"),
        ("https:///path", "https://erp.example.com"),
        ("ftp://erp.example", "https://erp.example.com"),
        ("file:///etc/passwd", "https://erp.example.com"),
        ("javascript:alert(1)", "https://erp.example.com"),
        ("https://[::1", "https://erp.example.com"),
        ("https://999.1.1.1", "https://erp.example.com"),
        ("https://erp.example\n.evil", "https://erp.example.com"),
        ("", "https://erp.example.com"),
        ("https://erp.example/?db=1", "Leave out what follows"),
        ("https://erp.example/#top", "Leave out what follows"),
    ],
)
def test_says_what_is_wrong_with_an_address(text: str, advice: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        open_client(text, policy=STRICT)
    assert advice in str(caught.value)
    assert "hun" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["https://erp.example", "https://erp.example:8443/odoo/", "https://bücher.example"])
def test_accepts_a_web_address(text: str) -> None:
    assert parse_base_url(text, STRICT) == httpx.URL(text)


def test_accepts_http_when_allowed() -> None:
    assert parse_base_url("http://erp.example", AddressPolicy(allow_http=True)).scheme == "http"


async def test_checks_every_request_not_only_the_base_url() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    exchange = Exchange(httpx.MockTransport(answer), STRICT)
    for url in ("http://erp.example/token", "https://me@erp.example/token"):
        with pytest.raises(AddressRefused):
            await exchange.handle_async_request(httpx.Request("GET", url))
    assert sent == []
