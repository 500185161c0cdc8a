"""What Odoo raises, named as its answers name it. Over RPC every one is an HTTP 200 with an error inside."""

# Stands for the paths and queries of a real traceback: it must never leave a connector.
DEBUG_CANARY = "DEBUG-CANARY-5d1c"


class RpcError(Exception):
    """`name` is what a client branches on."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def access_denied() -> RpcError:
    return RpcError("odoo.exceptions.AccessDenied", "Access Denied")


def access_error(message: str) -> RpcError:
    return RpcError("odoo.exceptions.AccessError", message)


def missing_error(model: str, row: int) -> RpcError:
    message = f"Record does not exist or has been deleted.\n(Record: {model}({row},), User: 2)"
    return RpcError("odoo.exceptions.MissingError", message)


def user_error(message: str) -> RpcError:
    return RpcError("odoo.exceptions.UserError", message)


def python_error(kind: str, message: str) -> RpcError:
    """An error of Python's own, such as `ValueError`, that nobody caught."""
    return RpcError(f"builtins.{kind}", message)


def value_error(message: str) -> RpcError:
    return python_error("ValueError", message)
