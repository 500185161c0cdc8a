"""`hallway demo` as a process, and a browser that knows nothing but redirects and cookies."""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support_sandbox import free_port

ROOT = Path(__file__).parents[1]
OPEN_WITHIN = 60.0  # seconds; a busy machine takes a while to import everything
ADDRESS = re.compile(r"open at (http://127\.0\.0\.1:\d+)")


class Demo:
    """A running demo, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._found: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._found.get(timeout=OPEN_WITHIN) or ""
        assert self.url, "".join(self.said)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if match := ADDRESS.search(line):
                self._found.put(match[1])
        self._found.put(None)

    @property
    def output(self) -> str:
        return "".join(self.said)

    def end(self, signal_number: int, *, everybody: bool = False) -> int:
        """Send a signal, and give the exit code once everything has been said.

        `everybody` sends it to the whole group, as a terminal does with Ctrl-C.
        """
        (os.killpg if everybody else os.kill)(self.process.pid, signal_number)
        code = self.process.wait(30)
        self._reader.join(10)
        return code

    def family(self) -> set[int]:
        """The processes that it has started, and those that these have."""
        family, found = set[int](), {self.process.pid}
        while found:
            family |= found
            found = {pid for pid, parent in _processes() if parent in family} - family
        return family - {self.process.pid}


class Browser:
    """Keeps cookies as a browser on loopback does: the secure ones, too."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._cookies: dict[str, str] = {}

    def open(self, method: str, url: str, data: dict[str, str] | None = None) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"sec-fetch-site": "none"} | ({"cookie": cookie} if cookie else {})
        answer = self._http.request(method, url, data=data, headers=headers)
        self._http.cookies.clear()
        for header in answer.headers.get_list("set-cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value.strip('"')
        return answer

    def sign_in(self, portal: str, subject: str) -> None:
        """Go to the provider, be that person, come back."""
        begun = self.open("GET", f"{portal}/auth/start")
        agreed = self.open("POST", begun.headers["location"], {"sub": subject})
        done = self.open("GET", agreed.headers["location"])
        assert (done.status_code, done.headers.get("location")) == (303, "/"), done.text


@contextmanager
def running_demo(data_dir: Path) -> Iterator[Demo]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HALLWAY_")}
    command = [sys.executable, "-m", "gateway.cli", "demo", "--port", str(free_port()), "--data-dir", str(data_dir)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own
    ) as process:
        try:
            yield Demo(process)
        finally:
            process.terminate()


def is_alive(pid: int) -> bool:
    return any(pid == each for each, _ in _processes())


def _processes() -> Iterator[tuple[int, int]]:
    """Every process but the dead ones that nobody has buried, with its parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
            except OSError:
                continue  # gone meanwhile
            state, parent, *_ = status.rpartition(")")[2].split()
            if state != "Z":
                yield int(folder.name), int(parent)
