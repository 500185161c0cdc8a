"""`hallway serve` as its operator sees it: one line when it is open, sentences when it is not, nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import pytest
from support_cli import Hallway
from support_sandbox import free_port
from support_serve import PATIENCE, Customer, Served, nothing_outlives

from gateway.records import migrate


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_on_embedded_stores_and_stops_cleanly(
    serving: Callable[..., Served], hallway: Hallway, number: signal.Signals
) -> None:
    server = serving(HALLWAY_WORKERS="2")
    line = server.wait_until_open()
    assert line == f"Hallway is open at {server.url}\n"
    assert server.get("/healthz").status_code == 200
    end = time.monotonic() + PATIENCE
    while (ready := server.get("/readyz").json()) != {"status": "ready", "database": "ok", "cache": "ok"}:
        assert time.monotonic() < end, ready  # a busy machine may keep the very first question from Redis waiting
    data = hallway.folder / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    with nothing_outlives(server.process):
        code, out, err = server.stop(number)
    assert (code, out, err) == (0, "", "")
    assert not list(data.glob("redis/*.sock"))


def test_stops_cleanly_at_ctrl_c_which_reaches_every_process_of_the_terminal(serving: Callable[..., Served]) -> None:
    server = serving(HALLWAY_WORKERS="2")
    server.wait_until_open()
    with nothing_outlives(server.process):
        os.killpg(server.process.pid, signal.SIGINT)
        server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_while_it_starts(
    serving: Callable[..., Served], hallway: Hallway, number: signal.Signals
) -> None:
    server = serving()
    end = time.monotonic() + PATIENCE
    while not list((hallway.folder / "data").glob("redis/*.sock")):
        assert time.monotonic() < end
        time.sleep(0.01)
    with nothing_outlives(server.process):
        code, out, _ = server.stop(number)
    assert code == 0
    assert out in ("", f"Hallway is open at {server.url}\n")  # it may have been quicker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "step", ["prepare_database", "embedded.start", "Keeper.start", "WorkerBeside", "Server.startup"]
)
def test_stops_cleanly_at_each_step_of_its_start(
    serving: Callable[..., Served], hallway: Hallway, number: signal.Signals, step: str
) -> None:
    interrupted = f"from support_serve import serve_interrupted as serve; serve({int(number)}, {step!r})"
    server = serving(command=[sys.executable, "-c", interrupted])
    _, err = server.process.communicate(timeout=PATIENCE)
    assert (server.process.returncode, err) == (0, "")
    assert not list((hallway.folder / "data").glob("redis/*.sock"))


def test_starts_a_worker_anew_that_was_killed(serving: Callable[..., Served]) -> None:
    server = serving()
    server.wait_until_open()
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            assert server.get("/healthz").status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert server.worker() != worker
    assert server.stop(signal.SIGTERM)[0] == 0


def test_answers_every_request_that_it_took_before_it_stops(serving: Callable[..., Served]) -> None:
    server = serving(HALLWAY_WORKERS="2", HALLWAY_LOG_LEVEL="error")
    server.wait_until_open()
    customers = [Customer(server) for _ in range(20)]
    for customer in customers:
        customer.start()
    while any(customer.answered < 5 for customer in customers):
        time.sleep(0.01)
    assert server.stop(signal.SIGTERM)[0] == 0
    for customer in customers:
        customer.join()
    assert [failure for customer in customers for failure in customer.failed] == []


def test_starts_redis_anew_that_was_killed_and_serves_meanwhile(serving: Callable[..., Served]) -> None:
    server = serving()
    server.wait_until_open()
    redis = server.redis()
    os.kill(redis, signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    while server.get("/readyz").json()["cache"] != "ok" or not (found := server.processes("redis-server")):
        assert server.get("/sign-in").status_code == 200
        assert time.monotonic() < end
    assert found != {redis}
    code, out, _ = server.stop(signal.SIGTERM)
    assert code == 0
    assert out.count("ended; starting it again") == out.count("runs again") == 1


def test_says_that_a_port_is_taken(serving: Callable[..., Served]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        server = serving(HALLWAY_PORT=port, HALLWAY_BASE_URL=f"http://127.0.0.1:{port}")
        _, err = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 1
    reason = "Address already in use. See HALLWAY_HOST, HALLWAY_PORT"
    assert err == f"hallway: cannot listen at 127.0.0.1, port {port}: {reason}\n"


def test_names_everything_that_sign_in_lacks(serving: Callable[..., Served]) -> None:
    server = serving(HALLWAY_OIDC_ISSUER="", HALLWAY_OIDC_CLIENT_ID="", HALLWAY_OIDC_CLIENT_SECRET="")
    _, err = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 2
    assert re.findall(r"HALLWAY_OIDC_\w+", err) == [
        "HALLWAY_OIDC_ISSUER",
        "HALLWAY_OIDC_CLIENT_ID",
        "HALLWAY_OIDC_CLIENT_SECRET",
    ]


def test_does_not_migrate_a_database_that_others_may_use(serving: Callable[..., Served], new_database_url: str) -> None:
    server = serving(HALLWAY_DATABASE_URL=new_database_url, HALLWAY_KEYS="1:" + "A" * 43 + "=")
    if new_database_url.startswith("sqlite"):
        assert server.wait_until_open().startswith("Hallway is open")
        return
    _, err = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 1
    lacks = f"the database lacks {len(migrate.pending(new_database_url))} migration(s)"
    assert err == f"hallway: {lacks}: run `hallway migrate`, then start again\n"


def no_app() -> None:
    raise LookupError("canary-reason")


def test_ends_with_a_sentence_when_the_application_does_not_load(hallway: Hallway) -> None:
    program = (
        "import os, sys, click; from gateway.serve import ServeError, serve; from gateway.settings import load\n"
        "from test_serve import no_app\n"
        "try: serve(load(os.environ), no_app, print)\n"
        "except ServeError as error: sys.exit(str(error))"
    )
    environ = {
        **os.environ,
        **hallway.environ,
        "PYTHONPATH": os.pathsep.join(["tests", "."]),
        "HALLWAY_PORT": str(free_port()),
        "HALLWAY_OIDC_ISSUER": "https://login.example",
        "HALLWAY_OIDC_CLIENT_ID": "portal",
        "HALLWAY_OIDC_CLIENT_SECRET": "secret-secret-secret",
    }
    result = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "a worker failed, and Hallway with it: what it said is in the log above\n"
    assert result.stdout.count("application does not load") == 1
    assert "canary-reason" in result.stdout
