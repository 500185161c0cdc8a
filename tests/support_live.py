"""`hallway serve` as an operator runs it, a certified sign-in provider, and people in Chromium."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support_certified_op import CertifiedProvider
from support_chromium import CHROMIUM, PATIENCE, find_chromium
from support_needs import need_program
from support_redis import RedisProcess
from support_sandbox import free_port
from support_tree import ROOT


class LivePortal:
    """`hallway serve` on a data folder of its own, with the commands an operator would give."""

    def __init__(self, folder: Path, redis_url: str, secrets: dict[str, str]) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.op = CertifiedProvider(
            _made(folder / "op"),
            self.url,
            {
                "ann": {"email": "ann@acme.example", "email_verified": True, "name": "Ann Acme"},
                "bob": {"email": "bob@globex.example", "email_verified": True, "name": "Bob Globex"},
                "eve": {"email": "ann@acme.example", "email_verified": False, "name": "Eve"},
                "halvor": {"email": "ann@halvorsen-marine.example", "email_verified": True, "name": "Ann Halvorsen"},
                "olga": {"email": "olga@kestrel.example", "email_verified": True, "name": "Olga Owner"},
            },
        )
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HALLWAY_")},
            "HALLWAY_BASE_URL": self.url,
            "HALLWAY_PORT": self.url.rpartition(":")[2],
            "HALLWAY_DATA_DIR": str(folder / "data"),
            "HALLWAY_REDIS_URL": redis_url,
            "HALLWAY_OIDC_ISSUER": self.op.issuer,
            "HALLWAY_OIDC_CLIENT_ID": self.op.client_id,
            "HALLWAY_OIDC_CLIENT_SECRET": self.op.client_secret,
            "HALLWAY_OIDC_2_ISSUER": self.op.issuer,
            "HALLWAY_OIDC_2_CLIENT_ID": f"{self.op.client_id}-staff",
            "HALLWAY_OIDC_2_CLIENT_SECRET": self.op.client_secret,
            "HALLWAY_OIDC_2_FOR": "staff",
            "HALLWAY_PAGE_BUDGET": "8",  # a busy machine may take its time
            "HALLWAY_ALLOW_HTTP_SOURCES": "true",
            "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
            **secrets,
        }
        self.log = folder / "portal.log"
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments],
            cwd=ROOT,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        self.op.start()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve"],
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        self.op.stop()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def live_redis() -> Iterator[RedisProcess]:
    process = RedisProcess(need_program("redis-server", package="redis-server"))
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    errors: list[str] = []
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not [error for error in errors if "Failed to load resource" not in error]


def sign_in(page: Page, portal: LivePortal, person: str, path: str = "/") -> None:
    page.goto(portal.url + path)
    page.get_by_role("link", name="Sign in with your company account").click()
    page.locator("input[name=login]").fill(person)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(portal.url + "/**")
