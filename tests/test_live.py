"""The whole way on real parts: Request Tracker, a certified sign-in provider, Redis, and Chromium."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from redis import Redis
from support_live import LivePortal, sign_in
from support_redis import RedisProcess, held
from support_rt import RequestTracker

pytestmark = pytest.mark.live

CANARY = "INTERNAL-CANARY-7c1f"
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


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, live_redis: RedisProcess, request_tracker: RequestTracker
) -> Iterator[LivePortal]:
    for name in ("ann@acme.example", "bob@globex.example"):
        request_tracker.user(name)
    served = LivePortal(tmp_path_factory.mktemp("live"), live_redis.url, {"RT_TOKEN": request_tracker.token})
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
                *("--fact", "address on file", "--reach", "company", "--unchecked"),
            )
        served.start()
        yield served
    finally:
        served.stop()


def test_shows_what_the_helpdesk_holds_and_follows_it(
    page: Page, portal: LivePortal, request_tracker: RequestTracker
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
    page: Page, portal: LivePortal, request_tracker: RequestTracker
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


def test_shows_nobody_what_is_anothers(page: Page, portal: LivePortal, request_tracker: RequestTracker) -> None:
    number = request_tracker.ticket("ann@acme.example", "Only for Ann", "Private to Acme.")
    sign_in(page, portal, "bob")
    for path in ("/", "/requests", "/invoices", "/account"):
        page.goto(portal.url + path)
        assert "Only for Ann" not in page.content()
    answer = page.goto(f"{portal.url}/requests/helpdesk/{number}")
    assert answer is not None
    assert answer.status == 404


def test_shows_nothing_to_a_login_that_only_claims_the_address(page: Page, portal: LivePortal) -> None:
    sign_in(page, portal, "eve")
    expect(page.get_by_role("main")).to_contain_text("Nothing is linked to you yet")
    page.goto(portal.url + "/requests")
    assert "Widget" not in page.content()


def test_signs_out_here_and_at_the_provider(page: Page, portal: LivePortal) -> None:
    sign_in(page, portal, "ann", "/account")
    cookies = page.context.cookies(portal.url)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(portal.url + "/signed-out**")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(portal.url + "/requests")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_keeps_internal_words_out_of_every_store(portal: LivePortal, live_redis: RedisProcess) -> None:
    """Runs last: whatever the pages above stored or logged is here now."""
    assert CANARY not in portal.log.read_text()
    with Redis.from_url(live_redis.url) as redis:
        stored = b"".join(held(redis, key) for key in redis.scan_iter())
    assert b"Widget arrived broken" in stored
    assert CANARY.encode() not in stored
    (database,) = (portal.folder / "data").glob("*.db")
    with sqlite3.connect(database) as connection:
        assert CANARY not in "".join(connection.iterdump())
