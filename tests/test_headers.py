"""What every answer carries, and which Host is served."""

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from web.edge import Edge
from web.headers import SecureHeaders


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer like a handler that sets one header of its own."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"cache-control", b"public"), (b"x-path", scope["path"].encode())],
        }
    )
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def client(base_url: str) -> httpx.AsyncClient:
    wrapped = SecureHeaders(Edge(app, base_url=base_url), base_url=base_url)
    return httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url=base_url)  # type: ignore[arg-type]


async def test_adds_what_the_handler_did_not_set() -> None:
    response = await client("https://portal.example").get("/any")
    assert response.headers["cache-control"] == "public"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["strict-transport-security"].startswith("max-age=31536000")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self';" in policy
    assert "unsafe" not in policy


async def test_promises_no_https_where_there_is_none() -> None:
    response = await client("http://127.0.0.1:8000").get("/any")
    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "portal.example:444", "portal.example@evil.example", "xportal.example", ""]
)
async def test_refuses_a_foreign_host(host: str) -> None:
    response = await client("https://portal.example").get("/any", headers={"host": host})
    assert response.status_code == 400
    assert "x-path" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_answers_probes_by_any_host() -> None:
    response = await client("https://portal.example").get("/healthz", headers={"host": "10.0.0.9"})
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["Portal.Example", "portal.example:443"])
async def test_knows_its_host_however_it_is_written(host: str) -> None:
    response = await client("https://portal.example").get("/any", headers={"host": host})
    assert response.status_code == 200
