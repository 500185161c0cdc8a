"""The sandbox over real HTTP: the `sandbox` fixture, or `serve_sandbox` where a test wants its own."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connectors.sandbox.asgi import App, Receive, Scope, Send
from connectors.sandbox.faults import Fault, Seen
from connectors.sandbox.server import local_server
from connectors.sandbox.site import Sandbox

FIXTURES = Path(__file__).parent.parent / "connector_fixtures" / "sandbox"

ODOO_DATABASE = "kestrel"
ODOO_LOGIN = "portal@kestrel.example"
ODOO_KEY = "sandbox-odoo-key"
HUBSPOT_TOKEN = "sandbox-hubspot-token"
RT_TOKEN = "1-14-5a0db0c5a0db0c5a0db0c5a0db0c5a0d"


class RunningSandbox:
    """A served sandbox. `reset` makes it new: rows, faults and ledgers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.odoo_url, self.rt_url = f"{self.url}/odoo", f"{self.url}/rt"
        self.zendesk_url, self.hubspot_url = f"{self.url}/zendesk", f"{self.url}/hubspot"
        self.site = Sandbox(FIXTURES)

    def reset(self, *, helpdesk: bool = True) -> None:
        self.lift_faults()  # lets whatever hangs go
        self.site = Sandbox(FIXTURES, helpdesk=helpdesk)

    def odoo_fault(self, fault: Fault) -> None:
        self.site.odoo_switch.fault = fault

    def rt_fault(self, fault: Fault) -> None:
        self.site.rt_switch.fault = fault

    def zendesk_fault(self, fault: Fault) -> None:
        self.site.zendesk_switch.fault = fault

    def hubspot_fault(self, fault: Fault) -> None:
        self.site.hubspot_switch.fault = fault

    def lift_faults(self) -> None:
        for make in (self.odoo_fault, self.rt_fault, self.zendesk_fault, self.hubspot_fault):
            make(Fault())

    @property
    def odoo_seen(self) -> list[Seen]:
        return self.site.odoo_switch.seen

    @property
    def rt_seen(self) -> list[Seen]:
        return self.site.rt_switch.seen

    @property
    def zendesk_seen(self) -> list[Seen]:
        return self.site.zendesk_switch.seen

    @property
    def hubspot_seen(self) -> list[Seen]:
        return self.site.hubspot_switch.seen

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.site.app(scope, receive, send)


@contextmanager
def serve_sandbox() -> Iterator[RunningSandbox]:
    """Serve a sandbox from a thread of this process on a free port."""
    port = free_port()
    running = RunningSandbox(port)
    with serving(running.app, port):
        try:
            yield running
        finally:
            running.lift_faults()


@contextmanager
def serving(app: App, port: int | None = None) -> Iterator[int]:
    """Serve an app from a thread of this process, and give its port."""
    port = port or free_port()
    server = local_server(app, port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), name="sandbox")
    thread.start()
    try:
        wait_for_port(port)
        yield port
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)
        assert not thread.is_alive(), "the sandbox did not stop"
        loop.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@pytest.fixture(scope="session")
def served_sandbox() -> Iterator[RunningSandbox]:
    with serve_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(served_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """A sandbox as new, for one test."""
    served_sandbox.reset()
    yield served_sandbox
    served_sandbox.lift_faults()


@pytest.fixture(scope="session")
def plain_http() -> Iterator[httpx.Client]:
    """A client without our transport: no retries, no errors of ours, no redirects followed."""
    with httpx.Client(trust_env=False, verify=False, timeout=10) as client:
        yield client
