"""Webhooks at a rate, from a process of their own: sent at fixed moments, whatever became of those before.

python tests/faults_hooks_load.py http://127.0.0.1:8000 200 30    deliveries a second, and seconds

Writes what came of each as JSON. An answer's time counts from the moment at which the delivery was to be sent.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime

import msgspec
import uvloop
from msgspec import Struct

HOOK = "hook-canary-of-all-three"  # the secret of every source
TICKET = 7081  # the bakery's
REQUESTER, ORGANIZATION = "360002000031", "360001000010"
CONNECTIONS = 64
IDLE = 5.0  # seconds for which one is kept; the server closes it after ten


class Parcel(Struct, frozen=True):
    """A delivery as it goes over the wire. `name` is the vendor's id for it, None where it gives none."""

    path: str
    body: bytes
    headers: dict[str, str]
    name: str | None = None


class Came(Struct, frozen=True, array_like=True):
    """What came of one: the status, after how many seconds, and its id."""

    status: int
    seconds: float
    name: str | None


def by_zendesk(name: str) -> Parcel:
    detail = {"id": str(TICKET), "requester_id": REQUESTER, "organization_id": ORGANIZATION}
    body = json.dumps({"type": "zen:event-type:ticket.status_changed", "detail": detail, "event": {}}).encode()
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {
        "x-zendesk-webhook-signature-timestamp": at,
        "x-zendesk-webhook-signature": _signed(at.encode() + body),
        "x-zendesk-webhook-invocation-id": name,
    }
    return Parcel("/hooks/helpdesk", body, headers, name)


def by_hubspot(deal: int, address: str) -> Parcel:
    body = json.dumps([{"subscriptionType": "deal.propertyChange", "objectId": deal}]).encode()
    at = f"{time.time() * 1000:.0f}"
    signature = _signed(f"POST{address}/hooks/crm".encode() + body + at.encode())
    return Parcel("/hooks/crm", body, {"x-hubspot-request-timestamp": at, "x-hubspot-signature-v3": signature})


def by_odoo(invoice: int) -> Parcel:
    return Parcel(f"/hooks/erp?key={HOOK}", json.dumps({"_id": invoice, "_model": "account.move"}).encode(), {})


def parcel(number: int, address: str) -> Parcel:
    """Half are Zendesk's about one ticket, a quarter HubSpot's about one deal, a quarter Odoo's about many invoices."""
    match number % 4:
        case 0:
            return by_odoo(2000 + number % 100)
        case 1:
            return by_hubspot(77, address)
        case _:
            return by_zendesk(f"rate-{number}")


class Connection(Struct):
    """`used_at` is on the clock of `time.monotonic`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float


class Connections:
    """Kept alive while they are used, as vendors do."""

    def __init__(self, address: str) -> None:
        self._host = address.removeprefix("http://")
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._free: list[Connection] = []

    async def post(self, sent: Parcel) -> int:
        """Give the status of the answer."""
        async with self._room:
            connection = await self._take()
            status = await self._exchange(sent, connection.reader, connection.writer)
            connection.used_at = time.monotonic()
            self._free.append(connection)
        return status

    async def _take(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if time.monotonic() - connection.used_at < IDLE:
                return connection
            connection.writer.close()
        host, _, port = self._host.partition(":")
        return Connection(*await asyncio.open_connection(host, int(port)), time.monotonic())

    async def _exchange(self, sent: Parcel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        head = [f"POST {sent.path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(sent.body)}"]
        head += [f"{name}: {value}" for name, value in sent.headers.items()]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + sent.body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        (length,) = (line.partition(b":")[2] for line in lines if line.startswith(b"content-length"))
        await reader.readexactly(int(length))
        return int(lines[0].split(b" ")[1])


async def load(address: str, rate: int, seconds: int) -> list[Came]:
    connections = Connections(address)
    begun = time.perf_counter() + 0.5

    async def send(number: int) -> Came:
        moment = begun + number / rate
        await asyncio.sleep(moment - time.perf_counter())
        sent = parcel(number, address)
        status = await connections.post(sent)
        return Came(status, time.perf_counter() - moment, sent.name)

    return await asyncio.gather(*(send(number) for number in range(rate * seconds)))


def _signed(text: bytes) -> str:
    return b64encode(hmac.digest(HOOK.encode(), text, hashlib.sha256)).decode()


if __name__ == "__main__":
    came = uvloop.run(load(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.buffer.write(msgspec.json.encode(came))
