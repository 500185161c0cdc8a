"""Odoo's JSON-RPC. Errors come with HTTP 200, and a method that returns None answers with neither result nor error.

https://www.odoo.com/documentation/18.0/developer/reference/external_rpc_api.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

from connectors.config import Secret
from connectors.contract import BackOffice, Token
from connectors.decode import decode_json
from connectors.errors import BadResponse
from connectors.passes import clock_of
from connectors.transport import SAFE, lasting
from connectors.vendors.odoo.refusals import ErrorData, SignInRefused, error_of
from connectors.vendors.odoo.settings import OdooConfig

T = TypeVar("T")
Odoo = BackOffice[OdooConfig]

_SAFELY: Mapping[str, Any] = {"extensions": dict(SAFE)}
UID = "uid"  # in the token store: Odoo takes half a second to check a key, so it is asked once


class RpcError(Struct):
    data: ErrorData = ErrorData()


class Version(Struct):
    server_serie: str


class Reply(Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcError | None = None


async def execute(office: Odoo, answer: type[T], model: str, method: str, *args: object, **named: object) -> T:
    """Call a method that may be called twice, and decode its result as `answer`."""
    return await _execute(office, answer, model, method, args=args, named=named, options=_SAFELY)


async def execute_once(office: Odoo, answer: type[T], model: str, method: str, *args: object, **named: object) -> T:
    """Call a method that does something. It is sent once: without an answer it may have worked."""
    return await _execute(office, answer, model, method, args=args, named=named, options={})


async def execute_lasting(office: Odoo, seconds: float, answer: type[T], model: str, method: str, *args: object) -> T:
    """Do as `execute_once`, and let it take longer than others."""
    return await _execute(office, answer, model, method, args=args, named={}, options=lasting(seconds))


async def _execute(
    office: Odoo,
    answer: type[T],
    model: str,
    method: str,
    *,
    args: Sequence[object],
    named: Mapping[str, object],
    options: Mapping[str, Any],
) -> T:
    async def ask(uid: int) -> T:
        config = office.config
        params = [config.database, uid, config.api_key.reveal(), model, method, args, named]
        response = await _post(office, "object", "execute_kw", params, options)
        return _result(response, answer, f"{model}.{method}")

    kept = await office.tokens.get(UID)
    if kept is None:
        return await ask(await sign_in(office))
    try:
        return await ask(int(kept.value.reveal()))
    except SignInRefused:
        await office.tokens.drop(UID)
        return await ask(await sign_in(office))


async def sign_in(office: Odoo) -> int:
    """Ask for the account's user id, and keep it. A wrong login or key answers `false`."""
    config = office.config
    params = [config.database, config.login, config.api_key.reveal(), {}]
    uid: int = await call(office, int | bool, "common", "authenticate", params, what="authenticate")  # type: ignore[arg-type]  # a union is no `type` to mypy
    if uid is False:
        raise SignInRefused("Odoo authenticate: refused the login or the API key")
    if uid is True or uid < 1:
        raise BadResponse("Odoo authenticate: answered no user id")
    await office.tokens.put(UID, Token(value=Secret(str(uid))))
    return uid


async def call(office: Odoo, answer: type[T], service: str, method: str, args: Sequence[object], *, what: str) -> T:
    """Call one of Odoo's services. `what` names the call for an operator: "model.method", or a method."""
    return _result(await _post(office, service, method, args), answer, what)


async def version(office: Odoo) -> Version:
    return await call(office, Version, "common", "version", [], what="version")


async def clock(office: Odoo) -> datetime | None:
    """Ask what time it is over there. None where answers carry no date."""
    response = await _post(office, "common", "version", [])
    _result(response, dict[str, object], "version")
    return clock_of(response)


async def _post(
    office: Odoo, service: str, method: str, args: Sequence[object], options: Mapping[str, Any] = _SAFELY
) -> httpx.Response:
    params = {"service": service, "method": method, "args": args}
    question = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}
    return await office.http.post("/jsonrpc", json=question, **options)


def _result(response: httpx.Response, answer: type[T], what: str) -> T:
    reply = decode_json(response.content, Reply, f"Odoo {what}")
    if reply.error:
        raise error_of(reply.error.data, what)
    return decode_json(reply.result, answer, f"Odoo {what}")
