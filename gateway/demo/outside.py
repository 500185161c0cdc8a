"""What a real deployment finds outside: back offices, and a provider to sign in at. All on loopback."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.demo.people import Person
from gateway.serve import ServeError

START_WITHIN = 15.0  # seconds
STOP_WITHIN = 5.0
LOOPBACK = "127.0.0.1"


@contextmanager
def sandbox(fixtures: Path) -> Iterator[str]:
    """Run the sandbox in a process of its own, and give its address."""
    port = _free_port()
    command = [sys.executable, "-m", "connectors.sandbox", str(fixtures), str(port), "--without-helpdesk"]
    # Not of the terminal's group: Ctrl-C is ours to pass on, once the portal has said its last.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:  # noqa: S603  # ours
        try:
            _wait(process, port)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def sandbox_secrets(fixtures: Path) -> dict[str, str]:
    """Look up what the sandbox wants to see, under the names that the demo's sources ask for."""
    hubspot, odoo, zendesk = (
        json.loads((fixtures / f"{name}.json").read_bytes()) for name in ("hubspot", "odoo", "zendesk")
    )
    return {
        "SANDBOX_HUBSPOT_TOKEN": next(iter(hubspot["tokens"])),
        "SANDBOX_ODOO_KEY": odoo["users"][-1]["key"],
        "SANDBOX_ZENDESK_TOKEN": zendesk["token"],
    }


@contextmanager
def sign_in_provider(people: Sequence[Person]) -> Iterator[str]:
    """Run an OpenID provider in a thread, and give its issuer. Whoever clicks on a name is that person."""
    try:
        provider = _quiet_import("oidc_provider_mock")
    except ImportError:
        raise ServeError("the demo wants a sign-in provider: pip install 'hallway[demo]'") from None
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it insists on https otherwise
    for name in ("werkzeug", "oidc_provider_mock"):
        logging.getLogger(name).setLevel(logging.ERROR)
    users = [
        provider.User(sub=each.subject, claims={"name": each.name, "email": each.email, "email_verified": True})
        for each in people
    ]
    with provider.run_server_in_thread(user_claims=users) as server:
        yield f"http://{LOOPBACK}:{server.server_port}"


@contextmanager
def mail_server(mailbox: Path) -> Iterator[str]:
    """Run a mail server in a thread, which puts all it gets into a mailbox, and give its address."""
    try:
        controllers, handlers = _quiet_import("aiosmtpd.controller"), _quiet_import("aiosmtpd.handlers")
    except ImportError:
        raise ServeError("the demo wants a mail server: pip install 'hallway[demo]'") from None
    logging.getLogger("mail").setLevel(logging.ERROR)
    server = controllers.Controller(handlers.Mailbox(mailbox), hostname=LOOPBACK, port=_free_port())
    server.start()
    try:
        yield f"smtp://{LOOPBACK}:{server.port}"
    finally:
        server.stop()


def _quiet_import(name: str) -> Any:  # noqa: ANN401  # a module without types
    """Import what is only in the demo's installation, without telling newcomers what it finds deprecated."""
    with warnings.catch_warnings():
        import_module("authlib.deprecate")  # makes its warnings loud again, so it comes first
        warnings.simplefilter("ignore")
        return import_module(name)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_WITHIN
    while True:
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise ServeError("the sandbox did not start; what it said is above") from None
            time.sleep(0.02)
        else:
            return
