"""Files that lie elsewhere: which redirects are followed, and what is never sent along."""

from contextlib import nullcontext

import httpx
import pytest
from support_upstream import OK, Answer, Arrival, reply, saying, upstream

from connectors.addresses import AddressPolicy
from connectors.downloads import MOST_REDIRECTS, check_is_file, download
from connectors.errors import AccessDenied, AddressRefused, BadResponse, ConnectorError, Unavailable
from connectors.transport import Client, open_client

LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
FILES = ("localhost",)  # the other name of this machine stands for a host of files


async def no_pause(seconds: float) -> None: ...


def client(url: str, policy: AddressPolicy = LOOPBACK) -> Client:
    return open_client(url, policy=policy, auth=httpx.BasicAuth("portal", "s3cret"), sleep=no_pause)


def elsewhere(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


async def fetch(http: Client, url: str, max_bytes: int = 100) -> bytes:
    async with download(http, url, place="files/", hosts=FILES, max_bytes=max_bytes) as response:
        return b"".join([chunk async for chunk in response.aiter_bytes()])


def redirecting(*locations: str) -> Answer:
    return saying(*(reply(302, Location=location, Set_Cookie="session=1") for location in locations), OK)


def credentials(arrival: Arrival) -> list[str]:
    return sorted({"authorization", "cookie", "referer"} & arrival.headers.keys())


@pytest.mark.parametrize(
    ("headers", "media_type", "is_file"),
    [
        ({}, "application/pdf", True),
        ({"Content-Length": "7", "Content-Type": "text/html"}, "text/html; charset=utf-8", True),
        ({"Content-Length": "7", "Content-Type": "text/html; charset=utf-8"}, "application/pdf", False),
        ({"Content-Length": "8"}, "application/pdf", False),
        ({"Content-Length": "5", "Content-Encoding": "gzip"}, "application/pdf", True),
        ({"Content-Type": "text/html", "Content-Encoding": "gzip"}, "application/pdf", False),
    ],
)
def test_tells_a_file_of_seven_bytes_from_what_is_none(
    headers: dict[str, str], media_type: str, *, is_file: bool
) -> None:
    response = httpx.Response(200, headers=headers)
    with nullcontext() if is_file else pytest.raises(BadResponse, match="Desk: answered something else than the file"):
        check_is_file(response, media_type, 7, "Desk")


async def test_asks_the_back_office_itself_with_credentials() -> None:
    async with upstream(saying(OK)) as home, client(home.url) as http:
        assert await fetch(http, f"{home.url}/files/a?name=b%20c") == b"ok"
    assert [(each.target, credentials(each)) for each in home.arrivals] == [("/files/a?name=b%20c", ["authorization"])]


@pytest.mark.parametrize("path", ["/api", "/files", "/filesystem", "/files/../api", "/files/%2e%2e/api", "/FILES/a"])
async def test_shows_no_credentials_outside_of_the_place_for_files(path: str) -> None:
    async with upstream(saying(OK)) as home, client(home.url) as http:
        await fetch(http, f"{home.url}{path}")
    assert [credentials(each) for each in home.arrivals] == [[]]


async def test_knows_the_place_below_the_path_of_the_base_url() -> None:
    async with upstream(saying(OK)) as home, client(f"{home.url}/desk") as http:
        for path in ("/desk/files/a", "/files/a"):
            await fetch(http, f"{home.url}{path}")
    assert [credentials(each) for each in home.arrivals] == [["authorization"], []]


async def test_follows_to_a_declared_host_without_credentials() -> None:
    async with (
        upstream(saying(OK)) as files,
        upstream(redirecting(f"{elsewhere(files.url)}/x?t=1")) as home,
        client(home.url) as http,
    ):
        assert await fetch(http, f"{home.url}/files/a") == b"ok"
    assert [credentials(each) for each in home.arrivals] == [["authorization"]]
    assert [(each.target, credentials(each)) for each in files.arrivals] == [("/x?t=1", [])]


async def test_asks_a_declared_host_that_is_named_at_once_without_credentials() -> None:
    async with upstream(saying(OK)) as files, upstream(saying(OK)) as home, client(home.url) as http:
        assert await fetch(http, f"{elsewhere(files.url)}/x") == b"ok"
    assert home.arrivals == []
    assert [credentials(each) for each in files.arrivals] == [[]]


@pytest.mark.parametrize("location", ["/files/b", "b"])
async def test_shows_no_credentials_after_a_redirect_within_the_back_office(location: str) -> None:
    async with upstream(redirecting(location)) as home, client(home.url) as http:
        assert await fetch(http, f"{home.url}/files/a") == b"ok"
    assert [(each.target, credentials(each)) for each in home.arrivals] == [
        ("/files/a", ["authorization"]),
        ("/files/b", []),
    ]


async def test_comes_back_from_a_declared_host_without_credentials() -> None:
    async with (
        upstream(saying(OK)) as home,
        upstream(redirecting(f"{home.url}/api")) as files,
        client(home.url) as http,
    ):
        await fetch(http, f"{elsewhere(files.url)}/x")
    assert [credentials(each) for each in home.arrivals] == [[]]


async def test_follows_three_redirects_and_no_fourth() -> None:
    async with upstream(redirecting("/1", "/2", "/3")) as home, client(home.url) as http:
        assert await fetch(http, f"{home.url}/0") == b"ok"
    async with upstream(saying(reply(302, Location="/again"))) as home, client(home.url) as http:
        with pytest.raises(BadResponse):
            await fetch(http, f"{home.url}/0")
    assert len(home.arrivals) == 1 + MOST_REDIRECTS


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/",
        "https://localhost.example/",
        "https://notlocalhost/",
        "https://localhost./",
        "//elsewhere.example/",
        "https:///",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://[",
        "\x80",
        "",
    ],
)
async def test_goes_nowhere_else(location: str) -> None:
    async with upstream(saying(reply(302, Location=location))) as home, client(home.url) as http:
        with pytest.raises(BadResponse):
            await fetch(http, f"{home.url}/files/a")
        if location:
            with pytest.raises(BadResponse):
                await fetch(http, location if ":" in location else f"http://{location}")


