"""An ASGI app on a port of this machine, inside the running event loop."""

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from connectors.sandbox.asgi import App


def local_server(app: App, port: int) -> Server:
    """Prepare a server on loopback. `await .serve()` runs it until `.stop()`."""
    return Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
