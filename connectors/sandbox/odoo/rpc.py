"""The JSON-RPC door: services, sign-in, and errors that arrive as HTTP 200."""

import inspect
import json
from typing import Any

from msgspec.structs import replace

from connectors.sandbox.asgi import Request, Response, as_html, as_json
from connectors.sandbox.odoo.errors import DEBUG_CANARY, RpcError, access_denied, access_error, python_error
from connectors.sandbox.odoo.methods import methods_of
from connectors.sandbox.odoo.sales import CHANGING
from connectors.sandbox.odoo.store import Store

VERSION = {
    "server_version": "18.0-20250702",
    "server_version_info": [18, 0, 0, "final", 0, ""],
    "server_serie": "18.0",
    "protocol_version": 1,
}


def answer_rpc(store: Store, request: Request) -> Response:
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
        return as_html("400 Bad Request", 400)
    try:
        envelope = json.loads(request.body)
    except ValueError:
        return Response(400, b"Invalid JSON data", (("content-type", "text/html; charset=utf-8"),))
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": envelope.get("id")}
    try:
        result = _dispatch(store, **_params(envelope))
    except RpcError as error:
        return as_json(reply | {"error": _error_body(error)})
    except Exception as error:  # noqa: BLE001  # Odoo shows whatever was raised
        return as_json(reply | {"error": _error_body(python_error(type(error).__name__, str(error)))})
    answer = as_json(reply if result is None else reply | {"result": result})
    return replace(answer, changed=_method(envelope) in {*CHANGING, "write"})


def _method(envelope: dict[str, Any]) -> str:
    params = envelope["params"]
    return str(params["args"][4]) if params["method"] == "execute_kw" else ""


def _params(envelope: dict[str, Any]) -> dict[str, Any]:
    params = envelope.get("params") or {}
    missing = [name for name in ("service", "method", "args") if name not in params]
    if missing:
        names = ", ".join(map(repr, missing))
        raise python_error("TypeError", f"RPC.jsonrpc() missing {len(missing)} required positional arguments: {names}")
    return {name: params[name] for name in ("service", "method", "args")}


def _dispatch(store: Store, service: str, method: str, args: list[Any]) -> Any:  # noqa: ANN401  # JSON
    match service, method:
        case "common", "version":
            return VERSION
        case "common", "authenticate" | "login":
            return _authenticate(store, *args[:3])
        case "common", _:
            raise python_error("Exception", f"Method not found: {method}")
        case "object", "execute_kw":
            return _execute(store, *args)
        case "object", _:
            raise python_error("NameError", f"Method not available {method}")
    raise python_error("KeyError", repr(service))


def _authenticate(store: Store, database: str, login: str, key: str) -> int | bool:
    """A wrong password is no error here: the answer is `false`."""
    _check_database(store, database)
    return next((user.id for user in store.users if (user.login, user.key) == (login, key)), False)


def _execute(  # noqa: PLR0917  # Odoo's signature
    store: Store,
    database: str,
    uid: int,
    key: str,
    model_name: str,
    method: str,
    args: list[Any],
    named: dict[str, Any] | None = None,
) -> Any:  # noqa: ANN401  # JSON
    _check_database(store, database)
    if not any((user.id, user.key) == (uid, key) for user in store.users):
        raise access_denied()
    model = store.models.named(model_name)
    if method.startswith("_"):
        raise access_error(f"Private methods (such as '{model_name}.{method}') cannot be called remotely.")
    call = methods_of(model).get(method)
    if call is None:
        raise python_error("AttributeError", f"The method '{model_name}.{method}' does not exist")
    try:
        bound = inspect.signature(call).bind(store, model, *args, **named or {})
    except TypeError as error:
        raise python_error("TypeError", f"BaseModel.{method}() {error}") from None
    return call(*bound.args, **bound.kwargs)


def _check_database(store: Store, database: str) -> None:
    if database != store.database:
        text = f'connection to server on socket "<path>" failed: FATAL:  database "{database}" does not exist\n'
        raise RpcError("psycopg2.OperationalError", text)


def _error_body(error: RpcError) -> dict[str, Any]:
    return {
        "code": 200,
        "message": "Odoo Server Error",
        "data": {
            "name": error.name,
            "debug": f"Traceback (most recent call last):\n  {DEBUG_CANARY}\n{error.name}: {error.message}\n",
            "message": error.message,
            "arguments": [error.message],
            "context": {},
        },
    }