@pytest.mark.parametrize("name", ["localhost", "p1.localhost"])
async def test_knows_a_host_below_a_declared_one(name: str) -> None:
    def get(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.url.host.encode())

    async with open_client("https://acme.example", policy=LOOPBACK, transport=httpx.MockTransport(get)) as http:
        assert await fetch(http, f"https://{name}/x") == name.encode()


async def test_leaves_no_encryption_behind() -> None:
    def get(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "http://localhost/x"})

    async with open_client("https://acme.example", policy=LOOPBACK, transport=httpx.MockTransport(get)) as http:
        with pytest.raises(BadResponse):
            await fetch(http, "https://acme.example/a")


async def test_holds_each_address_against_the_policy() -> None:
    """The host of files is declared, but stands for this machine, where nothing may be called."""

    def get(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "https://user:pass@localhost/x"})

    strict = AddressPolicy()
    async with open_client("https://acme.example", policy=strict, transport=httpx.MockTransport(get)) as http:
        with pytest.raises(AddressRefused):
            await fetch(http, "https://acme.example/a")
    async with upstream(saying(OK)) as files, client("https://acme.example", strict) as http:
        with pytest.raises(AddressRefused):
            await fetch(http, f"{elsewhere(files.url)}/x".replace("http:", "https:"))
    assert files.arrivals == []


async def test_bounds_what_it_reads() -> None:
    async with (
        upstream(saying(reply(200, b"x" * 101))) as files,
        upstream(saying(OK)) as home,
        client(home.url) as http,
    ):
        with pytest.raises(BadResponse):
            await fetch(http, f"{elsewhere(files.url)}/x")


@pytest.mark.parametrize(("status", "error"), [(403, AccessDenied), (503, Unavailable)])
async def test_names_what_goes_wrong_elsewhere(status: int, error: type[ConnectorError]) -> None:
    async with upstream(saying(reply(status))) as files, upstream(saying(OK)) as home, client(home.url) as http:
        with pytest.raises(error):
            await fetch(http, f"{elsewhere(files.url)}/x")


async def test_keeps_asking_the_back_office_after_a_host_of_files_asked_for_silence() -> None:
    async with (
        upstream(saying(reply(429, Retry_After="60"))) as files,
        upstream(saying(OK)) as home,
        client(home.url) as http,
    ):
        with pytest.raises(ConnectorError):
            await fetch(http, f"{elsewhere(files.url)}/x")
        assert (await http.get("/a")).text == "ok"


async def test_tells_no_address_that_holds_a_token() -> None:
    async with (
        upstream(saying(reply(302, Location="https://elsewhere.example/x?token=s3cret"))) as home,
        client(home.url) as http,
    ):
        with pytest.raises(BadResponse) as caught:
            await fetch(http, f"{home.url}/a?token=s3cret")
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


async def test_wants_a_client_of_ours() -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(TypeError):
            async with download(http, "https://acme.example/a", place="files/", hosts=FILES, max_bytes=1):
                pass
