"""The whole way on real parts: Request Tracker, a certified sign-in provider, Redis, and Chromium."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from support_certified_op import CertifiedProvider
from support_chromium import CHROMIUM, find_chromium
from support_needs import need_program
from support_redis import RedisProcess
from support_rt import RequestTracker, free_port

pytestmark = pytest.mark.live

CANARY = "INTERNAL-CANARY-7c1f"
ROOT = Path(__file__).parents[1]
DUMP = """
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do table.insert(all, redis.call('GET', key) or '') end
return table.concat(all)
"""
SOURCES = """
[sources.helpdesk]
connector = "request_tracker"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "{url}"
token = {{ env = "RT_TOKEN" }}
[sources.helpdesk.promises]
tickets = 1
"""


class Portal:
    """`hallway serve` on a data folder of its own, with the commands an operator would give."""

    def __init__(self, folder: Path, redis_url: str, rt: RequestTracker) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.op = CertifiedProvider(
            _made(folder / "op"),
            self.url,
            {
                "ann": {"email": "ann@acme.example", "email_verified": True, "name": "Ann Acme"},
                "bob": {"email": "bob@globex.example", "email_verified": True, "name": "Bob Globex"},
                "eve": {"email": "ann@acme.example", "email_verified": False, "name": "Eve"},
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
            "HALLWAY_ALLOW_HTTP_SOURCES": "true",
            "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
            "RT_TOKEN": rt.token,
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
def redis_server() -> Iterator[RedisProcess]:
    process = RedisProcess(need_program("redis-server", package="redis-server"))
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisProcess, request_tracker: RequestTracker
) -> Iterator[Portal]:
    for name in ("ann@acme.example", "bob@globex.example"):
        request_tracker.user(name)
    served = Portal(tmp_path_factory.mktemp("live"), redis_server.url, request_tracker)
    sources = served.folder / "sources.toml"
    sources.write_text(SOURCES.format(url=request_tracker.url))
    try:
        served.run("migrate")
        served.run("sources", "apply", "--yes", str(sources))
        served.run("sources", "test")
        for subject, account, customer in (
            ("ann", "acme", "ann@acme.example"),
            ("bob", "globex", "bob@globex.example"),
        ):
            served.run(
                *("link", "--issuer", served.op.issuer, "--subject", subject, "--account", account),
                *("--account-name", account.title(), "--source", "helpdesk", "--customer", customer),
                *("--fact", "address on file"),
            )
        served.start()
        yield served
    finally:
        served.stop()


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
    opened = context.new_page()
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not [error for error in errors if "Failed to load resource" not in error]


def sign_in(page: Page, portal: Portal, person: str, path: str = "/") -> None:
    page.goto(portal.url + path)
    page.get_by_role("link", name="Sign in with your company account").click()
    page.locator("input[name=login]").fill(person)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(portal.url + "/**")


def test_shows_what_the_helpdesk_holds_and_follows_it(
    page: Page, portal: Portal, request_tracker: RequestTracker
) -> None:
    number = request_tracker.ticket("ann@acme.example", "Widget arrived broken", "One of two widgets is cracked.")
    request_tracker.reply(number, "We send a new one today.")
    request_tracker.comment(number, f"{CANARY}: they complain a lot")
    sign_in(page, portal, "ann")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")
    page.get_by_role("link", name="Widget arrived broken").click()
    expect(page.get_by_role("log")).to_contain_text("One of two widgets is cracked.")
    expect(page.get_by_role("log")).to_contain_text("We send a new one today.")
    expect(page.locator(".stamp").first).to_contain_text("From Help desk")
    expect(page.locator(".chip").first).to_have_text("We’re on it")

    request_tracker.reply(number, "Which colour do you want?", Status="stalled")
    time.sleep(1.1)  # the promise of this source: until then the page may show what it knew
    page.reload()
    expect(page.get_by_role("log")).to_contain_text("Which colour do you want?")
    expect(page.locator(".chip").first).to_have_text("Your reply needed")
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One thing needs you")


def test_passes_on_a_public_attachment_and_no_internal_one(
    page: Page, portal: Portal, request_tracker: RequestTracker
) -> None:
    number = request_tracker.ticket("ann@acme.example", "Papers please", "Send me the papers.")
    paper = {"FileName": "Papers (final).txt", "FileType": "text/plain", "FileContent": "cGFwZXI="}
    secret = {"FileName": "secret.txt", "FileType": "text/plain", "FileContent": "c2VjcmV0"}
    request_tracker.reply(number, "Here they are.", Attachments=[paper])
    request_tracker.comment(number, f"{CANARY} with a file", Attachments=[secret])
    sign_in(page, portal, "ann", f"/requests/helpdesk/{number}")
    expect(page.get_by_role("log")).not_to_contain_text("secret")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Papers").click()
    assert Path(download.value.path()).read_bytes() == b"paper"
    ids = [item["id"] for item in request_tracker.call("GET", f"/ticket/{number}/attachments", {})["items"]]
    assert len(ids) >= 4
    answers = [page.request.get(f"{portal.url}/requests/helpdesk/{number}/files/{id_}") for id_ in ids]
    assert not [answer for answer in answers if b"secret" in answer.body() or CANARY.encode() in answer.body()]


def test_shows_nobody_what_is_anothers(page: Page, portal: Portal, request_tracker: RequestTracker) -> None:
    number = request_tracker.ticket("ann@acme.example", "Only for Ann", "Private to Acme.")
    sign_in(page, portal, "bob")
    for path in ("/", "/requests", "/invoices", "/account"):
        page.goto(portal.url + path)
        assert "Only for Ann" not in page.content()
    answer = page.goto(f"{portal.url}/requests/helpdesk/{number}")
    assert answer is not None
    assert answer.status == 404


def test_shows_nothing_to_a_login_that_only_claims_the_address(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "eve")
    expect(page.get_by_role("main")).to_contain_text("Nothing is linked to you yet")
    page.goto(portal.url + "/requests")
    assert "Widget" not in page.content()


def test_signs_out_here_and_at_the_provider(page: Page, portal: Portal) -> None:
    sign_in(page, portal, "ann", "/account")
    cookies = page.context.cookies(portal.url)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(portal.url + "/signed-out**")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(portal.url + "/requests")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_keeps_internal_words_out_of_every_store(portal: Portal, redis_server: RedisProcess) -> None:
    """Runs last: whatever the pages above stored or logged is here now."""
    assert CANARY not in portal.log.read_text()
    dump = subprocess.run(
        ["redis-cli", "-s", redis_server.url.removeprefix("unix://"), "--raw", "EVAL", DUMP, "0"],
        capture_output=True,
        check=True,
    ).stdout
    assert b"Widget arrived broken" in dump
    assert CANARY.encode() not in dump
    (database,) = (portal.folder / "data").glob("*.db")
    with sqlite3.connect(database) as connection:
        assert CANARY not in "".join(connection.iterdump())
