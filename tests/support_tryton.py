"""A real Tryton 8.2 on SQLite, installed from its own lock, made anew for the run and driven by its own REST API.

What takes long is kept under .data: the environment, and a database with the modules in it and nothing else.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_needs import need
from support_sandbox import free_port
from support_tree import ROOT

LOCK = ROOT / "tests" / "requirements-tryton.lock"
SEED = ROOT / "tests" / "tryton_seed.py"
DATA = ROOT / ".data"
VENV = DATA / "tryton-venv"
DATABASE = "kestrel"
MODULES = ("sale", "account_invoice", "stock")
PASSWORD = "an admin's password, never used"  # but by whoever drives the server from here
LONGEST_STEP = 400  # seconds; on two busy cores the modules take about 75
CONFIG = """
[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
[session]
timeout = 86400
"""
# Ends the server when its own input ends, which happens even where the tests are killed.
SERVE = '"$1" -c "$2" >"$3" 2>&1 & read -r _; kill $!; wait'


class Tryton:
    """The server, and staff's side of it: what they do in their client, done over the REST API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.database = DATABASE
        self.portal_key = ""
        self.today = ""
        self.ids: dict[str, int] = {}
        self._staff_key = self._session = ""
        self._context: dict[str, object] = {}
        self._config = folder / "trytond.conf"
        self._config.write_text(CONFIG.format(folder=folder, port=port))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, base: Path) -> None:
        """Start on a copy of the database `base`, filled by tests/tryton_seed.py."""
        shutil.copy(base, self.folder / f"{DATABASE}.sqlite")
        out = self.folder / "seed.json"
        run(self.folder, VENV / "bin" / "python", SEED, self._config, DATABASE, out)
        seed = json.loads(out.read_text())
        self._staff_key, self.portal_key = seed["staff_key"], seed["portal_key"]
        self.today, self.ids = seed["today"], seed["ids"]
        log = self.folder / "server.log"
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", SERVE, "sh", VENV / "bin" / "trytond", self._config, log],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: it ends with its input
        )
        deadline = time.monotonic() + 60
        while not self._is_up():
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(20)

    def do(self, model: str, record: str, action: str) -> None:
        """Press a button on the record that the seed calls `record`."""
        self.call("POST", f"/model/{model}/{self.ids[record]}/{action}", {})

    def write(self, model: str, record: str, **values: object) -> None:
        self.call("PUT", f"/model/{model}/{self.ids[record]}", values)

    def call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self._staff_key}"}
        url = f"{self.url}/{DATABASE}/rest{path}"
        response = httpx.request(method, url, json=body, headers=headers, timeout=30)
        assert response.is_success, response.text
        return response.json()

    def rpc(self, method: str, *params: object, **context: object) -> Any:
        """Call what only the interface of Tryton's own client gives, signed in as the administrator."""
        if not self._session:
            user, key, _ = self._ask("common.db.login", ["admin", {"password": PASSWORD}])
            self._session = "Session " + b64encode(f"admin:{user}:{key}".encode()).decode()
            self._context = self._ask("model.res.user.get_preferences", [True, {}])
        return self._ask(method, [*params, {**self._context, **context}])

    def wizard(self, name: str, model: str, record: int, **forms: dict[str, object]) -> None:
        """Go through a wizard on a record, until it asks no more. Each form is named by the step that it leads to."""
        session, start, _ = self.rpc(f"wizard.{name}.create")
        on = {"active_model": model, "active_id": record, "active_ids": [record]}
        given: dict[str, object] = {}
        for step, form in {start: None, **forms}.items():
            given |= {} if form is None else {str(form.pop("form")): form}
            if "view" not in self.rpc(f"wizard.{name}.execute", session, given, step, **on):
                return

    def _ask(self, method: str, params: list[object]) -> Any:
        url, question = f"{self.url}/{DATABASE}/rpc/", {"id": 1, "method": method, "params": params}
        headers = {"Authorization": self._session} if self._session else {}
        answer = httpx.post(url, json=question, headers=headers, timeout=30).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/{DATABASE}/rest/model/party.party", timeout=30).status_code == 401
        except httpx.TransportError:
            return False


def run(folder: Path, *command: str | Path, **env: str) -> None:
    """Run one step, and say what it said where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_STEP,
        check=False,
    )
    assert done.returncode == 0, f"{Path(command[0]).name}: {(done.stdout + done.stderr)[-2000:]}"


def prepare() -> Path:
    """Install Tryton and make its empty database, unless an earlier run did. Returns the database."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    base = DATA / f"tryton-{key}.sqlite"
    DATA.mkdir(exist_ok=True)
    with (DATA / "tryton.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # another run may be at it
        install(key)
        if not base.exists():
            make_database(base)
    return base


def install(key: str) -> None:
    ready = VENV / ".ready"
    if ready.exists() and ready.read_text() == key:
        return
    run(DATA, sys.executable, "-m", "venv", "--clear", VENV)
    pip = (VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        run(DATA, *pip, "--require-hashes", "--no-deps", "--requirement", LOCK)
    except AssertionError as error:
        need("Tryton 8.2", found=False, hint=f"its lock could not be installed: {error}"[:500])
    ready.write_text(key)


def make_database(base: Path) -> None:
    with tempfile.TemporaryDirectory(dir=DATA) as name:
        folder = Path(name)
        (folder / "trytond.conf").write_text(CONFIG.format(folder=folder, port=0))
        (folder / "password").write_text(PASSWORD)
        made = folder / f"{DATABASE}.sqlite"
        made.touch()
        admin = (VENV / "bin" / "trytond-admin", "-c", folder / "trytond.conf", "-d", DATABASE)
        modules = ("--update", *MODULES, "--activate-dependencies")
        account = ("--email", "admin@kestrel.example", "--password")
        run(folder, *admin, *modules, *account, TRYTONPASSFILE=str(folder / "password"))
        made.replace(base)


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    server = Tryton(tmp_path_factory.mktemp("tryton"))
    try:
        server.start(prepare())
        yield server
    finally:
        server.stop()
