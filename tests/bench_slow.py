"""Three sources over real HTTP that take their time, in a process of their own, and count how often they are asked.

    python tests/bench_slow.py        says the three ports; GET /calls at any of them says the count

Answers are made beforehand, so that the process is at work for next to nothing of the time that it takes.
"""

import asyncio
import json
import re
import sys
from datetime import UTC, datetime
from functools import partial

import msgspec
from bench_records import records_of

from connectors.records import Kind

DELAYS: dict[Kind, float] = {"orders": 0.08, "invoices": 0.12, "tickets": 0.2}  # seconds
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
CUSTOMER = re.compile(rb"[?&]customer=([0-9]+)")


class Source(asyncio.Protocol):
    """One connection to a source. `calls` is shared by all."""

    def __init__(self, records: bytes, delay: float, calls: list[bytes]) -> None:
        self._records = records
        self._delay = delay
        self._calls = calls
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            request, _, self._asked = self._asked.partition(b"\r\n\r\n")
            customer = CUSTOMER.search(request)
            if customer is None:
                self._answer(b"%d" % len(self._calls))
                continue
            self._calls.append(customer[1])
            body = b'{"owner":"%b","records":%b}' % (customer[1], self._records)
            asyncio.get_running_loop().call_later(self._delay, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEAD % (len(body), body))


async def main() -> None:
    calls: list[bytes] = []
    records = records_of(1, datetime.now(UTC))
    loop = asyncio.get_running_loop()
    ports: dict[Kind, int] = {}
    for kind, delay in DELAYS.items():
        body = msgspec.json.encode(records[kind])
        server = await loop.create_server(partial(Source, body, delay, calls), "127.0.0.1", 0)
        ports[kind] = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"{json.dumps(ports)}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
