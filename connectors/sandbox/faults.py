"""What goes wrong on demand, and a ledger of what was asked. None of it is in the vendors' URL space."""

import asyncio
import random
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from connectors.sandbox.asgi import Answer, App, Request, Response, as_html, as_json, asgi

CREATED = 201
POLL = 0.02  # seconds between looks at whether a hang is over


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`slow` answers after `seconds`; `hang` answers once the fault is lifted; `lost` does what it is told, unheard.

    Only that something was made or changed is lost, in `share` of all cases.
    """

    kind: Literal["none", "slow", "unavailable", "hang", "lost"] = "none"
    seconds: float = 0.0
    share: float = 1.0


class Seen(Struct, frozen=True):
    """A request as received, before any fault."""

    method: str
    path: str
    query: str
    body: bytes


class Switch:
    """One app's fault of the moment, and the requests it has received."""

    def __init__(self) -> None:
        self.fault = Fault()
        self.seen: list[Seen] = []

    def guard(self, answer: Answer) -> App:
        async def guarded(request: Request) -> Response:
            self.seen.append(Seen(request.method, request.path, request.query, request.body))
            if self.fault.kind == "unavailable":
                return as_html("503 Service Unavailable", 503)
            if self.fault.kind == "slow":
                await asyncio.sleep(self.fault.seconds)
            while self.fault.kind == "hang":  # noqa: ASYNC110  # lifted from another thread
                await asyncio.sleep(POLL)
            answered = answer(request)
            changed = answered.changed or request.method in ("PUT", "PATCH") or answered.status == CREATED
            is_lost = random.random() < self.fault.share  # noqa: S311  # luck, no secret
            if self.fault.kind == "lost" and changed and is_lost:
                return as_html("504 Gateway Timeout", 504)
            return answered

        return asgi(guarded)


def control_fault(switches: Mapping[str, Switch], request: Request) -> Response:
    """`PUT /{app}/fault` and `GET /{app}/requests`, for whoever shares no process with the sandbox."""
    name, _, what = request.path.strip("/").partition("/")
    switch = switches.get(name)
    if switch is None:
        return as_json({"message": "no such app"}, 404)
    match request.method, what:
        case "PUT", "fault":
            try:
                switch.fault = msgspec.json.decode(request.body, type=Fault)
            except msgspec.DecodeError as error:
                return as_json({"message": str(error)}, 400)
            return Response(204)
        case "GET", "requests":
            return as_json([{"method": seen.method, "path": seen.path} for seen in switch.seen])
    return as_json({"message": "no such control"}, 404)
