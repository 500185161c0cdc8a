"""The sandbox as a process of its own: `python -m connectors.sandbox FIXTURES PORT [--without-helpdesk]`.

It ends with SIGINT, with SIGTERM, and when its standard input does: nothing outlives the process that started it.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from connectors.sandbox.server import local_server
from connectors.sandbox.site import Sandbox


async def _serve(sandbox: Sandbox, port: int) -> None:
    server = local_server(sandbox.app, port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    loop.add_reader(sys.stdin, server.stop)
    await server.serve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="connectors.sandbox", description=__doc__)
    parser.add_argument("fixtures", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--without-helpdesk", action="store_true")
    options = parser.parse_args()
    sandbox = Sandbox(options.fixtures, helpdesk=not options.without_helpdesk)
    asyncio.run(_serve(sandbox, options.port))


if __name__ == "__main__":
    main()
