"""Client credentials against a fake authorisation server and a fake API behind one transport."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Token
from connectors.errors import AccessDenied, BadResponse, ConnectorError, RateLimited, Unavailable
from connectors.oauth2 import NAME, ClientCredentials
from connectors.tokens import MemoryTokens
from connectors.transport import Client, open_client

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class World:
    """Grants token-1, token-2, ... and accepts only what is in `accepted`."""

    def __init__(self) -> None:
        self.now = START
        self.tokens = MemoryTokens()
        self.grants: list[httpx.Request] = []
        self.calls: list[str] = []
        self.accepted: Callable[[str], bool] = lambda token: token == f"token-{len(self.grants)}"
        self.grant: Callable[[int], httpx.Response] = lambda number: httpx.Response(
            200, json={"access_token": f"token-{number}", "token_type": "Bearer", "expires_in": 3600}
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # let parallel callers in between
        if request.url.host == "login.example":
            self.grants.append(request)
            return self.grant(len(self.grants))
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.calls.append(token)
        return httpx.Response(200 if self.accepted(token) else 401)

    def client(self, scope: str | None = None) -> Client:
        auth = ClientCredentials(
            token_url="https://login.example/token",
            client_id="hall way",
            client_secret=Secret("s3cret:&"),
            tokens=self.tokens,
            clock=lambda: self.now,
            scope=scope,
        )
        return open_client(
            "https://api.example",
            policy=AddressPolicy(),
            auth=auth,
            transport=httpx.MockTransport(self.answer),
            sleep=lambda _: asyncio.sleep(0),
        )


async def test_gets_a_token_and_uses_it_again() -> None:
    world = World()
    async with world.client(scope="invoices.read") as http:
        await http.get("/a")
        await http.get("/b")
    assert world.calls == ["token-1", "token-1"]
    (request,) = world.grants
    assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["invoices.read"]}
    assert request.headers["Authorization"] == "Basic " + b64encode(b"hall+way:s3cret%3A%26").decode()
    assert str(request.url) == "https://login.example/token"


async def test_uses_a_token_from_the_store() -> None:
    world = World()
    await world.tokens.put(NAME, Token(value=Secret("stored"), expires_at=START + timedelta(seconds=1)))
    world.accepted = lambda token: token == "stored"
    async with world.client() as http:
        await http.get("/a")
    assert (world.calls, world.grants) == (["stored"], [])


async def test_gets_one_token_for_parallel_callers() -> None:
    world = World()
    async with world.client() as http:
        await asyncio.gather(*(http.get("/a") for _ in range(20)))
    assert len(world.grants) == 1
    assert world.calls == ["token-1"] * 20


async def test_renews_one_refused_token_for_parallel_callers() -> None:
    world = World()
    await world.tokens.put(NAME, Token(value=Secret("revoked")))
    async with world.client() as http:
        await asyncio.gather(*(http.get("/a") for _ in range(20)))
    assert len(world.grants) == 1
    assert world.calls.count("token-1") == 20


@pytest.mark.parametrize(("life", "kept"), [(3600, 3540), (100, 90), (1, 0.9)])
async def test_renews_a_token_before_it_ends(life: int, kept: float) -> None:
    world = World()
    world.grant = lambda number: httpx.Response(
        200, json={"access_token": f"token-{number}", "token_type": "bearer", "expires_in": str(life)}
    )
    async with world.client() as http:
        await http.get("/a")
        world.now = START + timedelta(seconds=kept - 0.1)
        await http.get("/a")
        assert len(world.grants) == 1
        world.now = START + timedelta(seconds=kept)
        await http.get("/a")
        assert len(world.grants) == 2


async def test_keeps_a_token_without_an_end_until_it_is_refused() -> None:
    world = World()
    world.grant = lambda number: httpx.Response(200, json={"access_token": f"token-{number}", "token_type": "Bearer"})
    async with world.client() as http:
        await http.get("/a")
        world.now += timedelta(days=1000)
        await http.get("/a")
        world.accepted = lambda token: token == "token-2"
        await http.get("/a")
    assert world.calls == ["token-1", "token-1", "token-1", "token-2"]


async def test_renews_once_and_then_gives_up() -> None:
    world = World()
    world.accepted = lambda token: False
    async with world.client() as http:
        with pytest.raises(AccessDenied, match="api"):
            await http.get("/a")
    assert world.calls == ["token-1", "token-2"]
    assert await world.tokens.get(NAME) is None


async def test_repeats_a_refused_write_with_its_body() -> None:
    world = World()
    bodies: list[bytes] = []
    await world.tokens.put(NAME, Token(value=Secret("revoked")))
    answer = world.answer

    async def keep_body(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            bodies.append(request.content)
        return await answer(request)

    world.answer = keep_body  # type: ignore[method-assign]  # looks over its shoulder
    async with world.client() as http:
        await http.post("/a", content=b"once")
    assert bodies == [b"once", b"once"]  # the first one was refused, so it did nothing


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), AccessDenied),
        (httpx.Response(401), AccessDenied),
        (httpx.Response(403), AccessDenied),
        (httpx.Response(404), AccessDenied),
        (httpx.Response(429), RateLimited),
        (httpx.Response(500), Unavailable),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), BadResponse),
        (httpx.Response(200, text="<html>s3cret"), BadResponse),
        (httpx.Response(200, content=b"\xff"), BadResponse),
        (httpx.Response(200, json=[]), BadResponse),
        (httpx.Response(200, json={"access_token": "", "token_type": "bearer"}), BadResponse),
        (httpx.Response(200, json={"access_token": "a\nb", "token_type": "bearer"}), BadResponse),
        (httpx.Response(200, json={"access_token": "é", "token_type": "bearer"}), BadResponse),
        (httpx.Response(200, json={"access_token": "a", "token_type": "mac"}), BadResponse),
        (httpx.Response(200, json={"access_token": "a", "token_type": "bearer", "expires_in": 1e300}), BadResponse),
        (httpx.Response(200, json={"access_token": "a", "token_type": "bearer", "expires_in": -1}), BadResponse),
    ],
)
async def test_names_what_the_token_endpoint_did(answer: httpx.Response, error: type[ConnectorError]) -> None:
    world = World()
    world.grant = lambda _: answer
    async with world.client() as http:
        with pytest.raises(error, match=r"POST https://login\.example/token") as caught:
            await http.post("/a")
    assert "s3cret" not in str(caught.value)
    assert world.calls == []


async def test_recovers_when_the_token_endpoint_does() -> None:
    world = World()
    good = world.grant
    world.grant = lambda number: good(number) if number == 3 else httpx.Response(503)
    async with world.client() as http:
        assert (await http.get("/a")).status_code == 200


async def test_lets_others_go_on_when_the_first_caller_is_cancelled() -> None:
    world = World()
    async with world.client() as http:
        first = asyncio.create_task(http.get("/a"))
        await asyncio.sleep(0)
        others = [asyncio.create_task(http.get("/a")) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        assert [response.status_code for response in await asyncio.gather(*others)] == [200] * 5
    with pytest.raises(asyncio.CancelledError):
        await first


def test_shows_no_secret() -> None:
    auth = ClientCredentials(
        token_url="https://login.example/token",
        client_id="hallway",
        client_secret=Secret("s3cret"),
        tokens=MemoryTokens(),
        clock=lambda: START,
    )
    assert "s3cret" not in repr(auth) + str(vars(auth))
