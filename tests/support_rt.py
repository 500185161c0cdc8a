"""A real Request Tracker 5 on SQLite, made anew for the run and driven by its own REST2 API."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_needs import need
from support_sandbox import free_port

SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
SETUP = Path("/usr/sbin/rt-setup-database-5")
INITIAL_DATA = Path(__file__).parent / "rt_initialdata.pl"

CONFIG = """
Set($rtname, 'kestrel.example'); Set($Organization, 'kestrel.example');
Set($WebPath, ''); Set($WebDomain, '127.0.0.1'); Set($WebPort, {port}); Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{folder}/rtdb'); Set($WebSessionClass, 'Apache::Session::File');
Set($MailCommand, 'testfile'); Set($LogToSyslog, undef); Set($LogToSTDERR, 'warning'); Set($Timezone, 'UTC');
1;
"""


class RequestTracker:
    """The server, and staff's side of it: what an agent does in their own interface, done over REST2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._env: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self.folder / "config"
        config.mkdir()
        (config / "site.pm").write_text(CONFIG.format(port=self.port, folder=self.folder))
        token = self.folder / "token"
        self._env = {**os.environ, "RT_SITE_CONFIG_DIR": str(config), "HALLWAY_RT_TOKEN": str(token)}
        self._set_up("init", "--skip-create")
        self.insert(INITIAL_DATA)
        self.token = token.read_text()
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [SERVER, "--server", "Starlet", "--host", "127.0.0.1", "--port", str(self.port), "--max-workers", "2"],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)  # the group that we made: the server and its workers
            self._process.wait(20)

    def insert(self, data: Path) -> None:
        """Take over what a file of RT's own form describes."""
        self._set_up("insert", "--datafile", str(data))

    def _set_up(self, action: str, *options: str) -> None:
        with (self.folder / "setup.log").open("ab") as log:
            command: list[str | Path] = [SETUP, "--action", action, "--dba", "", *options]
            subprocess.run(command, env=self._env, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def user(self, name: str) -> None:
        """Make somebody, who may be there already: a test may be tried again."""
        values = {"Name": name, "EmailAddress": name, "RealName": name.partition("@")[0], "Privileged": 0}
        made = self._ask("POST", "/user", values)
        assert made.is_success or "Name in use" in made.text, made.text

    def ticket(self, requestor: str, subject: str, content: str) -> str:
        values = {"Queue": "Support", "Subject": subject, "Requestor": requestor, "Content": content}
        return str(self.call("POST", "/ticket", {**values, "ContentType": "text/plain"})["id"])

    def reply(self, ticket: str, content: str, **more: object) -> None:
        self.call("POST", f"/ticket/{ticket}/correspond", {"Content": content, "ContentType": "text/plain", **more})

    def comment(self, ticket: str, content: str, **more: object) -> None:
        self.call("POST", f"/ticket/{ticket}/comment", {"Content": content, "ContentType": "text/plain", **more})

    def set_status(self, ticket: str, status: str) -> None:
        self.call("PUT", f"/ticket/{ticket}", {"Status": status})

    def call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        response = self._ask(method, path, body)
        assert response.is_success, response.text
        return response.json()

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(method, f"{self.url}/REST/2.0{path}", json=body, headers=headers, timeout=30)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/REST/2.0/rt", timeout=10)
            except httpx.TransportError:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "Request Tracker does not answer"
                time.sleep(0.1)
            else:
                return


@pytest.fixture(scope="session")
def request_tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    need(
        "Request Tracker 5",
        SERVER.exists() and SETUP.exists(),
        "Debian packages request-tracker5 rt5-db-sqlite rt5-standalone",
    )
    server = RequestTracker(tmp_path_factory.mktemp("rt"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
