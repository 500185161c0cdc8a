"""What keeps a process small: little waits on a connection, what is freed goes back, and errors hold no answers."""

import ctypes
import gc
import socket
import ssl
from types import SimpleNamespace
from typing import Any
from weakref import ref

import httpcore2
import httpx
import pytest
from support_upstream import reply, saying, upstream

from auth.clock import utc_now
from connectors.contract import RecordQuery
from connectors.errors import BadResponse
from connectors.wire import WAITING, PoolTransport
from gateway.memory import LARGE, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, give_back
from gateway.pull import Pull, pull


class Content:
    """Stands for an answer of ten megabytes."""


class Watched(httpcore2.AnyIOBackend):
    """Keeps the sockets of the connections that it opens."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []

    async def connect_tcp(self, *args: Any, **more: Any) -> httpcore2.AsyncNetworkStream:
        stream = await super().connect_tcp(*args, **more)
        self.sockets.append(stream.get_extra_info("socket"))
        return stream


async def test_lets_little_wait_on_a_connection() -> None:
    network = Watched()
    async with upstream(saying(reply(200, b"{}"))) as server:
        transport = PoolTransport(network, tls=ssl.create_default_context())
        async with httpx.AsyncClient(transport=transport) as http:
            await http.get(f"{server.url}/a")
            level, name, many = WAITING
            with socket.socket() as other:
                other.setsockopt(level, name, many)
                wanted = other.getsockopt(level, name)  # Linux makes it twice as much
            assert [each.getsockopt(level, name) for each in network.sockets] == [wanted]


def test_lets_large_pieces_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, int]] = []
    glibc = SimpleNamespace(mallopt=lambda name, value: said.append((name, value)))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: glibc)
    give_back()
    assert said == [(M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE)]
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    give_back()  # another C library


async def test_keeps_no_answer_with_an_error() -> None:
    seen: list[ref[Content]] = []

    def read(_: Content) -> None:
        raise ValueError("not a date")

    async def fetch(_: object, __: RecordQuery) -> None:
        answer = Content()
        seen.append(ref(answer))
        try:
            read(answer)
        except ValueError:
            raise BadResponse("Notes: not a date") from None

    office: Any = SimpleNamespace(connector=SimpleNamespace(fetch={"invoices": fetch}), back_office=None)
    with pytest.raises(BadResponse) as kept:
        await pull(Pull(account="acme", customer="7", kind="invoices", office=office, record_id="1"), utc_now())
    gc.collect()
    assert kept.value.__traceback__, "it is kept, with where it was raised"
    assert [each() for each in seen] == [None]
