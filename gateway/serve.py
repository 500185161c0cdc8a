"""`hallway serve`: the two stores first, then the workers, and nothing left behind at the end."""

import atexit
import ctypes
import http.client
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from multiprocessing import resource_tracker
from typing import Any, Final

import structlog
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from cache import embedded
from gateway.beside import WorkerBeside
from gateway.door import BACKLOG, make_room, open_door, stop_newcomers
from gateway.keeper import Keeper, Process
from gateway.log import configure
from gateway.memory import give_back
from gateway.records import migrate
from gateway.records.urls import parse_url, sqlite_path
from gateway.settings import Settings
from web.last_answers import LastAnswers

# What the server says of itself goes the way of our own lines.
LOGGING: Final = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}
# Stopping takes no longer than these three, in seconds; Docker kills after ten.
LEAVE_WITHIN = 1.0  # every answer ends its connection, and new ones are still taken
LAST_WITHIN = 0.3  # the last connections are taken
STOP_WITHIN = 8  # what is under way ends
HEADERS_WITHIN = 10_000  # milliseconds; also how long a connection may wait for its next request
HEADER_BYTES = 65_536  # of a request; no more than a hundred of them, says the server by itself
ASK_EVERY = 0.05  # seconds

log = structlog.get_logger()

LoadApp = Callable[[], Any]  # gives an ASGI application, in the worker's own process


class ServeError(Exception):
    """The server cannot start, or a worker did not stay. The text says what to do."""


class Server(MPServer):
    """Granian with one door for all workers, that leaves before it stops.

    Ctrl-C is the parent's business alone, although a terminal sends it to every process.
    """

    def __init__(self, door: socket.socket, **settings: Any) -> None:  # noqa: ANN401  # as Granian has them
        super().__init__("gateway.app", **settings)
        self._door = door
        self._told_to_leave = False
        self.is_leaving = multiprocessing.RawValue(ctypes.c_bool, False)  # workers see it too

    def startup(self, spawn_target: Any, target_loader: Any) -> None:  # noqa: ANN401  # as Granian has it
        """Start with SIGINT blocked: workers inherit that and wait to be told, and here it waits until they run."""
        resource_tracker.ensure_running()  # multiprocessing's own; starting it later would unblock the signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # half of Granian is typed
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def signal_handler_interrupt(self, *args: Any, **_: Any) -> None:  # noqa: ANN401  # as Granian has it
        """Note what we were told: a person at a terminal does not wait for customers to leave."""
        self._told_to_leave = args[:1] == (signal.SIGTERM,) and not self.interrupt_signal
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def shutdown(self, exit_code: int = 0) -> None:
        """Let those leave who keep connections, then stop."""
        if self._told_to_leave:
            self.is_leaving.value = True
            self.main_loop_interrupt.clear()
            self.main_loop_interrupt.wait(LEAVE_WITHIN)  # or until we are told again
            stop_newcomers(self._door)
            self.main_loop_interrupt.wait(LAST_WITHIN)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        backlog = (BACKLOG,) if sys.platform == "linux" else ()  # its signature has one argument less elsewhere
        self._shd = SocketHolder(self._door.fileno(), False, *backlog)  # type: ignore[assignment,call-arg]
        self._sso = self._door  # workers inherit it

    def _drop_shared_socket(self) -> None:
        self._door.close()


def serve(settings: Settings, load_app: LoadApp, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises `SettingsError`, `KeyringError`, `ServeError`, `EmbeddedError`, `DatabaseDown` or `MigrationError`.
    `load_app` must be a function of a module: workers find it by its name. `say` is told when the page can be opened.
    """
    settings.require_sign_in()
    configure(settings.log_level)
    with ExitStack() as stack:
        door = stack.enter_context(_open_door(settings.host, settings.port))
        server = _server(settings, door)
        for number in (signal.SIGTERM, signal.SIGINT):
            # Raising from here would leave something behind at one moment or another.
            signal.signal(number, server.signal_handler_interrupt)
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.keyring()
        prepare_database(settings.database_url.reveal())
        if settings.redis_url is None:
            redis = embedded.start(settings.data_dir)
            _look_after(redis, stack)
            os.environ["HALLWAY_REDIS_URL"] = redis.url  # workers inherit it
        if settings.worker == "beside" and not server.interrupt_signal:
            _look_after(WorkerBeside(), stack)
        if not server.interrupt_signal:
            _run(settings, server, load_app, say)


def _look_after(process: Process, stack: ExitStack) -> None:
    keeper = Keeper(process)
    keeper.start()
    stack.callback(keeper.stop)


def prepare_database(url: str) -> None:
    """Migrate a file of our own. A server that others share is only looked at: its admin chooses the moment."""
    if sqlite_path(parse_url(url)):
        migrate.upgrade(url)
    elif missing := migrate.pending(url):
        raise ServeError(f"the database lacks {len(missing)} migration(s): run `hallway migrate`, then start again")


def _server(settings: Settings, door: socket.socket) -> Server:
    # A forked worker would keep our signal handlers while it starts, and so miss that it is to stop.
    multiprocessing.set_start_method("spawn", force=True)
    return Server(
        door,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=HEADER_BYTES),
        backpressure=make_room(),
        workers_kill_timeout=STOP_WITHIN,
        log_level=LogLevels.error,  # its warnings tell of killed workers that had in truth just ended
        log_dictconfig=LOGGING,
    )


def _run(settings: Settings, server: Server, load_app: LoadApp, say: Callable[[str], None]) -> None:
    stopping = threading.Event()

    def open_doors() -> None:
        server.respawn_failed_workers = True  # one that never started would only fail again
        say(f"Hallway is open at {settings.base_url}")

    server.on_startup(threading.Thread(target=_wait, args=(settings, open_doors, stopping), daemon=True).start)
    try:
        server.serve(target_loader=partial(_load, load_app, settings.log_level, server.is_leaving), wrap_loader=False)
    except SystemExit:
        # A worker that met Ctrl-C before we did counts as failed. It is not.
        if not server.interrupt_signal:
            raise ServeError("a worker failed, and Hallway with it: what it said is in the log above") from None
    finally:
        stopping.set()


def _load(load_app: LoadApp, log_level: str, is_leaving: ctypes.c_bool) -> LastAnswers:
    """Begin a worker's life: the first thing of ours that runs there."""
    # The server's threads still run when Python takes itself apart, and every second worker would crash on its way out.
    atexit.register(os._exit, 0)
    give_back()
    configure(log_level)
    try:
        app = load_app()
    except Exception:
        log.exception("application does not load")
        raise SystemExit(1) from None
    return LastAnswers(app, lambda: is_leaving.value)


def _wait(settings: Settings, open_doors: Callable[[], None], stopping: threading.Event) -> None:
    """Wait for the first answer of a worker. A server that only listens has not yet loaded its pages."""
    while not stopping.wait(ASK_EVERY):
        connection = http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.client.OK:
                open_doors()
                return
        except OSError:
            continue
        finally:
            connection.close()


def _reachable(host: str) -> str:
    """Name an address at which to find a server that listens at `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # looked at, not listened at


def _open_door(host: str, port: int) -> socket.socket:
    try:
        return open_door(host, port)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise ServeError(f"cannot listen at {host}, port {port}: {reason}. See HALLWAY_HOST, HALLWAY_PORT") from None
